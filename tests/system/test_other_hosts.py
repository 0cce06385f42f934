# SPDX-License-Identifier: Apache-2.0
"""What only another host could see: tags that it brought to the backups, and that the primary lost before this host ever
looked. The backups list them, and their records say what they are."""

import shutil

import pytest

from support import backed_up, images, wire
from support.backed_up import give_up, standings

VERSIONS = [f"v{number}.0.0" for number in range(1, 6)]


class Met(backed_up.BackedUp):
    """This host synced two tags; another one five more."""

    def __init__(self, port, start, folder):
        super().__init__(port, start, folder)
        self.put("app", images.small(0, layers=1, layer_bytes=500))
        self.put("app", images.small(1, tag="v0.1.0", layers=1, layer_bytes=500))
        self.write()
        self.sync()
        with self.another_host():
            for number, tag in enumerate(VERSIONS):
                self.put("app", images.small(10 + number, tag=tag, layers=1, layer_bytes=500))
            self.sync()

    def record_requests(self):
        """Since the last time."""
        found = [entry for entry in self.one.log() if "safeport-record" in entry.path]
        self.one.clear_log()
        return len(found)


@pytest.fixture
def met(port, start, tmp_path):
    return Met(port, start, tmp_path)


COMMANDS = ["sync", "sync --dry-run", "status", "verify", "verify --read"]


@pytest.mark.parametrize("has_push", [False, True], ids=["no-op", "push"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_loss_that_only_another_host_could_see(met, command, has_push):
    give_up(met, *VERSIONS)
    if has_push:
        met.put("app", images.small(2, layers=1, layer_bytes=500))
    for _ in range(2):
        document = met.json(*command.split(), status=6)
    if command == "status":
        assert {tag: at for tag, at in standings(document).items() if tag in VERSIONS} == {
            tag: ["lost"] * 3 for tag in VERSIONS}
    elif command.startswith("sync"):
        assert document["images"][0]["held"] and document["images"][0]["lost"] == 5


@pytest.mark.parametrize("command", ["sync", "verify"])
def test_whoever_reads_the_record_knows_what_it_says(met, command):
    """No backup lists the five any more, so nobody asks; but the record is read anyway, and is not forgotten."""
    give_up(met, *VERSIONS)
    for name, registry in (("one", met.one), ("two", met.two)):
        for tag in VERSIONS:
            shutil.rmtree(registry.tag_link(f"{name}/app", tag).parents[1])
        registry.restart()
    shutil.rmtree(met.port.vault_layout("app"))
    met.put("app", images.small(2, layers=1, layer_bytes=500))
    met.run(command, status=0 if command == "sync" else 1)
    assert met.json("sync", status=6)["images"][0]["lost"] == 5


def test_a_loss_that_is_borne_is_kept_by_every_backup(met):
    met.write(max_loss="90%")
    give_up(met, *VERSIONS)
    met.two.stop()
    met.two.wipe()
    met.two.start()
    image = met.sync()["images"][0]
    assert image["lost"] == 5 and [place["tags"]["copied"] for place in image["places"]] == [0, 7, 0]
    met.check(met.two, "two/app", met.images["app"])
    assert standings(met.json("status"))["v1.0.0"] == ["extra"] * 3


def test_the_last_copies_are_known_while_the_primary_is_out(met):
    met.primary.stop()
    told = standings(met.json("status", "--retry-for", "0", status=4))
    assert told == {tag: ["in_step"] * 3 for tag in met.images["app"].tags}


@pytest.mark.parametrize("command", ["sync", "status", "verify"])
def test_tags_that_nobody_knows_are_asked_about_once(met, command):
    """Somebody pushed them to a backup by hand."""
    met.run("sync", status=0)  # the five are there, and known
    met.record_requests()
    for number in range(2):
        by_hand = images.small(50 + number, tag=f"by-hand-{number}", layers=1, layer_bytes=500)
        wire.Wire.to(met.one).put_image("one/app", by_hand)
        met.record_requests()
        met.run(command, status=0)
        assert met.record_requests() > 0
        for again in ("sync", "status"):
            met.run(again, status=0)
            assert met.record_requests() == 0, "what was asked once is not asked again"
    met.write(image_tags={"exclude": ["glob:by-*"]})
    met.run("sync", status=0)
    assert met.record_requests() == 0, "what the file does not select is nobody's loss"


def test_a_record_that_cannot_be_read_is_asked_again(met):
    whole = met.backups
    met.backups = lambda name: whole(name)[:1]
    met.write()
    at_one = wire.Wire.to(met.one)
    give_up(met, *VERSIONS)
    manifest = met.one.blob_path(at_one.tag_digest("one/app", "safeport-record"))
    kept = manifest.read_bytes()
    manifest.unlink()
    met.one.restart()
    for _ in range(2):
        assert "the record that may tell of them cannot be read" in met.run("sync", status=0).stdout
    manifest.write_bytes(kept)
    met.one.restart()
    met.run("sync", status=6)
