# SPDX-License-Identifier: Apache-2.0
"""The hostile registry: a correct minimal OCI registry in memory that does what a script of rules says.

A rule matches a method, a path and the nth hit, and names an action: a function that gets the request and answers
what to do in place of, or with, the correct answer (the constructors below: answer, cut, reset, drip, ...). Every
request is logged with all its headers, so that a test can tell where secrets went and in which order things happened.
A second instance serves as the canary: nothing secret may ever arrive there.
"""

import json
import re
import socket
import ssl
import struct
import threading

from . import oracle
from .correct import CorrectRegistry, Request, Response

ENDLESS_LIMIT = 512 << 20  # an "endless" body ends here, so that a client without a ceiling fails and the test ends


class Hangup(Exception):
    """The connection is to end now."""


class Rule:
    """method: "GET", "*"; path: a regular expression searched in path?query; hits: which matches (from 1), None all."""

    def __init__(self, method, path, action, hits=None):
        self.method, self.path, self.action = method, re.compile(path), action
        self.hits = None if hits is None else ({hits} if isinstance(hits, int) else set(hits))
        self.count = 0
        self.fired = 0

    def matches(self, request):
        if self.method not in ("*", request.method) or not self.path.search(request.target):
            return False
        self.count += 1
        if self.hits is not None and self.count not in self.hits:
            return False
        self.fired += 1
        return True


# -- actions: action(exchange) -> Response. exchange.default() is the correct answer.
def answer(status, body=b"", headers=(), **how):
    """This answer, whatever was asked. The request's body is read first."""
    body = body.encode() if isinstance(body, str) else body

    def act(exchange):
        exchange.read_body()
        response = Response(status, headers, body)
        for name, value in how.items():
            setattr(response, name, value)
        return response
    return act


def error(status, code="UNKNOWN", message="as the test wants", headers=()):
    """A registry's error body."""
    document = json.dumps({"errors": [{"code": code, "message": message}]})
    return answer(status, document, [("Content-Type", "application/json"), *headers])


def say_credentials(exchange):
    """A registry that says back, in its error, what it was sent."""
    exchange.read_body()
    sent = exchange.request.header("Authorization") or "nothing"
    return error(401, "UNAUTHORIZED", f"who is {sent}?", [("WWW-Authenticate", "Basic")])(exchange)


def early(status, body=b"", close=True, headers=()):
    """The answer comes while the request's body is still being sent; it is never read."""
    def act(_exchange):
        response = Response(status, headers, body)
        response.close = close
        return response
    return act


def redirect(status, location):
    """location: text, or a function of the exchange."""
    def act(exchange):
        exchange.read_body()
        target = location(exchange) if callable(location) else location
        return Response(status, [("Location", target)], b"")
    return act


def change(function):
    """The correct answer, changed: function(response, exchange)."""
    def act(exchange):
        response = exchange.default()
        function(response, exchange)
        return response
    return act


def with_headers(*headers):
    return change(lambda response, _: [response.set(k, v) for k, v in headers])


def how(**settings):
    """The correct answer, sent in a wrong way: cut_after=, rst=, stall_after=, drip=, delay_s=, length=, close=."""
    def apply(response, _exchange):
        for name, value in settings.items():
            size = len(response.body)
            setattr(response, name, value(size) if callable(value) else value)
    return change(apply)


def flip(offset):
    """One bit of the body is wrong; offset may be negative."""
    def apply(response, _exchange):
        if response.body:
            body = bytearray(response.body)
            body[offset] ^= 1
            response.body = bytes(body)
    return change(apply)


def endless(headers=(), status=200, length=None):
    """A body without an end."""
    def act(exchange):
        exchange.read_body()
        response = Response(status, headers, b"")
        response.endless, response.length, response.close = True, length, True
        return response
    return act


def raw(data):
    """These bytes, then the end of the connection."""
    def act(exchange):
        exchange.read_body()
        response = Response(0)
        response.raw = data
        return response
    return act


def drop(rst=False):
    """No answer: the connection ends once the request was read."""
    def act(exchange):
        exchange.read_body()
        exchange.hang_up(rst)
    return act


def drop_in_request(after, rst=True):
    """The connection ends after so many bytes of the request's body (a number, or a function of its length)."""
    def act(exchange):
        exchange.read_body(after(exchange.body_length) if callable(after) else after)
        exchange.hang_up(rst)
    return act


def stall_in_request(after, seconds=30):
    """Stops reading the request's body."""
    def act(exchange):
        exchange.read_body(after)
        exchange.server.sleep(seconds)
        exchange.hang_up(True)
    return act


def chain(*actions):
    """The nth hit of the rule gets the nth action; the last one goes on."""
    state = {"n": 0}

    def act(exchange):
        chosen = actions[min(state["n"], len(actions) - 1)]
        state["n"] += 1
        return chosen(exchange)
    return act


def normal(exchange):
    """The correct answer."""
    return exchange.default()


class Exchange:
    """One request being answered."""

    def __init__(self, server, connection, request, body_length, expects):
        self.server, self.connection, self.request = server, connection, request
        self.body_length, self.expects = body_length, expects
        self.chunked = (request.header("Transfer-Encoding") or "").lower() == "chunked"
        self._body_done = body_length == 0 and not self.chunked
        self.read = 0

    def read_body(self, limit=None):
        """Reads the body: all of it, or so many bytes."""
        if self._body_done:
            return self.request.body
        if self.expects:
            self.connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.expects = False
        parts = [self.request.body]
        if self.chunked:
            self._read_chunks(parts, limit)
            return self.request.body
        want = self.body_length if limit is None else min(limit, self.body_length)
        while self.read < want:
            piece = self.connection.receive(min(want - self.read, 1 << 16))
            self.read += len(piece)
            parts.append(piece)
        self.request.body = b"".join(parts)
        self._body_done = self.read == self.body_length
        return self.request.body

    def _read_chunks(self, parts, limit):
        while limit is None or self.read < limit:
            size = int(self.connection.receive_line().split(b";")[0], 16)
            left = size
            while left:
                piece = self.connection.receive(min(left, 1 << 16))
                left -= len(piece)
                parts.append(piece)
            self.connection.receive_line()
            self.read += size
            if size == 0:
                self._body_done = True
                break
        self.request.body = b"".join(parts)

    @property
    def body_unread(self):
        return not self._body_done

    def hang_up(self, rst=False):
        self.connection.end(rst)
        raise Hangup

    def default(self):
        return self.server.serve(self.request, self)


class Connection:
    """A socket with a read buffer."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def receive(self, size):
        if self.buffer:
            piece, self.buffer = self.buffer[:size], self.buffer[size:]
            return piece
        piece = self.sock.recv(size)
        if not piece:
            raise Hangup
        return piece

    def receive_head(self):
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > 1 << 18 or self.buffer[:1] == b"\x16":  # a TLS handshake on a plain port
                raise Hangup
            piece = self.sock.recv(1 << 16)
            if not piece:
                raise Hangup
            self.buffer += piece
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def receive_line(self):
        while b"\r\n" not in self.buffer:
            piece = self.sock.recv(1 << 16)
            if not piece:
                raise Hangup
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def send(self, data):
        self.sock.sendall(data)

    def end(self, rst=False):
        try:
            if rst:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                # An orderly end: what the peer still sends must not turn it into a reset.
                plain = self.sock
                plain.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            self.sock.close()
        except OSError:
            pass


class Hostile(CorrectRegistry):
    """The server: a CorrectRegistry with rules, on a port of its own. tls: a tls.Pair to serve https with."""

    def __init__(self, *, tls=None, address="127.0.0.1", **registry):
        super().__init__(**registry)
        self.rules, self.log, self.problems = [], [], []
        self._seq = 0
        self._stopping = threading.Event()
        self._tls = None
        if tls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(tls.cert, tls.key)
        self._listener = socket.create_server((address, 0), backlog=128)
        self.address, self.port = address, self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    # -- for tests
    @property
    def host(self):
        return f"{self.address}:{self.port}"

    def on(self, method, path, action, hits=None):
        """Adds a rule; rules that came first are asked first."""
        rule = Rule(method, path, action, hits)
        self.rules.append(rule)
        return rule

    def stop(self):
        self._stopping.set()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the accept
        except OSError:
            pass
        self._listener.close()

    def sleep(self, seconds):
        self._stopping.wait(seconds)

    def asked(self, method=None, path=None):
        """The requests so far that match."""
        with self.lock:
            return [r for r in self.log if (method is None or r.method == method)
                    and (path is None or re.search(path, r.target))]

    def order(self):
        """(method, path, status) in the order of the answers, for oracle.check_order."""
        with self.lock:
            done = sorted((r for r in self.log if r.status is not None), key=lambda r: r.done_seq)
            return [(r.method, r.path, r.status) for r in done]

    def check_overlap(self):
        """No PUT of a tag began before the last upload and by-digest PUT had been answered, and in `latest`'s case the
        other tags."""
        with self.lock:
            log = list(self.log)
        tags = [r for r in log if r.method == "PUT" and "/manifests/" in r.path and ":" not in r.path.rsplit("/", 1)[1]]
        for tag in tags:
            for other in log:
                is_content = other.method in ("PUT", "PATCH", "POST") and "/blobs/" in other.path
                is_manifest = other.method == "PUT" and "/manifests/sha" in other.path
                late = other.done_seq is None or other.done_seq > tag.seq
                if (is_content or is_manifest) and late and other.seq < tag.seq and not self._was_left(log, other, tag):
                    raise oracle.Disorder(f"{tag} began before {other} was answered")

    @staticmethod
    def _was_left(log, other, tag):
        """The client hung up on `other`, which this side may see late, and what it was to bring came another way before
        the tag."""
        digest = re.search(r"[0-9a-f]{64}", other.target)
        return other.status is None and digest and any(
            r.seq > other.seq and r.status in (200, 201) and r.done_seq < tag.seq and digest[0] in r.target for r in log)

    # -- sockets
    def _accept(self):
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock):
        try:
            sock.settimeout(60)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            connection = Connection(sock)
            while not self._stopping.is_set() and self._one(connection):
                pass
            connection.end()
        except (Hangup, OSError, ssl.SSLError):
            pass
        except Exception as problem:  # pylint: disable=broad-except
            self.problems.append(repr(problem))
            raise
        finally:
            try:
                sock.close()
            except OSError:
                pass

    def _next_seq(self):
        with self.lock:
            self._seq += 1
            return self._seq

    def _one(self, connection):
        """Reads a request and answers it; False when the connection must end."""
        head = connection.receive_head()
        first, *lines = head.split("\r\n")
        if first.count(" ") != 2 or not first.endswith(("HTTP/1.1", "HTTP/1.0")):
            return False  # not HTTP: somebody tried TLS, say
        method, target, _ = first.split(" ")
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line]
        request = Request(method, target, headers, self._next_seq())
        with self.lock:
            self.log.append(request)
        length = int(request.header("Content-Length") or 0)
        exchange = Exchange(self, connection, request, length, "100-continue" in (request.header("Expect") or ""))
        rule = self._rule_for(request)
        try:
            response = rule.action(exchange) if rule else exchange.default()
            return self._send(connection, request, response, exchange)
        finally:
            if request.done_seq is None:  # it ended without an answer
                request.done_seq = self._next_seq()

    def _rule_for(self, request):
        with self.lock:
            for rule in self.rules:
                if rule.matches(request):
                    return rule
        return None

    def _send(self, connection, request, response, exchange):
        if response.delay_s:
            self.sleep(response.delay_s)
        if response.raw is not None:
            with self.lock:
                request.status = 0
            connection.send(response.raw)
            connection.end()
            return False
        body = response.body
        head = [f"HTTP/1.1 {response.status} {response.reason}"]
        if response.length is not None and response.status not in (204, 304):
            size = len(body) if response.length == "auto" else response.length
            if not any(k.lower() == "content-length" for k, _ in response.headers):
                head.append(f"Content-Length: {size}")
        head += [f"{k}: {v}" for k, v in response.headers]
        if response.close or response.length is None or exchange.body_unread:
            head.append("Connection: close")
            response.close = True
        text = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        with self.lock:
            request.status = response.status
            request.done_seq = self._next_seq()
        if request.method == "HEAD":
            body = b""
        return self._send_body(connection, response, text, body, exchange)

    def _send_body(self, connection, response, text, body, exchange):
        if response.cut_after is not None or response.stall_after is not None:
            limit = response.cut_after if response.cut_after is not None else response.stall_after
            connection.send(text + body[:limit])
            if response.stall_after is not None:
                self.sleep(20)
            connection.end(response.rst)
            return False
        if response.drip:
            size, seconds = response.drip
            connection.send(text)
            for start in range(0, len(body), size):
                if self._stopping.is_set():
                    return False
                connection.send(body[start:start + size])
                self.sleep(seconds)
        elif response.endless:
            connection.send(text)
            sent = 0
            while sent < ENDLESS_LIMIT and not self._stopping.is_set():
                connection.send(b"A" * 65536)
                sent += 65536
            self.problems.append("an endless body was read to its end")
        else:
            connection.send(text + body)
        if response.close:
            if exchange.body_unread:
                self._drain(connection)
            connection.end(response.rst)
            return False
        return True

    def _drain(self, connection):
        """Reads on for a moment, so that the answer is not lost in a reset."""
        try:
            connection.sock.settimeout(2)
            while connection.sock.recv(1 << 16):
                pass
        except OSError:
            pass


def leaks(server, forms):
    """What arrived at a canary that should not have: an Authorization or Cookie header, or a secret anywhere."""
    found = []
    for request in list(server.log):
        text = request.target + "\n" + "\n".join(f"{k}: {v}" for k, v in request.headers)
        text += "\n" + request.body.decode("latin-1")
        if request.header("Authorization") or request.header("Cookie"):
            found.append(f"{request}: credentials")
        found += [f"{request}: {form}" for form in forms if form in text]
    return found
