# SPDX-License-Identifier: Apache-2.0
"""What verify, a drill or a restore has seen to be damaged stays known until that is disproved: to sync, to status, to a
verify that reads nothing, to a host that was never there. A flipped byte of a layer, which no touch can see."""

import json
import shutil
import time

import pytest

from support import backed_up, clock, images, oracle, wire

ONE, TWO, VAULT = range(3)  # backups


def based_on(base, seed, tag="latest"):
    """An image whose first layer is that of others with the same base."""
    content = images.Content()
    content.add_image([images.random_bytes(base, 9_000), images.random_bytes(seed, 4_000)], tag=tag)
    return content


def base_of(base):
    return images.digest_of(images.random_bytes(base, 9_000))


class Rotten(backed_up.BackedUp):
    """`latest` is in step everywhere, and its first layer is flipped at the first backup; nobody knows."""

    def __init__(self, port, start, folder):
        super().__init__(port, start, folder)
        self.put("app", based_on("base", 1))
        self.put("app", images.small(2, tag="v1.0.0"))
        self.write()
        self.sync()
        self.layer = base_of("base")
        self.one.flip(self.layer, 5)

    def see(self, how):
        if how == "verify":
            self.run("verify", "--read", status=5)
        elif how == "drill":
            self.run("restore", "--drill", "--sample", "100", status=5)
        elif how == "restore":
            self.run("restore", "app", "--tag", "latest", "--from", self.backups("app")[ONE],
                     "--to", f"oci:{self.folder}/out", status=5)
        return self

    def standing(self, tag="latest", status=1):
        tags = self.json("status", status=status)["images"][0]["tags"]
        return [at["standing"] for at in next(entry for entry in tags if entry["name"] == tag)["at"]]

    def mend(self):
        """What the note asks the operator for."""
        self.one.blob_path(self.layer).unlink()
        self.one.restart()

    def flip_in_vault(self):
        alg, hexa = self.layer.split(":")
        path = self.port.vault / "pool" / alg / hexa[:2] / hexa
        data = bytearray(path.read_bytes())
        data[5] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)

    def results(self, place=ONE, status=5, *arguments):
        return self.json("sync", *arguments, status=status)["images"][0]["places"][place]["tags"]

    def record(self, at):
        wire_to = wire.Wire.to(self.two if at.startswith("two/") else self.one)
        manifest = json.loads(wire_to.manifest(at, "safeport-record").body)
        return json.loads(wire_to.blob(at, manifest["layers"][0]["digest"]).body)

    def is_rotten(self):
        return self.one.blob_path(self.layer).read_bytes() != images.random_bytes("base", 9_000)


@pytest.fixture
def rotten(port, start, tmp_path):
    return Rotten(port, start, tmp_path)


@pytest.mark.parametrize("how", ["verify", "drill"])
def test_sync_does_not_forget(rotten, how):
    rotten.see(how)
    assert rotten.standing() == ["damaged", "in_step", "in_step"]
    for _ in range(2):
        document = rotten.json("sync", status=5)
        one, two, vault = document["images"][0]["places"]
        assert one["tags"]["damaged"] == 1 and one["tags"]["in_step"] == 1
        assert two["tags"]["damaged"] == vault["tags"]["damaged"] == 0
        assert [(tag["tag"], tag["result"]) for tag in one["changes"]] == [("latest", "damaged")]
        assert rotten.standing() == ["damaged", "in_step", "in_step"]
    told = rotten.run("sync", status=5)
    assert "safeport verify --read --repair app" in told.stdout + told.stderr
    assert "latest: in step, and known to be damaged there" in told.stdout
    rotten.run("sync", "--dry-run", status=5)
    assert rotten.is_rotten()


def test_sync_that_looks_at_everything_again_does_not_forget(rotten):
    rotten.see("verify").write(max_proof_age="0s")
    assert rotten.results() == {**dict.fromkeys(rotten.results(), 0), "damaged": 1, "proven": 1}
    assert rotten.standing()[ONE] == "damaged"


def test_a_verify_that_does_not_read_reads_what_is_known(rotten):
    """Touched, or claimed, or skipped as proven not long ago, it would be called whole."""
    rotten.see("verify")
    for options in ((), ("--claimed",), ("--max-age", "1d"), ("--read", "--max-age", "1d"), ("--read=1%",)):
        document = rotten.json("verify", *options, status=5)
        assert [entry["digest"] for entry in document["images"][0]["places"][1 + ONE]["damage"]] == [rotten.layer]
        assert rotten.standing()[ONE] == "damaged"
    rotten.two.clear_log()
    rotten.run("verify", status=5)
    assert rotten.layer not in rotten.two.blob_reads(), "what is good was read too"


def test_a_registry_that_keeps_its_bytes(rotten):
    """Repaired in vain, it is damaged still; once the file was removed, the proof is one that reads."""
    rotten.see("verify")
    rotten.run("verify", "--read", "--repair", status=5)
    assert rotten.standing()[ONE] == "damaged"
    assert rotten.results()["damaged"] == 1
    rotten.run("verify", "--max-age", "1d", status=5)
    rotten.mend()
    assert rotten.results()["damaged"] == 1  # nobody has proven it yet
    rotten.run("verify", "--repair")
    assert rotten.standing(status=0) == ["in_step"] * 3
    assert rotten.results(status=0)["in_step"] == 2
    assert not rotten.is_rotten()


def test_a_backup_that_can_be_repaired(rotten):
    rotten.mend()
    rotten.run("verify", "--repair")
    rotten.flip_in_vault()
    rotten.see("verify")
    assert rotten.standing() == ["in_step", "in_step", "damaged"]
    assert rotten.results(VAULT)["damaged"] == 1
    rotten.run("verify", "--repair")
    assert rotten.standing(status=0) == ["in_step"] * 3
    assert rotten.results(VAULT, 0)["in_step"] == 2


@pytest.mark.parametrize("how", ["verify", "drill", "restore"])
def test_a_fresh_host_knows_it_from_the_record(rotten, how):
    """And knows that it was mended."""
    rotten.see(how)
    rotten.results()
    rotten.forget()
    assert rotten.standing() == ["damaged", "in_step", "in_step"]
    rotten.forget()
    assert rotten.results()["damaged"] == 1
    rotten.forget()
    rotten.run("verify", "--max-age", "1d", status=5)
    rotten.mend()
    rotten.run("verify", "--repair")
    assert rotten.results(status=0)["in_step"] == 2
    rotten.forget()
    assert rotten.standing(status=0) == ["in_step"] * 3
    assert rotten.results(status=0)["in_step"] == 2


def test_another_host_mends_it(rotten):
    """This one says so until it has seen it itself: it learns of proofs from a record only if it knows nothing."""
    rotten.see("verify").results()
    kept = rotten.port.home / "state"
    away = kept.with_name("away")
    kept.rename(away)
    rotten.mend()
    rotten.run("verify", "--repair")
    rotten.results(status=0)
    rotten.forget()
    away.rename(kept)
    assert rotten.results()["damaged"] == 1
    rotten.run("verify")
    assert rotten.results(status=0)["in_step"] == 2


def test_a_host_with_a_journal_learns_it_with_the_next_look_at_the_record(rotten):
    kept = rotten.port.home / "state"
    away = kept.with_name("away")
    kept.rename(away)
    rotten.see("verify").results()
    rotten.forget()
    away.rename(kept)
    rotten.write(max_proof_age="0s")
    assert rotten.results(status=0)["proven"] == 2  # touched, and then the record was read
    rotten.write(max_proof_age="7d")
    assert rotten.results()["damaged"] == 1
    rotten.one.clear_log()
    assert rotten.results()["damaged"] == 1
    assert not [e for e in rotten.one.log() if e.method != "HEAD" and "/manifests/" in e.path], "asked again and again"


def test_an_image_that_shares_what_is_bad_is_found_out_when_its_turn_comes(rotten):
    """The restore saw one of two images that share the layer. The other's proof is older, so it is none; sync looks again,
    and what it sees then is known, and is not sent."""
    rotten.mend()
    rotten.run("verify", "--repair")
    rotten.put("app", based_on("base", 3, tag="other"))
    rotten.sync()
    rotten.one.flip(rotten.layer, 5)
    rotten.run("restore", "app", "--tag", "latest", "--from", rotten.backups("app")[ONE],
               "--to", f"oci:{rotten.folder}/out", status=5)
    assert rotten.standing()[ONE] == "damaged" and rotten.standing("other")[ONE] == "unproven"
    assert rotten.standing("v1.0.0")[ONE] == "unproven" and rotten.standing("v1.0.0")[TWO] == "in_step"
    rotten.one.clear_log()
    document = rotten.json("sync", status=5)
    first = document["images"][0]["places"][ONE]
    assert first["tags"]["damaged"] == 1 and first["tags"]["failed"] == 1 and first["tags"]["proven"] == 1
    assert first["bytes_sent"] == 0 and rotten.layer in first["error"]["message"]
    assert rotten.layer not in rotten.one.blob_reads(), "it was known, and read"
    assert rotten.standing("other")[ONE] == "damaged" and rotten.standing("v1.0.0")[ONE] == "in_step"
    one = rotten.json("sync", status=5)["images"][0]["places"][ONE]
    assert one["tags"]["damaged"] == 2 and one["bytes_sent"] == 0


def test_a_tag_does_not_move_to_a_layer_that_is_known_to_be_bad(rotten):
    """latest moves to an image that shares the layer: a touch would call that one whole."""
    rotten.see("verify")
    before = rotten.images["app"].tags["latest"]
    rotten.put("app", based_on("base", 3))
    document = rotten.json("sync", status=5)
    one, two, vault = document["images"][0]["places"]
    assert one["tags"]["failed"] == 1 and one["error"]["code"] == "digest" and rotten.layer in one["error"]["message"]
    assert two["tags"]["copied"] == vault["tags"]["copied"] == 1
    place = oracle.StoragePlace(rotten.one.storage, "one/app")
    assert place.tags()["latest"] == before
    rotten.mend()
    assert rotten.results(status=0)["copied"] == 1
    assert oracle.check_tag(place, "latest", rotten.images["app"].tags["latest"])
    assert rotten.standing(status=0) == ["in_step"] * 3


def test_what_a_touch_can_see_is_mended_by_sync(port, start, tmp_path):
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.put("app", based_on("base", 1))
    backed.write()
    backed.sync()
    backed.one.remove(base_of("base"))
    backed.one.restart()
    backed.run("verify", status=1)
    (tag,) = backed.json("status", status=1)["images"][0]["tags"]
    assert [at["standing"] for at in tag["at"]] == ["damaged", "in_step", "in_step"]
    assert backed.json("sync")["images"][0]["places"][ONE]["tags"]["proven"] == 1
    (tag,) = backed.json("status")["images"][0]["tags"]
    assert [at["standing"] for at in tag["at"]] == ["in_step"] * 3
    assert oracle.check_tag(oracle.StoragePlace(backed.one.storage, "one/app"), "latest")


def test_damage_at_the_primary_is_a_finding_of_status(port, start, tmp_path):
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.put("app", based_on("base", 1))
    backed.put("app", images.small(2, tag="v1.0.0"))
    backed.write()
    backed.sync()
    backed.primary.flip(base_of("base"), 5)
    backed.run("verify", "--read", status=5)
    document = backed.json("status", status=1)
    assert {tag["name"]: tag["damaged"] for tag in document["images"][0]["tags"]} == {"latest": True, "v1.0.0": False}
    assert document["totals"]["images_good"] == 0
    told = backed.run("status", status=1).stdout
    assert "(damaged at the primary)" in told
    backed.sync()  # is no reading of the primary
    backed.json("status", status=1)
    backed.primary.blob_path(base_of("base")).unlink()
    backed.primary.restart()
    backed.run("restore", "app", "--tag", "latest")
    assert not any(tag["damaged"] for tag in backed.json("status")["images"][0]["tags"])
    assert json.loads(backed.run("verify", "--read", "--json").stdout)["totals"]["exit_status"] == 0


# -- what images, and repositories of one registry, share

@pytest.mark.parametrize("is_fresh", [False, True], ids=["journal", "record"])
def test_a_tag_does_not_move_to_what_only_a_history_tag_has(rotten, is_fresh):
    """No tag that the file selects names the rot; verify saw it under a history tag. A host without a journal knows it from
    the record."""
    rotten.put("app", images.small(7))  # latest, without the layer
    rotten.sync()
    assert rotten.json("verify", "--read", status=5)["images"][0]["places"][1 + ONE]["damage"][0]["digest"] == rotten.layer
    before = rotten.images["app"].tags["latest"]
    for command in ("status", "sync"):
        note, = rotten.json(command)["images"][0]["notes"]
        assert note.startswith("1 blobs or manifests of history tags") and rotten.backups("app")[ONE] in note
    if is_fresh:
        rotten.sync()
        rotten.forget()
        assert rotten.standing()[ONE] == "unproven"  # nobody says since when it is proven
    rotten.put("app", based_on("base", 8))
    one, two, vault = rotten.json("sync", status=5)["images"][0]["places"]
    assert one["tags"]["failed"] == 1 and rotten.layer in one["error"]["message"]
    assert two["tags"]["copied"] == vault["tags"]["copied"] == 1
    assert oracle.StoragePlace(rotten.one.storage, "one/app").tags()["latest"] == before
    assert rotten.standing() == ["behind", "in_step", "in_step"]
    if is_fresh:
        rotten.forget()
    rotten.mend()
    assert rotten.results(status=0)["copied"] == 1
    assert oracle.check_tag(oracle.StoragePlace(rotten.one.storage, "one/app"), "latest")
    assert rotten.standing(status=0) == ["in_step"] * 3
    rotten.forget()
    assert rotten.standing(status=0) == ["in_step"] * 3  # and the record says no more that it is rotten


@pytest.mark.parametrize("is_fresh", [False, True], ids=["journal", "record"])
def test_what_is_not_selected_any_more_is_mended_by_what_the_note_says(rotten, is_fresh):
    """The tag with the rot is none of the file's now; what sync names is to be the end of it."""
    rotten.see("verify").results()
    rotten.write(image_tags={"include": ["v1.0.0"]})
    if is_fresh:
        rotten.forget()
    for _ in range(2):
        assert rotten.standing()[ONE] == "damaged"
        note, = rotten.sync()["images"][0]["notes"]
        assert note.startswith("1 blobs or manifests of history tags, or of tags that are not selected")
    command = note.rsplit("safeport ", 1)[1].split()
    document = rotten.json(*command, status=5)
    (found,) = document["images"][0]["places"][1 + ONE]["damage"]
    assert (found["digest"], found["tags"]) == (rotten.layer, "latest")
    assert any(told.endswith("safeport " + " ".join(command)) for told in document["images"][0]["notes"])
    rotten.json("verify", "--read", "app:v1.0.0")  # that one alone
    rotten.json("verify")
    rotten.mend()
    assert rotten.json(*command)["totals"]["repaired"] == 1
    for command in ("sync", "status", "sync"):
        assert not rotten.json(command)["images"][0]["notes"]
    assert not rotten.is_rotten()


@pytest.mark.parametrize("is_new", [True, False], ids=["pushed-later", "in-step-before"])
def test_another_repository_of_the_registry(rotten, is_new):
    """docker-registry has one file for both, takes an upload of it with 201 and keeps what it has."""
    if not is_new:
        rotten.put("web", based_on("base", 5))
        rotten.write()
        rotten.sync()
    rotten.run("verify", "--read", "app", status=5)
    if is_new:
        rotten.put("web", based_on("base", 5))
        rotten.write()
    else:
        assert rotten.json("status", "web", status=1)["images"][0]["tags"][0]["at"][ONE]["standing"] == "unproven"
        document = rotten.json("verify", "web", "--max-age", "30d", status=5)
        assert [d["digest"] for d in document["images"][0]["places"][1 + ONE]["damage"]] == [rotten.layer]
    one, two, vault = rotten.json("sync", "web", status=5)["images"][0]["places"]
    assert one["tags"]["failed" if is_new else "damaged"] == 1
    assert two["tags"]["copied" if is_new else "in_step"] == vault["tags"]["copied" if is_new else "in_step"] == 1
    assert ("latest" in oracle.StoragePlace(rotten.one.storage, "one/web").tags()) != is_new
    (tag,) = rotten.json("status", "web", status=1)["images"][0]["tags"]
    assert tag["at"][ONE]["standing"] == ("missing" if is_new else "damaged")
    rotten.one.clear_log()
    assert rotten.json("sync", "web", status=5)["images"][0]["places"][ONE]["bytes_sent"] < 20_000
    rotten.mend()
    rotten.run("verify", "--repair", "app")
    if not is_new:
        rotten.run("verify", "web")
    rotten.sync()
    assert oracle.check_tag(oracle.StoragePlace(rotten.one.storage, "one/web"), "latest")
    assert [at["standing"] for at in rotten.json("status", "web")["images"][0]["tags"][0]["at"]] == ["in_step"] * 3


def test_the_vault_has_one_file_for_both(rotten):
    """A layer that is at hand is rotten at hand; the other repository gets one of its own."""
    rotten.mend()
    rotten.run("verify", "--repair")
    rotten.flip_in_vault()
    rotten.run("verify", "--read", "app", status=5)
    rotten.put("web", based_on("base", 5))
    rotten.write()
    assert rotten.json("sync", "web")["images"][0]["places"][VAULT]["tags"]["copied"] == 1
    rotten.run("verify", "--read", "web")
    assert rotten.standing() == ["in_step", "in_step", "damaged"]
    rotten.run("verify", "--repair")
    assert rotten.standing(status=0) == ["in_step"] * 3


def test_it_comes_back_after_a_good_reading_elsewhere(rotten):
    """A disk that fails gives now one, now the other. web read the layer when it was good; app saw it bad before and after."""
    rotten.put("web", based_on("base", 5, tag="v1.0.0"))
    rotten.write()
    rotten.one.flip(rotten.layer, 5)
    rotten.sync()
    for _ in range(2):
        rotten.one.flip(rotten.layer, 5)
        rotten.run("verify", "--read", "app", status=5)
        rotten.one.flip(rotten.layer, 5)
        time.sleep(1.1)  # times are of seconds
        rotten.run("verify", "--read", "web")
        time.sleep(1.1)
        assert [at["standing"] for at in rotten.json("status", "web")["images"][0]["tags"][0]["at"]] == ["in_step"] * 3
    rotten.one.flip(rotten.layer, 5)
    rotten.run("verify", "--read", "app", status=5)
    (tag,) = rotten.json("status", "web", status=1)["images"][0]["tags"]
    assert [at["standing"] for at in tag["at"]] == ["unproven", "in_step", "in_step"]
    rotten.put("web", based_on("base", 6, tag="v2.0.0"))
    one = rotten.json("sync", "web", status=5)["images"][0]["places"][ONE]
    assert one["tags"]["failed"] == 2 and "v2.0.0" not in oracle.StoragePlace(rotten.one.storage, "one/web").tags()


def test_a_manifest_of_the_vault_is_mended(rotten):
    """What is told of it, and what ends that, has one name."""
    rotten.mend()
    hexa = rotten.images["app"].tags["latest"].split(":")[1]
    path = next(path for path in rotten.port.vault.rglob(hexa))
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    rotten.run("verify", status=5)
    rotten.run("verify", "--repair")
    for command in ("status", "sync"):
        assert rotten.json(command)["images"][0]["notes"] == []


@pytest.mark.parametrize("how", ["restore", "drill"])
def test_what_shares_a_known_layer_is_not_skipped(rotten, how):
    """v2.0.0 was read the same day, before a restore saw v1.0.0's layer to be bad, which is v2.0.0's too."""
    rotten.mend()
    rotten.run("verify", "--repair")
    rotten.put("app", based_on("base", 3, tag="v2.0.0"))
    rotten.sync()
    rotten.run("verify", "--read")
    rotten.one.flip(rotten.layer, 5)
    rotten.see(how if how == "restore" else "drill")
    assert rotten.standing("v2.0.0")[ONE] in (["unproven"] if how == "restore" else ["damaged", "unproven"])
    for subject in ("app:v2.0.0", "app"):
        document = rotten.json("verify", subject, "--read", "--max-age", "30d", status=5)
        found = document["images"][0]["places"][1 + ONE]["damage"]
        assert [entry["digest"] for entry in found] == [rotten.layer] and "v2.0.0" in found[0]["tags"]
    assert rotten.standing("v2.0.0") == ["damaged", "in_step", "in_step"]
    rotten.write(image_tags={"include": ["v2.0.0"]})
    assert rotten.results()["damaged"] == 1
    rotten.run("verify", "--read", "--max-age", "30d", status=5)


def test_a_tag_that_the_primary_lost_is_not_proven_by_a_touch(rotten):
    """The backup has its only copy; that the layer is bad was seen under another repository."""
    rotten.put("web", based_on("base", 5))
    rotten.write(max_loss="60%")
    rotten.sync()
    shutil.rmtree(rotten.primary.tag_link("src/app", "latest").parents[1])
    rotten.primary.restart()
    rotten.sync()
    rotten.run("verify", "--read", "web", status=5)
    rotten.write(max_loss="60%", max_proof_age="0s")
    for _ in range(2):
        one, two, vault = rotten.json("sync", "app", status=5)["images"][0]["places"]
        assert [(tag["tag"], tag["result"]) for tag in one["changes"] if tag["tag"] == "latest"] == [("latest", "failed")]
        assert rotten.layer in one["error"]["message"]
        assert two["tags"]["proven"] == vault["tags"]["proven"] == 2
    assert rotten.standing()[ONE] == "damaged"


def test_damage_that_a_touch_shows_is_looked_at_by_each_sync(rotten):
    """However often that was in vain, what its operator has mended is whole again by the next one."""
    rotten.one.truncate(rotten.layer, 10)
    rotten.one.restart()
    rotten.write(max_proof_age="0s")
    for _ in range(3):
        assert rotten.results()["failed"] == 1
    rotten.mend()
    assert rotten.results(status=0)["proven"] == 2
    rotten.run("verify", "--read", status=0)


def test_the_record_forgets_what_was_mended(rotten):
    """That nothing else is news is no reason to keep it: a fresh host could never end it."""
    rotten.put("app", images.small(7))  # latest, without the layer: a history tag has it
    rotten.sync()
    rotten.run("verify", "--read", status=5)
    rotten.sync()
    assert [rot["digest"] for rot in rotten.record("one/app")["rot"]] == [rotten.layer]
    rotten.mend()
    time.sleep(1.1)
    rotten.run("verify", "--read", "--repair")
    rotten.sync()
    assert "rot" not in rotten.record("one/app")
    rotten.one.clear_log()
    rotten.sync()
    assert not [e for e in rotten.one.log() if e.method != "HEAD" and "/tags/" not in e.path], "news again and again"
    rotten.forget()
    rotten.json("status")
    assert rotten.json("sync")["images"][0]["notes"] == []


def test_the_record_knows_the_rot_of_its_store(rotten):
    """A runner that has no journal, and works on the one repository only."""
    rotten.put("web", images.small(9))
    rotten.write()
    rotten.sync()
    rotten.run("verify", "--read", "app", status=5)
    rotten.json("sync", status=5)
    (rot,) = rotten.record("one/web")["rot"]
    assert rot["digest"] == rotten.layer and rot["elsewhere"]
    assert "elsewhere" not in rotten.record("one/app")["rot"][0] and "rot" not in rotten.record("two/web")
    rotten.one.clear_log()
    rotten.json("sync", status=5)
    assert not [e for e in rotten.one.log() if e.method != "HEAD" and "/tags/" not in e.path], "news again and again"
    rotten.forget()
    rotten.put("web", based_on("base", 5))
    document = rotten.json("sync", "web", status=5)["images"][0]
    assert document["places"][ONE]["tags"]["failed"] == 1 and rotten.layer in document["places"][ONE]["error"]["message"]
    place = oracle.StoragePlace(rotten.one.storage, "one/web")
    assert place.tags()["latest"] != rotten.images["web"].tags["latest"]
    rotten.mend()
    time.sleep(1.1)
    rotten.run("verify", "--repair")
    rotten.json("sync")
    assert "rot" not in rotten.record("one/web") and "rot" not in rotten.record("one/app")
    assert oracle.check_tag(place, "latest", rotten.images["web"].tags["latest"])
    rotten.forget()
    rotten.json("status")


def test_all_records_are_read_before_a_tag_moves(rotten):
    """Only app was synced since the rot was seen: web's record does not tell. A fresh host works on web as on app, and no
    image of it waits for the other."""
    rotten.put("aaa", images.small(9))  # before app, whatever order they are taken in
    rotten.put("web", images.small(10))
    rotten.write()
    rotten.sync()
    rotten.run("verify", "--read", "app", status=5)
    rotten.json("sync", "app", status=5)
    rotten.forget()
    before = {name: rotten.images[name].tags["latest"] for name in ("aaa", "web")}
    for seed, name in enumerate(before):
        rotten.put(name, based_on("base", 20 + seed))
    assert rotten.json("sync", "--dry-run", status=5)["totals"]["tags"]["damaged"] == 1
    document = rotten.json("sync", status=5)
    for image in document["images"]:
        if image["name"] in before:
            assert image["places"][ONE]["tags"]["failed"] == 1
            assert oracle.StoragePlace(rotten.one.storage, f"one/{image['name']}").tags()["latest"] == before[image["name"]]


def test_a_fresh_host_asks_for_each_record_once(rotten):
    """Before its first image, instead of when its turn comes; one that knows its images asks for none."""
    rotten.mend()
    rotten.run("verify", "--repair")
    rotten.put("web", images.small(9))
    rotten.write()
    rotten.sync()
    rotten.put("new", images.small(10))  # has no record yet
    rotten.write()
    for is_fresh in (True, False):
        if is_fresh:
            rotten.forget()
        rotten.one.clear_log()
        rotten.sync()
        asked = [e.path.split("/v2/")[1] for e in rotten.one.log() if e.path.endswith("/safeport-record")]
        reads = [path for path in asked if not path.startswith("one/new/")]
        if is_fresh:
            of_new = [e.method for e in rotten.one.log() if e.path.endswith("one/new/manifests/safeport-record")]
            assert of_new.index("PUT") == 2, "once to read it, and once by the transfer that writes it"
        assert sorted(reads) == (["one/app/manifests/safeport-record", "one/web/manifests/safeport-record"] if is_fresh else [])


def test_what_does_not_have_it_is_proven_once_more_and_not_again(rotten):
    """One rotten layer is no reason to read a registry, or to look at all of it in each run."""
    rotten.put("web", images.small(9))
    rotten.write()
    rotten.sync()
    rotten.run("verify", "--read", "app", status=5)
    rotten.one.clear_log()
    assert rotten.json("sync", "web")["images"][0]["places"][ONE]["tags"]["proven"] == 1
    assert not set(rotten.images["web"].blobs) & set(rotten.one.blob_reads())
    rotten.one.clear_log()
    assert rotten.json("sync", "web")["images"][0]["places"][ONE]["tags"]["in_step"] == 1
    assert {entry.method for entry in rotten.one.log() if "/blobs/" in entry.path or "/manifests/" in entry.path} == {"HEAD"}
    document = rotten.json("verify", "web", "--max-age", "1d")
    assert document["images"][0]["places"][1 + ONE]["verified"]["skipped"] == 1


def test_what_was_seen_while_the_clock_was_ahead(rotten):
    """It is no proof that is taken back because it lies ahead: somebody has seen wrong bytes."""
    env = {"LD_PRELOAD": str(clock.ahead(rotten.folder, 2 * 86400))}
    rotten.run("verify", "--read", status=5, env=env)
    assert rotten.standing() == ["damaged", "unproven", "unproven"]  # a proof that lies ahead is none
    assert rotten.results()["damaged"] == 1
    rotten.run("verify", "--max-age", "1d", status=5)
    rotten.forget()
    assert rotten.standing()[ONE] == "damaged"  # says the record
    rotten.mend()
    rotten.run("verify", "--repair")
    assert rotten.standing(status=0) == ["in_step"] * 3


@pytest.mark.parametrize("seconds", [3600, 86400])
def test_what_was_proven_while_the_clock_was_ahead(port, start, tmp_path, seconds):
    """No max-age believes it, and whoever proves it with the right clock puts it right, here and in the record."""
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.put("app", images.small(1))
    backed.write()
    late = {"LD_PRELOAD": str(clock.ahead(tmp_path, seconds))}

    def standing(status):
        return {at["standing"] for at in backed.json("status", status=status)["images"][0]["tags"][0]["at"]}

    def skipped(*arguments):
        places = backed.json("verify", *arguments)["images"][0]["places"]
        return {place["verified"]["skipped"] for place in places}

    backed.run("sync", env=late, status=0)
    backed.run("verify", "--read", env=late, status=0)
    backed.run("sync", env=late, status=0)
    for arguments in (["--max-age", "1h"], ["--read", "--max-age", "30d"], ["--read=5%", "--max-age", "1d"]):
        with backed.another_host():
            assert skipped(*arguments) == {0}, arguments
    with backed.another_host():
        backed.run("verify", "--read", status=0)
        assert standing(0) == {"in_step"}
        assert skipped("--read", "--max-age", "1h") == {1}
    assert standing(1) == {"unproven"}
    assert backed.sync()["images"][0]["places"][ONE]["tags"]["proven"] == 1
    assert standing(0) == {"in_step"}
    assert backed.sync()["images"][0]["places"][ONE]["tags"]["in_step"] == 1
    backed.forget()
    assert standing(0) == {"in_step"}  # says the record


def test_another_host_learns_of_it_when_it_writes(rotten):
    """safeport-sync(1): a no-op asks no record. What then touches the copy does not call it good."""
    with rotten.another_host():
        rotten.see("verify")
        rotten.json("sync", status=5)
    assert rotten.results(status=0)["in_step"] == 2
    rotten.put("app", images.small(7, tag="v2.0.0"))
    assert rotten.results(status=0)["copied"] == 1
    assert rotten.standing() == ["damaged", "in_step", "in_step"]
    assert rotten.results()["damaged"] == 1


def test_another_host_that_proves_does_not_end_it(rotten):
    with rotten.another_host():
        rotten.see("verify")
        rotten.json("sync", status=5)
    rotten.write(max_proof_age="0s")
    rotten.json("sync")
    assert rotten.standing()[ONE] == "damaged"
    rotten.forget()
    assert rotten.standing()[ONE] == "damaged", "and it is in the record still"
