# SPDX-License-Identifier: Apache-2.0
"""Tags that name one digest (latest, a version, a commit's id): what is wrong with one of them is wrong with that tag, at
that place, and not with the image, which its siblings name too. And a fixed tag that was replaced at a backup."""

import shutil

import pytest

from support import backed_up, images, wire

SHA = "a" * 40


def tagged(seed, *tags):
    content = images.small(seed, layers=1, layer_bytes=3000)
    content.tags = dict.fromkeys(tags, content.tags["latest"])
    return content


def layer_of(content):
    return max(content.blobs, key=lambda digest: len(content.blobs[digest]))


@pytest.fixture
def backed(port, start, tmp_path):
    """Of one image; at the registry `one` and in the vault."""
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.backups = lambda name: [f"{backed.one.host}/one/{name}", f"vault:{name}"]
    return backed


def begin(backed, *contents, **settings):
    for content in contents:
        backed.put("app", content)
    backed.write(**settings)
    backed.sync()


def take_tag(registry, repository, *tags):
    for tag in tags:
        shutil.rmtree(registry.tag_link(repository, tag).parents[1])
    registry.restart()


def image_of(document):
    (image,) = document["images"]
    return image


def found(document, place):
    """What is wrong there, and with which tags."""
    return {(d["finding"], d["tags"]) for d in image_of(document)["places"][place]["damage"]}


def proven(document):
    return [place["verified"]["good"] for place in image_of(document)["places"]]


def note_of(document, text):
    (note,) = [note for note in image_of(document)["notes"] if text in note]
    return note


def standings(document):
    return {tag["name"]: [at["standing"] for at in tag["at"]] for tag in image_of(document)["tags"]}


def obey(backed, note, **settings):
    """Types what a note says behind its last colon."""
    command, *arguments = note.rsplit(": safeport ", 1)[1].split()
    return backed.run(command, *arguments, **settings)


# -- a tag that names something else
def test_of_a_push_only_the_tag_that_moved_is_behind(backed):
    begin(backed, tagged(1, "latest", SHA, "v1.0.0"))
    backed.put("app", tagged(2, "latest", "b" * 40))
    document = backed.json("verify", status=1)
    assert proven(document) == [4, 2, 2]
    for place in (1, 2):
        assert found(document, place) == {("different", "latest"), ("missing", "b" * 40)}
    assert "1 tags name something else" in note_of(document, backed.one.host + "/one/app': safeport sync")
    status = standings(backed.json("status", status=1))
    assert status[SHA] == status["v1.0.0"] == ["in_step"] * 2


def test_a_tag_that_the_primary_lost_is_whole_though_its_sibling_is_behind(backed):
    """The primary came back from a snapshot."""
    old = tagged(1, "latest", "v2.0.0")
    begin(backed, old)
    backed.put("app", tagged(2, "latest", "v2.1.0"))
    backed.sync()
    take_tag(backed.primary, "src/app", "v2.1.0")
    backed.at_primary.put_image("src/app", old)
    document = backed.json("verify", status=6)
    assert proven(document) == [2, 2, 2]
    assert found(document, 1) == found(document, 2) == {("different", "latest")}
    note = note_of(document, "'app:v2.1.0' is gone at the primary, and whole at")
    assert "no backup has it" not in " ".join(image_of(document)["notes"])
    obey(backed, note, status=0)
    backed.sync()
    backed.json("verify")


@pytest.mark.parametrize("place", ["one", "vault"])
def test_what_a_refused_tag_names_is_repaired(backed, place):
    """v1.0.0 was rebuilt at the primary and is not followed; the commit's id names the same at the backups, and keeps it."""
    content = tagged(1, SHA, "v1.0.0")
    begin(backed, content, tagged(9, "latest"))
    backed.put("app", tagged(2, "v1.0.0"))
    backed.json("sync", status=6)
    if place == "one":
        backed.one.remove(layer_of(content))
        backed.one.restart()
    else:
        alg, hexa = layer_of(content).split(":")
        pooled = backed.port.vault / "pool" / alg / hexa[:2] / hexa
        pooled.chmod(0o600)
        pooled.write_bytes(bytes(pooled.stat().st_size))
    damaged = ["one", "vault"].index(place)
    before = backed.json("verify", "--read", status=1 if place == "one" else 5)
    assert found(before, 1 + damaged) == {
        ("different", "v1.0.0"), ("missing" if place == "one" else "wrong bytes", f"{SHA}, v1.0.0")}
    assert standings(backed.json("status", status=1))[SHA][damaged] == "damaged"
    document = backed.json("verify", "--read", "--repair", status=1)
    assert document["totals"]["repaired"] == 1
    assert found(document, 1) == found(document, 2) == {("different", "v1.0.0")}
    assert standings(backed.json("status", status=1))[SHA] == ["in_step"] * 2
    assert backed.json("sync", status=6)["totals"]["tags"]["damaged"] == 0
    assert wire.Wire.to(backed.one).tag_digest("one/app", "v1.0.0") == content.tags["v1.0.0"]


# -- a tag that is missing
@pytest.mark.parametrize("options", [(), ("--max-age", "1h"), ("--claimed",)], ids=" ".join)
def test_a_tag_that_is_missing_at_a_backup_says_nothing_of_its_sibling(backed, options):
    begin(backed, tagged(1, "latest", "v1.0.0"))
    take_tag(backed.one, "one/app", "v1.0.0")
    document = backed.json("verify", *options, status=1)
    assert proven(document) == [2, 1, 2] and found(document, 1) == {("missing", "v1.0.0")}
    assert standings(backed.json("status", status=1)) == {
        "latest": ["in_step"] * 2, "v1.0.0": ["missing", "in_step"]}
    obey(backed, note_of(document, "to send what"), status=0)
    assert wire.Wire.to(backed.one).tag_digest("one/app", "v1.0.0")
    backed.json("status")


def test_a_tag_that_the_primary_gave_up_says_nothing_of_its_sibling(backed):
    begin(backed, tagged(1, "latest", "main"))
    take_tag(backed.primary, "src/app", "main")
    document = backed.json("verify", status=6)
    assert found(document, 0) == {("missing", "main")} and proven(document) == [1, 2, 2]
    backed.json("sync", "--accept-loss")
    assert not any(tag["damaged"] for tag in image_of(backed.json("status"))["tags"])


def test_what_no_tag_names_at_a_backup_is_not_called_lost(backed):
    backed.backups = lambda name: [f"{backed.one.host}/one/{name}"]
    begin(backed, tagged(1, "v1.0.0"), tagged(2, "latest"), max_loss="50%")
    wire.Wire.to(backed.one).put_image("one/app", tagged(3, "v1.0.0"))
    backed.lose_primary()
    document = backed.json("verify", status=6)
    note = note_of(document, "'app:v1.0.0'")
    assert "no backup" not in note and f"'{backed.one.host}/one/app' has it" in note
    obey(backed, note, status=0)
    assert backed.at_primary.tag_digest("src/app", "v1.0.0") == backed.images["app"].tags["v1.0.0"]


def test_of_backups_that_cannot_be_asked_nothing_is_said(backed):
    backed.backups = lambda name: [f"{backed.one.host}/one/{name}"]
    begin(backed, tagged(1, "v1.0.0"))
    backed.lose_primary()
    backed.one.stop()
    note = note_of(backed.json("verify", "--retry-for", "0", status=6), "'app:v1.0.0'")
    assert "whole at no backup that could be asked" in note


# -- a fixed tag that was replaced at a backup
@pytest.fixture
def replaced(backed):
    backed.good, backed.evil = tagged(1, "v1.0.0"), tagged(7, "v1.0.0")
    begin(backed, backed.good, tagged(2, "latest"), record=True)
    wire.Wire.to(backed.one).put_image("one/app", backed.evil)
    return backed


@pytest.mark.parametrize("memory", ["journal", "record"])
def test_a_tag_that_was_replaced_at_a_backup_is_no_alarm_about_the_primary(replaced, memory):
    place, good, evil = f"{replaced.one.host}/one/app", replaced.good.tags["v1.0.0"], replaced.evil.tags["v1.0.0"]
    if memory == "record":
        replaced.forget()
    document = replaced.json("sync", status=6)
    (change,) = [change for change in image_of(document)["places"][0]["changes"] if change["tag"] == "v1.0.0"]
    assert (change["result"], change["replaced"], change["digest"], change["digest_before"]) == (
        "not_followed", True, good, evil)
    text = replaced.run("sync", status=6).stdout
    assert "replaced at the backup" in text and "tampered" not in text and f"{evil}  {place}" in text
    note = note_of(replaced.json("verify", status=1), "'v1.0.0'")
    assert f"replaced at '{place}': it is '{evil}' there" in note and "tampered" not in note
    obey(replaced, note, status=0)
    assert wire.Wire.to(replaced.one).tag_digest("one/app", "v1.0.0") == good
    replaced.json("verify")


@pytest.mark.parametrize("memory", ["journal", "record"])
def test_a_backup_that_missed_what_was_accepted_was_not_replaced(backed, memory):
    begin(backed, tagged(1, "v1.0.0"), tagged(2, "latest"), record=True)
    backed.put("app", tagged(3, "v1.0.0"))
    backed.one.stop()
    backed.json("sync", "--accept", "app:v1.0.0", "--retry-for", "0", status=1)
    backed.one.start()
    if memory == "record":
        backed.forget()
    (change,) = image_of(backed.json("sync", status=6))["places"][0]["changes"]
    assert change["result"] == "not_followed" and not change["replaced"]
    assert "tampered" in note_of(backed.json("verify", status=1), "'v1.0.0'")
