# SPDX-License-Identifier: Apache-2.0
"""A correct minimal OCI registry in memory: requests in, answers out; no sockets (support/hostile.py has those).

Manifests, blobs with Range, uploads by PUT and PATCH, mounts, tags, referrers (on or off); basic and bearer auth.
"""

import base64
import hashlib
import json
import re
import secrets
import threading
import time
import urllib.parse

REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
           307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           416: "Range Not Satisfiable", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


class Request:
    """One request as it came. `status` is what was answered (None: nothing was), `seq` when it began."""

    def __init__(self, method, target, headers, seq):
        self.method, self.target, self.headers, self.seq = method, target, headers, seq
        self.path, _, self.query = target.partition("?")
        self.body = b""
        self.status = None
        self.done_seq = None

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    def __repr__(self):
        return f"{self.method} {self.target} -> {self.status}"


class Response:
    """What is sent. The lower half is how: after `cut_after` bytes of the body the connection is closed (`rst`: reset);
    `stall_after`: nothing more comes; `drip`: (bytes, seconds) a piece."""

    def __init__(self, status, headers=(), body=b""):
        self.status, self.headers, self.body = status, list(headers), body
        self.reason = REASONS.get(status, "Status")
        self.length = "auto"      # Content-Length: "auto", a number, or None for none
        self.delay_s = 0.0
        self.cut_after = None
        self.rst = False
        self.stall_after = None
        self.drip = None
        self.close = False
        self.endless = False
        self.raw = None           # these bytes in place of all that

    def set(self, name, value):
        """Replaces a header; value None removes it."""
        self.headers = [(k, v) for k, v in self.headers if k.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))
        return self


class Repository:
    def __init__(self):
        self.blobs, self.manifests, self.tags = {}, {}, {}


class CorrectRegistry:
    """What Hostile is when no rule says otherwise.

    auth       None; ("basic", user, password); ("bearer", user, password)
    referrers  whether it has the referrers API
    careless   takes manifests without looking for the blobs that they name
    realm      for bearer: where the challenge points to (None: its own /token); expires_in: seconds a token lives
    """

    def __init__(self, *, auth=None, referrers=False, careless=False, realm=None, expires_in=300, service="hostile.test"):
        self.auth, self.referrers, self.realm = auth, referrers, realm
        self.expires_in, self.service, self.careless = expires_in, service, careless
        self.repositories, self.uploads, self.tokens = {}, {}, {}
        self.files = {}  # path -> (bytes, media type): served to everyone, as object storage behind a registry does
        self.lock = threading.RLock()
        self.url = ""

    def fill(self, name, content):
        """Puts an images.Content into a repository."""
        with self.lock:
            repository = self.repository(name)
            repository.blobs.update(content.blobs)
            repository.manifests.update(content.manifests)
            repository.tags.update(content.tags)
        return self

    def repository(self, name):
        return self.repositories.setdefault(name, Repository())

    def serve(self, request, exchange):
        body = exchange.read_body()
        if request.path in self.files:
            return self._range(request, *self.files[request.path])
        if request.path == "/token":
            return self._token(request, body)
        denied = self._check_auth(request)
        if denied:
            return denied
        if request.path in ("/v2", "/v2/"):
            return Response(200, [("Content-Type", "application/json")], b"{}")
        for pattern, handler in ROUTES:
            match = pattern.match(request.path)
            if match:
                with self.lock:
                    return getattr(self, handler)(request, body, *match.groups())
        return self._error(404, "NAME_UNKNOWN")

    def _error(self, status, code, message="no"):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        return Response(status, [("Content-Type", "application/json")], body)

    def _scope(self, request):
        match = re.match(r"^/v2/(.+?)/(manifests|blobs|tags|referrers)/", request.path)
        actions = "pull" if request.method in ("GET", "HEAD") else "pull,push"
        return f"repository:{match[1]}:{actions}" if match else ""

    def challenge(self, request, problem=""):
        response = self._error(401, "UNAUTHORIZED")
        if self.auth[0] == "basic":
            return response.set("WWW-Authenticate", 'Basic realm="hostile"')
        realm = self.realm or f"{self.url}/token"
        value = f'Bearer realm="{realm}",service="{self.service}"'
        if self._scope(request):
            value += f',scope="{self._scope(request)}"'
        return response.set("WWW-Authenticate", value + problem)

    def _check_auth(self, request):
        """None if the request may pass, else the answer."""
        if not self.auth:
            return None
        kind, user, password = self.auth
        given = request.header("Authorization") or ""
        if kind == "basic":
            good = given == "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
            return None if good else self.challenge(request)
        with self.lock:
            token = self.tokens.get(given[7:]) if given.startswith("Bearer ") else None
        if token is None or token["until"] < time.monotonic():
            return self.challenge(request, ',error="invalid_token"' if given else "")
        return None

    def revoke(self):
        """All tokens end now."""
        with self.lock:
            for token in self.tokens.values():
                token["until"] = 0

    def make_token(self):
        token = "canary-token-" + secrets.token_urlsafe(24)
        with self.lock:
            self.tokens[token] = {"until": time.monotonic() + self.expires_in}
        return token

    def _token(self, request, body):
        _, user, password = self.auth or ("", "", "")
        given = request.header("Authorization") or ""
        if request.method == "POST":
            form = urllib.parse.parse_qs(body.decode("latin-1"))
            good = form.get("username") == [user] and form.get("password") == [password]
        else:
            good = given in ("", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
        if not good:
            return self._error(401, "UNAUTHORIZED")
        document = {"token": self.make_token(), "expires_in": self.expires_in}
        return Response(200, [("Content-Type", "application/json")], json.dumps(document).encode())

    def _range(self, request, data, media_type, headers=()):
        headers = [("Content-Type", media_type), ("Accept-Ranges", "bytes"), *headers]
        wanted = re.match(r"^bytes=(\d*)-(\d*)$", request.header("Range") or "")
        if not wanted or wanted.groups() == ("", ""):
            return Response(200, headers, data)
        first, last = wanted.groups()
        if first == "":
            start, end = max(0, len(data) - int(last)), len(data) - 1
        else:
            start, end = int(first), min(int(last) if last else len(data) - 1, len(data) - 1)
        if start > end:
            return Response(416, [("Content-Range", f"bytes */{len(data)}")])
        return Response(206, [*headers, ("Content-Range", f"bytes {start}-{end}/{len(data)}")], data[start:end + 1])

    def serve_blob(self, request, _body, name, digest):
        blobs = self.repository(name).blobs
        if request.method not in ("GET", "HEAD"):
            return self._error(405, "UNSUPPORTED")
        if digest not in blobs:
            return self._error(404, "BLOB_UNKNOWN")
        return self._range(request, blobs[digest], "application/octet-stream", [("Docker-Content-Digest", digest)])

    def serve_manifest(self, request, body, name, reference):
        repository = self.repository(name)
        if request.method == "PUT":
            return self._put_manifest(request, body, repository, name, reference)
        digest = reference if ":" in reference else repository.tags.get(reference)
        if digest not in repository.manifests or request.method not in ("GET", "HEAD"):
            return self._error(404, "MANIFEST_UNKNOWN")
        media_type, data = repository.manifests[digest]
        return Response(200, [("Content-Type", media_type), ("Docker-Content-Digest", digest)], data)

    def _put_manifest(self, request, body, repository, name, reference):
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        if ":" in reference and reference != digest:
            return self._error(400, "DIGEST_INVALID")
        try:
            document = json.loads(body)
            needed = [document.get("config"), *document.get("layers", [])]
            missing = [b["digest"] for b in needed if b and b["digest"] not in repository.blobs]
            missing += [m["digest"] for m in document.get("manifests", []) if m["digest"] not in repository.manifests]
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
            return self._error(400, "MANIFEST_INVALID")
        if missing and not self.careless:
            return self._error(400, "MANIFEST_BLOB_UNKNOWN", missing[0])
        repository.manifests[digest] = (request.header("Content-Type"), body)
        if ":" not in reference:
            repository.tags[reference] = digest
        headers = [("Location", f"/v2/{name}/manifests/{digest}"), ("Docker-Content-Digest", digest)]
        if self.referrers and "subject" in document:
            headers.append(("OCI-Subject", document["subject"]["digest"]))
        return Response(201, headers)

    def serve_uploads(self, request, body, name):
        if request.method != "POST":
            return self._error(405, "UNSUPPORTED")
        query = urllib.parse.parse_qs(request.query)
        mount, origin = query.get("mount", [""])[0], query.get("from", [""])[0]
        if mount and origin and mount in self.repository(origin).blobs:
            self.repository(name).blobs[mount] = self.repository(origin).blobs[mount]
            return Response(201, [("Location", f"/v2/{name}/blobs/{mount}"), ("Docker-Content-Digest", mount)])
        session = secrets.token_hex(8)
        self.uploads[session] = b""
        return Response(202, [("Location", f"/v2/{name}/blobs/uploads/{session}?_state=s-{session}"), ("Range", "0-0")])

    def serve_upload(self, request, body, name, session):
        if session not in self.uploads:
            return self._error(404, "BLOB_UPLOAD_UNKNOWN")
        location = ("Location", f"/v2/{name}/blobs/uploads/{session}?_state=s-{session}")
        if request.method == "DELETE":
            del self.uploads[session]
            return Response(204)
        if request.method == "GET":
            return Response(204, [location, ("Range", f"0-{max(len(self.uploads[session]) - 1, 0)}")])
        if request.method == "PATCH":
            given = re.match(r"^(\d+)-(\d+)$", request.header("Content-Range") or "")
            if given and int(given[1]) != len(self.uploads[session]):
                return self._error(416, "RANGE_INVALID")
            self.uploads[session] += body
            return Response(202, [location, ("Range", f"0-{max(len(self.uploads[session]) - 1, 0)}")])
        if request.method != "PUT":
            return self._error(405, "UNSUPPORTED")
        return self._finish_upload(request, body, name, session)

    def _finish_upload(self, request, body, name, session):
        data = self.uploads.pop(session) + body
        digest = urllib.parse.parse_qs(request.query).get("digest", [""])[0]
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            return self._error(400, "DIGEST_INVALID")
        self.repository(name).blobs[digest] = data
        return Response(201, [("Location", f"/v2/{name}/blobs/{digest}"), ("Docker-Content-Digest", digest)])

    def serve_tags(self, request, _body, name):
        if name not in self.repositories:
            return self._error(404, "NAME_UNKNOWN")
        document = {"name": name, "tags": sorted(self.repository(name).tags)}
        return Response(200, [("Content-Type", "application/json")], json.dumps(document).encode())

    def serve_referrers(self, request, _body, name, digest):
        if not self.referrers:
            return Response(404, [("Content-Type", "text/plain")], b"404 page not found\n")
        entries = []
        for found, (media_type, data) in self.repository(name).manifests.items():
            document = json.loads(data)
            if (document.get("subject") or {}).get("digest") == digest:
                entries.append({"mediaType": media_type, "digest": found, "size": len(data),
                                "artifactType": document.get("artifactType", "")})
        index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
        return Response(200, [("Content-Type", index["mediaType"])], json.dumps(index).encode())


ROUTES = [
    (re.compile(r"^/v2/(.+)/blobs/uploads/$"), "serve_uploads"),
    (re.compile(r"^/v2/(.+)/blobs/uploads/([^/]+)$"), "serve_upload"),
    (re.compile(r"^/v2/(.+)/blobs/([^/]+)$"), "serve_blob"),
    (re.compile(r"^/v2/(.+)/manifests/([^/]+)$"), "serve_manifest"),
    (re.compile(r"^/v2/(.+)/tags/list$"), "serve_tags"),
    (re.compile(r"^/v2/(.+)/referrers/([^/]+)$"), "serve_referrers"),
]
