# SPDX-License-Identifier: Apache-2.0
"""A registry that counts pulls as Docker Hub does: a front to a real one.

Each GET of a manifest is a pull (HEAD is none, nor are blobs); `limit` of them in `window_s`, as the headers
`ratelimit-limit: 100;w=21600` and `ratelimit-remaining` of every manifest's answer say; beyond that it is 429.
"""

import http.client
import http.server
import threading
import time


class Metered:
    def __init__(self, registry, limit, window_s):
        self.registry, self.limit, self.window_s = registry, limit, window_s
        self.pulls, self.refused = [], 0  # times of pulls; how many were beyond the limit
        self.is_silent_before = False  # only a refusal says how many there are
        self.before = None  # called with each request's method and path, before it is passed on
        self.clock_ahead_s = 0  # of the dates of its answers; None: it tells none
        self.retry_after_s = None  # a refusal says this, and nothing else
        self._forgiven = 0
        self._lock = threading.Lock()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def date_time_string(self, timestamp=None):
                if owner.clock_ahead_s is None:
                    return "some day"
                return super().date_time_string(time.time() + owner.clock_ahead_s)

            def answer(self):
                owner._answer(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # the other side hung up

            request_queue_size = 256

        self._server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def next_window(self):
        """Begins now, whatever the clock says."""
        with self._lock:
            self._forgiven = len(self.pulls)

    def _count(self, is_pull):
        """Answers (is it allowed, what remains)."""
        with self._lock:
            now = time.monotonic()
            window = int(now // self.window_s)
            used = sum(1 for t in self.pulls[self._forgiven:] if int(t // self.window_s) == window)
            if is_pull and used >= self.limit:
                self.refused += 1
                return False, 0
            if is_pull:
                self.pulls.append(now)
            return True, self.limit - used - is_pull

    def _answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if self.before:
            self.before(handler.command, handler.path)
        is_manifest = "/manifests/" in handler.path and handler.command in ("GET", "HEAD")
        allowed, remaining = self._count(is_manifest and handler.command == "GET")
        backend = http.client.HTTPConnection("127.0.0.1", self.registry.port)
        if allowed:
            headers = {k: v for k, v in handler.headers.items() if k.lower() != "content-length"}
            backend.request(handler.command, handler.path, body, headers)
            answer = backend.getresponse()
            status, headers, data = answer.status, answer.getheaders(), answer.read()
        else:
            status, headers, data = 429, [("Content-Length", "2")], b"{}"
        backend.close()
        handler.send_response(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "date", "content-length"):
                handler.send_header(name, value)
        length = dict((k.lower(), v) for k, v in headers).get("content-length") if handler.command == "HEAD" else len(data)
        handler.send_header("Content-Length", str(length or 0))
        if not allowed and self.retry_after_s:
            handler.send_header("Retry-After", str(self.retry_after_s))
        elif is_manifest and not (allowed and self.is_silent_before):
            handler.send_header("ratelimit-limit", f"{self.limit};w={self.window_s}")
            handler.send_header("ratelimit-remaining", f"{remaining};w={self.window_s}")
        handler.end_headers()
        handler.wfile.write(data if handler.command != "HEAD" else b"")
