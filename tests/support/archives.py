# SPDX-License-Identifier: Apache-2.0
"""Archives of images, good ones in the shapes that engines write, and the blocks of a tar to make bad ones of."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile

from . import images

BLOCK = 512


def hex_of(data):
    return hashlib.sha256(data).hexdigest()


def layer(seed, size=30_000):
    """A layer as it lies in a file system: an uncompressed tar of a file that compresses somewhat."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        data = (images.random_bytes(seed, size // 2) + b"some text that repeats " * (size // 46))[:size]
        info = tarfile.TarInfo(f"srv/file{seed}")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Image:
    """layers: uncompressed tars."""

    def __init__(self, layers, names=("acme/app:v1",), architecture="amd64"):
        self.layers, self.names = layers, list(names)
        self.diff_ids = ["sha256:" + hex_of(one) for one in layers]
        self.config = images.dump({"architecture": architecture, "os": "linux", "created": "2026-01-01T00:00:00Z",
                                   "config": {"Cmd": ["/bin/true"]}, "history": [{"created_by": "test"}] * len(layers),
                                   "rootfs": {"type": "layers", "diff_ids": self.diff_ids}})
        self.id = hex_of(self.config)


# -- blocks

def number(value, width):
    return b"%0*o\0" % (width - 1, value)


def base256(value, width=12):
    """As GNU tar writes what octal cannot hold; negative ones too."""
    if value >= 0:
        return b"\x80" + value.to_bytes(width - 1, "big")
    return (value % (1 << (8 * width))).to_bytes(width, "big")


def header(name, size=0, kind=b"0", link=b"", *, raw_size=None, prefix=b"", checksum=None):
    """One header block, whatever is asked for. raw_size: the 12 bytes of the field."""
    name, link = (x.encode() if isinstance(x, str) else x for x in (name, link))
    block = bytearray(BLOCK)
    block[0:100] = name[:100].ljust(100, b"\0")
    block[100:108] = number(0o644, 8)
    block[108:116] = block[116:124] = number(0, 8)
    block[124:136] = raw_size or number(size, 12)
    block[136:148] = number(0, 12)
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[157:257] = link[:100].ljust(100, b"\0")
    block[257:265] = b"ustar\x0000"
    block[345:500] = prefix.ljust(155, b"\0")
    block[148:156] = b"%06o\0 " % (sum(block) if checksum is None else checksum)
    return bytes(block)


def padded(data):
    return data + b"\0" * (-len(data) % BLOCK)


def member(name, data=b"", **more):
    return header(name, len(data), **more) + padded(data)


def pax(records, **lengths):
    """An extended header in front of the next member. records: [(key, value)]; a length may be a lie."""
    text = b""
    for key, value in records:
        body = b" %s=%s\n" % (key.encode(), value if isinstance(value, bytes) else str(value).encode())
        size = len(body) + 1
        while len(str(size)) + len(body) != size:
            size += 1
        text += str(lengths.get("length", size)).encode() + body
    return header("PaxHeaders/x", len(text), kind=b"x") + padded(text)


def long_name(name):
    """GNU's way to a name of any length."""
    data = name.encode() + b"\0"
    return header("././@LongLink", len(data), kind=b"L") + padded(data)


END = b"\0" * (2 * BLOCK)


# -- good archives

def entry(image, layers, config=None):
    return {"Config": config or f"{image.id}.json", "RepoTags": image.names, "Layers": layers}


def classic(*many):
    """docker save of engines before 25: ID/layer.tar are files."""
    parts, entries, seen = [], [], set()
    for image in many:
        paths = []
        for i, data in enumerate(image.layers):
            name = hex_of(b"id" + data)
            paths.append(f"{name}/layer.tar")
            if name in seen:
                continue
            seen.add(name)
            parts += [header(f"{name}/", kind=b"5"), member(f"{name}/VERSION", b"1.0"),
                      member(f"{name}/json", b'{"id":"%s"}' % name.encode()), member(f"{name}/layer.tar", data)]
        parts.append(member(f"{image.id}.json", image.config))
        entries.append(entry(image, paths))
    legacy = {}
    for image in many:
        for name in image.names:
            repository, tag = name.rsplit(":", 1)
            legacy.setdefault(repository, {})[tag] = "0" * 64
    return b"".join(parts) + member("manifest.json", images.dump(entries)) + member(
        "repositories", images.dump(legacy)) + END


def linked(image):
    """podman save and skopeo: HEX.tar, and ID/layer.tar as symbolic links to them."""
    parts, paths = [], []
    for data in image.layers:
        parts.append(member(f"{hex_of(data)}.tar", data))
        name = hex_of(b"id" + data)
        parts.append(header(f"{name}/layer.tar", kind=b"2", link=f"../{hex_of(data)}.tar"))
        paths.append(f"{name}/layer.tar")
    return b"".join(parts) + member(f"{image.id}.json", image.config) + member(
        "manifest.json", images.dump([entry(image, paths)])) + END


def hard_linked(image):
    """The same layer twice in a tar that was made by tar(1): the second is a hard link."""
    first, *rest = image.layers
    parts, paths = [member("0/layer.tar", first)], ["0/layer.tar"]
    for i, data in enumerate(rest, 1):
        assert data == first
        parts.append(header(f"{i}/layer.tar", kind=b"1", link="0/layer.tar"))
        paths.append(f"{i}/layer.tar")
    return b"".join(parts) + member(f"{image.id}.json", image.config) + member(
        "manifest.json", images.dump([entry(image, paths)])) + END


def layout_members(content, index):
    """blobs/sha256/... of an images.Content, and index.json with these entries."""
    parts = [member("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), header("blobs/", kind=b"5"),
             header("blobs/sha256/", kind=b"5")]
    blobs = {**content.blobs, **{d: data for d, (_, data) in content.manifests.items()}}
    parts += [member(f"blobs/sha256/{d[7:]}", data) for d, data in sorted(blobs.items())]
    document = {"schemaVersion": 2, "mediaType": images.INDEX, "manifests": index}
    return parts + [member("index.json", images.dump(document))]


def named(descriptor, name):
    return {**descriptor, "annotations": {"io.containerd.image.name": f"docker.io/{name}",
                                          "org.opencontainers.image.ref.name": name.rsplit(":", 1)[1]}}


def engine25(image):
    """docker save of engines 25 and later with the classic store: a layout whose blobs are uncompressed layers, named
    by their diffIDs, with a manifest of the engine's making, and manifest.json that names the same files."""
    content = images.Content()
    config = content.add_blob(images.CONFIG, image.config)
    layers = [content.add_blob(images.OCI + "layer.v1.tar", data) for data in image.layers]
    manifest = content.add_manifest(images.MANIFEST, {"schemaVersion": 2, "mediaType": images.MANIFEST,
                                                      "config": config, "layers": layers})
    paths = [f"blobs/sha256/{one['digest'][7:]}" for one in layers]
    document = [{**entry(image, paths, f"blobs/sha256/{image.id}"),
                 "LayerSources": {one["digest"]: one for one in layers}}]
    return b"".join(layout_members(content, [named(manifest, image.names[0])])) + member(
        "manifest.json", images.dump(document)) + END


def gzipped(data):
    return gzip.compress(data, 6, mtime=0)


def with_blobs_of(image, content, pack=gzipped):
    """Adds the image with compressed layers to content; answers its manifest's descriptor."""
    config = content.add_blob(images.CONFIG, image.config)
    layers = [content.add_blob(images.LAYER, pack(data)) for data in image.layers]
    return content.add_manifest(images.MANIFEST, {"schemaVersion": 2, "mediaType": images.MANIFEST, "config": config,
                                                  "layers": layers})


def containerd(here, absent=(), *, attestation=False):
    """docker save of engines with containerd's store: compressed blobs and an index. here: images by platform, of which
    the first is in manifest.json; absent: platforms that are only named. Answers (tar, index, {platform: manifest})."""
    content, children, manifests = images.Content(), [], {}
    for name, image in here.items():
        manifests[name] = with_blobs_of(image, content)
        children.append({**manifests[name], "platform": images.platform(name)})
    lost = images.Content()
    for name in absent:
        manifests[name] = with_blobs_of(Image([layer(sum(name.encode()))]), lost)
        children.append({**manifests[name], "platform": images.platform(name)})
    if attestation:
        statement = lost.add_artifact("application/vnd.in-toto+json", b"{}")
        children.append({**statement, "platform": images.platform("unknown/unknown")})
    index = content.add_index(children)
    first = next(iter(here.values()))
    config, layers = (json.loads(content.manifests[next(iter(manifests.values()))["digest"]][1])[k]
                      for k in ("config", "layers"))
    document = [entry(first, [f"blobs/sha256/{one['digest'][7:]}" for one in layers],
                      f"blobs/sha256/{config['digest'][7:]}")]
    return b"".join(layout_members(content, [named(index, first.names[0])])) + member(
        "manifest.json", images.dump(document)) + END, index, manifests


def crane(image):
    """What crane and bazel write: layers compressed already, and nothing but manifest.json."""
    packed = [gzipped(data) for data in image.layers]
    return b"".join(member(f"{hex_of(one)}.tar.gz", one) for one in packed) + member(
        f"sha256:{image.id}", image.config) + member("manifest.json", images.dump(
            [entry(image, [f"{hex_of(one)}.tar.gz" for one in packed], f"sha256:{image.id}")])) + END


def oci(content):
    """An OCI archive of an images.Content with its tags."""
    entries = []
    for tag, digest in content.tags.items():
        media_type, data = content.manifests[digest]
        entries.append({"mediaType": media_type, "digest": digest, "size": len(data),
                        "annotations": {images.REF_NAME: tag}})
    for digest, (media_type, data) in content.manifests.items():
        if "subject" in json.loads(data) and digest not in content.tags.values():
            entries.append({"mediaType": media_type, "digest": digest, "size": len(data)})
    return b"".join(layout_members(content, entries)) + END


# -- other readers

def members_by_bsdtar(path):
    """{name: bytes} of the members as bsdtar sees them; a link has the bytes of what it points to."""
    listed = subprocess.run(["bsdtar", "-tvf", path], check=True, capture_output=True, text=True).stdout.splitlines()
    found = {}
    for line in listed:  # mode, links, owner, group, size, date (3 words), name
        name, _, soft = line.split(None, 8)[8].partition(" -> ")
        name, _, hard = name.partition(" link to ")
        found[name] = os.path.normpath(os.path.join(os.path.dirname(name), soft)) if soft else hard or name

    def read(name):
        return subprocess.run(["bsdtar", "-xOf", path, name], check=True, capture_output=True).stdout
    return {name: read(target) for name, target in found.items() if not name.endswith("/")}


def write(path, data):
    path.write_bytes(data)
    return path


def zstd(data, *options):
    return subprocess.run(["zstd", "-qc", *options], input=data, check=True, capture_output=True).stdout


def unpacked(blob):
    """A layer's bytes, whatever it is compressed with."""
    if blob[:2] == b"\x1f\x8b":
        return gzip.decompress(blob)
    if blob[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-qdc"], input=blob, check=True, capture_output=True).stdout
    return blob


def is_root():
    return os.geteuid() == 0
