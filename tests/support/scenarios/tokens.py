# SPDX-License-Identifier: Apache-2.0
"""Challenges and token servers that lie, point elsewhere or end in the middle (S04, S09)."""

import json

from .. import hostile
from . import BLOB, MANIFEST, UPLOAD_POST, UPLOAD_PUT, Table
from .origins import names_setting, nothing_at_canary

TABLE = Table()
TOKEN = r"^/token"


def realm(make):
    """Every challenge of the source names this realm."""
    def setup(c):
        c.src.realm = make(c)
    return setup


TABLE("realm-elsewhere", 6, realm(lambda c: f"{c.far.url}/token"), names_setting("--token-host"))
TABLE("realm-localhost-for-127", 6, realm(lambda c: f"http://localhost:{c.ms2.port}/token"), nothing_at_canary)
TABLE("realm-decimal-address", 1, realm(lambda c: f"http://2130706433:{c.ms2.port}/token"), nothing_at_canary)
TABLE("realm-hex-address", 1, realm(lambda c: f"http://0x7f.1:{c.ms2.port}/token"), nothing_at_canary)
TABLE("realm-mapped-address", 6, realm(lambda c: f"http://[::ffff:127.0.0.1]:{c.ms2.port}/token"),
      nothing_at_canary)
TABLE("realm-userinfo", 1, realm(lambda c: f"http://127.0.0.1:{c.src.port}@{c.ms2.host}/token"), nothing_at_canary)
TABLE("realm-ftp", 1, realm(lambda c: f"ftp://{c.ms2.host}/token"), nothing_at_canary)
TABLE("realm-metadata-address", 6, realm(lambda c: "http://169.254.169.254/token"), nothing_at_canary)
TABLE("realm-http-for-https", 6, realm(lambda c: f"http://{c.src.host}/token"), https_src=True)
TABLE("realm-relative", 1, realm(lambda c: "/token"))
TABLE("realm-empty", 1, realm(lambda c: " "))
TABLE("realm-with-crlf-escape", 0, realm(lambda c: f"{c.src.url}/token?x=%0d%0aHost:%20{c.ms2.host}"),
      nothing_at_canary)


def allowed_realm(c):
    """The user said that this host may have the credentials."""
    c.far_is_trusted = True
    c.far.auth, c.far.tokens = c.src.auth, c.src.tokens
    c.src.realm = f"{c.far.url}/token"
    c.options += ["--token-host", f"{c.src.host}={c.far.host}"]


TABLE("realm-elsewhere-as-configured", 0, allowed_realm, lambda c, _r: bool(c.far.log))


def challenge(text):
    """This WWW-Authenticate (None: none) with every 401 of the source."""
    def setup(c):
        def apply(response, _exchange):
            if response.status == 401:
                response.set("WWW-Authenticate", text(c) if callable(text) else text)
        c.src.on("*", "^/v2/", hostile.change(apply))
    return setup


TABLE("challenge-missing", 8, challenge(None))
TABLE("challenge-garbage", 1, challenge("\x01\x7f==,,,\"\"="))
TABLE("challenge-unknown-scheme", 8, challenge("Negotiate"))
TABLE("challenge-without-realm", 1, challenge('Bearer service="x"'))
TABLE("challenge-unclosed-quote", 8, challenge(lambda c: f'Bearer realm="{c.src.url}/token'))
TABLE("challenge-basic-and-bearer", 0,
      challenge(lambda c: f'Basic realm="x", Bearer realm="{c.src.url}/token",service="s"'))
TABLE("challenge-parameters-in-odd-order", 0,
      challenge(lambda c: f'Bearer service="s" , scope="repository:a/b:pull,push",  REALM="{c.src.url}/token"'))
TABLE("challenge-very-long", 1, challenge('Bearer realm="' + "x" * 200_000 + '"'))


def token_answer(status, body, headers=(("Content-Type", "application/json"),), **how):
    data = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return lambda c: c.src.on("*", TOKEN, hostile.answer(status, data, headers, **how))


TABLE("token-401", 8, token_answer(401, {"errors": [{"code": "UNAUTHORIZED"}]}))
TABLE("token-403", 8, token_answer(403, {"errors": [{"code": "DENIED", "message": "denied"}]}))
TABLE("token-500", 4, token_answer(500, b""))
TABLE("token-429-for-ever", 4, token_answer(429, b""), options=["--retry-for", "1"], max_s=20)
TABLE("token-html", 1, token_answer(200, "<html>log in here</html>", [("Content-Type", "text/html")]))
TABLE("token-empty-body", 1, token_answer(200, b""))
TABLE("token-no-member", 1, token_answer(200, {}))
TABLE("token-not-a-string", 1, token_answer(200, {"token": 7}))
TABLE("token-empty-string", 1, token_answer(200, {"token": ""}))
TABLE("token-null", 1, token_answer(200, {"token": None, "access_token": None}))
TABLE("token-with-crlf", 1, token_answer(200, {"token": "x\r\nX-Evil: yes"}),
      lambda c, _r: not [r for r in c.src.log if r.header("X-Evil")])
TABLE("token-with-nul", 1, token_answer(200, '{"token":"a\\u0000b"}'))
TABLE("token-with-blank", 1, token_answer(200, {"token": "a b"}))
TABLE("token-of-1-mib", 1, token_answer(200, {"token": "x" * (1 << 20)}))
TABLE("token-body-without-end", 1, lambda c: c.src.on("*", TOKEN, hostile.endless()))
TABLE("token-expires-in-the-past", 0, lambda c: setattr(c.src, "expires_in", -5) or c.src.on(
    "*", TOKEN, hostile.change(lambda response, _e: c.src.tokens.update(
        {k: {"until": 1e18} for k in c.src.tokens}))))
TABLE("token-expires-in-huge", 1, lambda c: c.src.on("*", TOKEN, hostile.change(
    lambda response, _e: setattr(response, "body", response.body.replace(b": 300", b": 99999999999999999999")))))
TABLE("token-redirect", 1, lambda c: c.src.on("*", TOKEN, hostile.redirect(302, f"{c.ms2.url}/token")),
      nothing_at_canary)
TABLE("token-redirect-307", 1, lambda c: c.src.on("*", TOKEN, hostile.redirect(307, f"{c.ms2.url}/token")),
      nothing_at_canary)
TABLE("token-deep-json", 1, token_answer(200, "[" * 100_000))
TABLE("token-duplicate-member", 1, token_answer(200, '{"token":"first","token":"second"}'))
TABLE("token-content-encoding", 1, token_answer(200, b"\x1f\x8b\x08", [("Content-Encoding", "gzip")]))


def few_requests(c, _result):
    assert len(c.src.log) < 60, f"{len(c.src.log)} requests"


TABLE("always-401-with-good-tokens", 8,
      lambda c: c.src.on("*", "^/v2/", lambda exchange: c.src.challenge(exchange.request)), few_requests)
TABLE("401-on-a-blob-get-in-the-middle", 0,
      lambda c: c.src.on("GET", BLOB, lambda exchange: (c.src.revoke(), exchange.default())[1], hits=2))
TABLE("401-on-every-second-request", 8, lambda c: c.src.on(
    "GET", "^/v2/", lambda exchange: (c.src.revoke(), exchange.default())[1], hits=range(1, 60, 2)))
TABLE("tokens-live-for-a-second", 0, lambda c: (setattr(c.src, "expires_in", 1),
                                              c.src.on("GET", BLOB, hostile.how(delay_s=1.2), hits=1)))


def ends_when_all_sessions_are_open(c):
    """Not before: a token that was fetched for the very request that it fails is not renewed."""
    def act(exchange):
        for _ in range(200):
            if len([r for r in c.dst.asked("POST", UPLOAD_POST) if r.status == 202]) >= len(c.content.blobs):
                break
            c.dst.sleep(0.01)
        c.dst.revoke()
        return exchange.default()
    return act


TABLE("destination-token-ends-before-a-put", 0,
      lambda c: c.dst.on("PUT", UPLOAD_PUT, ends_when_all_sessions_are_open(c), hits=1), dst_auth="bearer")
TABLE("destination-token-ends-before-the-manifest", 0,
      lambda c: c.dst.on("PUT", MANIFEST, lambda exchange: (c.dst.revoke(), exchange.default())[1], hits=1),
      dst_auth="bearer")
TABLE("destination-answers-401-while-the-body-is-sent", 0,
      lambda c: c.dst.on("PUT", UPLOAD_PUT, hostile.early(401, headers=[
          ("WWW-Authenticate", f'Bearer realm="{c.dst.url}/token",service="s",error="invalid_token"')]), hits=1),
      dst_auth="bearer")
TABLE("destination-refuses-basic", 8, lambda c: setattr(c.dst, "auth", ("basic", "someone", "else")))
TABLE("destination-403-on-post", 8, lambda c: c.dst.on("POST", UPLOAD_POST, hostile.error(403, "DENIED")))
TABLE("source-403-on-blobs", 8, lambda c: c.src.on("GET", BLOB, hostile.error(403, "DENIED")))


def echo_the_password(c):
    """Whoever comes with credentials gets them back in the error's text."""
    def act(exchange):
        if not exchange.request.header("Authorization"):
            return exchange.default()
        given = exchange.request.header("Authorization")
        return hostile.error(403, "DENIED", f"alice with {c.dst_secret} ({given}) is not allowed")(exchange)
    c.dst.on("*", "^/v2/", act)


TABLE("password-in-an-error-body", 8, echo_the_password)
TABLE("token-in-an-error-body", 8, lambda c: c.src.on("GET", BLOB, lambda e: hostile.error(
    403, "DENIED", f"not with {e.request.header('Authorization')}")(e)))
