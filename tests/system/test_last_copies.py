# SPDX-License-Identifier: Apache-2.0
"""What the primary lost, and the backups keep: the last copies there are. None of them disappears, or rots, unseen."""

import shutil
import time

import pytest

from support import images, wire
from support.backed_up import at_one, four_tags, give_up, layer_of, standings

ONE = 0


@pytest.fixture
def backed(port, start, tmp_path):
    return four_tags(port, start, tmp_path)


@pytest.fixture
def last_copies(backed):
    """The loss of build-2 was borne."""
    backed.write(max_loss="50%")
    give_up(backed, "build-2")
    backed.sync()
    return backed


def untag(backed, registry, tag="build-2"):
    shutil.rmtree(registry.tag_link(("one" if registry is backed.one else "two") + "/app", tag).parents[1])
    registry.restart()


@pytest.mark.parametrize("memory", ["journal", "record"])
def test_a_last_copy_that_disappears_is_missed_and_brought_back(last_copies, memory):
    digest = last_copies.images["app"].tags["build-2"]
    for way in ("verify", "sync"):
        untag(last_copies, last_copies.one)
        if memory == "record":
            last_copies.forget()
        assert standings(last_copies.json("status", status=1))["build-2"] == ["missing", "extra", "extra"]
        primary, *backups = last_copies.json("verify", status=1)["images"][0]["places"]
        assert not primary["damage"] and not backups[1]["damage"]
        assert [(d["digest"], d["finding"], d["tags"]) for d in backups[ONE]["damage"]] == [(digest, "missing", "build-2")]
        if way == "verify":
            last_copies.run("verify", "--repair", status=0)
        else:
            planned = last_copies.json("sync", "--dry-run")["images"][0]["places"][ONE]
            assert planned["tags"]["planned"] == 1 and at_one(last_copies, "build-2") is None
            assert last_copies.sync()["images"][0]["places"][ONE]["tags"]["copied"] == 1
        assert at_one(last_copies, "build-2") == digest
        assert standings(last_copies.json("status"))["build-2"] == ["extra"] * 3


@pytest.mark.parametrize("way", ["verify", "sync"])
def test_a_new_backup_gets_the_last_copies(backed, way):
    whole = backed.backups
    backed.backups = lambda name: whole(name)[:1]
    backed.write(max_loss="50%")
    give_up(backed, "build-2")
    backed.sync()
    backed.two.stop()
    backed.two.wipe()
    backed.two.start()
    backed.backups = lambda name: whole(name)[:2]
    backed.write()
    if way == "verify":
        backed.run("verify", "--repair", status=0)
    else:
        assert backed.sync()["images"][0]["places"][1]["tags"]["copied"] == 4
    backed.backups = lambda name: whole(name)[1:2]
    backed.write()
    backed.run("verify", "--read", status=0)
    backed.check(backed.two, "two/app", backed.images["app"])


def test_a_last_copy_is_taken_from_whoever_has_it_whole(last_copies):
    """`one` has its layer no more, `two` not even the tag."""
    last_copies.one.remove(layer_of(last_copies, "build-2"))
    last_copies.one.restart()
    last_copies.two.remove(layer_of(last_copies, "build-2"))
    untag(last_copies, last_copies.two)
    places = last_copies.json("sync", "--retry-for", "0", status=1)["images"][0]["places"]
    assert places[1]["tags"]["copied"] == 1 and "is not whole at" in places[ONE]["error"]["message"]
    last_copies.check(last_copies.two, "two/app", last_copies.images["app"], ["build-2"])
    assert standings(last_copies.json("status", status=1))["build-2"] == ["damaged", "extra", "extra"]


def test_what_no_place_has_any_more_is_told_until_that_is_accepted(last_copies):
    untag(last_copies, last_copies.one)
    untag(last_copies, last_copies.two)
    shutil.rmtree(last_copies.port.vault_layout("app"))
    remedy = "safeport sync app --accept-loss"
    for memory in ("journal", "record"):
        status = last_copies.json("status", status=1)
        assert standings(status)["build-2"] == ["missing"] * 3
        (note,) = [note for note in status["images"][0]["notes"] if "build-2" in note]
        assert "at no backup any more" in note and remedy in note
        verify = last_copies.json("verify", status=1)["images"][0]
        assert all("build-2" in [d["tags"] for d in place["damage"]] for place in verify["places"][1:])
        assert note in verify["notes"]
        places = last_copies.json("sync", status=1)["images"][0]["places"]
        for place in places:
            (lost,) = [tag for tag in place["changes"] if tag["result"] == "failed"]
            assert lost["tag"] == "build-2" and remedy in lost["error"]["message"]
        last_copies.forget()
    last_copies.run("sync", "--accept-loss", status=0)
    for command in ("sync", "verify", "status"):
        assert "build-2" not in last_copies.run(command, status=0).text
    assert "build-2" not in standings(last_copies.json("status"))


def test_a_last_copy_that_cannot_be_asked_for_is_not_given_up(last_copies):
    untag(last_copies, last_copies.one)
    shutil.rmtree(last_copies.port.vault_layout("app"))
    last_copies.two.stop()
    status = last_copies.json("status", "--retry-for", "0", status=1)
    assert standings(status)["build-2"] == ["missing", "unknown", "missing"]
    assert not any("at no backup" in note for note in status["images"][0]["notes"])
    text = last_copies.run("sync", "--retry-for", "0", status=1).text
    assert "not every backup can be asked for it" in text and "accept-loss" not in text


def test_history_of_a_backup_that_was_wiped(backed):
    """What a moving tag left is at the other backups, by a history tag; or it has another name here."""
    for number in (10, 11, 12):
        backed.put("app", images.small(number, tag="latest", layer_bytes=2000))
        backed.sync()
        time.sleep(1.1)
    histories = lambda: sorted(t for t in wire.Wire.to(backed.one).tags("one/app") if t.startswith("safeport-latest"))
    before = histories()
    assert len(before) == 2
    backed.one.stop()
    backed.one.wipe()
    backed.one.start()
    backed.sync()
    backed.run("verify", status=0)
    damage = backed.json("verify", "--read", status=1)["images"][0]["places"][1 + ONE]["damage"]
    assert {(d["tags"], d["what"], d["finding"]) for d in damage} == {(tag, "image", "missing") for tag in before}
    backed.run("verify", "--read", "--repair", status=0)
    assert histories() == before
    backed.at_primary.put_image("src/app", images.small(10, tag="was-latest", layer_bytes=2000))
    backed.sync()
    untag(backed, backed.one, before[0])
    backed.run("verify", "--read", status=0)


def test_what_an_accepted_loss_left_behind_is_proven_for_good(backed):
    backed.lose_primary()
    backed.run("sync", "--accept-loss", status=0)
    layer = layer_of(backed, "build-1")
    backed.one.remove(layer)
    backed.one.restart()
    damage = backed.json("verify", "--retry-for", "0", status=1)["images"][0]["places"][1 + ONE]["damage"]
    assert [entry["digest"] for entry in damage] == [layer]
    assert standings(backed.json("status", status=1))["build-1"] == ["damaged", "extra", "extra"]
    backed.json("sync", "--retry-for", "0", status=1)
    backed.run("verify", "--repair", status=0)
    backed.one.stop()
    backed.one.wipe()
    backed.one.start()
    assert standings(backed.json("status", status=1))["build-1"] == ["missing", "extra", "extra"]
    assert backed.sync()["images"][0]["places"][ONE]["tags"]["copied"] == 4
    assert at_one(backed, "build-1") == backed.images["app"].tags["build-1"]
    backed.write(max_proof_age="1s")
    time.sleep(2)
    assert backed.json("sync")["totals"]["tags"]["proven"] == 12
    for registry in (backed.one, backed.two):
        registry.stop()
        registry.wipe()
        registry.start()
    shutil.rmtree(backed.port.vault_layout("app"))
    for command in ("verify", "sync", "status"):  # there is nothing left that it could look at
        assert "has no tag, so nothing of 'app' is backed up" in backed.run(command, status=1).text
