# SPDX-License-Identifier: Apache-2.0
"""Engines that are not: one that does what a test tells it, however wrong, and one that listens in on a real one."""

import contextlib
import io
import json
import os
import re
import socket
import tarfile
import threading

PONG = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK"


def answer(status, body=b"", *, reason="X", length=None, close=False):
    """The bytes of a whole answer; `length` may lie."""
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Length: {size}\r\n"
    return (head + ("Connection: close\r\n" if close else "") + "\r\n").encode() + body


def say(status, document):
    return answer(status, json.dumps(document).encode())


VERSION = say(200, {"Version": "0", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"})


def chunked(pieces, *, end=True):
    """The bytes of an answer in chunks; without `end` it breaks off."""
    out = [b"HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n"]
    out += [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces if piece]
    return b"".join(out) + (b"0\r\n\r\n" if end else b"")


class _Listener:
    """Accepts on a unix socket; a thread for each connection."""

    def __init__(self, path):
        self.path = str(path)
        self.requests = []  # "GET /v1.41/images/app/json", in order
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(64)
        self._stopped = False
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host(self):
        return f"unix://{self.path}"

    def _accept(self):
        while not self._stopped:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_quietly, args=(connection,), daemon=True).start()

    def _serve_quietly(self, connection):
        with contextlib.suppress(OSError), connection:
            self.serve(connection)

    def serve(self, connection):
        head = read_head(connection)
        if head:
            with self._lock:
                self.requests.append(request_of(head))
            self.handle(connection, head)

    def handle(self, connection, head):
        raise NotImplementedError

    def asked(self, pattern):
        """The requests so far that match."""
        with self._lock:
            return [request for request in self.requests if re.search(pattern, request)]

    def stop(self):
        self._stopped = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)


def request_of(head):
    """"METHOD TARGET"."""
    return b" ".join(head.split(b" ", 2)[:2]).decode(errors="replace")


def read_head(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return head
        head += piece
    return head


class Scripted(_Listener):
    """rules: [(regular expression over "METHOD TARGET", action)]; the first that matches counts. An action is bytes to
    send, or a function of the connection and of what was read so far. After it the connection is closed."""

    def __init__(self, path, rules=()):
        self.rules = list(rules)
        super().__init__(path)

    def handle(self, connection, head):
        line = request_of(head)
        for pattern, action in [*self.rules, (r"^GET /_ping$", PONG), (r"^GET /v[0-9.]+/version$", VERSION),
                                ("", say(404, {"message": "page not found"}))]:
            if not re.search(pattern, line):
                continue
            if callable(action):
                action(connection, head)
            else:
                connection.sendall(action)
            return


def drain(connection, head, limit=None):
    """Reads a chunked body (or its first `limit` bytes) as sent."""
    data = head.split(b"\r\n\r\n", 1)[1]
    total = len(data)
    while not data.endswith(b"0\r\n\r\n") and (limit is None or total < limit):
        piece = connection.recv(1 << 20)
        if not piece:
            return
        total += len(piece)
        data = (data + piece)[-16:]


def hang(connection, head=b""):
    """Says nothing more until the other side goes away."""
    while connection.recv(65536):
        pass


class Listening(_Listener):
    """Passes everything on to a real engine, and remembers what was asked."""

    def __init__(self, path, engine_socket):
        self.target = str(engine_socket)
        super().__init__(path)

    def handle(self, connection, head):
        with socket.socket(socket.AF_UNIX) as behind:
            behind.connect(self.target)
            behind.sendall(head)
            back = threading.Thread(target=self._pass, args=(behind, connection), daemon=True)
            back.start()
            self._pass(connection, behind)
            back.join()

    @staticmethod
    def _pass(source, target):
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 20):
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


# -- what a good engine would send
def tar_of(members):
    """A tar of {name: bytes}."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
