# SPDX-License-Identifier: Apache-2.0
"""The record of a backup, when it cannot be read: it is no lack of memory, and is not lost in silence."""

import json
import shutil

import pytest

from support import backed_up, images, wire

TAGS = [f"v{number}.0.0" for number in range(6)]


class Recorded(backed_up.BackedUp):
    """`latest` and six versions, on one backup, or three; synced."""

    def __init__(self, port, start, folder, count):
        self.count = count
        super().__init__(port, start, folder)
        for number, tag in enumerate(TAGS):
            self.put("app", images.small(number, tag=tag, layers=1, layer_bytes=500))
        self.put("app", images.small(10, layers=1, layer_bytes=500))
        self.write()
        self.sync()
        self.wire = wire.Wire.to(self.one)

    def backups(self, name):
        return super().backups(name)[:self.count]

    def named(self, tag="safeport-record"):
        return self.wire.tag_digest("one/app", tag)

    def body(self):
        """The digest of the record's text, and the text as the registry gives it."""
        digest = json.loads(self.wire.manifest("one/app", self.named()).body)["layers"][0]["digest"]
        return digest, self.wire.blob("one/app", digest).body

    def is_whole(self):
        digest, text = self.body()
        return images.digest_of(text) == digest and {tag["tag"] for tag in json.loads(text)["tags"]} >= {"latest"}

    def hurt(self, how):
        digest = self.body()[0]
        if how == "wrong bytes":
            self.one.flip(digest, 60)
        else:
            self.one.remove(digest if how == "no bytes" else self.named())
        self.one.restart()

    def lose_tags_and_move_latest(self):
        for tag in TAGS[:4]:
            shutil.rmtree(self.primary.tag_link("src/app", tag).parents[1])
        self.put("app", images.small(11, layers=1, layer_bytes=500))
        self.primary.restart()


@pytest.fixture
def recorded(port, start, tmp_path):
    return lambda count=1: Recorded(port, start, tmp_path, count)


DAMAGE = {"wrong bytes": 5, "no bytes": 1, "no manifest": 1}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_fresh_host_moves_nothing(recorded, how):
    backed = recorded()
    backed.lose_tags_and_move_latest()
    backed.forget()
    before = backed.named(), backed.named("latest")
    backed.hurt(how)
    for arguments in (["sync", "--dry-run"], ["sync"], ["status"]):
        done = backed.run(*arguments, status=DAMAGE[how])
        assert "to go on without that memory: safeport sync app --accept-loss" in done.stdout + done.stderr
    assert "safeport sync app --accept-loss" in backed.run("verify", status=DAMAGE[how]).stdout
    backed.run("sync", status=DAMAGE[how])  # also when verify has told the journal
    if how != "no manifest":
        assert (backed.named(), backed.named("latest")) == before

    done = backed.run("sync", "app", "--accept-loss", status=0)
    assert "was written anew" in done.stdout
    assert backed.is_whole() and backed.named("latest") == backed.at_primary.tag_digest("src/app", "latest")
    assert "was written anew" not in backed.run("sync", status=0).stdout
    backed.forget()
    assert backed.sync()["images"][0]["places"][0]["tags"]["in_step"] == 3


@pytest.mark.parametrize("how", DAMAGE)
def test_the_record_of_another_backup_serves(recorded, how):
    backed = recorded(3)
    backed.forget()
    backed.hurt(how)
    done = backed.run("sync", status=0)
    assert done.stdout.count("was written anew") == 1 and backed.is_whole()
    backed.forget()
    backed.hurt(how)
    backed.lose_tags_and_move_latest()
    backed.run("sync", status=6)


@pytest.mark.parametrize("how", DAMAGE)
def test_verify_sees_it_and_sync_writes_it_anew(recorded, how):
    """A no-op asks no record. What is written has other bytes: a registry keeps those that it has of a digest."""
    backed = recorded()
    backed.run("verify", status=0)
    backed.hurt(how)
    assert backed.sync()["totals"]["tags"]["in_step"] == 7
    document = backed.json("verify", status=DAMAGE[how])
    (damage,) = document["images"][0]["places"][1]["damage"]
    assert (damage["what"], damage["tags"]) == ("record", "safeport-record")
    assert any("safeport sync app" in note for note in document["images"][0]["notes"])
    assert "was written anew" in backed.run("sync", status=0).stdout
    assert backed.is_whole()
    backed.run("verify", status=0)
    backed.one.clear_log()
    backed.run("sync", status=0)
    assert not [entry for entry in backed.one.log() if "safeport-record" in entry.path or "/blobs/" in entry.path]
