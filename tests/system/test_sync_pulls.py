# SPDX-License-Identifier: Apache-2.0
"""Pulls are money: a registry that counts them as Docker Hub does, with a reserve that others live of."""

import json
import os
import shutil
import time

import pytest

from support import images, metered, oracle, wire

TAGS = 60
MANY = 300


@pytest.fixture
def rig(port, start, tmp_path, request):
    """A primary with TAGS tags (or as many as the test is marked with); a backup (or the primary) behind the meter;
    the file."""
    tags = getattr(request, "param", TAGS)

    class Rig:
        def __init__(self):
            self.primary, self.backup = start("primary"), start("backup")
            self.meters = []
            content = images.Content()
            for number in range(tags):
                content.merge(images.small(number, tag=f"1.0.{number}", layers=1, layer_bytes=500))
            self.content = content
            wire.Wire.to(self.primary).put_image("src/app", content)

        def meter(self, registry, limit, window_s):
            self.meters.append(metered.Metered(registry, limit, window_s))
            return self.meters[-1]

        def sync(self, primary, backup, *arguments, status=0, record=False):
            file = tmp_path / "safeport.yaml"
            file.write_text(json.dumps({"version": 1, "record": record, "images": {
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


@pytest.mark.parametrize("side", ["backup", "primary"])
@pytest.mark.parametrize("rig", [3], indirect=True)
def test_a_limit_of_nothing_is_waited_for_by_nobody(rig, port, tmp_path, side):
    """No window that comes will be better: it is said what to change, and no date."""
    meter = rig.meter(rig.backup if side == "backup" else rig.primary, 0, 4)
    places = (rig.primary, meter) if side == "backup" else (meter, rig.backup)
    for wait in ["--wait"], []:
        document = rig.sync(*places, *wait, status=1)
        assert document["totals"]["goes_on_at"] is None
        assert document["totals"]["tags"]["failed"] == 3 and document["totals"]["tags"]["unproven"] == 0
        assert "so none is ever free: use credentials" in json.dumps(document)
    assert not rig.tags() and not meter.pulls and not meter.refused


def test_wait_waits_for_the_next_window(rig):
    meter = rig.meter(rig.backup, 40, 5)
    document = rig.sync(rig.primary, meter, "--wait")
    assert document["totals"]["tags"]["copied"] + document["totals"]["tags"]["in_step"] == TAGS
    assert document["totals"]["goes_on_at"] is None
    assert meter.refused == 0 and len(meter.pulls) == TAGS
    rig.check()


@pytest.mark.parametrize("host", ["same", "fresh"])
def test_the_plan_says_what_is_taken(rig, port, host):
    """For a new tag; for an index of 4 that moves, so that its old digest gets a history tag; and for the record."""
    meter = rig.meter(rig.backup, 1000, 86400)
    at_primary = wire.Wire.to(rig.primary)
    rig.sync(rig.primary, meter, record=True)
    for content, least in ((images.small(1000, tag="2.0.0"), 2),  # itself, the record
                           (images.multi(1001, tag="latest"), 6),  # an index of 4, the record
                           (images.multi(1002, tag="latest"), 6)):
        at_primary.put_image("src/app", content)
        if host == "fresh":
            shutil.rmtree(port.home / "state")
        place = rig.sync(rig.primary, meter, "--dry-run", record=True)["images"][0]["places"][0]
        before = len(meter.pulls)
        assert place["pulls_left"] == meter.limit - before and place["pulls_reserved"] == meter.limit // 5
        rig.sync(rig.primary, meter, record=True)
        assert place["pulls_planned"] == len(meter.pulls) - before >= least
    assert len([tag for tag in rig.tags() if tag.startswith("safeport-latest-")]) == 1


def test_the_plan_of_a_sync_says_what_is_left_and_what_is_held_in_reserve(rig, port, tmp_path):
    meter = rig.meter(rig.backup, 44, 86400)
    rig.sync(rig.primary, meter, status=1)
    file = tmp_path / "safeport.yaml"
    for percent, reserved in ((None, 8), (0, 0), (33, 14)):  # of 44; without a word 20 %
        document = json.loads(file.read_text())
        if percent is not None:
            document["registries"] = {meter.host: {"pull-reserve": f"{percent}%"}}
        file.write_text(json.dumps(document))
        place = json.loads(port.run("sync", "--config", file, "--dry-run", "--json").stdout)["images"][0]["places"][0]
        assert (place["pulls_planned"], place["pulls_left"], place["pulls_reserved"]) == (TAGS - 36, 8, reserved)
        text = port.run("sync", "--config", file, "--dry-run").stdout
        assert f", {TAGS - 36} pulls needed of 8 left ({reserved} are kept in reserve)" in text
    plain = rig.sync(rig.primary, rig.backup, "--dry-run")["images"][0]["places"][0]
    assert plain["pulls_left"] is plain["pulls_reserved"] is None
    assert len(meter.pulls) == 36 and meter.refused == 0  # a plan takes none


@pytest.mark.parametrize("rig", [MANY], indirect=True)
def test_300_tags_are_synced_and_verified_in_windows(rig, port, tmp_path):
    """And pushed to in between: whoever it is, a fifth of each window is left to others."""
    limit = 250
    meter = rig.meter(rig.backup, limit, 10 ** 9)
    of_window = limit * 8 // 10
    assert rig.sync(rig.primary, meter, status=1)["totals"]["tags"]["copied"] == of_window
    assert push_of(rig, port, meter, "1.0.0", status=1)["goes_on_at"]
    assert len(meter.pulls) == of_window
    meter.next_window()
    assert rig.sync(rig.primary, meter)["totals"]["tags"]["copied"] == MANY - of_window
    assert len(rig.tags()) == MANY
    meter.next_window()
    done = port.run("verify", "--config", tmp_path / "safeport.yaml", "--json", status=1)
    totals = json.loads(done.stdout)["totals"]
    assert totals["tags"]["good"] == MANY + of_window and totals["goes_on_at"]
    meter.next_window()
    done = port.run("verify", "--config", tmp_path / "safeport.yaml", "--json", "--max-age", "1d", status=0)
    assert json.loads(done.stdout)["totals"]["tags"]["good"] == 2 * MANY
    assert len(meter.pulls) <= 2 * MANY and meter.refused == 0


# -- push and copy

def push_of(rig, port, place, tag, *arguments, status=0):
    done = port.run("push", f"{rig.primary.host}/src/app:{tag}", "--to", f"{place.host}/backup/app", "--json",
                    *arguments, status=status)
    return json.loads(done.stdout)


def test_pushes_stop_at_the_reserve_and_go_on_in_the_next_window(rig, port):
    meter = rig.meter(rig.backup, 5, 10 ** 9)
    for number in range(4):
        assert push_of(rig, port, meter, f"1.0.{number}")["goes_on_at"] is None
    document = push_of(rig, port, meter, "1.0.4", status=1)
    assert document["goes_on_at"] > "2026" and document["places"][0]["error"]["code"] == "throttled"
    assert document["places"][0]["tags"][0]["result"] == "not_set"
    assert len(meter.pulls) == 4 and meter.refused == 0  # one of five is left to others
    assert rig.tags() == {f"1.0.{number}" for number in range(4)}
    text = port.run("push", f"{rig.primary.host}/src/app:1.0.4", "--to", f"{meter.host}/backup/app", status=1).stdout
    assert "unproven, goes on at 2" in text
    meter.next_window()
    push_of(rig, port, meter, "1.0.4")
    assert "1.0.4" in rig.tags()


@pytest.mark.parametrize("rig", [MANY], indirect=True)
def test_300_tags_are_pushed_in_windows(rig, port):
    limit = 250
    of_window = limit * 8 // 10
    meter = rig.meter(rig.backup, limit, 10 ** 9)
    left = list(rig.content.tags)
    for window, count in ((1, of_window), (2, MANY - of_window)):
        for tag in left[:count]:
            assert push_of(rig, port, meter, tag)["goes_on_at"] is None
        left = left[count:]
        for tag in left[:3]:  # however often a job tries
            assert push_of(rig, port, meter, tag, status=1)["goes_on_at"] > "2026"
        assert len(meter.pulls) == min(window * of_window, MANY) and meter.refused == 0
        assert rig.tags() == set(rig.content.tags) - set(left)  # nothing unproven has a tag
        meter.next_window()
    rig.check()


def test_300_tags_of_one_image_are_one_pull(rig, port):
    """One run sets them all."""
    meter = rig.meter(rig.backup, 5, 10 ** 9)
    names = [f"2026.{number}" for number in range(MANY)]
    push_of(rig, port, meter, "1.0.0", *(word for name in names for word in ("--tag", name)))
    assert len(meter.pulls) == 1 and meter.refused == 0
    assert rig.tags() >= set(names)


def test_the_plan_of_a_push_says_what_is_left_and_what_is_held_in_reserve(rig, port):
    meter = rig.meter(rig.backup, 44, 86400)
    place = push_of(rig, port, meter, "1.0.0", "--dry-run")["places"][0]
    assert (place["pulls_planned"], place["pulls_left"], place["pulls_reserved"]) == (1, 44, 8)
    text = port.run("push", f"{rig.primary.host}/src/app:1.0.0", "--to", f"{meter.host}/backup/app", "--dry-run").stdout
    assert "1 needed, 44 left, 8 kept in reserve" in text
    assert not meter.pulls
    place = push_of(rig, port, rig.backup, "1.0.0", "--dry-run")["places"][0]
    assert (place["pulls_planned"], place["pulls_left"], place["pulls_reserved"]) == (0, None, None)


def test_a_push_reads_a_source_that_counts_within_its_reserve(rig, port):
    meter = rig.meter(rig.primary, 5, 10 ** 9)
    for number in range(5):
        port.run("copy", f"{meter.host}/src/app:1.0.{number}", f"{rig.backup.host}/backup/app",
                 status=0 if number < 4 else 1)
    assert len(meter.pulls) == 4 and meter.refused == 0


def test_a_push_waits_for_the_next_window(rig, port):
    meter = rig.meter(rig.backup, 2, 4)
    for number in range(4):
        assert push_of(rig, port, meter, f"1.0.{number}", "--wait")["goes_on_at"] is None
    assert meter.refused == 0 and len(rig.tags()) == 4


@pytest.mark.parametrize("says", ["window", "retry-after"])
def test_a_spent_window_is_told_at_once(rig, port, says):
    """Others have used up all, unseen: the registry refuses, and says for how long."""
    meter = rig.meter(rig.backup, 0, 3600)
    meter.is_silent_before = True
    meter.retry_after_s = 3600 if says == "retry-after" else None
    done = port.run("push", f"{rig.primary.host}/src/app:1.0.0", "--to", f"{meter.host}/backup/app", "--json", status=1)
    assert json.loads(done.stdout)["goes_on_at"] > "2026"
    assert meter.refused == 1 and done.seconds < 10
    assert rig.tags() == set()


# -- verify

@pytest.fixture
def verified(rig, port, tmp_path):
    """Everything is in step, and nothing is proven as this host knows: verify runs over it."""
    def verify(primary, backup, *arguments, status=0):
        file = tmp_path / "safeport.yaml"
        file.write_text(json.dumps({"version": 1, "record": False, "images": {
            "app": {"primary": f"{primary.host}/src/app", "backups": [f"{backup.host}/backup/app"]}}}))
        done = port.run("verify", "--config", file, "--json", *arguments, status=status)
        return json.loads(done.stdout)["totals"]

    rig.sync(rig.primary, rig.backup)
    return verify


@pytest.mark.parametrize("level", [[], ["--read"]], ids=["touched", "read"])
def test_a_verify_gets_further_in_each_window(rig, verified, level):
    limit = 30
    meter = rig.meter(rig.backup, limit, 10 ** 9)
    for window in range(1, 3):
        totals = verified(rig.primary, meter, *level, status=1)
        assert totals["goes_on_at"] > "2026" and totals["damaged"] == 0
        assert totals["tags"]["good"] == TAGS + limit * 8 // 10  # those of the primary, and as many as pulls
        assert len(meter.pulls) == window * limit * 8 // 10 and meter.refused == 0
        meter.next_window()
    totals = verified(rig.primary, meter, *level, "--max-age", "1d")
    assert totals["tags"]["good"] == 2 * TAGS and totals["goes_on_at"] is None
    assert len(meter.pulls) == TAGS  # each was proven once: the oldest come first


def test_a_verify_waits_for_the_next_window(rig, verified):
    meter = rig.meter(rig.backup, 40, 5)
    assert verified(rig.primary, meter, "--wait")["tags"]["good"] == 2 * TAGS
    assert meter.refused == 0 and len(meter.pulls) == TAGS


def test_images_that_were_not_reached_come_first(rig, port, tmp_path):
    """9 images of a tag, 4 pulls in a window; a run in between that finds none left forgets nothing."""
    at_backup = wire.Wire.to(rig.backup)
    meter = rig.meter(rig.backup, 5, 10 ** 9)
    names = [f"image{number}" for number in range(9)]
    for number, name in enumerate(names):
        content = images.small(2000 + number, layers=1, layer_bytes=500)
        wire.Wire.to(rig.primary).put_image(f"src/{name}", content)
        at_backup.put_image(f"backup/{name}", content)
    file = tmp_path / "safeport.yaml"
    file.write_text(json.dumps({"version": 1, "record": False, "images": {
        name: {"primary": f"{rig.primary.host}/src/{name}", "backups": [f"{meter.host}/backup/{name}"]}
        for name in names}}))

    def verify():
        document = json.loads(port.run("verify", "--config", file, "--json", "--jobs", "1", status=1).stdout)
        assert document["totals"]["goes_on_at"]
        return [image["source"] for image in document["images"] if image["places"][1]["verified"]["good"]]

    assert verify() == names[:4]
    assert verify() == []
    meter.next_window()
    assert verify() == names[4:8]
    meter.next_window()
    assert verify() == names[8:] + names[:3]


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
