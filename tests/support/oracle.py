# SPDX-License-Identifier: Apache-2.0
"""Second opinion: recomputes closures and digests from what is stored, and judges the order of requests. It shares no
code with safeport.

    python3 -m support.oracle layout DIR TAG        a layout, or the `_` of a vault's repository
    python3 -m support.oracle storage DIR NAME TAG  docker-registry's storage directory
    python3 -m support.oracle http HOST NAME TAG    a registry without credentials
"""

import hashlib
import json
import pathlib
import re
import sys
import urllib.parse


class Damage(AssertionError):
    """Something named is missing or is not what its digest says."""


def _hash(alg, chunks):
    hasher = hashlib.new(alg)
    size = 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
    return f"{alg}:{hasher.hexdigest()}", size


def _chunks(path):
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


class LayoutPlace:
    """An OCI image layout in a directory."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def tags(self):
        index = json.loads((self.path / "index.json").read_bytes())
        names = ((e.get("annotations") or {}).get("org.opencontainers.image.ref.name") for e in index["manifests"])
        return {name: entry["digest"] for name, entry in zip(names, index["manifests"]) if name}

    def resolve(self, tag):
        return self.tags().get(tag)

    def chunks(self, digest, _is_manifest):
        alg, hexa = digest.split(":")
        path = self.path / "blobs" / alg / hexa
        if not path.is_file():
            raise Damage(f"{digest} is missing in {self.path}")
        return _chunks(path)


class StoragePlace:
    """A repository in the storage directory of docker-registry."""

    def __init__(self, storage, name):
        self.root = pathlib.Path(storage) / "docker" / "registry" / "v2"
        self.name = name

    def _links(self):
        return self.root / "repositories" / self.name

    def tags(self):
        folder = self._links() / "_manifests" / "tags"
        return {p.name: self.resolve(p.name) for p in folder.iterdir()} if folder.is_dir() else {}

    def resolve(self, tag):
        link = self._links() / "_manifests" / "tags" / tag / "current" / "link"
        return link.read_text() or None if link.exists() else None

    def chunks(self, digest, is_manifest):
        alg, hexa = digest.split(":")
        link = self._links() / ("_manifests/revisions" if is_manifest else "_layers") / alg / hexa / "link"
        if not link.exists():
            raise Damage(f"{digest} is not linked in {self.name}")
        path = self.root / "blobs" / alg / hexa[:2] / hexa / "data"
        if not path.is_file():
            raise Damage(f"{digest} is missing in the storage")
        return _chunks(path)


class HttpPlace:
    """A repository of a registry, through a support.wire.Wire."""

    def __init__(self, wire, name):
        self.wire, self.name = wire, name

    def tags(self):
        return {tag: self.resolve(tag) for tag in self.wire.tags(self.name)}

    def resolve(self, tag):
        return self.wire.tag_digest(self.name, tag)

    def chunks(self, digest, is_manifest):
        answer = self.wire.manifest(self.name, digest) if is_manifest else self.wire.blob(self.name, digest)
        if answer.status != 200:
            raise Damage(f"{digest} is answered {answer.status}")
        return [answer.body]


def _checked(place, digest, is_manifest, size=None):
    """Reads and hashes; answers the bytes of a manifest."""
    parts = []

    def keep(chunks):
        for chunk in chunks:
            if is_manifest:
                parts.append(chunk)
            yield chunk

    found, found_size = _hash(digest.split(":")[0], keep(place.chunks(digest, is_manifest)))
    if found != digest:
        raise Damage(f"{digest} holds the bytes of {found}")
    if size is not None and size != found_size:
        raise Damage(f"{digest} has {found_size} bytes, {size} were declared")
    return b"".join(parts)


def closure(place, digest):
    """Checks everything that an image names; answers (manifests, blobs) as sets of digests."""
    manifests, blobs, waiting = set(), {}, [(digest, None)]
    while waiting:
        current, size = waiting.pop()
        if current in manifests:
            continue
        document = json.loads(_checked(place, current, True, size))
        manifests.add(current)
        waiting += [(child["digest"], child["size"]) for child in document.get("manifests", [])]
        for blob in [document.get("config"), *document.get("layers", [])]:
            if blob:
                blobs[blob["digest"]] = blob["size"]
    for blob, size in blobs.items():
        _checked(place, blob, False, size)
    return manifests, set(blobs)


def check_tag(place, tag, want=None):
    """Checks the whole closure of a tag; answers its digest."""
    digest = place.resolve(tag)
    if not digest:
        raise Damage(f"tag '{tag}' is not there")
    if want and digest != want:
        raise Damage(f"tag '{tag}' names {digest}, not {want}")
    closure(place, digest)
    return digest


def check_all(place):
    """Every tag there: (tag -> digest). Raises on the first damage."""
    tags = place.tags()
    for tag, digest in tags.items():
        if not digest:
            raise Damage(f"tag '{tag}' is not there")
    for digest in set(tags.values()):
        closure(place, digest)
    return tags


# -- the order of requests
class Disorder(AssertionError):
    """A request came too early, or should not have come at all."""


MANIFEST = re.compile(r"^/v2/(.+)/manifests/([^/?]+)$")
EMPTY_CONFIG = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
FALLBACK_TAG = re.compile(r"^sha256-[0-9a-f]{64}$")
UPLOAD = re.compile(r"^/v2/(.+)/blobs/uploads?/")


def _is_good(status):
    return status is not None and 200 <= status < 300


def check_order(log):
    """Judges one destination's request log: (method, path, status) in the order in which they were answered.

    In every prefix `latest` is the last tag to move; a tag is put only after the last blob, after the child
    manifests, after the PUT by digest and a GET by digest; nothing but an upload session is ever deleted."""
    read_back, put_digests, tags_put = {}, {}, []
    for position, (method, path, status) in enumerate(log):
        if method == "DELETE" and not UPLOAD.match(path):
            raise Disorder(f"request {position}: DELETE {path}")
        match = MANIFEST.match(path)
        if method == "PUT" and UPLOAD.match(path) and _is_good(status) and tags_put:
            raise Disorder(f"request {position}: a blob was put after tag '{tags_put[-1][1]}'")
        if not match or not _is_good(status):
            continue
        name, reference = match.groups()
        if ":" in reference:
            if method == "PUT":
                put_digests[(name, reference)] = position
                # The lists of several subjects may be on their way at once, each as a manifest and a fallback tag.
                early = [t for n, t in tags_put if n == name and not FALLBACK_TAG.match(t)]
                if early:
                    raise Disorder(f"request {position}: manifest {reference} was put after tag '{early[-1]}'")
            if method == "GET":
                read_back[(name, reference)] = position
        elif method == "PUT":
            unread = [d for (n, d), at in put_digests.items() if n == name and read_back.get((n, d), -1) < at]
            if unread and not FALLBACK_TAG.match(reference):
                raise Disorder(f"request {position}: tag '{reference}' was put before {unread[0]} was read back")
            if not any(n == name for n, _ in read_back):
                raise Disorder(f"request {position}: tag '{reference}' was put and nothing was read back by digest")
            if any(n == name and t == "latest" for n, t in tags_put) and reference != "latest":
                raise Disorder(f"request {position}: tag '{reference}' was put after 'latest'")
            tags_put.append((name, reference))
    return [tag for _, tag in tags_put]


HISTORY_TAG, RECORD_TAG = re.compile(r"^safeport-(.+)-\d{8}T\d{6}Z$"), "safeport-record"


def check_sync_order(log, content):
    """Judges what one run of sync asked of one backup: (method, path, query, status). content: a support.images.Content
    with all that the primary has and had; what it does not know is the record.

    A tag is put only after everything in its image was put and read back by digest; a moving tag only after the digest that
    it leaves has a history tag, where one is made in this run; `latest` after every other tag, the record last of all."""
    read_back, tags_put = {}, []
    for position, (method, path, query, status) in enumerate(log):
        if method == "DELETE" and not UPLOAD.match(path):
            raise Disorder(f"request {position}: DELETE {path}")
        match = MANIFEST.match(path)
        digest = match[2] if match else (urllib.parse.parse_qs(query).get("digest") or [None])[0]
        if method == "PUT" and _is_good(status) and digest and ":" in digest:
            late = [tag for tag, _, content_of in tags_put if digest in content_of]
            if late:
                raise Disorder(f"request {position}: {digest} was put after tag '{late[0]}'")
        if not match or not _is_good(status) or method not in ("GET", "PUT"):
            continue
        if method == "GET" or ":" in match[2]:
            read_back[match[2]] = position if method == "GET" else -1
            continue
        _check_tag_of_sync(match[2], position, read_back, tags_put, content)
        named = content.tags.get(match[2])
        tags_put.append((match[2], position, set(whole(content, named)) if named else set()))
    return [tag for tag, _, _ in tags_put]


def _check_tag_of_sync(tag, position, read_back, tags_put, content):
    if FALLBACK_TAG.match(tag):
        return
    earlier = [name for name, _, _ in tags_put]
    if RECORD_TAG in earlier and tag != RECORD_TAG:
        raise Disorder(f"request {position}: tag '{tag}' was put after the record")
    if "latest" in earlier and tag not in ("latest", RECORD_TAG):
        raise Disorder(f"request {position}: tag '{tag}' was put after 'latest'")
    late = [name for name in earlier if HISTORY_TAG.match(tag) and name == HISTORY_TAG.match(tag)[1]]
    if late:
        raise Disorder(f"request {position}: '{tag}' was put after '{late[0]}' had moved")
    digest = content.tags.get(tag)
    if digest and read_back.get(digest, -1) < 0:
        raise Disorder(f"request {position}: tag '{tag}' was put before {digest} was read back")


def whole(content, digest):
    """The digest and all that it names in a support.images.Content, but for the empty config, which the record has too."""
    yield digest
    document = json.loads(content.manifests[digest][1])
    for child in document.get("manifests", []):
        yield from whole(content, child["digest"])
    for blob in [document.get("config"), *document.get("layers", [])]:
        if blob and blob["digest"] != EMPTY_CONFIG:
            yield blob["digest"]


def main(arguments):
    kind, *rest = arguments
    if kind == "layout":
        place = LayoutPlace(rest[0])
    elif kind == "storage":
        place = StoragePlace(rest[0], rest[1])
    else:
        from . import wire
        place = HttpPlace(wire.Wire(rest[0]), rest[1])
    print(check_tag(place, rest[-1]))


if __name__ == "__main__":
    main(sys.argv[1:])
