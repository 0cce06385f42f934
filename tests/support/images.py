# SPDX-License-Identifier: Apache-2.0
"""Images made offline: small ones from random bytes, an index of four platforms, referrers and cosign tags, large
layers, and a real Debian."""

import copy
import fcntl
import gzip
import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import tarfile

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
INDEX, MANIFEST = OCI + "index.v1+json", OCI + "manifest.v1+json"
CONFIG, LAYER, LAYER_ZSTD = OCI + "config.v1+json", OCI + "layer.v1.tar+gzip", OCI + "layer.v1.tar+zstd"
DOCKER_LIST = DOCKER + "distribution.manifest.list.v2+json"
DOCKER_MANIFEST = DOCKER + "distribution.manifest.v2+json"
DOCKER_CONFIG, DOCKER_LAYER = DOCKER + "container.image.v1+json", DOCKER + "image.rootfs.diff.tar.gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
REF_NAME = "org.opencontainers.image.ref.name"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def random_bytes(seed, size):
    """The same bytes for the same seed."""
    return random.Random(seed).randbytes(size)


def dump(document):
    return json.dumps(document, separators=(",", ":")).encode()


def platform(text):
    system, architecture, *variant = text.split("/")
    return {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}


class Content:
    """Blobs, manifests (children first) and tags: what a repository holds."""

    def __init__(self):
        self.blobs = {}      # digest -> bytes
        self.manifests = {}  # digest -> (media type, bytes)
        self.tags = {}       # tag -> digest

    def copy(self):
        return copy.deepcopy(self)

    def merge(self, other):
        self.blobs.update(other.blobs)
        self.manifests.update(other.manifests)
        self.tags.update(other.tags)
        return self

    # -- making
    def add_blob(self, media_type, data):
        digest = digest_of(data)
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def add_manifest(self, media_type, document, tag=None):
        data = document if isinstance(document, bytes) else dump(document)
        digest = digest_of(data)
        self.manifests[digest] = (media_type, data)
        if tag:
            self.tags[tag] = digest
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def add_image(self, layers, *, tag=None, arch="linux/amd64", docker=False, annotations=None):
        """An image with these layers (bytes, or finished descriptors of blobs that are here)."""
        config = {"created": "2026-01-01T00:00:00Z", **platform(arch), "config": {},
                  "rootfs": {"type": "layers", "diff_ids": [digest_of(repr(i).encode()) for i in range(len(layers))]}}
        document = {
            "schemaVersion": 2, "mediaType": DOCKER_MANIFEST if docker else MANIFEST,
            "config": self.add_blob(DOCKER_CONFIG if docker else CONFIG, dump(config)),
            "layers": [layer if isinstance(layer, dict) else self.add_blob(DOCKER_LAYER if docker else LAYER, layer)
                       for layer in layers],
        }
        if annotations:
            document["annotations"] = annotations
        return self.add_manifest(document["mediaType"], document, tag)

    def add_index(self, children, *, tag=None, docker=False, annotations=None):
        document = {"schemaVersion": 2, "mediaType": DOCKER_LIST if docker else INDEX, "manifests": children}
        if annotations:
            document["annotations"] = annotations
        return self.add_manifest(document["mediaType"], document, tag)

    def add_artifact(self, artifact_type, data, *, subject=None, tag=None):
        """An artifact manifest, a referrer if it has a subject."""
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type,
                    "config": self.add_blob(EMPTY, b"{}"), "layers": [self.add_blob(artifact_type, data)]}
        if subject:
            document["subject"] = {k: subject[k] for k in ("mediaType", "digest", "size")}
        return self.add_manifest(MANIFEST, document, tag)

    def add_fallback_tag(self, subject):
        """The index under `sha256-<hex>` that lists the referrers of a subject where there is no referrers API."""
        entries = []
        for digest, (media_type, data) in self.manifests.items():
            document = json.loads(data)
            if document.get("subject", {}).get("digest") == subject["digest"]:
                entries.append({"mediaType": media_type, "digest": digest, "size": len(data),
                                "artifactType": document.get("artifactType", "")})
        return self.add_index(entries, tag=subject["digest"].replace(":", "-"))

    # -- layouts
    def write_layout(self, path, tags=None):
        """An OCI image layout. Manifests with a subject get an entry without a name, as the image-spec has it."""
        path = pathlib.Path(path)
        (path / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        for digest, data in [*self.blobs.items(), *((d, m[1]) for d, m in self.manifests.items())]:
            (path / "blobs" / "sha256" / digest[7:]).write_bytes(data)
        entries = []
        for tag, digest in self.tags.items():
            if tags is None or tag in tags:
                media_type, data = self.manifests[digest]
                entries.append({"mediaType": media_type, "digest": digest, "size": len(data),
                                "annotations": {REF_NAME: tag}})
        for digest, (media_type, data) in self.manifests.items():
            if "subject" in json.loads(data) and digest not in self.tags.values():
                entries.append({"mediaType": media_type, "digest": digest, "size": len(data)})
        (path / "index.json").write_bytes(dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))
        return path

    @classmethod
    def from_layout(cls, path):
        """What a layout's index.json names, children first."""
        content, path = cls(), pathlib.Path(path)

        def load(digest):
            return (path / "blobs" / "sha256" / digest[7:]).read_bytes()

        def walk(descriptor):
            data = load(descriptor["digest"])
            document = json.loads(data)
            for child in document.get("manifests", []):
                walk(child)
            for blob in [document.get("config"), *document.get("layers", [])]:
                if blob:
                    content.blobs[blob["digest"]] = load(blob["digest"])
            content.manifests[descriptor["digest"]] = (descriptor["mediaType"], data)

        for entry in json.loads((path / "index.json").read_bytes())["manifests"]:
            walk(entry)
            tag = entry.get("annotations", {}).get(REF_NAME)
            if tag:
                content.tags[tag] = entry["digest"]
        return content


# -- images that tests ask for
def small(seed=1, *, tag="latest", layers=2, layer_bytes=20_000, docker=False):
    content = Content()
    content.add_image([random_bytes((seed * 1000) + i, layer_bytes) for i in range(layers)], tag=tag, docker=docker)
    return content


PLATFORMS = ("linux/amd64", "linux/arm64/v8", "linux/arm/v7", "linux/s390x")


def multi(seed=1, *, tag="latest", layer_bytes=30_000, attestations=True, docker=False):
    """An index of four platforms that share a layer; with attestation children as BuildKit makes them."""
    content = Content()
    shared = random_bytes(seed * 1000, layer_bytes)
    children = []
    for number, name in enumerate(PLATFORMS):
        own = random_bytes(seed * 1000 + number + 1, layer_bytes)
        child = content.add_image([shared, own], arch=name, docker=docker)
        children.append({**child, "platform": platform(name)})
    if attestations and not docker:
        for child in list(children)[:2]:
            statement = content.add_artifact("application/vnd.in-toto+json", dump({"of": child["digest"]}))
            children.append({**statement, "platform": platform("unknown/unknown"),
                             "annotations": {"vnd.docker.reference.type": "attestation-manifest",
                                             "vnd.docker.reference.digest": child["digest"]}})
    content.add_index(children, tag=tag, docker=docker)
    return content


def with_referrers(seed=1, *, tag="latest", cosign=True, fallback=True):
    """An image with two referrers, one referrer of a referrer, and cosign's tag for a signature."""
    content = small(seed, tag=tag)
    digest = content.tags[tag]
    media_type, data = content.manifests[digest]
    subject = {"mediaType": media_type, "digest": digest, "size": len(data)}
    sbom = content.add_artifact("application/spdx+json", dump({"sbom": seed}), subject=subject)
    content.add_artifact("application/vnd.dev.sigstore.bundle.v0.3+json", dump({"bundle": seed}), subject=subject)
    content.add_artifact("application/vnd.test.signature", dump({"signature of sbom": seed}), subject=sbom)
    if fallback:
        content.add_fallback_tag(subject)
        content.add_fallback_tag(sbom)
    if cosign:
        content.add_artifact("application/vnd.dev.cosign.simplesigning.v1+json", dump({"sig": seed}),
                             tag=digest.replace(":", "-") + ".sig")
    return content


def write_big_layout(path, sizes, *, tag="latest", sparse=False):
    """A layout with layers of these sizes, written and hashed as a stream (sparse: holes full of zeros).
    Answers (digest of the manifest, digests of the layers)."""
    path = pathlib.Path(path)
    content = Content()
    folder = path / "blobs" / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    layers = []
    for number, size in enumerate(sizes):
        hasher = hashlib.sha256()
        part = folder / f"part{number}"
        with open(part, "wb") as file:
            if sparse:
                file.truncate(size)
            done = 0
            block = bytes(1 << 20) if sparse else random_bytes(f"{number}:{size}", 1 << 20)
            while done < size:
                head = b"" if sparse else done.to_bytes(8, "big")  # no two blocks alike
                piece = (head + block)[:min(len(block), size - done)]
                hasher.update(piece)
                if not sparse:
                    file.write(piece)
                done += len(piece)
        digest = "sha256:" + hasher.hexdigest()
        part.rename(folder / digest[7:])
        layers.append({"mediaType": LAYER, "digest": digest, "size": size})
    content.add_image(layers, tag=tag)
    content.write_layout(path)
    return content.tags[tag], [layer["digest"] for layer in layers]


# -- a real Debian
def _root_file_system(path):
    """A minimal Debian as a tar: mmdebstrap where a mirror answers, else the essential packages installed here."""
    made = subprocess.run(["mmdebstrap", "--variant=minbase", "--mode=root", "--quiet", "bookworm", str(path)],
                          capture_output=True, timeout=300)
    if made.returncode == 0:
        return
    names = subprocess.run(["dpkg-query", "-W", "-f", "${Essential} ${Package}\n"], check=True, capture_output=True,
                           text=True).stdout
    essential = [line.split()[1] for line in names.splitlines() if line.startswith("yes ")]
    files = subprocess.run(["dpkg-query", "-L", *essential], check=True, capture_output=True, text=True).stdout
    wanted = sorted({f for f in files.splitlines() if f.startswith("/") and os.path.lexists(f)})
    with tarfile.open(path, "w") as archive:
        for name in wanted:
            archive.add(name, recursive=False)


def _second_layer():
    """A few files on top, as a RUN step leaves them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(40):
            data = random_bytes(number, 40_000) + b"text " * 2000
            info = tarfile.TarInfo(f"srv/app/file{number}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def debian(cache):
    """A layout with a real Debian in three tags: `gzip` (umoci), `zstd` (skopeo), `mixed` (a layer of each).
    Made once, under `cache`; takes about a minute, for which others who need it wait."""
    cache = pathlib.Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    done = cache / "debian-2"
    with open(cache / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_dir():
            _make_debian(cache / "debian-work", done)
    return done


def _make_debian(work, done):
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    _root_file_system(work / "root.tar")

    def run(*command):
        subprocess.run(command, cwd=work, check=True, capture_output=True)

    run("umoci", "init", "--layout", "img")
    run("umoci", "new", "--image", "img:gzip")
    run("umoci", "raw", "add-layer", "--image", "img:gzip", "root.tar")
    (work / "app.tar").write_bytes(_second_layer())
    run("umoci", "raw", "add-layer", "--image", "img:gzip", "app.tar")
    run("skopeo", "copy", "--dest-compress-format", "zstd", "--dest-compress", "oci:img:gzip", "oci:zstd:zstd")
    content = Content.from_layout(work / "img")
    other = Content.from_layout(work / "zstd")
    content.merge(other)
    layers = [json.loads(content.manifests[content.tags[t]][1])["layers"] for t in ("gzip", "zstd")]
    content.add_image([layers[0][0], layers[1][1]], tag="mixed")
    content.write_layout(work / "done")
    (work / "done").rename(done)
    shutil.rmtree(work, ignore_errors=True)
