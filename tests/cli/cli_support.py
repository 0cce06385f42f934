# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: the program, its commands and options as it lists them itself."""

import hashlib
import json
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAFEPORT = pathlib.Path(os.environ.get("SAFEPORT", ROOT / "build" / "safeport"))
BUILD = SAFEPORT.resolve().parent.parent if SAFEPORT.is_symlink() else SAFEPORT.parent


def clean_env(**more):
    """An environment in which nothing of this machine's shows through."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    env.update(more)
    return env


def list_section(heading):
    """The words that `safeport help` lists under a heading."""
    text = subprocess.run([str(SAFEPORT), "help"], env=clean_env(), capture_output=True, text=True, check=True).stdout
    section = text.split(f"\n{heading}:\n", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^  (\S+)", section, flags=re.M)


COMMANDS = list_section("commands")
TOPICS = list_section("topics")


def blob(layout, content):
    """Stores bytes in a layout; answers (digest, size)."""
    digest = hashlib.sha256(content).hexdigest()
    path = layout / "blobs" / "sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return "sha256:" + digest, len(content)


def descriptor(layout, content, media_type, **more):
    digest, size = blob(layout, content)
    return {"mediaType": media_type, "digest": digest, "size": size, **more}


OCI = "application/vnd.oci.image."


def make_image(layout, tags, seed="x", layers=2, size=20000):
    """Writes an OCI image layout with one small image under these tags (None: an entry without a name); answers the
    image's digest."""
    body = [descriptor(layout, (f"{seed}{i}-" * size)[:size].encode(), OCI + "layer.v1.tar") for i in range(layers)]
    rootfs = {"type": "layers", "diff_ids": [layer["digest"] for layer in body]}
    config = {"architecture": "amd64", "os": "linux", "rootfs": rootfs}
    manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                "config": descriptor(layout, json.dumps(config).encode(), OCI + "config.v1+json"), "layers": body}
    entry = descriptor(layout, json.dumps(manifest).encode(), OCI + "manifest.v1+json")
    entries = [dict(entry, annotations={"org.opencontainers.image.ref.name": tag}) if tag else entry for tag in tags]
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return entry["digest"]


def tags_of(layout):
    """tag -> digest of a layout's index.json."""
    entries = json.loads((layout / "index.json").read_text())["manifests"]
    return {e["annotations"]["org.opencontainers.image.ref.name"]: e["digest"] for e in entries if "annotations" in e}
