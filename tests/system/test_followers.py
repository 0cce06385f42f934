# SPDX-License-Identifier: Apache-2.0
"""Referrers under fallback tags: a sync with nothing to do asks for each by HEAD, and goes on when one has changed."""

import json
import shutil

import pytest

from support import backed_up, clock, hostile, images, oracle, wire


@pytest.fixture
def backed(port, start, tmp_path):
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.put("app", images.with_referrers(1))
    backed.put("app", images.small(2, tag="v1.0.0"))
    backed.write()
    backed.sync()
    return backed


def test_nothing_to_do(backed):
    for registry in (backed.primary, backed.one):
        registry.clear_log()
    assert backed.sync()["totals"]["tags"]["in_step"] == 6
    assert {entry.method for entry in backed.one.log() if "/manifests/" in entry.path} == {"HEAD"}
    asked = [entry.path.rsplit("/", 1)[1] for entry in backed.primary.log() if "/manifests/" in entry.path]
    assert sorted(asked) == sorted(tag for tag in backed.images["app"].tags if tag in ("latest", "v1.0.0") or
                                   backed.images["app"].tags["latest"][7:] in tag)


def test_one_has_changed(backed):
    """Found at the next sync, and also where a backup was out at that one."""
    late = images.with_referrers(1)
    media_type, data = late.manifests[late.tags["latest"]]
    subject = {"mediaType": media_type, "digest": late.tags["latest"], "size": len(data)}
    signature = late.add_artifact("application/vnd.test.late", b'{"late": 1}', subject=subject)
    late.add_fallback_tag(subject)
    backed.put("app", late)
    backed.one.stop()
    backed.run("sync", "--retry-for", "0", status=1)
    backed.one.start()
    backed.sync()
    for registry, name in ((backed.one, "one/app"), (backed.two, "two/app")):
        assert wire.Wire.to(registry).manifest(name, signature["digest"]).status == 200
        oracle.check_tag(oracle.HttpPlace(wire.Wire.to(registry), name), "latest")
    assert backed.sync()["totals"]["tags"]["in_step"] == 6


# -- children of an index
@pytest.fixture
def many(port, start, tmp_path):
    """Two indexes, in step everywhere."""
    many = backed_up.BackedUp(port, start, tmp_path)
    many.put("app", images.multi(1, tag="v1.0.0"))
    many.put("app", images.multi(2, tag="v2.0.0"))
    many.write()
    many.sync()
    return many


def first_child(many, tag):
    return json.loads(many.images["app"].manifests[many.images["app"].tags[tag]][1])["manifests"][0]


def sign(many, subject, data):
    """As cosign does, without saying so to anybody but the tag."""
    content, tag = images.Content(), subject["digest"].replace(":", "-") + ".sig"
    content.add_artifact("application/vnd.dev.cosign.simplesigning.v1+json", data, tag=tag)
    many.put("app", content)
    return tag


def standings(many, status):
    tags = many.json("status", status=status)["images"][0]["tags"]
    return {tag["name"]: {at["standing"] for at in tag["at"]} for tag in tags}


def check_same(many, tag):
    digest = many.images["app"].tags[tag]
    for registry, name in ((many.one, "one/app"), (many.two, "two/app")):
        assert oracle.check_tag(oracle.HttpPlace(wire.Wire.to(registry), name), tag, digest) == digest
    assert oracle.check_tag(oracle.LayoutPlace(many.port.vault_layout("app")), tag, digest) == digest


@pytest.mark.parametrize("host", ["that knows", "that is fresh"])
def test_child_is_signed(many, host):
    """cosign sign --recursive, or of one platform, when the index is in step: its subject is named by no tag."""
    tag = sign(many, first_child(many, "v2.0.0"), b'{"sig": 1}')
    if host == "that is fresh":
        many.forget()
    assert standings(many, 1) == {"v1.0.0": {"in_step"}, "v2.0.0": {"unsigned"}}
    told = many.json("sync")["totals"]["tags"]
    assert told["copied"] == 3 and told["in_step"] == 6
    check_same(many, tag)
    assert standings(many, 0) == {"v1.0.0": {"in_step"}, "v2.0.0": {"in_step"}}
    many.run("verify", status=0)


def test_child_is_signed_at_one_backup_only(many):
    """Without a vault, to which one may look for nothing, and by a host that reads the index once."""
    many.backups = lambda name: [f"{many.one.host}/one/{name}", f"{many.two.host}/two/{name}"]
    many.write()
    tag = sign(many, first_child(many, "v1.0.0"), b'{"sig": 1}')
    many.sync()
    shutil.rmtree(many.two.tag_link("two/app", tag).parents[1])
    assert standings(many, 1)["v1.0.0"] == {"in_step", "unsigned"}
    assert many.sync()["totals"]["tags"]["copied"] == 1


def test_an_index_that_names_one_and_the_same_a_million_times(many):
    """What is below it is looked at once."""
    content = images.Content()
    leaf = entry = content.add_image([b"layer"])
    for _ in range(5):
        entry = content.add_index([entry] * 100)
    content.tags = {"v3.0.0": entry["digest"]}
    many.put("app", content)
    many.sync()
    tag = sign(many, leaf, b'{"sig": 1}')
    assert standings(many, 1)["v3.0.0"] == {"unsigned"}
    assert many.sync()["totals"]["tags"]["copied"] == 3
    check_same(many, tag)


def test_signature_of_child_is_replaced(many):
    child = first_child(many, "v1.0.0")
    tag = sign(many, child, b'{"sig": 1}')
    many.sync()
    assert sign(many, child, b'{"sig": "of another key"}') == tag
    many.images["app"].tags[tag] = many.at_primary.tag_digest("src/app", tag)
    assert many.sync()["totals"]["tags"]["copied"] == 3
    check_same(many, tag)


def test_child_has_a_referrer(many):
    """Under a fallback tag of the child, and then another one."""
    child = first_child(many, "v2.0.0")
    late = images.Content()
    for number in (1, 2):
        sbom = late.add_artifact("application/spdx+json", b'{"sbom": %d}' % number, subject=child)
        late.add_fallback_tag(child)
        many.put("app", late)
        if number == 1:
            assert standings(many, 1) == {"v1.0.0": {"in_step"}, "v2.0.0": {"unsigned"}}
        many.sync()
        assert standings(many, 0) == {"v1.0.0": {"in_step"}, "v2.0.0": {"in_step"}}
        for registry, name in ((many.one, "one/app"), (many.two, "two/app")):
            assert wire.Wire.to(registry).manifest(name, sbom["digest"]).status == 200


def test_nothing_to_do_with_children(many):
    """One HEAD per tag and side, and the lists: also where images are signed that nobody selects."""
    many.put("app", images.multi(3, tag="pr-1"))
    tag = sign(many, first_child(many, "v1.0.0"), b'{"sig": 1}')
    sign(many, first_child(many, "pr-1"), b'{"sig": 2}')
    many.write(image_tags={"include": ["glob:v*"]})
    for _ in range(2):
        many.sync()
    for registry in (many.primary, many.one):
        registry.clear_log()
    assert many.sync()["totals"]["tags"]["in_step"] == 6
    for registry in (many.primary, many.one):
        asked = [(entry.method, entry.path.rsplit("/", 1)[1]) for entry in registry.log()
                 if "/manifests/" in entry.path]
        assert sorted(asked) == sorted([("HEAD", "v1.0.0"), ("HEAD", "v2.0.0"), ("HEAD", tag)])


# -- a fallback tag that is nowhere yet
def test_status_says_the_same_of_registry_and_vault(port, start, tmp_path):
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.put("app", images.small(1, tag="v1.0.0"))
    backed.write()
    backed.sync()
    late = backed.images["app"].copy()
    media_type, data = late.manifests[late.tags["v1.0.0"]]
    subject = {"mediaType": media_type, "digest": late.tags["v1.0.0"], "size": len(data)}
    late.add_artifact("application/spdx+json", b'{"sbom": 1}', subject=subject)
    late.add_fallback_tag(subject)
    backed.put("app", late)
    assert standings(backed, 1) == {"v1.0.0": {"unsigned"}}
    backed.sync()
    assert standings(backed, 0) == {"v1.0.0": {"in_step"}}
    shutil.rmtree(backed.one.tag_link("one/app", subject["digest"].replace(":", "-")).parents[1])
    assert standings(backed, 1) == {"v1.0.0": {"unsigned", "in_step"}}


# -- listed, and not there
@pytest.fixture
def collected(port, start, tmp_path):
    """In step; then the primary's garbage collector takes what has no tag: the referrers, which their list names."""
    collected = backed_up.BackedUp(port, start, tmp_path)
    collected.put("app", images.with_referrers(3, tag="v1.0.0"))
    collected.backups = lambda name: [f"{collected.one.host}/one/{name}"]
    collected.write()
    collected.sync()
    content = collected.images["app"]
    collected.lost = {digest for digest, (_, data) in content.manifests.items()
                      if json.loads(data).get("subject", {}).get("digest") == content.tags["v1.0.0"]}
    collect(collected)
    return collected


def collect(backed):
    for digest in backed.lost:
        assert backed.at_primary.request("DELETE", f"/v2/src/app/manifests/{digest}").status == 202


def missing(place):
    assert {(entry["what"], entry["finding"]) for entry in place["damage"]} <= {("referrer", "missing")}
    return {entry["digest"] for entry in place["damage"]}


@pytest.mark.parametrize("level", [[], ["--read"]])
def test_referrers_lost_at_the_primary(collected, level):
    """Damage at the place that lists them, and the way back is named, and is one."""
    report = collected.json("verify", *level, status=1)["images"][0]
    primary, one = report["places"]
    assert missing(primary) == collected.lost and not one["damage"]
    back = f"safeport restore app --tag v1.0.0 --to {collected.primary.host}/src/app"
    assert any(back in note for note in report["notes"])
    collected.run("restore", "app", "--tag", "v1.0.0", "--to", f"{collected.primary.host}/src/app")
    collected.run("verify", *level)
    for digest in collected.lost:
        assert collected.at_primary.manifest("src/app", digest).status == 200


def test_new_backup_of_a_primary_that_lost_referrers(collected):
    """It cannot get them from there, is told so, and gets them from the other backup."""
    collected.backups = lambda name: [f"vault:{name}", f"{collected.one.host}/one/{name}"]
    collected.write()
    notes = collected.sync()["images"][0]["notes"]
    assert any("safeport verify --repair app" in note for note in notes)
    assert standings(collected, 1) == {"v1.0.0": {"unsigned", "in_step"}}
    collected.json("verify", "--repair", status=1)  # (the primary is as it was)
    assert standings(collected, 1) == {"v1.0.0": {"in_step"}}
    place = oracle.LayoutPlace(collected.port.vault_layout("app"))
    for digest in collected.lost:
        oracle.closure(place, digest)
    collected.run("restore", "app:v1.0.0")
    collected.run("verify")
    assert standings(collected, 0) == {"v1.0.0": {"in_step"}}


def test_referrers_that_nobody_has(collected):
    """No backup is named that could bring them back, and none is called damaged for what it never got."""
    collected.backups = lambda name: [f"vault:{name}"]
    collected.write()
    collected.sync()
    report = collected.json("verify", "--repair", status=1)["images"][0]
    primary, vault = report["places"]
    assert missing(primary) == collected.lost and not vault["damage"]
    assert any("no backup has all of them" in note for note in report["notes"])
    assert not any("safeport restore" in note for note in report["notes"])


# -- what came to the primary since the last sync
@pytest.fixture
def newer(port, start, tmp_path):
    """In step at a registry; then the image is signed anew, which no sync has seen."""
    newer = backed_up.BackedUp(port, start, tmp_path)
    newer.put("app", images.with_referrers(3, tag="v1.0.0"))
    newer.backups = lambda name: [f"{newer.one.host}/one/{name}"]
    newer.write()
    newer.sync()
    newer.signature = images.Content()
    newer.signature.add_artifact("application/vnd.dev.cosign.simplesigning.v1+json", b'{"sig": "newer"}',
                                 tag=newer.images["app"].tags["v1.0.0"].replace(":", "-") + ".sig")
    newer.put("app", newer.signature)
    return newer


def lose(registry, content):
    registry.remove(max(content.blobs, key=lambda digest: len(content.blobs[digest])))
    registry.restart()


def test_layer_lost_beside_a_newer_signature(newer):
    """The backup has what is lost, and not the signature: that it does not have everything is not said of the image."""
    lose(newer.primary, newer.images["app"])
    (note,) = [note for note in newer.json("verify", status=1)["images"][0]["notes"] if "damaged at the primary" in note]
    back = f"safeport restore app --tag v1.0.0 --to {newer.primary.host}/src/app"
    assert back in note and "but for referrers that no backup has" in note and "build it anew" not in note
    newer.run(*back.split()[1:])
    newer.sync()
    newer.run("verify")
    (tag, digest), = newer.signature.tags.items()
    for registry, name in ((newer.primary, "src/app"), (newer.one, "one/app")):
        oracle.check_tag(oracle.HttpPlace(wire.Wire.to(registry), name), tag, digest)


def test_newer_signature_is_lost(newer):
    """No restore brings back what no backup has."""
    lose(newer.primary, newer.signature)
    notes = newer.json("verify", status=1)["images"][0]["notes"]
    assert any("no backup has it whole" in note for note in notes)
    assert not any("safeport restore" in note for note in notes)


# -- a referrers API that fails
class Failing:
    """A primary with the API, asked again each time, that answers a question for the referrers as it is told to."""

    def __init__(self, port, registry, primary, folder):
        self.port, self.registry, self.primary, self.file = port, registry, primary, folder / "safeport.yaml"
        self.content = images.small(1, tag="v1.0.0")
        self.primary.fill("src/app", self.content)
        self.file.write_text(json.dumps({"version": 1, "images": {"app": {
            "primary": f"{primary.host}/src/app", "referrers-every": "1s",
            "backups": [f"{registry.host}/one/app", "vault:app"]}}}))
        self.json("sync")

    def json(self, command, *arguments, status=0):
        run = self.port.run(command, "--config", self.file, "--json", "--retry-for", "0", *arguments, status=status)
        return json.loads(run.stdout)

    def put(self, content):
        there = self.primary.repository("src/app")
        there.blobs.update(content.blobs)
        there.manifests.update(content.manifests)
        there.tags.update(content.tags)

    def sign(self):
        media_type, data = self.content.manifests[self.content.tags["v1.0.0"]]
        late = images.Content()
        signature = late.add_artifact("application/vnd.test.late", b'{"late": 1}', subject={
            "mediaType": media_type, "digest": self.content.tags["v1.0.0"], "size": len(data)})
        self.put(late)
        return signature["digest"]

    def fail(self, status):
        clock.next_second()
        self.primary.on("GET", "/referrers/", hostile.error(status))


@pytest.fixture
def failing(port, start, hostile_server, tmp_path):
    return Failing(port, start("one"), hostile_server(referrers=True), tmp_path)


@pytest.mark.parametrize("status", [500, 403, 429])
def test_the_api_fails_when_it_is_due(failing, status):
    signature = failing.sign()
    failing.put(images.small(2, tag="build"))
    failing.fail(status)
    image = failing.json("sync", status=1 if status == 429 else 4 if status == 500 else 8)["images"][0]
    assert any("could not be asked what refers to 1 images" in note for note in image["notes"])
    for place in image["places"]:
        assert {tag["result"] for tag in place["changes"]} == {"unproven" if status == 429 else "failed"}
        assert all(f"registry answered {status}" in tag["error"]["message"] for tag in place["changes"])
    text = failing.port.run("sync", "--config", failing.file, "--retry-for", "0").text
    assert f"registry answered {status}" in text and "held in reserve" not in text
    failing.primary.rules.clear()
    failing.json("sync")
    assert wire.Wire.to(failing.registry).manifest("one/app", signature).status == 200


def test_the_api_fails_and_nothing_else_is_to_do(failing):
    signature = failing.sign()
    failing.fail(500)
    assert failing.json("sync", status=1)["totals"]["tags"]["failed"] == 2
    failing.primary.rules.clear()
    failing.json("sync")  # (it is due still)
    assert wire.Wire.to(failing.registry).manifest("one/app", signature).status == 200


def test_a_list_that_fails_is_no_damage(failing):
    """Of a place that was asked in vain nothing sticks; what the others have is proven."""
    failing.fail(500)
    report = failing.json("verify", status=1)["images"][0]
    assert not any(place["damage"] for place in report["places"])
    assert "registry answered 500" in report["places"][0]["error"]["message"]
    assert [place["verified"]["good"] for place in report["places"]] == [0, 1, 1]
    assert not any("damaged" in note for note in report["notes"])
    failing.json("status")
    failing.primary.rules.clear()
    failing.json("verify")
