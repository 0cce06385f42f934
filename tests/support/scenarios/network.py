# SPDX-License-Identifier: Apache-2.0
"""Lines that break, stall and throttle (S26, and every shape of Retry-After)."""

import email.utils
import time

from .. import hostile, images
from . import BY_DIGEST, MANIFEST, SOURCE, UPLOAD_POST, UPLOAD_PUT, Table
from .bodies import dst, src

TABLE = Table()
BIG = rf"/v2/{SOURCE}/blobs/"
OFFSETS = {"0": lambda size: 0, "1": lambda size: 1, "half": lambda size: size // 2, "last-1": lambda size: size - 1}
SHORT = ["--retry-for", "1"]


def each_once(action):
    """The first request for each path does this; the next ones are answered correctly."""
    seen = set()

    def act(exchange):
        if exchange.request.path in seen:
            return exchange.default()
        seen.add(exchange.request.path)
        return action(exchange)
    return act


# -- resets and ends at every class of offset, once and for ever, on both sides
for label, offset in OFFSETS.items():
    for rst in (True, False):
        kind = "reset" if rst else "end"
        TABLE(f"download-{kind}-at-{label}-once", 0,
              lambda c, o=offset, r=rst: c.src.on("GET", BIG, each_once(hostile.how(cut_after=o, rst=r))))
        TABLE(f"upload-{kind}-at-{label}-once", 0,
              lambda c, o=offset, r=rst: c.dst.on("PUT", UPLOAD_PUT, hostile.drop_in_request(o, r), hits=1))
    TABLE(f"download-reset-at-{label}-for-ever", 4,
          lambda c, o=offset: c.src.on("GET", BIG, hostile.how(cut_after=o, rst=True)), options=SHORT)
    TABLE(f"upload-reset-at-{label}-for-ever", 4,
          lambda c, o=offset: c.dst.on("PUT", UPLOAD_PUT, hostile.drop_in_request(o, True)), options=SHORT)
for label, method, path, where in [
        ("manifest-get", "GET", BY_DIGEST, "src"), ("manifest-head", "HEAD", MANIFEST, "src"),
        ("upload-post", "POST", UPLOAD_POST, "dst"), ("manifest-put", "PUT", MANIFEST, "dst"),
        ("blob-touch", "GET", "/blobs/", "dst")]:
    TABLE(f"no-answer-to-a-{label}-once", 0,
          lambda c, m=method, p=path, w=where: getattr(c, w).on(m, p, hostile.drop(rst=True), hits=1))
    TABLE(f"no-answer-to-a-{label}-for-ever", 4,
          lambda c, m=method, p=path, w=where: getattr(c, w).on(m, p, hostile.drop()), options=SHORT)
TABLE("manifest-put-done-but-not-answered", 0,
      dst("PUT", MANIFEST, lambda e: (e.default(), hostile.drop(rst=True)(e))[1], hits=1))
TABLE("upload-done-but-not-answered", 0,
      dst("PUT", UPLOAD_PUT, lambda e: (e.default(), hostile.drop(rst=True)(e))[1], hits=1))

# -- stalls: --timeout is 2 seconds
TABLE("stall-before-the-answer", 4, src("GET", BY_DIGEST, hostile.how(delay_s=30)), options=SHORT, max_s=25)
TABLE("stall-in-a-manifest", 4, src("GET", BY_DIGEST, hostile.how(stall_after=10)), options=SHORT, max_s=25)
TABLE("stall-in-a-blob-once", 0, src("GET", BIG, hostile.how(stall_after=1000), hits=1), max_s=25)
TABLE("stall-in-a-blob-for-ever", 4, src("GET", BIG, hostile.how(stall_after=1000)), options=SHORT, max_s=30)
TABLE("one-byte-at-a-time", 4, src("GET", BIG, hostile.how(drip=(1, 0.3))), options=SHORT, max_s=30)


def stalled_upload(c):
    """Larger than what sockets hold: a smaller body would be sent, and only the answer missing."""
    def act(exchange):
        return hostile.stall_in_request(100)(exchange) if exchange.body_length > 1 << 20 else exchange.default()
    c.put_source(images.small(7, layers=1, layer_bytes=24 << 20))
    c.dst.on("PUT", UPLOAD_PUT, act)


TABLE("stall-in-an-upload", 4, stalled_upload, options=SHORT, max_s=35)

# -- 5xx and 4xx series
for status in (408, 500, 502, 503, 504):
    TABLE(f"{status}-twice-on-a-blob-get", 0, src("GET", BIG, hostile.error(status), hits=(1, 2)))
    TABLE(f"{status}-twice-on-an-upload", 0, dst("PUT", UPLOAD_PUT, hostile.error(status), hits=(1, 2)))
    TABLE(f"{status}-twice-on-a-manifest-put", 0, dst("PUT", MANIFEST, hostile.error(status), hits=(1, 2)))
TABLE("500-for-ever-at-the-source", 4, src("*", "^/v2/", hostile.error(500)), options=SHORT)
TABLE("503-for-ever-at-the-destination", 4, dst("*", "^/v2/", hostile.error(503)), options=SHORT)
TABLE("500-for-ever-on-manifest-put", 4, dst("PUT", MANIFEST, hostile.error(500)), options=SHORT)
TABLE("418", 1, dst("POST", UPLOAD_POST, hostile.error(418)))


# -- Retry-After in all its shapes: waited for at most a little, never ignored for good, never taken for ever
def throttled(headers, body=b"", status=429):
    return src("GET", BIG, hostile.answer(status, body, headers), hits=(1, 2))


def at(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


SHAPES = {"seconds": "1", "zero": "0", "fraction": "0.5", "date-in-the-past": at(-3600), "go-duration": "985.86us",
          "go-milliseconds": "300ms", "unix-time-in-the-past": str(int(time.time()) - 5), "negative": "-5",
          "garbage": "soon", "empty": "", "two-numbers": "1 2", "huge-negative": "-99999999999999999999", "nan": "nan"}
for label, value in SHAPES.items():
    TABLE(f"retry-after-{label}", 0, throttled([("Retry-After", value)]))
TABLE("retry-after-date", 0, lambda c: throttled([("Retry-After", at(2))])(c))
TABLE("retry-after-unix-time", 0, lambda c: throttled([("Retry-After", str(int(time.time()) + 2))])(c))
TABLE("retry-after-missing", 0, throttled([]))
TABLE("retry-after-x-header", 0, lambda c: throttled([("X-Retry-After", str(int(time.time()) + 1))])(c))
TABLE("retry-after-in-the-body", 0, throttled(
    [], b'{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 985.86us, allowed: 44000/minute"}]}'))
TABLE("retry-after-with-503", 0, throttled([("Retry-After", "1")], status=503))


def slowed_down(c, result):
    """Everybody waits: after the first 429 there is no burst of further requests."""
    first = next(r for r in c.src.log if r.status == 429)
    waited = [r for r in c.src.log if r.seq > first.seq and r.status == 429]
    assert len(waited) <= 8 and result.seconds >= 0.9, (waited, result.seconds)


TABLE("429-is-waited-for", 0, throttled([("Retry-After", "1")]), slowed_down)
TABLE("429-for-ever", 4, src("GET", BIG, hostile.answer(429)), options=SHORT, max_s=25)
TABLE("429-on-everything-at-first", 0, lambda c: [
    server.on("*", "^/v2/", hostile.answer(429, headers=[("Retry-After", "0.2")]), hits=(1, 2, 3))
    for server in (c.src, c.dst)])
TABLE("ratelimit-headers-that-lie", 0, src("*", "^/v2/", hostile.with_headers(
    ("RateLimit-Limit", "x;w="), ("RateLimit-Remaining", "-99999999999999999999;w=1"))))
