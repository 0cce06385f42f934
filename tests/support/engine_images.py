# SPDX-License-Identifier: Apache-2.0
"""Images that real engines build, from root file systems as tars."""

import gzip
import json
import pathlib
import shutil
import tarfile

BUSYBOX = "/bin/busybox"
APPLETS = ("sh", "cat", "echo", "ls", "sha256sum")


def busybox_root(path):
    """A root file system of one static program and its links."""
    with tarfile.open(path, "w") as archive:
        for folder in ("bin", "tmp"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(info)
        archive.add(BUSYBOX, "bin/busybox")
        for applet in APPLETS:
            info = tarfile.TarInfo(f"bin/{applet}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(info)
    return path


def debian_root(layout, path):
    """The root file system of the Debian image that tests share."""
    layout = pathlib.Path(layout)

    def blob(digest):
        return layout / "blobs" / "sha256" / digest[7:]

    for entry in json.loads((layout / "index.json").read_bytes())["manifests"]:
        if entry["annotations"]["org.opencontainers.image.ref.name"] == "gzip":
            layer = json.loads(blob(entry["digest"]).read_bytes())["layers"][0]
            with gzip.open(blob(layer["digest"])) as packed, open(path, "wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)
            return path
    raise AssertionError("the Debian layout has no tag 'gzip'")
