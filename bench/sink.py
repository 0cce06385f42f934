# SPDX-License-Identifier: Apache-2.0
"""A registry that keeps manifests and small blobs, and of large ones only their length: they are zeros, made up again when
they are asked for. What the memory bench needs to move a 10 GiB layer on a machine that has no room for it. It checks
nothing. Loopback only."""

import hashlib
import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ZEROS = bytes(1 << 20)


def digest_of_zeros(size):
    sha = hashlib.sha256()
    for _ in range(size >> 20):
        sha.update(ZEROS)
    sha.update(ZEROS[:size & ((1 << 20) - 1)])
    return "sha256:" + sha.hexdigest()


class Sink(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.manifests, self.types, self.blobs, self.zeros = {}, {}, {}, {}
        self.received = 0
        self.lock = threading.Lock()
        self.host = f"127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def add_manifest(self, name, data, media_type):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        for key in (name, digest):
            self.manifests[key], self.types[key] = data, media_type
        return digest

    def serve_image_of_zeros(self, tag, size):
        """An image whose only layer is `size` zero bytes."""
        config = json.dumps({"architecture": "amd64", "os": "linux",
                             "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        config_digest = "sha256:" + hashlib.sha256(config).hexdigest()
        self.blobs[config_digest] = config
        layer = digest_of_zeros(size)
        self.zeros[layer] = size
        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": kind,
                    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest,
                               "size": len(config)},
                    "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": size}]}
        return self.add_manifest(tag, json.dumps(manifest).encode(), kind)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        manifest = re.fullmatch(r"/v2/.+/manifests/(.+)", self.path)
        blob = re.fullmatch(r"/v2/.+/blobs/(sha256:[0-9a-f]{64})", self.path)
        if manifest and manifest.group(1) in self.server.manifests:
            data = self.server.manifests[manifest.group(1)]
            digest = "sha256:" + hashlib.sha256(data).hexdigest()
            return self.answer_as(data, self.server.types[manifest.group(1)], digest)
        if blob and blob.group(1) in self.server.zeros:
            return self.send_zeros(self.server.zeros[blob.group(1)])
        if blob and blob.group(1) in self.server.blobs:
            return self.answer(200, [("Content-Type", "application/octet-stream")], self.server.blobs[blob.group(1)])
        if self.path == "/v2/":
            return self.answer(200)
        return self.answer(404, [], b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')

    do_HEAD = do_GET

    def answer_as(self, data, media_type, digest):
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Docker-Content-Digest", digest)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_zeros(self, size):
        last = re.fullmatch(r"bytes=(\d+)-\1", self.headers.get("Range", ""))
        if last:
            return self.answer(206, [("Content-Range", f"bytes {last.group(1)}-{last.group(1)}/{size}")], b"\0")
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command == "HEAD":
            return None
        left = size
        while left:
            n = min(left, len(ZEROS))
            self.connection.sendall(ZEROS[:n] if n < len(ZEROS) else ZEROS)
            left -= n
        return None

    def do_POST(self):
        self.answer(202, [("Location", self.path + "session")])

    def do_PUT(self):
        left = int(self.headers["Content-Length"])
        manifest = re.fullmatch(r"/v2/.+/manifests/(.+)", self.path)
        if manifest:
            digest = self.server.add_manifest(manifest.group(1), self.rfile.read(left), self.headers["Content-Type"])
            return self.answer(201, [("Docker-Content-Digest", digest)])
        digest = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["digest"][0]
        if left <= 1 << 20:
            self.server.blobs[digest] = self.rfile.read(left)
            return self.answer(201)
        size, buffer = left, bytearray(1 << 18)
        while left:
            n = self.rfile.readinto(memoryview(buffer)[:min(left, len(buffer))])
            if not n:
                return None
            left -= n
            with self.server.lock:
                self.server.received += n
        self.server.zeros[digest] = size
        return self.answer(201)
