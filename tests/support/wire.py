# SPDX-License-Identifier: Apache-2.0
"""The plainest possible client of the distribution protocol (http.client): fills registries before a test and reads
them back after it. Basic and bearer authorisation; no redirects."""

import base64
import hashlib
import http.client
import json
import re
import ssl
import urllib.parse

ACCEPT = ", ".join(["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
                    "application/vnd.docker.distribution.manifest.list.v2+json",
                    "application/vnd.docker.distribution.manifest.v2+json"])


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


class Wire:
    """host: "127.0.0.1:5000"; ca: PEM for https; auth: (user, password)."""

    def __init__(self, host, *, ca=None, auth=None):
        self.host, self.ca, self.auth = host, ca, auth
        self._authorization = None
        self._connection = None

    @classmethod
    def to(cls, registry):
        """A client of a support.registry.Registry, with its first user's credentials."""
        auth = None
        if registry.htpasswd:
            auth = next(iter(registry.htpasswd.items()))
        if registry.token:
            name, user = next(iter(registry.token.users.items()))
            auth = (name, user.password)
        return cls(registry.host, ca=registry.ca if registry.tls else None, auth=auth)

    def close(self):
        if self._connection:
            self._connection.close()
        self._connection = None

    def _connect(self):
        if self.ca:
            return http.client.HTTPSConnection(self.host, context=ssl.create_default_context(cafile=str(self.ca)),
                                               timeout=30)
        return http.client.HTTPConnection(self.host, timeout=30)

    def _once(self, method, target, body, headers):
        for attempt in (1, 2):
            try:
                if not self._connection:
                    self._connection = self._connect()
                self._connection.request(method, target, body=body, headers=headers)
                response = self._connection.getresponse()
                return Answer(response.status, response.headers, response.read())
            except (BrokenPipeError, ConnectionResetError, http.client.CannotSendRequest):  # kept alive for too long
                self.close()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _learn(self, challenge):
        if challenge.lower().startswith("basic"):
            self._authorization = "Basic " + base64.b64encode(":".join(self.auth).encode()).decode()
            return
        values = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        query = urllib.parse.urlencode([("service", values.get("service", "")), ("scope", values.get("scope", ""))])
        realm = urllib.parse.urlsplit(values["realm"])
        connection = http.client.HTTPConnection(realm.netloc, timeout=30)
        headers = {}
        if self.auth:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(self.auth).encode()).decode()
        connection.request("GET", f"{realm.path}?{query}", headers=headers)
        self._authorization = "Bearer " + json.loads(connection.getresponse().read())["token"]
        connection.close()

    def request(self, method, target, body=b"", headers=None):
        """One request; asks again once after a 401."""
        headers = dict(headers or {})
        if self._authorization:
            headers["Authorization"] = self._authorization
        answer = self._once(method, target, body, headers)
        if answer.status == 401 and answer.headers.get("WWW-Authenticate"):
            self._learn(answer.headers["WWW-Authenticate"])
            headers["Authorization"] = self._authorization
            answer = self._once(method, target, body, headers)
        return answer

    # -- reading
    def manifest(self, name, reference):
        return self.request("GET", f"/v2/{name}/manifests/{reference}", headers={"Accept": ACCEPT})

    def blob(self, name, digest):
        return self.request("GET", f"/v2/{name}/blobs/{digest}")

    def tags(self, name):
        answer = self.request("GET", f"/v2/{name}/tags/list")
        return sorted(json.loads(answer.body)["tags"] or []) if answer.status == 200 else []

    def tag_digest(self, name, tag):
        """The digest of the bytes that a tag gives now; None if there are none."""
        answer = self.manifest(name, tag)
        return "sha256:" + hashlib.sha256(answer.body).hexdigest() if answer.status == 200 else None

    # -- writing
    def put_blob(self, name, digest, data):
        answer = self.request("POST", f"/v2/{name}/blobs/uploads/")
        assert answer.status == 202, answer
        location = urllib.parse.urlsplit(answer.headers["Location"])
        query = location.query + ("&" if location.query else "") + "digest=" + digest
        answer = self.request("PUT", f"{location.path}?{query}", body=data,
                              headers={"Content-Type": "application/octet-stream"})
        assert answer.status == 201, answer

    def put_manifest(self, name, reference, media_type, data):
        answer = self.request("PUT", f"/v2/{name}/manifests/{reference}", body=data,
                              headers={"Content-Type": media_type})
        assert answer.status == 201, answer

    def put_image(self, name, content, tags=None):
        """All of an images.Content: blobs, manifests children first, tags."""
        for digest, data in content.blobs.items():
            self.put_blob(name, digest, data)
        for digest, (media_type, data) in content.manifests.items():
            self.put_manifest(name, digest, media_type, data)
        for tag, digest in content.tags.items():
            if tags is None or tag in tags:
                media_type, data = content.manifests[digest]
                self.put_manifest(name, tag, media_type, data)
