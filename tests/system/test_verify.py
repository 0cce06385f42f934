# SPDX-License-Identifier: Apache-2.0
"""verify over the names of safeport.yaml: damage of every kind at primary and backups, in a docker-registry and in the
vault; shares that are read; what is skipped; what is repaired, and what cannot be."""

import collections
import json
import re
import shutil
import time

import pytest

from support import images, oracle, wire


def largest(content):
    """The digest of the largest blob."""
    return max(content.blobs, key=lambda d: (len(content.blobs[d]), d))


class Fleet:
    """Images at a primary, a backup registry and the vault, all in step; and the safeport.yaml that says so."""

    def __init__(self, port, start, folder):
        self.port, self.primary, self.backup = port, start("primary"), start("backup")
        self.images, self.file = {}, folder / "safeport.yaml"
        self.folder = folder

    def put(self, name, content):
        wire.Wire.to(self.primary).put_image(f"src/{name}", content)
        self.images[name] = self.images.get(name, images.Content()).merge(content)
        return self

    def write(self, **more):
        self.file.write_text(json.dumps({  # JSON is YAML
            "version": 1, "images": {name: {
                "primary": f"{self.primary.host}/src/{name}",
                "backups": [f"{self.backup.host}/backup/{name}", f"vault:{name}"], **more} for name in self.images}}))
        return self

    def sync(self):
        self.write()
        self.port.run("sync", "--config", self.file, status=0)
        for registry in (self.primary, self.backup):
            registry.clear_log()
        return self

    def run(self, *arguments, **settings):
        return self.port.run("verify", "--config", self.file, *arguments, **settings)

    def verify(self, *arguments, status=0, **settings):
        """Runs it; answers the --json document."""
        return json.loads(self.run("--json", *arguments, status=status, **settings).stdout)

    def forget(self):
        """A fresh host: no journal."""
        shutil.rmtree(self.port.home / "state", ignore_errors=True)

    def in_vault(self, digest, name="app"):
        """The files that hold a blob of the vault (its pool's, and the repository's hard link to it)."""
        alg, hexa = digest.split(":")
        return [self.port.vault / "pool" / alg / hexa[:2] / hexa, self.port.vault_layout(name) / "blobs" / alg / hexa]

    def flip_in_vault(self, digest, name="app"):
        """Where it lies: with all its hard links."""
        file = self.in_vault(digest, name)[1]
        data = bytearray(file.read_bytes())
        data[5] ^= 1
        file.chmod(0o600)
        file.write_bytes(data)

    def check(self, name="app"):
        """Everything is whole everywhere, by a program that shares no code with safeport."""
        for tag, digest in self.images[name].tags.items():
            for place in (oracle.StoragePlace(self.primary.storage, f"src/{name}"),
                          oracle.StoragePlace(self.backup.storage, f"backup/{name}"),
                          oracle.HttpPlace(wire.Wire.to(self.backup), f"backup/{name}"),
                          oracle.LayoutPlace(self.port.vault_layout(name))):
                assert oracle.check_tag(place, tag, digest) == digest


def findings(document, place):
    return {(d["digest"], d["finding"]) for image in document["images"] for d in image["places"][place]["damage"]}


def damaged(document, place):
    return {digest for digest, _ in findings(document, place)}


def notes(document):
    return " | ".join(note for image in document["images"] for note in image["notes"])


@pytest.fixture
def fleet(port, start, tmp_path):
    return Fleet(port, start, tmp_path)


@pytest.fixture
def app(fleet):
    """One image: two tags that share layers with nothing, an index of four platforms among them."""
    fleet.put("app", images.multi(1, tag="latest", layer_bytes=4000))
    fleet.put("app", images.small(2, tag="v1.0.0", layer_bytes=9000))
    return fleet.sync()


# -- levels
def test_all_is_well_at_each_level(app):
    for options, proof in (((), "touched"), (("--claimed",), "claimed"), (("--read",), "read")):
        document = app.verify(*options)
        assert document["kind"] == "verify-images" and document["totals"]["exit_status"] == 0
        (image,) = document["images"]
        assert image["source"] == "app" and image["exit_status"] == 0
        assert [place["verified"]["good"] for place in image["places"]] == [2, 2, 2]
        proofs = [place["proof"] for place in image["places"]]
        assert set(proofs[1:]) == {proof}, proofs


def test_nothing_is_said_that_was_not_found_out(app):
    """Of an image with all its tags there is no digest, no count of manifests and no plan: none of them is 0."""
    (image,) = app.verify()["images"]
    assert set(image) == {"schema", "kind", "source", "bytes_read", "goes_on_at", "exit_status", "error", "places", "notes"}
    for place in image["places"]:
        assert set(place) == {"name", "error", "proof", "blobs", "bytes_sent", "manifests", "damage", "verified"}
        assert set(place["blobs"]) == {"total", "present", "sent"} and place["blobs"]["total"] > 0
        assert set(place["manifests"]) == {"put"}


def test_level_read_reads_each_blob_once_at_each_place(fleet):
    """Ten tags that share their layers: a blob that many images have is read once."""
    content = images.Content()
    for number in range(10):
        content.merge(images.small(number % 3, tag=f"1.0.{number}", layer_bytes=3000))
    fleet.put("app", content).sync()
    fleet.verify("--read")
    record = json.loads(wire.Wire.to(fleet.backup).manifest("backup/app", "safeport-record").body)["layers"][0]["digest"]
    assert fleet.primary.blob_reads() == dict.fromkeys(content.blobs, 1)
    assert fleet.backup.blob_reads() == dict.fromkeys([*content.blobs, record], 1)


def test_level_claimed_gets_nothing_from_the_backup(app):
    app.verify("--claimed")
    methods = {entry.method for entry in app.backup.log() if "/manifests/" in entry.path or "/blobs/" in entry.path}
    assert methods == {"HEAD"}


def test_nothing_is_written_without_repair(app):
    app.backup.flip(largest(app.images["app"]))
    app.verify("--read", status=5)
    assert {entry.method for entry in app.primary.log() + app.backup.log()} <= {"GET", "HEAD"}


# -- damage
@pytest.mark.parametrize("side", ["primary", "backup"])
@pytest.mark.parametrize("kind, options, status", [
    ("flip", ("--read",), 5), ("truncate", (), 5), ("remove", (), (1, 5))])
@pytest.mark.parametrize("what", ["layer", "manifest"])
def test_damage_in_a_registry_is_found(app, side, kind, options, status, what):
    """By its digest, with its tags, on the side where it is and on no other."""
    content = app.images["app"]
    manifest = content.tags["v1.0.0"]
    victim = manifest if what == "manifest" else max(
        (layer["digest"] for layer in json.loads(content.manifests[manifest][1])["layers"]),
        key=lambda d: len(content.blobs[d]))
    server = getattr(app, side)
    if kind == "flip":
        server.flip(victim, 10)
    elif kind == "truncate":
        server.truncate(victim, 100)
    else:
        server.remove(victim)
    server.restart()  # what a warm cache of the registry hides is another matter (test_heal.py)
    document = app.verify(*options, "--retry-for", "0", status=status)
    places = document["images"][0]["places"]
    bad = 0 if side == "primary" else 1
    assert victim in damaged(document, bad), places
    assert [d["tags"] for d in places[bad]["damage"] if d["digest"] == victim] == ["v1.0.0"]
    assert all(not damaged(document, i) for i in range(3) if i != bad)
    assert places[bad]["verified"]["good"] == 1 and places[3 - 1]["verified"]["good"] == 2
    said = notes(document)
    if side == "primary":
        assert f"safeport restore app --tag v1.0.0 --to {app.primary.host}/src/app" in said
    else:
        assert "safeport verify --repair app" in said


@pytest.mark.parametrize("kind, options, status", [
    ("flip", ("--read",), 5), ("truncate", (), 5), ("remove", (), 1)])
def test_damage_in_the_vault_is_found_and_repaired(app, kind, options, status):
    victim = largest(app.images["app"])
    pool, link = app.in_vault(victim)
    data = bytearray(pool.read_bytes())
    if kind == "remove":
        pool.unlink()
        link.unlink()
    else:
        data[5] ^= 1
        pool.chmod(0o600)
        pool.write_bytes(data if kind == "flip" else data[:-1])
    assert damaged(app.verify(*options, status=status), 2) == {victim}
    document = app.verify(*options, "--repair")
    assert document["totals"]["repaired"] == 1 and "repaired at 'vault:app'" in notes(document)
    app.verify("--read")
    app.check()


def test_both_sides_damaged_and_no_backup_good(fleet):
    fleet.put("app", images.small(1, tag="v1")).sync()
    victim = largest(fleet.images["app"])
    fleet.primary.flip(victim)
    fleet.backup.flip(victim)
    pool, _ = fleet.in_vault(victim)
    data = pool.read_bytes()
    pool.chmod(0o600)
    pool.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    document = fleet.verify("--read", "--repair", status=5)
    assert all(damaged(document, place) == {victim} for place in range(3))
    assert "no backup has it whole" in notes(document) and "repaired" not in notes(document)


def test_tags_that_are_missing_or_behind(app):
    client = wire.Wire.to(app.primary)
    client.put_image("src/app", images.small(9, tag="latest"))
    client.put_image("src/app", images.small(8, tag="v2.0.0"))
    document = app.verify(status=1)
    for place in (1, 2):
        assert {finding for _, finding in findings(document, place)} == {"missing", "different"}
    assert "safeport sync app" in notes(document)
    app.port.run("sync", "--config", app.file, status=0)
    app.verify()


def test_referrers_and_cosign_tags_belong_to_it(fleet):
    content = images.with_referrers(3)
    fleet.put("app", content).sync()
    fleet.verify("--read")
    shutil.rmtree(fleet.backup.tag_link("backup/app", "x").parents[2])  # all tags, the signatures' and fallback ones too
    fleet.write(tags={"include": ["latest"]})
    assert findings(fleet.verify(status=1), 1)
    fleet.verify("--repair")
    fleet.verify()
    for tag, digest in content.tags.items():
        assert oracle.check_tag(oracle.StoragePlace(fleet.backup.storage, "backup/app"), tag, digest) == digest


# -- repair
@pytest.mark.parametrize("what", ["layer", "config"])
def test_missing_blob_is_repaired_and_read_back(app, what):
    content = app.images["app"]
    victim = max(content.blobs, key=lambda d: len(content.blobs[d]) * (1 if what == "layer" else -1))
    app.backup.remove(victim)
    app.backup.restart()
    app.backup.clear_log()
    document = app.verify("--repair")
    assert document["totals"]["repaired"] == 1
    assert app.backup.blob_reads()[victim] >= 1, "it was not read back"
    writes = [entry.path for entry in app.backup.log() if entry.method in ("PUT", "PATCH", "DELETE", "POST")]
    assert not [path for path in writes if "/manifests/" in path], "what was good was written again"
    app.check()


def test_missing_manifest_and_lost_tag_are_repaired(app):
    content = app.images["app"]
    app.backup.remove(content.tags["v1.0.0"])
    shutil.rmtree(app.backup.tag_link("backup/app", "latest").parents[1])
    app.backup.restart()
    app.verify(status=1)
    app.verify("--repair")
    app.check()


@pytest.mark.parametrize("what", ["layer", "manifest"])
def test_flipped_byte_that_a_registry_keeps(app, what):
    """docker-registry takes the upload and keeps its bytes: said plainly, with the file that must go. Then it works."""
    content = app.images["app"]
    victim = largest(content) if what == "layer" else content.tags["v1.0.0"]
    app.backup.flip(victim, 20)
    document = app.verify("--read", "--repair", status=5)
    assert (victim, "kept bad in spite of a new upload") in findings(document, 1)
    assert document["totals"]["repaired"] == 0
    said = notes(document)
    hexa = victim.split(":")[1]
    assert f"blobs/sha256/{hexa[:2]}/{hexa}/data" in said and "restart" in said
    app.backup.blob_path(victim).unlink()
    app.backup.restart()
    app.verify("--repair")
    app.verify("--read")
    app.check()


def test_repair_from_another_backup_when_the_primary_is_bad(app):
    victim = largest(app.images["app"])
    app.primary.flip(victim)
    before = app.primary.blob_path(victim).read_bytes()
    app.backup.remove(victim)
    app.backup.restart()
    document = app.verify("--read", "--repair", status=5)
    assert damaged(document, 0) == {victim} and not damaged(document, 1) and not damaged(document, 2)
    assert "safeport restore app" in notes(document)
    assert app.backup.blob_path(victim).read_bytes() == app.images["app"].blobs[victim]
    assert app.primary.blob_path(victim).read_bytes() == before, "the primary was written to"


# -- a vault knows who refers to whom by reading all of its manifests
@pytest.fixture
def vaulted(fleet):
    """Two tags, and no backup but the vault."""
    fleet.put("app", images.with_referrers(1, cosign=False))
    fleet.put("app", images.small(2, tag="v1.0.0"))
    fleet.write(backups=["vault:app"])
    fleet.port.run("sync", "--config", fleet.file, status=0)
    return fleet


def test_a_damaged_manifest_costs_its_own_image_alone(vaulted):
    content = vaulted.images["app"]
    victim = content.tags["v1.0.0"]
    vaulted.flip_in_vault(victim)
    restored = vaulted.port.run("restore", "app", "--all", "--config", vaulted.file, "--to", f"oci:{vaulted.folder}/out", status=5)
    assert re.search(rf"cannot be used: content is not '{victim}'", restored.stderr)
    there = oracle.LayoutPlace(vaulted.folder / "out")
    assert oracle.check_tag(there, "latest", content.tags["latest"]) and "v1.0.0" not in there.tags()
    assert findings(vaulted.verify(status=5), 1) == {(victim, "wrong bytes")}
    vaulted.primary.remove(victim)
    vaulted.primary.restart()
    document = vaulted.verify("--repair", status=5)
    assert findings(document, 1) == {(victim, "wrong bytes")}, "nobody has it, so nothing was sent"
    assert "CNCF" not in notes(document) and "/data" not in notes(document)
    vaulted.put("app", images.small(2, tag="v1.0.0"))
    assert vaulted.verify("--repair")["totals"]["repaired"] == 1
    vaulted.verify("--read")


def test_a_damaged_referrer_is_told_of_its_subject(vaulted):
    """The listing cannot name it; the primary's does."""
    content = vaulted.images["app"]
    victim = next(digest for digest, (_, data) in content.manifests.items() if b"spdx" in data and b'"subject"' in data)
    vaulted.flip_in_vault(victim)
    document = vaulted.verify(status=5)
    (found,) = document["images"][0]["places"][1]["damage"]
    assert (found["digest"], found["what"], found["finding"]) == (victim, "referrer", "wrong bytes")
    assert found["tags"] == "latest"
    vaulted.verify("--repair")
    vaulted.verify("--read")


def test_a_damaged_list_of_referrers_is_no_damage_of_a_manifest(fleet):
    """A registry without the API keeps it as an image of its own: that one is named, and its operator told of no other."""
    content = images.with_referrers(1, cosign=False)
    fleet.put("app", content).sync()
    subject = content.tags["latest"]
    listing = content.tags[subject.replace(":", "-")]
    fleet.backup.flip(listing, 20)
    for options in ((), ("--repair",)):
        document = fleet.verify(*options, status=5)
        found = {(entry["digest"], entry["what"]) for entry in document["images"][0]["places"][1]["damage"]}
        assert found == {(subject, "image")}
        assert listing in notes(document)
        assert f"{subject.split(':')[1]}/data" not in notes(document)


# -- what it proves is known elsewhere
def test_a_fresh_host_knows_from_the_record_what_was_read(app):
    """verify --read here, sync here, status on a host that knows nothing: level and date of what was proven."""
    def records():
        return [wire.Wire.to(app.backup).manifest("backup/app", "safeport-record").headers["docker-content-digest"],
                oracle.LayoutPlace(app.port.vault_layout("app")).tags()["safeport-record"]]

    def proofs():
        app.forget()
        image, = json.loads(app.port.run("status", "--config", app.file, "--json", status=0).stdout)["images"]
        return {at["read"] is not None for tag in image["tags"] for at in tag["at"]}

    first = records()
    app.verify("--read")
    assert records() == first, "verify wrote"
    app.backup.clear_log()
    app.port.run("sync", "--config", app.file, status=0)
    second = records()
    assert all(one != two for one, two in zip(first, second))
    written = [entry.path for entry in app.backup.log() if entry.method == "PUT" and "/manifests/" in entry.path]
    assert written and written[-1].endswith("/safeport-record")
    app.backup.clear_log()
    app.port.run("sync", "--config", app.file, status=0)  # no news any more, and nobody has to ask the backup for that
    assert not [e for e in app.backup.log() if e.method == "GET" and "/manifests/" in e.path]
    app.verify()
    app.backup.clear_log()
    app.port.run("sync", "--config", app.file, status=0)  # touched again within the day: no news either
    assert not [e for e in app.backup.log() if e.method == "GET" and "/manifests/" in e.path]
    assert records() == second
    assert proofs() == {True}


# -- a primary that is out of reach
def places(document):
    (image,) = document["images"]
    return image["places"]


@pytest.mark.parametrize("source", ["journal", "record", "nothing"])
def test_backups_are_proven_while_the_primary_is_down(app, source):
    """Against what the journal or the record knows as the primary's last digests; with neither, for themselves."""
    if source == "nothing":
        app.file.write_text(json.dumps({**json.loads(app.file.read_text()), "record": False}))
        for folder in (app.backup.tag_link("backup/app", "safeport-record").parents[1],):
            shutil.rmtree(folder)
        index = app.port.vault_layout("app") / "index.json"
        layout = json.loads(index.read_text())
        layout["manifests"] = [m for m in layout["manifests"]
                               if m.get("annotations", {}).get("org.opencontainers.image.ref.name") != "safeport-record"]
        index.write_text(json.dumps(layout))
    if source != "journal":
        app.forget()
    app.primary.stop()
    document = app.verify("--read", "--retry-for", "0", status=1)
    primary, *backups = places(document)
    assert primary["error"]["code"] == "unreachable"
    assert [(p["verified"]["good"], p["proof"], p["error"]) for p in backups] == [(2, "read", None)] * 2
    assert {"journal": "as this host's journal knows", "record": "the record at",
            "nothing": "compared with nothing"}[source] in notes(document)
    victim = largest(app.images["app"])
    app.backup.flip(victim)
    document = app.verify("--read", "--retry-for", "0", status=5)
    assert damaged(document, 1) == {victim} and not damaged(document, 2)
    app.verify("--repair", "--read", "--retry-for", "0", status=5)  # the registry keeps its bad bytes
    app.backup.blob_path(victim).unlink()
    app.backup.restart()
    document = app.verify("--repair", "--read", "--retry-for", "0", status=1)
    assert document["totals"]["repaired"] == 1, "the vault has it, and the primary was not needed"
    app.primary.start()
    app.check()


def test_what_a_backup_lacks_is_found_while_the_primary_is_down(app):
    """Missing, and different from what the primary named last."""
    content = app.images["app"]
    client = wire.Wire.to(app.backup)
    other = images.small(7, tag="latest")
    client.put_image("backup/app", other)
    shutil.rmtree(app.backup.tag_link("backup/app", "v1.0.0").parents[1])
    app.backup.restart()
    app.primary.stop()
    document = app.verify("--retry-for", "0", status=1)
    assert findings(document, 1) == {(content.tags["v1.0.0"], "missing"), (other.tags["latest"], "different")}
    assert not findings(document, 2)


def test_level_claimed_while_the_primary_is_down(app):
    app.primary.stop()
    _, *backups = places(app.verify("--claimed", "--retry-for", "0", status=1))
    assert [(p["verified"]["good"], p["proof"]) for p in backups] == [(2, "claimed")] * 2


def test_backups_are_proven_where_the_primary_lost_everything(app):
    """An empty registry answers well, and has nothing: a verify of nothing is no success."""
    app.primary.stop()
    app.primary.wipe()
    app.primary.start()
    document = app.verify("--read", status=6)
    primary, *backups = places(document)
    assert primary["error"]["code"] == "refused" and "safeport sync app --accept-loss" in primary["error"]["message"]
    assert {(d["digest"], d["finding"]) for d in primary["damage"]} == {
        (digest, "missing") for digest in app.images["app"].tags.values()}
    assert [(p["verified"]["good"], p["proof"]) for p in backups] == [(2, "read")] * 2
    assert f"safeport restore app --tag latest --to {app.primary.host}/src/app" in notes(document)


def test_a_tag_that_the_primary_gave_up_is_no_damage(fleet):
    """Within what the file bears: the backups' copies are proven all the same."""
    content = images.Content()
    for number in range(12):
        content.merge(images.small(number, tag=f"1.0.{number}", layer_bytes=2000))
    fleet.put("app", content).sync()
    shutil.rmtree(fleet.primary.tag_link("src/app", "1.0.3").parents[1])
    fleet.primary.restart()
    document = fleet.verify()
    assert [p["verified"]["good"] for p in places(document)] == [11, 12, 12]
    fleet.backup.truncate(content.tags["1.0.3"], 9)
    fleet.backup.restart()
    assert content.tags["1.0.3"] in damaged(fleet.verify("--retry-for", "0", status=5), 1)


# -- shares
def test_share_reads_everything_in_its_turn(fleet):
    """--read=20% five times: every blob at each place is read, none twice before all were."""
    content = images.Content()
    for number in range(12):
        content.merge(images.small(number, tag=f"1.0.{number}", layer_bytes=2000))
    fleet.put("app", content).sync()

    def reads_of_layers():  # the record is read each time
        return {digest: count for digest, count in fleet.backup.blob_reads().items() if digest in content.blobs}

    runs = 0
    while runs < 5 and set(reads_of_layers()) != set(content.blobs):
        before = sum(reads_of_layers().values())
        document = fleet.verify("--read=20%")
        runs += 1
        reads = reads_of_layers()
        is_round = set(reads) == set(content.blobs)  # the run that ends a round may begin the next
        assert max(reads.values()) == 1 or is_round, "a blob was read twice before all were read"
        assert sum(reads.values()) > before
        assert document["images"][0]["places"][1]["verified"]["blobs_read"] < len(content.blobs)
    assert runs > 1 and set(reads_of_layers()) == set(content.blobs)
    assert set(fleet.primary.blob_reads()) == set(content.blobs)
    fleet.backup.clear_log()
    fleet.verify("--max-age", "1d", "--read")  # all of it together is a proof at level read
    assert not fleet.backup.blob_reads()


def test_share_reads_what_was_there_while_more_comes(fleet):
    """Before each of five runs of 20% half as much is pushed and synced: what was there at first is read all the same."""
    first, reads = images.Content(), collections.Counter()
    for number in range(12):
        first.merge(images.small(number, tag=f"1.0.{number}", layer_bytes=2000))
    fleet.put("app", first).sync()
    time.sleep(1.1)  # the journal knows seconds
    for run in range(5):
        for number in range(6):
            fleet.put("app", images.small(100 + 6 * run + number, tag=f"2.{run}.{number}", layer_bytes=2000))
        fleet.sync()
        fleet.backup.clear_log()
        fleet.verify("--read=20%")
        reads.update(fleet.backup.blob_reads())
    assert set(first.blobs) <= set(reads)
    assert set(reads) != set(fleet.images["app"].blobs)  # what came last waits


def test_share_finds_a_flip_within_its_turns_without_a_journal_too(fleet):
    fleet.put("app", images.small(1, tag="v1", layers=3)).sync()
    victim = largest(fleet.images["app"])
    fleet.backup.flip(victim)
    for _ in range(200):
        fleet.forget()
        status = fleet.run("--read=1%").status
        if status == 5:
            return
        assert status == 0
    pytest.fail("a host without memory reads the same share each time")


# -- what is skipped
def test_max_age_leaves_what_is_proven(app):
    app.verify()
    for registry in (app.primary, app.backup):
        registry.clear_log()
    document = app.verify("--max-age", "1d")
    assert [p["verified"]["skipped"] for p in document["images"][0]["places"]] == [2, 2, 2]
    for registry in (app.primary, app.backup):
        assert {entry.method for entry in registry.log() if "/list" not in entry.path and entry.path != "/v2/"} == {"HEAD"}
    document = app.verify("--read", "--max-age", "1d")  # that was touched only
    assert [p["verified"]["skipped"] for p in document["images"][0]["places"]] == [0, 0, 0]
    app.backup.clear_log()
    app.verify("--read", "--max-age", "1d")
    assert not app.backup.blob_reads()
    app.forget()
    app.verify("--read", "--max-age", "1d")
    assert app.backup.blob_reads(), "a fresh host knows of no proof"


def test_damage_ends_an_older_proof(app):
    app.verify("--read")
    victim = largest(app.images["app"])
    app.backup.truncate(victim, 7)
    app.verify(status=5)
    app.backup.blob_path(victim).write_bytes(app.images["app"].blobs[victim])
    document = app.verify("--read", "--max-age", "1d")
    assert [p["verified"]["skipped"] for p in document["images"][0]["places"]] == [2, 1, 2]


# -- many images, places that are down
def test_names_choose_images_and_one_place_that_is_down_is_partial(app):
    app.put("web", images.small(5)).sync()
    assert [i["source"] for i in app.verify("web")["images"]] == ["web"]
    assert sorted(i["source"] for i in app.verify()["images"]) == ["app", "web"]
    app.run("nosuch", status=2)
    app.backup.stop()
    document = app.verify("--retry-for", "0", status=1)
    assert all(i["places"][1]["error"] and not i["places"][2]["error"] for i in document["images"])
    app.primary.stop()
    document = app.verify("--retry-for", "0", status=1)  # the vault is proven, and nothing else
    assert all([bool(p["error"]) for p in i["places"]] == [True, True, False] for i in document["images"])
    app.file.write_text(json.dumps({"version": 1, "images": {name: {
        "primary": f"{app.primary.host}/src/{name}", "backups": [f"{app.backup.host}/backup/{name}"]}
        for name in app.images}}))
    app.verify("--retry-for", "0", status=4)


def test_pair_is_a_pair_still(app):
    one, two = f"{app.primary.host}/src/app:v1.0.0", f"{app.backup.host}/backup/app"
    assert app.port.run("verify", one, two, "--json", "--read", status=0).report
    app.port.run("verify", one, two, "--repair", status=2)
    app.port.run("verify", one, status=2)
    app.run("app", "--platform", "linux/amd64", status=2)
    app.run("--read=0", status=2)
    app.run("--max-age", "x", status=2)
    app.run("--claimed", "--read", status=2)


def test_a_fresh_host_verifies_and_the_log_knows(app):
    app.forget()
    app.verify("--read")
    app.port.options = []
    said = app.port.run("log", status=0).stdout
    assert "verify" in said


def test_text_says_little_when_all_is_well(app):
    out = app.run(status=0).stdout
    assert out.count("\n") == 1 and "1 images" in out and "6 of 6 tags proven" in out
    app.backup.flip(largest(app.images["app"]))
    out = app.run("--read", status=5).stdout
    assert largest(app.images["app"]) in out and "wrong bytes" in out and "not whole" in out


# -- one tag
def test_one_tag_of_an_image(app):
    content = app.images["app"]
    victim = json.loads(content.manifests[content.tags["v1.0.0"]][1])["layers"][0]["digest"]
    app.backup.remove(victim)
    app.backup.restart()
    document = app.verify("app:latest")
    assert [place["verified"]["good"] for place in places(document)] == [1, 1, 1]
    assert damaged(app.verify("app:v1.0.0", status=1), 1) == {victim}
    assert "has no tag of those that were named with 'app'" in app.run("app:nope", status=1).text
    assert "is no tag" in app.run("app:", status=2).text
    assert "nope" in app.run("nope:latest", status=2).text
