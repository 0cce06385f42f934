# SPDX-License-Identifier: Apache-2.0
"""sync to a registry that answers 201 and has nothing, or less: no tag may name that, however many blobs were good."""

import json
import urllib.parse

import pytest

from support import images, wire
from support.scenarios import UPLOAD_PUT

TAGS, LATE = 60, 100  # of more than 120 small blobs


class Liar:
    """Says 201 to all and, of the LATEth blob that it is sent, keeps `keep` bytes, the first `times` times."""

    def __init__(self, server, keep, times):
        self.blobs, self.keep, self.times = server.repository("backup/app").blobs, keep, times
        self.taken, self.digest = 0, None
        server.on("PUT", UPLOAD_PUT, self.take)

    def take(self, exchange):
        response = exchange.default()
        digest = urllib.parse.parse_qs(exchange.request.query)["digest"][0]
        self.taken += 1
        if self.taken == LATE:
            self.digest = digest
        if digest == self.digest and self.times > 0:
            self.times -= 1
            data = self.blobs.pop(digest)
            if self.keep:
                self.blobs[digest] = data[:self.keep]
        return response


@pytest.fixture
def sync(port, start, hostile_server, tmp_path):
    """Runs a cold sync of TAGS tags; answers the --json document, what was to be copied, and the backup."""
    def run(keep, times, status):
        primary, server = start("primary"), hostile_server(careless=True)
        content = images.Content()
        for number in range(TAGS):
            content.merge(images.small(number, tag=f"1.0.{number}", layers=2, layer_bytes=500))
        wire.Wire.to(primary).put_image("src/app", content)
        liar = Liar(server, keep, times)
        file = tmp_path / "safeport.yaml"
        file.write_text(json.dumps({"version": 1, "record": False, "images": {
            "app": {"primary": f"{primary.host}/src/app", "backups": [f"{server.host}/backup/app"]}}}))
        done = port.run("sync", "--config", file, "--json", status=status)
        assert liar.digest in content.blobs and liar.taken > LATE
        return json.loads(done.stdout), content, server, liar
    return run


def blobs_of(content, digest):
    document = json.loads(content.manifests[digest][1])
    return [document["config"]["digest"], *(layer["digest"] for layer in document["layers"])]


@pytest.mark.parametrize("keep", [0, 7], ids=["nothing", "short"])
def test_lost_late_blob_is_sent_again(sync, keep):
    document, content, server, _ = sync(keep, 1, 0)
    assert document["totals"]["tags"]["copied"] == TAGS
    assert server.repository("backup/app").tags == content.tags
    assert server.repository("backup/app").blobs == content.blobs


@pytest.mark.parametrize("keep", [0, 7], ids=["nothing", "short"])
def test_no_tag_names_a_late_blob_that_is_not_kept(sync, keep):
    document, content, server, liar = sync(keep, 10 ** 6, 5)
    hurt = {tag for tag, digest in content.tags.items() if liar.digest in blobs_of(content, digest)}
    assert len(hurt) == 1
    assert set(server.repository("backup/app").tags) == set(content.tags) - hurt
    failed = [change for change in document["images"][0]["places"][0]["changes"] if change["result"] == "failed"]
    assert {change["tag"] for change in failed} == hurt and liar.digest in failed[0]["error"]["message"]
