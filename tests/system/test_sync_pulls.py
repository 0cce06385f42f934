# SPDX-License-Identifier: Apache-2.0
"""Pulls are money: a registry that counts them as Docker Hub does, with a reserve that others live of."""

import json
import os
import time

import pytest

from support import images, metered, oracle, wire

TAGS = 60


@pytest.fixture
def rig(port, start, tmp_path):
    """A primary with TAGS tags; a backup (or the primary) behind the meter; the file."""
    class Rig:
        def __init__(self):
            self.primary, self.backup = start("primary"), start("backup")
            self.meters = []
            content = images.Content()
            for number in range(TAGS):
                content.merge(images.small(number, tag=f"1.0.{number}", layers=1, layer_bytes=500))
            self.content = content
            wire.Wire.to(self.primary).put_image("src/app", content)

        def meter(self, registry, limit, window_s):
            self.meters.append(metered.Metered(registry, limit, window_s))
            return self.meters[-1]

        def sync(self, primary, backup, *arguments, status=0):
            file = tmp_path / "safeport.yaml"
            file.write_text(json.dumps({"version": 1, "record": False, "images": {
                "app": {"primary": f"{primary.host}/src/app", "backups": [f"{backup.host}/backup/app"]}}}))
            done = port.run("sync", "--config", file, "--json", *arguments, status=status)
            return json.loads(done.stdout)

        def tags(self):
            return set(wire.Wire.to(self.backup).tags("backup/app"))

        def check(self):
            for tag, digest in self.content.tags.items():
                place = oracle.StoragePlace(self.backup.storage, "backup/app")
                assert oracle.check_tag(place, tag, digest) == digest

    made = Rig()
    yield made
    for meter in made.meters:
        meter.stop()


@pytest.mark.parametrize("side", ["backup", "primary"])
def test_stops_at_the_reserve_and_goes_on_in_the_next_window(rig, side):
    limit, window_s = 50, 10 ** 9
    meter = rig.meter(rig.backup if side == "backup" else rig.primary, limit, window_s)
    places = (rig.primary, meter) if side == "backup" else (meter, rig.backup)
    document = rig.sync(*places, status=1)
    totals = document["totals"]
    assert totals["tags"]["unproven"] > 0 and totals["tags"]["failed"] == 0
    assert totals["goes_on_at"]
    assert len(meter.pulls) == limit * 8 // 10 and meter.refused == 0
    assert len(rig.tags()) == totals["tags"]["copied"] == limit * 8 // 10  # nothing unproven has a tag
    meter.next_window()
    document = rig.sync(*places)
    assert document["totals"]["tags"]["copied"] == TAGS - limit * 8 // 10
    rig.check()
    meter.next_window()
    before = len(meter.pulls)
    assert rig.sync(*places)["totals"]["tags"]["in_step"] == TAGS
    assert len(meter.pulls) == before  # a no-op costs none


def test_a_manifest_costs_one_pull_for_all_time(rig):
    """The backup is lost; the primary, which counts, is read no second time."""
    meter = rig.meter(rig.primary, 1000, 86400)
    rig.sync(meter, rig.backup)
    assert len(meter.pulls) == TAGS
    rig.backup.stop()
    rig.backup.wipe()
    rig.backup.start()
    assert rig.sync(meter, rig.backup)["totals"]["tags"]["copied"] == TAGS
    assert len(meter.pulls) == TAGS
    rig.check()


def test_kept_manifests_are_trimmed(rig, port):
    """What was not used for 90 days goes, then what is beyond 256 MiB, longest unused first; once a day."""
    meter = rig.meter(rig.primary, 1000, 86400)
    rig.sync(meter, rig.backup)
    (folder,) = (port.home / "state").rglob("manifests")
    kept = {digest: folder / "sha256" / digest[7:9] / digest[7:] for digest in rig.content.tags.values()}
    assert all(path.exists() for path in kept.values())
    day = 86400

    def age(path, days):
        then = time.time() - days * day
        os.utime(path, (then, then))

    def trim():
        age(folder / "trimmed", 2)
        rig.sync(meter, rig.backup)

    unused, *others = kept.values()
    age(unused, 91)
    for path in others:
        age(path, 89)
    rig.sync(meter, rig.backup)
    assert unused.exists(), "it was looked at twice on one day"
    trim()
    assert not unused.exists() and all(path.exists() for path in others)
    large = []
    for days in (1, 5, 9):
        large.append(folder / "sha256" / f"large{days}")
        with open(large[-1], "wb") as file:
            file.truncate(120 << 20)
        age(large[-1], days)
    rig.backup.stop()
    rig.backup.wipe()
    rig.backup.start()
    pulls = len(meter.pulls)
    trim()  # the manifests were just used, so they are the last to go
    assert [path.exists() for path in large] == [True, True, False]
    assert all(path.exists() for path in kept.values())
    assert len(meter.pulls) == pulls + 1  # the one that was trimmed
    rig.check()


def test_wait_waits_for_the_next_window(rig):
    meter = rig.meter(rig.backup, 40, 5)
    document = rig.sync(rig.primary, meter, "--wait")
    assert document["totals"]["tags"]["copied"] + document["totals"]["tags"]["in_step"] == TAGS
    assert document["totals"]["goes_on_at"] is None
    assert meter.refused == 0 and len(meter.pulls) == TAGS
    rig.check()


def test_dry_run_says_what_is_needed_and_left(rig):
    meter = rig.meter(rig.backup, 1000, 86400)
    rig.sync(rig.primary, meter)
    rig.content.merge(images.small(1000, tag="latest"))
    wire.Wire.to(rig.primary).put_image("src/app", rig.content)
    place = rig.sync(rig.primary, meter, "--dry-run")["images"][0]["places"][0]
    assert place["pulls_planned"] == 1
    assert place["pulls_left"] == 1000 - TAGS


# -- the backup that counts is what a restore reads
class Restoring:
    """The primary is lost. Its only backup counts pulls, or (vault) one of two does."""

    def __init__(self, rig, port, folder, limit, window_s, vault=False):
        self.rig, self.port, self.file = rig, port, folder / "restore.yaml"
        self.meter = rig.meter(rig.backup, limit, window_s)
        backups = [f"{self.meter.host}/backup/app"] + (["vault:app"] if vault else [])
        settings = {"version": 1, "record": False, "images": {
            "app": {"primary": f"{rig.primary.host}/src/app", "backups": backups}}}
        self.file.write_text(json.dumps(settings))
        settings["images"]["app"]["backups"][0] = f"{rig.backup.host}/backup/app"
        unmetered = folder / "unmetered.yaml"
        unmetered.write_text(json.dumps(settings))
        port.run("sync", "--config", unmetered, status=0)
        rig.primary.stop()
        rig.primary.wipe()
        rig.primary.start()

    def run(self, *arguments, status=0):
        done = self.port.run("restore", "app", "--all", "--config", self.file, "--json", *arguments, status=status)
        return json.loads(done.stdout)

    def check(self):
        for tag, digest in self.rig.content.tags.items():
            place = oracle.StoragePlace(self.rig.primary.storage, "src/app")
            assert oracle.check_tag(place, tag, digest) == digest


def test_a_restore_stops_at_the_reserve_and_goes_on_in_the_next_window(rig, port, tmp_path):
    limit = 50
    restoring = Restoring(rig, port, tmp_path, limit, 10 ** 9)
    meter = restoring.meter
    totals = restoring.run(status=1)["totals"]
    assert len(meter.pulls) == limit * 8 // 10 and meter.refused == 0
    assert totals["tags"]["unproven"] == TAGS - limit * 8 // 10 and totals["tags"]["failed"] == 0
    assert totals["tags"]["copied"] == limit * 8 // 10 and totals["goes_on_at"]
    meter.next_window()
    assert restoring.run()["totals"]["tags"]["copied"] == TAGS - limit * 8 // 10
    restoring.check()


def test_a_restore_waits_for_the_next_window(rig, port, tmp_path):
    restoring = Restoring(rig, port, tmp_path, 40, 5)
    document = restoring.run("--wait")
    assert document["totals"]["goes_on_at"] is None and restoring.meter.refused == 0
    restoring.check()


def test_a_restore_takes_from_elsewhere_what_would_touch_the_reserve(rig, port, tmp_path):
    restoring = Restoring(rig, port, tmp_path, 10, 10 ** 9, vault=True)
    assert restoring.run()["totals"]["tags"]["copied"] == TAGS
    assert len(restoring.meter.pulls) <= 8 and restoring.meter.refused == 0
    restoring.check()


def test_a_drill_stays_within_the_reserve(rig, port, tmp_path):
    restoring = Restoring(rig, port, tmp_path, 5, 10 ** 9)
    port.run("restore", "--drill", "--config", restoring.file, status=1)
    assert 0 < len(restoring.meter.pulls) <= 4 and restoring.meter.refused == 0
