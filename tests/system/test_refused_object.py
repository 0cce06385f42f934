# SPDX-License-Identifier: Apache-2.0
"""A primary that refuses one object (a quarantine, a scan that is pending): that is about this object's tags, and nothing
else waits for it. And a runner without a journal that stops at the reserve of pulls: the next one goes on there."""

import json

import pytest

from support import hostile, images, metered, oracle, wire

TAGS = 40


class Lab:
    """Tags 1.0.N of one image each; the primary is scripted, the backup real; each sync is a fresh runner's."""

    def __init__(self, port, start, folder):
        self.port, self.file = port, folder / "safeport.yaml"
        self.primary, self.backup = hostile.Hostile(), start("backup")
        self.contents = [images.small(number, tag=f"1.0.{number}", layers=1, layer_bytes=500) for number in range(TAGS)]
        for content in self.contents:
            self.primary.fill("src/app", content)
        self.write()

    def write(self, primary=None, backup=None):
        self.file.write_text(json.dumps({"version": 1, "images": {"app": {
            "primary": f"{(primary or self.primary).host}/src/app",
            "backups": [f"{(backup or self.backup).host}/backup/app"]}}}))

    def sync(self, status):
        done = self.port.run("sync", "--config", self.file, "--json", "--retry-for", "0", status=status)
        return json.loads(done.stdout)

    def there(self):
        place = oracle.StoragePlace(self.backup.storage, "backup/app")
        return {tag for tag, digest in place.tags().items() if oracle.check_tag(place, tag, digest) == digest}


@pytest.fixture
def lab(port, start, tmp_path):
    made = Lab(port, start, tmp_path)
    yield made
    made.primary.stop()


def refused(content, what):
    (digest,) = content.tags.values()
    layer = json.loads(content.manifests[digest][1])["layers"][0]["digest"]
    return {"manifest": ("GET", f"/manifests/{digest}"), "tag": ("*", f"/manifests/{next(iter(content.tags))}$"),
            "layer": ("GET", f"/blobs/{layer}")}[what]


@pytest.mark.parametrize("what, status", [
    *((what, status) for what in ("manifest", "tag", "layer") for status in (401, 403, 412, 451)),
    ("layer", 429), ("layer", 503)])  # who answers so to a manifest answers so to all
def test_only_its_own_tags_wait_for_it(lab, what, status):
    lab.primary.on(*refused(lab.contents[0], what), hostile.error(status, "DENIED", "quarantined: scan pending"))
    document = lab.sync(status=None)
    changes = {change["tag"]: change for change in document["images"][0]["places"][0]["changes"]}
    good = {f"1.0.{number}" for number in range(1, TAGS)}
    if status != 429:  # that is about all of them
        assert {tag for tag in changes if changes[tag]["result"] == "copied"} == good, document
        assert lab.there() == good | {"safeport-record"}
    assert "safeport-record" in lab.there() and document["totals"]["exit_status"] != 0


def test_a_primary_that_refuses_everything_is_not_asked_for_everything(lab):
    lab.primary.on("GET", "/manifests/sha256:", hostile.error(403, "DENIED", "no"))
    document = lab.sync(status=None)
    assert document["totals"]["exit_status"] != 0 and document["totals"]["tags"]["failed"] == TAGS


@pytest.mark.parametrize("side", ["primary", "backup"])
def test_fresh_runners_go_on_where_the_last_one_stopped_at_the_reserve(lab, start, side):
    real = start("primary")
    for content in lab.contents:
        wire.Wire.to(real).put_image("src/app", content)
    meter = metered.Metered(real if side == "primary" else lab.backup, 20, 10 ** 9)
    try:
        lab.write(*((meter, lab.backup) if side == "primary" else (real, meter)))
        left = []
        for _ in range(6):
            lab.port.run("sync", "--config", lab.file, "--retry-for", "0", status=None)
            left.append(TAGS + 1 - len(lab.there()))
            if left[-1] == 0:
                break
            assert meter.refused == 0 and len(meter.pulls) <= 16 * len(left)
            (lab.port.home / "state").rename(lab.port.home / f"state-{len(left)}")
            meter.next_window()
        assert left == sorted(left, reverse=True) and len(set(left)) == len(left) and left[-1] == 0, left
    finally:
        meter.stop()


def test_an_image_that_no_window_is_large_enough_for_is_told(port, start, tmp_path):
    primary, backup = start("primary"), start("backup")
    content = images.Content()
    content.add_index([content.add_image([images.random_bytes(n, 200)], arch=f"linux/a{n}") for n in range(12)], tag="v1")
    wire.Wire.to(primary).put_image("src/app", content)
    meter = metered.Metered(backup, 10, 10 ** 9)
    file = tmp_path / "safeport.yaml"
    file.write_text(json.dumps({"version": 1, "images": {"app": {
        "primary": f"{primary.host}/src/app", "backups": [f"{meter.host}/backup/app"]}}}))
    try:
        said = port.run("sync", "--config", file, status=1).text
        assert "the image of 'v1' has 13 manifests" in said and "has 8 pulls to read them back" in said
    finally:
        meter.stop()
