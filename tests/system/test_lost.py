# SPDX-License-Identifier: Apache-2.0
"""A primary that lost tags, or in which a fixed tag was tampered with: what sync, status, verify and repair make of it."""

import json
import shutil
import time

import pytest

from support import images, wire
from support.backed_up import at_one, four_tags, give_up, layer_of, standings

ONE = 0


@pytest.fixture
def backed(port, start, tmp_path):
    return four_tags(port, start, tmp_path)


# -- losses
@pytest.mark.parametrize("loss", ["all", "half", "all, on a fresh host"])
def test_a_loss_past_max_loss_is_in_every_answer(backed, loss):
    lost = [f"build-{number}" for number in range(2 if loss == "half" else 4)]
    if loss == "half":
        give_up(backed, *lost)
    else:
        backed.lose_primary()
    if "fresh" in loss:
        backed.forget()
    for _ in range(2):
        status = backed.json("status", status=6)
        for tag in range(4):
            name = f"build-{tag}"
            assert standings(status)[name] == ["lost" if name in lost else "in_step"] * 3
        assert status["images"][0]["error"]["code"] == "refused" and status["totals"]["images_good"] == 0
        assert {tag["name"] for tag in status["images"][0]["tags"] if tag["lost"]} == set(lost)
        verify = backed.json("verify", status=6)
        primary, *backups = verify["images"][0]["places"]
        assert primary["error"]["code"] == "refused" and len(primary["damage"]) == len(lost)
        assert [place["verified"]["good"] for place in backups] == [4, 4, 4]
        assert backed.json("sync", "--dry-run", status=6)["images"][0]["lost"] == len(lost)
        assert backed.json("sync", status=6)["images"][0]["held"]
    told = backed.run("status", "--quiet", status=6).stdout
    assert "build-0" in told and "lost at the primary" in told and "safeport sync app --accept-loss" in told
    assert "--accept-loss" in backed.run("verify", status=6).text


def test_verify_looks_at_the_last_copies(backed):
    """They are at the backups alone."""
    backed.lose_primary()
    layer = layer_of(backed, "build-1")
    backed.one.remove(layer)
    backed.one.restart()
    damage = backed.json("verify", "--retry-for", "0", status=6)["images"][0]["places"][1 + ONE]["damage"]
    assert [entry["digest"] for entry in damage] == [layer]
    assert standings(backed.json("status", status=6))["build-1"] == ["damaged", "lost", "lost"]
    backed.run("verify", "--repair", status=6)  # from another backup
    assert standings(backed.json("status", status=6))["build-1"] == ["lost"] * 3


@pytest.mark.parametrize("how", ["record: false", "another primary"])
def test_a_primary_that_is_gone_on_a_host_that_knows_nothing(backed, how):
    """The day of the disaster, on a fresh runner: the backups are looked at, each by itself."""
    if how == "record: false":
        backed.write(record=False)
        for place in (backed.one, backed.two):
            name = "one/app" if place is backed.one else "two/app"
            shutil.rmtree(place.tag_link(name, "safeport-record").parents[1])
            place.restart()
        shutil.rmtree(backed.port.vault_layout("app"))
        backed.sync()
        backed.lose_primary()
    else:
        backed.file.write_text(backed.file.read_text().replace("/src/app", "/renamed/app"))
    backed.forget()
    for options in ([], ["--read"], ["--claimed"], ["--repair"]):
        primary, *backups = backed.json("verify", *options, status=6)["images"][0]["places"]
        assert primary["error"]["code"] == "refused" and not primary["damage"]
        assert [place["verified"]["good"] for place in backups] == [4, 4, 4]
    backed.json("verify", "app:build-1", status=6)
    backed.json("sync", status=6)
    assert standings(backed.json("status", status=6)) == {f"build-{n}": ["extra"] * 3 for n in range(4)}


def test_what_is_lost_is_called_lost_and_told_in_a_few_lines(backed):
    for number in range(4, 9):
        backed.put("app", images.small(number, tag=f"build-{number}", layer_bytes=2000))
    backed.sync()
    give_up(backed, *[f"build-{number}" for number in range(8)])
    notes = [note for note in backed.json("verify", status=6)["images"][0]["notes"] if "restore" in note]
    assert len(notes) == 4 and not any("damaged at" in note for note in notes[:3])
    assert all("is gone at the primary, and whole at" in note for note in notes[:3])
    assert notes[3].startswith("5 more") and f"safeport restore app --all --to {backed.primary.host}/src/app" in notes[3]
    backed.run(*notes[3].rpartition(": safeport ")[2].split(), status=0)
    backed.run("verify", status=0)


def test_a_loss_that_is_accepted_is_no_finding(backed):
    backed.lose_primary()
    backed.run("sync", "--accept", "*", status=6)
    assert "safeport sync app --accept-loss" in backed.run("sync", status=6).stdout
    backed.run("sync", "app", "--accept-loss", status=0)
    for memory in ("journal", "record"):
        assert standings(backed.json("status")) == {f"build-{n}": ["extra"] * 3 for n in range(4)}
        for command in ("verify", "sync", "status"):
            told = backed.run(command, status=0).stdout
            assert "nothing new comes" in told and "last copies of 4 tags ('build-0' among them)" in told
            assert "take 'app' out" not in told
        backed.forget()
    backed.put("app", images.small(20, tag="build-20"))
    for command in ("sync", "verify", "status"):
        backed.run(command, status=0)


# -- another host, or this one with a journal of last week
@pytest.mark.parametrize("command", ["sync", "status", "verify", "dry"])
def test_a_loss_that_another_host_accepted(backed, command):
    with backed.another_host():
        give_up(backed, "build-0", "build-1", "build-2")
        backed.run("sync", status=6)
        backed.run("sync", "--accept-loss", status=0)
        backed.put("app", images.small(9, tag="build-9"))
    if command == "status":
        document = backed.json("status", status=1)
        assert standings(document)["build-0"] == ["extra"] * 3 and standings(document)["build-9"] == ["missing"] * 3
    elif command == "verify":
        backed.run("verify", status=1)
    elif command == "dry":
        image = backed.json("sync", "--dry-run")["images"][0]
        assert not image["held"] and image["lost"] == 0 and image["lost_tags"] == []
    else:
        image = backed.json("sync")["images"][0]
        assert [place["tags"]["copied"] for place in image["places"]] == [1, 1, 1] and image["lost"] == 0
        backed.lose_primary()
        assert backed.json("sync", status=6)["images"][0]["lost"] == 2, "what is an alarm by the records, too, stays one"


def test_a_tag_that_another_host_accepted(backed):
    """It is not refused at a backup that lost it."""
    backed.put("app", images.small(20, tag="v1.0.0"))
    backed.sync()
    time.sleep(1.1)  # of two states since one second of the clock either may be the later
    with backed.another_host():
        backed.put("app", images.small(21, tag="v1.0.0"))
        backed.run("sync", status=6)
        backed.run("sync", "--accept", "v1.0.0", status=0)
        shutil.rmtree(backed.one.tag_link("one/app", "v1.0.0").parents[1])
        backed.one.restart()
    backed.run("status", status=1)
    assert backed.json("sync")["images"][0]["places"][ONE]["tags"]["copied"] == 1
    assert at_one(backed, "v1.0.0") == backed.images["app"].tags["v1.0.0"]


def test_records_are_not_read_where_there_is_no_alarm(backed):
    backed.one.clear_log()
    backed.sync()
    assert not backed.one.blob_reads()


def test_a_loss_within_max_loss_is_shown_until_a_sync_has_told_it(backed):
    backed.write(max_loss="50%")
    give_up(backed, "build-2")
    assert standings(backed.json("status", status=1))["build-2"] == ["lost"] * 3
    backed.run("verify", status=0)
    assert backed.json("sync")["images"][0]["lost"] == 1
    assert standings(backed.json("status"))["build-2"] == ["extra"] * 3


def test_what_is_gone_is_proven_for_good(backed):
    """Its loss was borne; the only copies there are lie on the backups."""
    backed.write(max_loss="50%")
    give_up(backed, "build-2")
    backed.sync()
    layer = layer_of(backed, "build-2")
    backed.one.remove(layer)
    backed.one.restart()
    for memory in ("journal", "record"):
        if memory == "record":
            backed.forget()
        primary, *backups = backed.json("verify", "--retry-for", "0", status=1)["images"][0]["places"]
        assert primary["verified"]["good"] == 3 and not primary["damage"]
        assert [entry["digest"] for entry in backups[ONE]["damage"]] == [layer]
        assert [place["verified"]["good"] for place in backups] == [3, 4, 4]
        assert standings(backed.json("status", status=1))["build-2"] == ["damaged", "extra", "extra"]
    backed.run("verify", "--repair", status=0)  # from another backup
    assert standings(backed.json("status"))["build-2"] == ["extra"] * 3
    backed.write(max_proof_age="1s")
    time.sleep(2)
    assert standings(backed.json("status", status=1))["build-2"] == ["unproven"] * 3
    assert backed.json("sync", "--dry-run")["totals"]["tags"]["to_prove"] == 12
    assert backed.json("sync")["totals"]["tags"]["proven"] == 12
    backed.write(max_proof_age="7d")
    for _ in range(2):
        assert standings(backed.json("status"))["build-2"] == ["extra"] * 3
        assert backed.json("sync")["totals"]["tags"]["proven"] == 0
        backed.forget()  # the record says it too
    backed.write(max_proof_age="1s")
    backed.one.remove(layer)
    backed.one.restart()
    time.sleep(2)
    (failed,) = [tag for tag in backed.json("sync", "--retry-for", "0", status=None)["images"][0]["places"][ONE]["changes"]
                 if tag["result"] == "failed"]
    assert failed["tag"] == "build-2" and "not whole" in failed["error"]["message"]
    assert standings(backed.json("status", status=1))["build-2"][ONE] == "damaged"


def test_a_tag_that_is_named_alone_is_judged_as_all_are(backed):
    """What its primary lost is a share of all that the file selects, whatever of it a verify looks at."""
    backed.write(max_loss="60%")
    time.sleep(1.1)  # what came and went in one second of the clock was never there
    give_up(backed, "build-1", "build-2")
    for _ in range(2):  # seen first; borne by a sync
        for tag, at_primary in [("build-0", 1), ("build-1", 0)]:
            primary, *backups = backed.json("verify", f"app:{tag}")["images"][0]["places"]
            assert primary["verified"]["good"] == at_primary and not primary["damage"]
            assert [place["verified"]["good"] for place in backups] == [1, 1, 1]
        backed.sync()
    said = backed.run("verify", "app:nope", "app:never", status=1).text
    assert "has no tag of those that were named with 'app'" in said
    backed.one.remove(layer_of(backed, "build-1"))
    backed.one.restart()
    backed.json("verify", "app:build-1", "--retry-for", "0", status=1)
    give_up(backed, "build-3")
    for tag in ("build-0", "build-1", "build-3"):
        image = backed.json("verify", f"app:{tag}", "--retry-for", "0", status=6)["images"][0]
        assert image["places"][0]["error"]["code"] == "refused"


def lose_slowly(backed, fresh=False):
    """Ten tags of which one is lost in each run, within max-loss; until a sync is held."""
    for number in range(4, 10):
        backed.put("app", images.small(number, tag=f"build-{number}", layer_bytes=2000))
    backed.sync()
    time.sleep(1.1)  # what came and went in one second of the clock was never there
    for number in range(10):
        if fresh:
            backed.forget()
        give_up(backed, f"build-{number}")
        document = json.loads(backed.run("sync", "--json", status=None).stdout)
        if document["images"][0]["held"]:
            return document
        assert document["images"][0]["lost"] == 1 and document["totals"]["exit_status"] == 0
    return None


@pytest.mark.parametrize("fresh", [False, True], ids=["journal", "record"])
def test_a_loss_bit_by_bit_is_found(backed, fresh):
    """A tenth each time; the third is more than a fifth of what was there."""
    document = lose_slowly(backed, fresh)
    lost = [f"build-{number}" for number in range(3)]
    assert document["totals"]["exit_status"] == 6
    assert sorted(document["images"][0]["lost_tags"]) == lost and document["images"][0]["lost"] == 3
    assert any("bit by bit" in note for note in document["images"][0]["notes"])
    for _ in range(2):
        if fresh:
            backed.forget()
        backed.json("sync", status=6)
        status = backed.json("status", status=6)
        assert [name for name, at in standings(status).items() if at == ["lost"] * 3] == lost
        verify = backed.json("verify", status=6)
        assert [place["verified"]["good"] for place in verify["images"][0]["places"]] == [7, 10, 10, 10]
    backed.json("sync", "--accept-loss")
    if fresh:
        backed.forget()
    backed.json("sync")
    status = backed.json("status")
    assert {tuple(standings(status)[name]) for name in lost} == {("extra",) * 3}
    assert not any(tag["lost_since"] for tag in status["images"][0]["tags"])
    give_up(backed, "build-3")
    assert backed.json("sync")["images"][0]["lost"] == 1


def test_what_was_lost_stays_known(backed):
    """To a host with a journal, and to one that never saw it."""
    backed.write(max_loss="50%")
    give_up(backed, "build-2")
    backed.sync()
    for _ in range(2):
        (tag,) = [tag for tag in backed.json("status")["images"][0]["tags"] if tag["name"] == "build-2"]
        assert tag["lost_since"] and not tag["lost"] and [at["standing"] for at in tag["at"]] == ["extra"] * 3
        assert "build-2 (lost at the primary, seen 2" in backed.run("status", status=0).stdout
        backed.forget()
        backed.sync()


@pytest.fixture
def returned(backed):
    """Three of four tags were lost, which was meant, and are back; one backup was out of reach when they came."""
    backed.at = {}

    def lose():
        time.sleep(2.1)  # of what came and went in two seconds of the clock nobody knows since when it was there
        give_up(backed, "build-1", "build-2", "build-3")

    def bring_back(*arguments):
        time.sleep(1.1)
        backed.two.stop()
        backed.run("restore", "app", "--all", "--to", f"{backed.primary.host}/src/app", "--retry-for", "0", status=None)
        backed.run("sync", "--retry-for", "0", *arguments, status=1)
    backed.lose, backed.bring_back = lose, bring_back
    lose()
    return backed


def gone_by_records(backed):
    records = []
    for registry, name in [(backed.one, "one/app"), (backed.two, "two/app")]:
        client = wire.Wire.to(registry)
        layer = json.loads(client.manifest(name, "safeport-record").body)["layers"][0]["digest"]
        records.append({tag["tag"]: tag.get("meant", False) for tag in json.loads(client.blob(name, layer).body)["tags"]
                        if tag.get("gone")})
    return records


def no_record_is_read(backed):
    for place in (backed.one, backed.two):
        place.clear_log()
    backed.sync()
    assert not backed.one.blob_reads() and not backed.two.blob_reads(), "a no-op asks for no record"


@pytest.mark.parametrize("how", ["meant", "borne"])
def test_what_came_back_is_there_for_a_fresh_host(returned, how):
    """By its own digest, which the backups have already: nothing is copied."""
    if how == "borne":
        returned.write(max_loss="80%")
    returned.json("sync", *(["--accept-loss"] if how == "meant" else []))
    assert [len(gone) for gone in gone_by_records(returned)] == [3, 3]
    no_record_is_read(returned)
    returned.bring_back()
    returned.two.start()
    time.sleep(1.1)
    assert returned.sync()["totals"]["tags"]["in_step"] == 12
    assert gone_by_records(returned) == [{}, {}]
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    no_record_is_read(returned)
    returned.forget()
    restored = returned.json("restore", "app", "--all", "--at", at, "--to", "vault:then")["images"][0]
    assert restored["places"][0]["tags"]["copied"] == 4
    returned.write(max_loss="20%")
    returned.lose()
    for command in ("status", "sync", "verify"):
        returned.forget()
        returned.json(command, status=6)


def test_what_was_meant_is_not_meant_again(returned):
    """Of the next loss, in which one record still has the first one."""
    returned.json("sync", "--accept-loss")
    returned.bring_back()
    returned.write(max_loss="80%")
    returned.lose()
    returned.run("sync", "--retry-for", "0", status=1)
    returned.two.start()
    everything = {f"build-{number}" for number in (1, 2, 3)}
    assert gone_by_records(returned) == [dict.fromkeys(everything, False), dict.fromkeys(everything, True)]
    with returned.another_host():
        returned.forget()
        returned.write(max_loss="20%")
        returned.json("sync", status=6)
        returned.write(max_loss="80%")
    returned.sync()
    assert gone_by_records(returned) == [dict.fromkeys(everything, False)] * 2


def test_new_tags_in_the_place_of_old_ones_are_no_loss(backed):
    """A primary that keeps the newest few."""
    backed.write(max_loss="25%")
    time.sleep(1.1)
    for number in range(4, 10):
        backed.put("app", images.small(number, tag=f"build-{number}", layer_bytes=2000))
        give_up(backed, f"build-{number - 4}")
        assert backed.json("sync")["images"][0]["lost"] == 1


def test_what_newest_thins_out_is_no_loss(backed):
    """A clean-up of old tags at the primary; then one that is backed up goes."""
    backed.write(image_tags={"include": ["semver:*"], "newest": 2})
    for patch in range(4):
        backed.put("app", images.small(10 + patch, tag=f"v1.0.{patch}", layer_bytes=2000))
        backed.sync()
    give_up(backed, "v1.0.0", "v1.0.1")
    backed.json("status")
    assert not backed.json("verify")["images"][0]["notes"]
    assert backed.json("sync")["images"][0]["lost"] == 0
    give_up(backed, "v1.0.3")
    assert backed.json("sync", status=6)["images"][0]["lost_tags"] == ["v1.0.3"]


def test_accepting_a_loss_accepts_no_tampering(backed):
    backed.put("app", images.small(10, tag="v1.0.0"))
    backed.sync()
    good = at_one(backed, "v1.0.0")
    give_up(backed, "build-0", "build-1", "build-2")
    backed.at_primary.put_image("src/app", images.small(11, tag="v1.0.0"))
    document = backed.json("sync", "--accept-loss", status=6)
    assert not document["images"][0]["held"] and document["totals"]["tags"]["not_followed"] == 3
    assert at_one(backed, "v1.0.0") == good


@pytest.mark.parametrize(("accept", "says"), [
    ("nope:v1.0.0", "no image of this run"), ("nope:*", "no image of this run"), ("--config", "no tag")])
def test_accept_of_nothing_is_an_error(backed, accept, says):
    assert says in backed.run("sync", f"--accept={accept}", status=2).text


# -- tampering
@pytest.fixture
def tampered(backed):
    """v1.0.0 names something else at the primary, and is gone at `one`."""
    backed.put("app", images.small(10, tag="v1.0.0"))
    backed.sync()
    backed.good = backed.images["app"].tags["v1.0.0"]
    backed.evil = images.small(11, tag="v1.0.0")
    backed.at_primary.put_image("src/app", backed.evil)
    return backed


def test_repair_does_not_spread_a_tag_that_changed(tampered):
    shutil.rmtree(tampered.one.tag_link("one/app", "v1.0.0").parents[1])
    tampered.one.restart()
    document = tampered.json("verify", "--repair", status=1)
    assert at_one(tampered, "v1.0.0") is None and document["totals"]["repaired"] == 0
    assert tampered.json("sync", status=6)["totals"]["tags"]["not_followed"] == 3
    tampered.json("verify", "--read", "--repair", status=1)
    assert at_one(tampered, "v1.0.0") is None


def test_verify_says_what_changed_and_what_to_do(tampered):
    (note,) = [n for n in tampered.json("verify", status=1)["images"][0]["notes"] if "v1.0.0" in n]
    assert tampered.good in note and tampered.evil.tags["v1.0.0"] in note
    assert note.endswith("safeport sync app --accept app:v1.0.0")
    assert "safeport sync app\n" not in tampered.run("verify", status=1).text
    tampered.run("sync", "app", "--accept", "app:v1.0.0", status=0)
    tampered.run("verify", status=0)


@pytest.mark.parametrize("memory", ["journal", "record", "backup"])
def test_a_fixed_tag_that_comes_back_as_another_is_followed_nowhere(backed, memory):
    """Not by a backup that has nothing of it either."""
    backed.write(max_loss="50%", record=memory == "record")
    backed.put("app", images.small(10, tag="v1.0.0"))
    backed.sync()
    give_up(backed, "v1.0.0")
    backed.sync()
    shutil.rmtree(backed.one.tag_link("one/app", "v1.0.0").parents[1])
    backed.one.restart()
    backed.at_primary.put_image("src/app", images.small(11, tag="v1.0.0"))
    if memory != "journal":
        backed.forget()
    for _ in range(2):
        document = backed.json("sync", status=6)
        assert document["totals"]["tags"]["not_followed"] == 3 and at_one(backed, "v1.0.0") is None
    backed.run("verify", "--repair", status=1)
    assert at_one(backed, "v1.0.0") is None
    backed.run("sync", "app", "--accept", "app:v1.0.0", status=0)


def test_repair_takes_nothing_from_a_primary_that_is_held(backed):
    """It lost three of four tags; the one that is left moved, and is gone at `one`."""
    give_up(backed, "build-0", "build-1", "build-2")
    backed.at_primary.put_image("src/app", images.small(12, tag="build-3"))
    shutil.rmtree(backed.one.tag_link("one/app", "build-3").parents[1])
    backed.one.restart()
    backed.json("verify", "--read", "--repair", status=6)
    assert at_one(backed, "build-3") is None


@pytest.mark.parametrize("command", ["status", "verify"])
def test_records_are_read_while_lost_tags_are_looked_at(backed, command):
    """A loss that was borne, and an alarm of a fixed tag: every tag keeps its name, whatever is read for the alarm."""
    backed.write(max_loss="50%")
    backed.put("app", images.small(10, tag="v1.0.0"))
    backed.sync()
    give_up(backed, "build-1", "build-3")
    backed.sync()
    backed.at_primary.put_image("src/app", images.small(11, tag="v1.0.0"))
    shutil.rmtree(backed.one.tag_link("one/app", "v1.0.0").parents[1])
    backed.one.remove(layer_of(backed, "build-3"))
    backed.one.restart()
    document = backed.json(command, "--retry-for", "0", status=1, env={"MALLOC_PERTURB_": "165"})  # what is freed is what it was no more
    if command == "status":
        assert [tag["name"] for tag in document["images"][0]["tags"]] == [f"build-{n}" for n in range(4)] + ["v1.0.0"]
        assert standings(document)["build-3"] == ["extra"] * 3
        return
    one = document["images"][0]["places"][1 + ONE]
    assert one["verified"]["good"] == 3 and {entry["tags"] for entry in one["damage"]} == {"build-3", "v1.0.0"}
