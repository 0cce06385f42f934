# SPDX-License-Identifier: Apache-2.0
"""Layers that registries do not store (nondistributable, with a URL of somebody's): such an image cannot be backed up
whole, and that is no damage that building it anew would mend."""

import json

import pytest

from support import images

FOREIGN = images.DOCKER + "image.rootfs.foreign.diff.tar.gzip"
NONDISTRIBUTABLE = images.OCI + "layer.nondistributable.v1.tar+gzip"


@pytest.mark.parametrize(("media_type", "docker"), [(FOREIGN, True), (NONDISTRIBUTABLE, False)])
@pytest.mark.parametrize("lost", [False, True])
def test_it_is_called_what_it_is(port, hostile_server, tmp_path, media_type, docker, lost):
    """lost: an ordinary layer is missing, too, which is damage."""
    data, content, primary = b"kept elsewhere", images.Content(), hostile_server(careless=True)
    content.add_image([{"mediaType": media_type, "digest": images.digest_of(data), "size": len(data),
                        "urls": ["https://127.0.0.1:1/layer"]}, b"a layer of its own"], tag="latest", docker=docker)
    if lost:
        del content.blobs[images.digest_of(b"a layer of its own")]
    primary.fill("src/app", content)
    file = tmp_path / "safeport.yaml"
    file.write_text(json.dumps({"version": 1, "images": {"app": {
        "primary": f"{primary.host}/src/app", "backups": ["vault:app"]}}}))
    assert "nondistributable" in port.run("sync", "--config", file, status=1).text or lost
    report = json.loads(port.run("verify", "--json", "--config", file, status=1).stdout)["images"][0]
    said = " ".join(report["notes"])
    assert ("kept elsewhere (nondistributable)" in said) is not lost
    assert ("build it anew" in said) is lost
