# SPDX-License-Identifier: Apache-2.0
"""A registry that serves one OCI layout, read-only, its larger blobs slowly: for what can only be seen while a push
runs."""

import hashlib
import http.server
import json
import threading
import time


class SlowRegistry:
    """Serves `layout` as repository `app`; blobs over 64 KiB take `seconds`. Use as a context manager."""

    def __init__(self, layout, seconds):
        self.layout, self.seconds = layout, seconds
        self.requests = []

    def __enter__(self):
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                registry.requests.append(f"{self.command} {self.path}")
                registry.answer(self)

            do_HEAD = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def find(self, path):
        """(content, media type) of a path, or None."""
        kind, name = path.removeprefix("/v2/app/").split("/", 1) if path.count("/") > 3 else ("", "")
        if kind == "manifests":
            for entry in json.loads((self.layout / "index.json").read_text())["manifests"]:
                if name in (entry["digest"], entry.get("annotations", {}).get("org.opencontainers.image.ref.name")):
                    return (self.layout / "blobs" / entry["digest"].replace(":", "/")).read_bytes(), entry["mediaType"]
        if kind == "blobs":
            file = self.layout / "blobs" / name.replace(":", "/")
            if file.is_file():
                return file.read_bytes(), "application/octet-stream"
        return (b"{}", "application/json") if path == "/v2/" else None

    def answer(self, request):
        found = self.find(request.path)
        if not found:
            request.send_response(404)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        content, media_type = found
        request.send_response(200)
        request.send_header("Content-Type", media_type)
        request.send_header("Content-Length", str(len(content)))
        request.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(content).hexdigest())
        request.end_headers()
        if request.command == "HEAD":
            return
        pieces = 100 if len(content) > 65536 else 1
        size = -(-len(content) // pieces)
        try:
            for at in range(0, len(content), size):
                request.wfile.write(content[at:at + size])
                request.wfile.flush()
                time.sleep(self.seconds / pieces if pieces > 1 else 0)
        except OSError:  # the client had enough
            request.close_connection = True
