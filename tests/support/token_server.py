# SPDX-License-Identifier: Apache-2.0
"""A token server as docker-registry wants one: RS256 JWT with the certificate in `x5c` (docker's token protocol).

Users have a password and, per repository pattern, the actions they may do. GET with Basic, POST with
`grant_type=password` or `refresh_token`. As the protocol says, less than was asked for is still answered 200.
"""

import base64
import fnmatch
import http.server
import json
import secrets
import threading
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from . import tls


def _b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class User:
    """grants: list of (repository pattern, set of actions)."""

    def __init__(self, password, grants=(("*", ("pull", "push")),)):
        self.password = password
        self.grants = [(pattern, set(actions)) for pattern, actions in grants]

    def allowed(self, repository, actions):
        mine = set()
        for pattern, granted in self.grants:
            if fnmatch.fnmatchcase(repository, pattern):
                mine |= granted
        return [a for a in actions if a in mine]


class TokenServer:
    """folder: where its certificate goes. `requests` lists (method, user, scopes) of what was asked."""

    def __init__(self, folder, *, users, service="registry.test", issuer="issuer.test", expires_in=300, post=True,
                 send_expires_in=True):
        self.pair = tls.signing_pair(folder, "token")
        self.users, self.service, self.issuer = users, service, issuer
        self.expires_in, self.post, self.send_expires_in = expires_in, post, send_expires_in
        self.requests, self.issued, self.refresh_tokens = [], [], {}
        self._lock = threading.Lock()
        self._der = base64.b64encode(self.pair.cert_object.public_bytes(serialization.Encoding.DER)).decode()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.realm = f"http://127.0.0.1:{self.port}/token"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def make_token(self, user, access, expires_in=None):
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self._der]}
        claims = {"iss": self.issuer, "sub": user, "aud": self.service, "exp": now + (expires_in or self.expires_in),
                  "nbf": now - 10, "iat": now, "jti": secrets.token_hex(8), "access": access}
        signed = ".".join(_b64url(json.dumps(part).encode()) for part in (header, claims))
        signature = self.pair.key_object.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        token = f"{signed}.{_b64url(signature)}"
        with self._lock:
            self.issued.append(token)
        return token

    def answer(self, method, user, scopes):
        """The JSON of a token for these scopes."""
        with self._lock:
            self.requests.append((method, user, tuple(scopes)))
        access = []
        for scope in scopes:
            kind, rest = scope.split(":", 1)
            name, actions = rest.rsplit(":", 1)
            granted = self.users[user].allowed(name, actions.split(",")) if user in self.users else []
            if granted:
                access.append({"type": kind, "name": name, "actions": granted})
        token = self.make_token(user or "", access)
        document = {"token": token, "access_token": token,
                    "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        if self.send_expires_in:
            document["expires_in"] = self.expires_in
        return document

    def check_basic(self, header):
        """The user of an Authorization header; "" if there is none, None if it is wrong."""
        if not header:
            return ""
        scheme, _, value = header.partition(" ")
        if scheme.lower() != "basic":
            return None
        user, _, password = base64.b64decode(value).decode().partition(":")
        known = self.users.get(user)
        return user if known and known.password == password else None

    def check_form(self, form):
        grant = form.get("grant_type", [""])[0]
        if grant == "password":
            user = form.get("username", [""])[0]
            known = self.users.get(user)
            return user if known and known.password == form.get("password", [""])[0] else None
        if grant == "refresh_token":
            return self.refresh_tokens.get(form.get("refresh_token", [""])[0])
        return None

    def offer_refresh(self, user, document):
        refresh = secrets.token_urlsafe(24)
        with self._lock:
            self.refresh_tokens[refresh] = user
        document["refresh_token"] = refresh

    def _handler(self):
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, document):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def deny(self):
                self.reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]})

            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                user = owner.check_basic(self.headers.get("Authorization"))
                if user is None:
                    return self.deny()
                scopes = [one for scope in query.get("scope", []) for one in scope.split(" ") if one]
                document = owner.answer("GET", user, scopes)
                if query.get("offline_token") == ["true"] and user:
                    owner.offer_refresh(user, document)
                return self.reply(200, document)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if not owner.post:
                    return self.reply(404, {"details": "no such endpoint"})
                form = urllib.parse.parse_qs(body.decode())
                user = owner.check_form(form)
                if user is None or not form.get("client_id"):
                    return self.deny()
                document = owner.answer("POST", user, form.get("scope", [""])[0].split())
                if form.get("access_type") == ["offline"]:
                    owner.offer_refresh(user, document)
                return self.reply(200, document)

        return Handler
