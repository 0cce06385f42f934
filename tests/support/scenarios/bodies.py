# SPDX-License-Identifier: Apache-2.0
"""Bytes that lie: wrong digests, lengths, ranges, encodings; endless and unreadable answers (S15, S16, S19, S27, S30).
"""

from .. import hostile
from . import BLOB, BY_DIGEST, BY_TAG, MANIFEST, REFERRERS, SOURCE, TARGET, UPLOAD_POST, UPLOAD_PUT, Table

TABLE = Table()
BIG = rf"/v2/{SOURCE}/blobs/"
STORED = rf"/v2/{TARGET}/blobs/sha256"


def src(method, path, action, hits=None):
    return lambda c: c.src.on(method, path, action, hits)


def dst(method, path, action, hits=None):
    return lambda c: c.dst.on(method, path, action, hits)


def body(function):
    """The correct answer with another body."""
    def apply(response, _exchange):
        response.body = function(response.body)
    return hostile.change(apply)


# -- blobs of the source
TABLE("blob-first-byte-wrong", 5, src("GET", BIG, hostile.flip(0)))
TABLE("blob-last-byte-wrong", 5, src("GET", BIG, hostile.flip(-1)))
TABLE("blob-wrong-once", 0, src("GET", BIG, hostile.flip(0), hits=1))
TABLE("blob-one-byte-short", 5, src("GET", BIG, body(lambda b: b[:-1])))
TABLE("blob-one-byte-long", 5, src("GET", BIG, body(lambda b: b + b"x")))
TABLE("blob-empty", 5, src("GET", BIG, body(lambda b: b"")))
TABLE("blob-another-blob", 5, src("GET", BIG, body(lambda b: b[::-1])))
TABLE("blob-without-length-and-end", 5, src("GET", BIG, hostile.endless()))
TABLE("blob-of-1-tib", 5, src("GET", BIG, hostile.endless(length=1 << 40)))
TABLE("blob-length-too-large", 5, src("GET", BIG, hostile.how(length=lambda size: size + 10, close=True)))
TABLE("blob-length-too-small", 5, src("GET", BIG, hostile.how(length=lambda size: size - 10, close=True)))
TABLE("blob-without-length", 0, src("GET", BIG, hostile.how(length=None)))
TABLE("blob-gzip-encoded", 1, src("GET", BIG, hostile.with_headers(("Content-Encoding", "gzip"))))
TABLE("blob-wrong-digest-header", 0,
      src("GET", BIG, hostile.with_headers(("Docker-Content-Digest", "sha256:" + "0" * 64))))
TABLE("blob-404", 1, src("GET", BIG, hostile.error(404, "BLOB_UNKNOWN")))
TABLE("blob-200-with-html", 5, src("GET", BIG, hostile.answer(200, "<html>maintenance</html>")))
TABLE("blob-204", 1, src("GET", BIG, hostile.answer(204)))
TABLE("blob-206-unasked", 1, src("GET", BIG, hostile.change(lambda r, _e: setattr(r, "status", 206))))

# -- resumed downloads
HALF = hostile.how(cut_after=lambda size: size // 2)


def resumed(action):
    """The first GET of each blob breaks in the middle; what follows does this."""
    def setup(c):
        seen = set()

        def act(exchange):
            if exchange.request.path not in seen:
                seen.add(exchange.request.path)
                return HALF(exchange)
            return action(exchange)
        c.src.on("GET", BIG, act)
    return setup


def used_range(c, _result):
    assert [r for r in c.src.asked("GET", BIG) if r.header("Range")], "nothing was resumed"


def whole(exchange):
    """Range is ignored: 200 and all of it."""
    exchange.request.headers = [h for h in exchange.request.headers if h[0].lower() != "range"]
    return exchange.default()


TABLE("resume-good", 0, resumed(hostile.normal), used_range)
TABLE("resume-ignored-range", 0, resumed(whole))
TABLE("resume-416", 0, resumed(lambda e: hostile.answer(416)(e) if e.request.header("Range") else e.default()))
TABLE("resume-other-range", 0, resumed(hostile.change(
    lambda r, _e: r.set("Content-Range", "bytes 0-9/70000") if r.status == 206 else None)))
TABLE("resume-range-without-header", 1, resumed(hostile.with_headers(("Content-Range", None))))
TABLE("resume-other-bytes", 5, resumed(hostile.flip(-1)))
TABLE("resume-other-total", 1, resumed(hostile.change(
    lambda r, _e: r.set("Content-Range", dict(r.headers)["Content-Range"].split("/")[0] + "/5")
    if "Content-Range" in dict(r.headers) else None)))

# -- manifests
TABLE("manifest-one-bit-wrong", 5, src("GET", BY_DIGEST, hostile.flip(5)))
TABLE("manifest-cut-short", 5, src("GET", BY_DIGEST, body(lambda b: b[:-20])))
TABLE("manifest-without-end", 1, src("GET", MANIFEST, hostile.endless(
    headers=[("Content-Type", "application/vnd.oci.image.index.v1+json")])))
TABLE("manifest-length-1-tib", 1, src("GET", MANIFEST, hostile.endless(length=1 << 40)))
TABLE("manifest-head-lies-about-the-digest", 1, src("*", BY_TAG, hostile.change(
    lambda r, _e: r.set("Docker-Content-Digest", "sha256:" + "1" * 64))))
TABLE("manifest-head-without-digest", 0, src("*", MANIFEST, hostile.with_headers(("Docker-Content-Digest", None))))
TABLE("manifest-head-digest-is-a-path", 0, src("HEAD", BY_TAG, hostile.with_headers(
    ("Docker-Content-Digest", "sha256:../../../etc/passwd"))))
TABLE("manifest-head-405", 0, src("HEAD", BY_TAG, hostile.error(405, "UNSUPPORTED")))
TABLE("manifest-head-without-length", 0, src("HEAD", BY_TAG, hostile.with_headers(("Content-Length", "0"))))
TABLE("manifest-404", 1, src("*", MANIFEST, hostile.error(404, "MANIFEST_UNKNOWN")))
TABLE("manifest-two-digest-headers", 0, src("*", BY_TAG, hostile.change(
    lambda r, _e: r.headers.append(("Docker-Content-Digest", "sha256:" + "2" * 64)))))

# -- the destination lies about what it has
TABLE("stored-blob-vanishes", 5, dst("PUT", UPLOAD_PUT, hostile.answer(201)))


def keep_short(c):
    """201, but the last byte is not kept."""
    def act(exchange):
        response = exchange.default()
        blobs = c.dst.repository(TARGET).blobs
        for digest in blobs:
            blobs[digest] = blobs[digest][:10]
        return response
    c.dst.on("PUT", UPLOAD_PUT, act)


TABLE("stored-blob-is-cut", 5, keep_short, may_differ=True)
TABLE("claimed-blob-is-short", 5, lambda c: (c.fill_destination(cut=True),
                                             c.dst.on("PUT", UPLOAD_PUT, hostile.answer(201))))
TABLE("claimed-blob-is-short-and-heals", 0, lambda c: c.fill_destination(cut=True))


def touch_lies(c):
    """A last byte can be had of blobs that are not there: the manifest is refused, and they are sent after all."""
    def act(exchange):
        digest = exchange.request.path.rsplit("/", 1)[1]
        data = c.content.blobs.get(digest, b"")
        if digest in c.dst.repository(TARGET).blobs:
            return exchange.default()
        return hostile.Response(206, [("Content-Range", f"bytes {len(data) - 1}-{len(data) - 1}/{len(data)}")], data[-1:])
    c.dst.on("GET", STORED, act)


TABLE("touch-of-blobs-that-are-not-there", 0, touch_lies)
# What is sent again is read to the end then, and that is right.
TABLE("touch-tells-another-length", 0, dst("GET", STORED, hostile.change(
    lambda r, _e: r.set("Content-Range", "bytes 4-4/5") if r.status == 206 else None)))
TABLE("touch-range-ignored", 0, dst("GET", STORED, whole), second=True)
TABLE("touch-answers-416", 5, dst("GET", STORED, hostile.answer(416)), second=True)
TABLE("touch-answers-500", 5, dst("GET", STORED, hostile.error(500)), second=True)
TABLE("manifest-put-keeps-other-bytes", 5, dst("GET", rf"/v2/{TARGET}/manifests/sha256", hostile.flip(3)))
TABLE("manifest-put-answers-other-digest", 5, dst("PUT", MANIFEST, hostile.with_headers(
    ("Docker-Content-Digest", "sha256:" + "3" * 64))))
TABLE("manifest-put-says-201-and-keeps-nothing", 5, dst("PUT", BY_DIGEST, hostile.answer(201)))
TABLE("tag-put-says-201-and-keeps-nothing", 4, dst("PUT", BY_TAG, hostile.answer(201)))
TABLE("tag-put-500-but-done", 0, dst("PUT", BY_TAG, lambda e: (e.default(), hostile.error(500)(e))[1], hits=1))
TABLE("manifest-put-202", 1, dst("PUT", BY_DIGEST, hostile.change(lambda r, _e: setattr(r, "status", 202))))
TABLE("manifest-put-413", 1, dst("PUT", MANIFEST, hostile.error(413, "SIZE_INVALID")))
TABLE("manifest-blob-unknown-for-ever", 5, dst("PUT", MANIFEST, hostile.error(400, "MANIFEST_BLOB_UNKNOWN")))
TABLE("manifest-blob-unknown-once", 0, dst("PUT", MANIFEST, hostile.error(400, "MANIFEST_BLOB_UNKNOWN"), hits=1))
TABLE("upload-digest-invalid", 5, dst("PUT", UPLOAD_PUT, hostile.error(400, "DIGEST_INVALID")))
TABLE("upload-digest-invalid-once", 0, dst("PUT", UPLOAD_PUT, hostile.error(400, "DIGEST_INVALID"), hits=1))
TABLE("upload-session-unknown-once", 0, dst("PUT", UPLOAD_PUT, hostile.error(404, "BLOB_UPLOAD_UNKNOWN"), hits=1))
TABLE("upload-405", 1, dst("POST", UPLOAD_POST, hostile.answer(405, "Method not allowed")))
TABLE("upload-no-space", 1,
      dst("PUT", UPLOAD_PUT, hostile.error(500, "UNKNOWN", "write /var/lib: no space left on device")))
TABLE("upload-413", 1, dst("PUT", UPLOAD_PUT, hostile.early(413, b"too large")))
TABLE("upload-201-before-the-body", 1, dst("PUT", UPLOAD_PUT, hostile.early(201)))
TABLE("upload-403-before-the-body", 8, dst("PUT", UPLOAD_PUT, hostile.early(403)))
TABLE("upload-500-before-the-body", 4, dst("PUT", UPLOAD_PUT, hostile.early(500)))
TABLE("post-answers-201", 1, dst("POST", UPLOAD_POST, hostile.answer(201, headers=[("Location", "/x")])))
TABLE("post-answers-200", 1, dst("POST", UPLOAD_POST, hostile.answer(200)))

# -- error bodies that are none
EVIL = "\x1b[2J\x1b]52;c;ZXZpbA==\x07\x1b]0;title\x07\u202e\u0085\r\nsafeport: all is well\n::error::injected\n"
for label, data in {
        "html": b"<html><body><h1>502 Bad Gateway</h1></body></html>", "empty": b"", "binary": bytes(range(256)) * 8,
        "escape-sequences": EVIL.encode(), "json-escape-sequences": None,
        "bad-utf8": b'{"errors":[{"code":"\xff\xfe"}]}',
        "deep": b'{"errors":' * 50_000, "not-a-list": b'{"errors":7}', "array": b"[]", "null": b"null",
        "codes-are-numbers": b'{"errors":[{"code":5,"message":[],"detail":null}]}', "megabytes": b"x" * (3 << 20),
        "nul": b'{"errors":[{"code":"A\\u0000B","message":"\\u0000"}]}'}.items():
    if data is None:
        import json
        data = json.dumps({"errors": [{"code": EVIL, "message": EVIL * 30, "detail": EVIL}]}).encode()
    TABLE(f"error-body-{label}", 1, dst("POST", UPLOAD_POST, hostile.answer(400, data)))
TABLE("error-body-without-end", 1, dst("POST", UPLOAD_POST, hostile.endless(status=400)))
TABLE("warning-header-with-escapes", 1,
      src("*", "^/v2/", hostile.with_headers(("Warning", '299 - "\x1b[31mred\x1b[0m"'))))

# -- HTTP that is none. Where it looks like a line that broke, it is tried again (4); else it is no answer (1).
BROKEN = ("nothing", "status-999", "bad-chunk", "huge-chunk")
for label, data in {
        "nothing": b"", "garbage": b"\x00\x01\x02\x03" * 50, "old": b"<html>HTTP/0.9</html>",
        "status-0": b"HTTP/1.1 000 X\r\n\r\n", "status-999": b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
        "status-text": b"HTTP/1.1 abc OK\r\n\r\n", "cut-in-the-headers": b"HTTP/1.1 200 OK\r\nContent-Le",
        "no-header-end": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000,
        "many-headers": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 3000 + b"\r\n",
        "negative-length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello!!",
        "bad-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n",
        "huge-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nhello\r\n",
        "header-nul": b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
        "continue-for-ever": b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000}.items():
    TABLE(f"http-{label}", 4 if label in BROKEN else 1, src("GET", BY_DIGEST, hostile.raw(data)))
TABLE("referrers-html", 0, lambda c: (setattr(c.src, "referrers", True),
                                           c.src.on("GET", REFERRERS, hostile.answer(200, "<html>"))))
TABLE("referrers-without-end", 1, lambda c: (setattr(c.src, "referrers", True),
                                                  c.src.on("GET", REFERRERS, hostile.endless())))
TABLE("referrers-500", 4, lambda c: c.src.on("GET", REFERRERS, hostile.error(500)))
