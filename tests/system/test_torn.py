# SPDX-License-Identifier: Apache-2.0
"""A backup's tag whose link file a killed registry left empty: it is listed, and HEAD answers 500. What it named is not
forgotten for it."""

import pytest

from support import backed_up, images, oracle, wire


@pytest.fixture
def torn(port, start, tmp_path):
    """latest (moving) and v1.0.0 (fixed) are in step everywhere; then both links at `one` are emptied."""
    torn = backed_up.BackedUp(port, start, tmp_path)
    torn.put("app", images.small(1, tag="latest"))
    torn.put("app", images.small(2, tag="v1.0.0"))
    torn.write()
    torn.sync()
    torn.port.options = ["--retry-for", "0"]
    torn.old = dict(torn.images["app"].tags)
    for tag in torn.old:
        torn.one.tag_link("one/app", tag).write_bytes(b"")
    torn.one.restart()
    return torn


def tags_at_one(torn):
    client = wire.Wire.to(torn.one)
    return {tag: client.tag_digest("one/app", tag) for tag in client.tags("one/app") if tag != "safeport-record"}


def history(torn):
    return {tag: digest for tag, digest in tags_at_one(torn).items() if tag.startswith("safeport-latest-")}


def move(torn, number, tag):
    torn.at_primary.put_image("src/app", images.small(number, tag=tag))
    return images.small(number, tag=tag).tags[tag]


def test_it_is_written_again(torn):
    torn.run("sync", status=0)
    assert tags_at_one(torn) == torn.old
    torn.run("sync", status=0)
    torn.run("verify", "--read", status=0)


@pytest.mark.parametrize("fresh", [False, True], ids=["journal", "record"])
def test_what_a_moving_tag_leaves_keeps_a_name(torn, fresh):
    new = move(torn, 11, "latest")
    if fresh:
        torn.forget()
    torn.run("sync", status=0)
    assert tags_at_one(torn)["latest"] == new
    (kept,) = history(torn).items()
    assert kept[1] == torn.old["latest"]
    assert oracle.check_tag(oracle.StoragePlace(torn.one.storage, "one/app"), kept[0]) == torn.old["latest"]
    told = torn.json("sync")
    assert told["totals"]["tags"]["in_step"] == 6 and len(history(torn)) == 1


def test_what_is_gone_keeps_none(torn):
    """The manifest too: that is said, and the tag moves."""
    new = move(torn, 11, "latest")
    torn.one.remove(torn.old["latest"])
    torn.one.restart()
    notes = torn.json("sync")["images"][0]["notes"]
    assert any("cannot be kept" in note for note in notes)
    assert tags_at_one(torn)["latest"] == new and not history(torn)


@pytest.mark.parametrize("fresh", [False, True], ids=["journal", "record"])
def test_a_fixed_tag_takes_nothing_else(torn, fresh):
    new = move(torn, 12, "v1.0.0")
    if fresh:
        torn.forget()
    for command in (["sync"], ["verify", "--repair"], ["sync"]):
        torn.run(*command, status=None)
        assert wire.Wire.to(torn.one).tag_digest("one/app", "v1.0.0") is None
    assert torn.json("sync", status=6)["totals"]["tags"]["not_followed"] == 3
    torn.run("sync", "--accept", "v1.0.0", status=0)
    assert tags_at_one(torn)["v1.0.0"] == new


def test_repair_moves_nothing(torn):
    """It mends what names the same, and leaves what would move to sync."""
    move(torn, 11, "latest")
    torn.run("verify", "--repair", status=None)
    client = wire.Wire.to(torn.one)
    assert client.tag_digest("one/app", "latest") is None
    assert client.tag_digest("one/app", "v1.0.0") == torn.old["v1.0.0"]
    torn.run("sync", status=0)
    assert list(history(torn).values()) == [torn.old["latest"]]
