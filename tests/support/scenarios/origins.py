# SPDX-License-Identifier: Apache-2.0
"""Redirects, upload Locations and links to other origins (S01, S02, S03, S05, S11)."""

from .. import hostile
from . import BLOB, BY_DIGEST, BY_TAG, MANIFEST, REFERRERS, TARGET, UPLOAD_POST, UPLOAD_PUT, Table

TABLE = Table()


def cdn(c):
    """The same thing at the canary."""
    return lambda exchange: f"{c.ms2.url}/cdn{exchange.request.path}"


def arrived_at_canary(c, _result):
    assert c.ms2.log, "the redirect was not followed"


def nothing_at_canary(c, _result):
    assert c.ms2.log + c.far.log == [], c.ms2.log + c.far.log


def names_setting(option):
    def check(c, result):
        nothing_at_canary(c, result)
        assert option in result.text, f"the message does not name {option}: {result!r}"
    return check


for status in (301, 302, 303, 307, 308):
    TABLE(f"redirect-{status}-of-a-blob-get", 0,
          lambda c, s=status: c.src.on("GET", BLOB, hostile.redirect(s, cdn(c))), arrived_at_canary)
    TABLE(f"redirect-{status}-of-a-manifest-get", 0,
          lambda c, s=status: c.src.on("GET", BY_DIGEST, hostile.redirect(s, cdn(c))), arrived_at_canary)
    TABLE(f"redirect-{status}-of-a-manifest-head", 0,
          lambda c, s=status: c.src.on("HEAD", BY_TAG, hostile.redirect(s, cdn(c))))
    TABLE(f"redirect-{status}-of-an-upload-post", 1,
          lambda c, s=status: c.dst.on("POST", UPLOAD_POST, hostile.redirect(s, cdn(c))), nothing_at_canary)
    TABLE(f"redirect-{status}-of-an-upload-put", 1,
          lambda c, s=status: c.dst.on("PUT", UPLOAD_PUT, hostile.redirect(s, cdn(c))), nothing_at_canary)
    TABLE(f"redirect-{status}-of-a-manifest-put", 1,
          lambda c, s=status: c.dst.on("PUT", MANIFEST, hostile.redirect(s, cdn(c))), nothing_at_canary)


def hops(count):
    """So many redirects at the registry itself before the answer."""
    def setup(c):
        def act(exchange):
            done = exchange.request.query.count("hop")
            if done >= count:
                return exchange.default()
            query = "&".join(["hop"] * (done + 1))
            return hostile.redirect(307, f"{exchange.request.path}?{query}")(exchange)
        c.src.on("GET", BLOB, act)
    return setup


TABLE("redirect-five-hops", 0, hops(5))
TABLE("redirect-six-hops", 1, hops(6))
TABLE("redirect-to-itself", 1,
      lambda c: c.src.on("GET", BLOB, hostile.redirect(307, lambda exchange: exchange.request.target)))


def there_and_back(c):
    """A -> B -> A: the secret must not be attached again."""
    c.src.on("GET", r"^/v2/.*" + BLOB, hostile.redirect(307, cdn(c)))
    c.ms2.on("GET", "^/cdn/", hostile.redirect(307, lambda exchange: f"{c.src.url}/back{exchange.request.path}"))
    for path, file in c.ms2.files.items():
        c.src.files[f"/back{path}"] = file


def no_credentials_on_the_way_back(c, _result):
    came_back = c.src.asked("GET", "^/back/")
    assert came_back and not [r for r in came_back if r.header("Authorization")]


TABLE("redirect-there-and-back", 0, there_and_back, no_credentials_on_the_way_back)
TABLE("redirect-signed-url-is-not-logged", 0,
      lambda c: c.src.on("GET", BLOB, hostile.redirect(
          307, lambda exchange: f"{c.ms2.url}/cdn{exchange.request.path}?X-Amz-Signature={c.signature}")),
      arrived_at_canary, options=["--debug"])
TABLE("redirect-https-to-http", 6, lambda c: c.src.on("GET", BLOB, hostile.redirect(307, cdn(c))),
      nothing_at_canary, https_src=True)
for label, target in {
        "file": "file:///etc/passwd", "gopher": "gopher://127.0.0.1:1/x",
        "link-local": "http://169.254.169.254/latest/",
        "userinfo": "http://alice:secret@127.0.0.1:1/x", "nothing": "", "blank-in-host": "http://127.0.0.1 :1/x",
        "no-host": "http:///x", "hex-address": "http://0x7f000001:1/x", "port-out-of-range": "http://127.0.0.1:99999/x",
        "very-long": "http://127.0.0.1:1/" + "x" * 40_000}.items():
    TABLE(f"redirect-to-{label}", 6 if label == "link-local" else 1,
          lambda c, t=target: c.src.on("GET", BLOB, hostile.redirect(307, t)),
          nothing_at_canary)
TABLE("redirect-without-location", 1, lambda c: c.src.on("GET", BLOB, hostile.answer(307)))
TABLE("redirect-with-two-locations", 1,
      lambda c: c.src.on("GET", BLOB, hostile.answer(307, headers=[("Location", "/nowhere"), ("Location", "/else")])))


# -- upload Locations
def location(make):
    """POST is answered correctly but for its Location: make(c, path) from the right one."""
    def setup(c):
        def apply(response, _exchange):
            right = dict(response.headers).get("Location")
            if right and response.status == 202:
                response.set("Location", make(c, right))
        c.dst.on("POST", UPLOAD_POST, hostile.change(apply))
    return setup


TABLE("location-absolute-same-origin", 0, location(lambda c, path: c.dst.url + path))
TABLE("location-relative-to-the-request", 0, location(lambda c, path: path.split("/blobs/uploads/")[1]))
TABLE("location-scheme-relative-same-host", 0, location(lambda c, path: f"//{c.dst.host}{path}"))
TABLE("location-with-fragment", 0, location(lambda c, path: path + "#fragment"))
TABLE("location-elsewhere", 6, location(lambda c, path: c.ms2.url + path), names_setting("--upload-host"))
TABLE("location-elsewhere-scheme-relative", 6, location(lambda c, path: f"//{c.ms2.host}{path}"), nothing_at_canary)
TABLE("location-http-from-https", 6, location(lambda c, path: f"http://{c.dst.host}{path}"), nothing_at_canary,
      https_dst=True)
TABLE("location-with-userinfo", 1, location(lambda c, path: f"http://alice:x@{c.dst.host}{path}"))
TABLE("location-empty", 1, location(lambda c, path: ""))
TABLE("location-missing", 1, location(lambda c, path: None))
TABLE("location-ftp", 1, location(lambda c, path: "ftp://127.0.0.1/x"))
TABLE("location-localhost-is-another-origin", 6, location(lambda c, path: f"http://localhost:{c.dst.port}{path}"))


def configured_elsewhere(c):
    """The upload goes on at another host, which the user allowed; no credentials follow."""
    c.ms2.repositories, c.ms2.uploads = c.dst.repositories, c.dst.uploads
    location(lambda c, path: c.ms2.url + path)(c)
    c.options += ["--upload-host", f"{c.dst.host}={c.ms2.host}"]


TABLE("location-elsewhere-as-configured", 0, configured_elsewhere, arrived_at_canary)

# -- Link
TABLE("referrers-link-elsewhere", 6, lambda c: (
    setattr(c.src, "referrers", True),
    c.src.on("GET", REFERRERS, hostile.with_headers(("Link", f'<{c.ms2.url}/next>; rel="next"')))), nothing_at_canary)
TABLE("referrers-link-to-itself", 1, lambda c: (
    setattr(c.src, "referrers", True),
    c.src.on("GET", REFERRERS, hostile.change(
        lambda response, exchange: response.set("Link", f'<{exchange.request.target}>; rel="next"')))))


def endless_pages(c):
    c.src.referrers = True
    count = {"n": 0}

    def apply(response, exchange):
        count["n"] += 1
        response.set("Link", f'<{exchange.request.path}?page={count["n"]}>; rel="next"')
    c.src.on("GET", REFERRERS, hostile.change(apply))


TABLE("referrers-pages-without-end", 1, endless_pages, lambda c, _r: len(c.src.log) < 200)

# -- variables that would send us elsewhere
TABLE("http-proxy-variable-is-not-obeyed", 0,
      lambda c: c.env.update({"http_proxy": c.ms2.url, "HTTP_PROXY": c.ms2.url, "ALL_PROXY": c.ms2.url,
                              "all_proxy": c.ms2.url}), nothing_at_canary)
TABLE("https-proxy-variable-and-a-loopback-registry", 4,
      lambda c: c.env.update({"HTTPS_PROXY": c.ms2.url, "https_proxy": c.ms2.url}),
      lambda c, _r: not [r for r in c.ms2.log if r.header("Authorization")], https_src=True)

# -- foreign layers
TABLE("urls-of-a-layer-are-never-fetched", 0, lambda c: c.put_source(c.foreign()), nothing_at_canary)


def redirected_touch(c):
    """What the canary has is fetched there; what came later (sync's record) is not there."""
    there = hostile.redirect(307, cdn(c))
    c.dst.on("GET", rf"/v2/{TARGET}/blobs/", lambda exchange: there(exchange)
             if f"/cdn{exchange.request.path}" in c.ms2.files else exchange.default())


TABLE("already-there-and-cdn-redirects-the-touch", 0, redirected_touch, arrived_at_canary, second=True)
