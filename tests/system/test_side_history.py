# SPDX-License-Identifier: Apache-2.0
"""Cosign's tags that move: what they leave at a backup keeps a name there, as with any moving tag, whoever sets them."""

import re
import shutil

import pytest

from support import backed_up, images, oracle, wire

ONE = 0


@pytest.fixture
def signed(port, start, tmp_path):
    """An image with a signature, in step at a registry and in the vault; tests sign it anew."""
    signed = backed_up.BackedUp(port, start, tmp_path)
    signed.put("app", images.with_referrers(3, tag="v1.0.0"))
    signed.backups = lambda name: [f"{signed.one.host}/one/{name}", f"vault:{name}"]
    signed.write(image_tags={"include": ["glob:*"]})
    signed.sync()
    signed.tag = signed.images["app"].tags["v1.0.0"].replace(":", "-") + ".sig"
    signed.left = signed.images["app"].tags[signed.tag]
    return signed


def sign(signed, data):
    content = images.Content()
    content.add_artifact("application/vnd.dev.cosign.simplesigning.v1+json", data, tag=signed.tag)
    signed.put("app", content)
    return content.tags[signed.tag]


def places(signed):
    return [oracle.StoragePlace(signed.one.storage, "one/app"), oracle.LayoutPlace(signed.port.vault_layout("app"))]


def history(place):
    """What history tags of cosign's tag name there; and there is none of any other tag."""
    tags = {tag: digest for tag, digest in place.tags().items()
            if tag.startswith("safeport-") and tag != "safeport-record"}
    assert all(re.fullmatch(r"safeport-sha256-[0-9a-f]{64}\.sig-\d{8}T\d{6}Z", tag) for tag in tags), tags
    return tags


def check_kept(place, digest):
    (tag,) = history(place)
    assert oracle.check_tag(place, tag, digest) == digest
    return tag


def test_what_a_signature_leaves_outlives_a_garbage_collection(signed):
    new = sign(signed, b'{"sig": "of another key"}')
    text = signed.run("sync", status=0).stdout
    for place in places(signed):
        assert check_kept(place, signed.left) in text and place.tags()[signed.tag] == new
    signed.one.collect_garbage()
    for place in places(signed):
        check_kept(place, signed.left)
    place = signed.json("status")["images"][0]["places"][ONE]
    assert place["history_tags"] == 1
    assert signed.sync()["totals"]["tags"]["in_step"] == 2  # v1.0.0 at two backups: nothing else is selected


def test_only_the_last_so_many_are_looked_at(signed):
    """Back to what is in the history: no second name for it."""
    sign(signed, b'{"sig": 1}')
    signed.sync()
    signed.at_primary.put_image("src/app", images.with_referrers(3, tag="v1.0.0"))
    signed.sync()
    sign(signed, b'{"sig": 2}')
    signed.sync()
    assert sorted(history(places(signed)[ONE]).values()).count(signed.left) == 1


def test_no_history_wanted(signed):
    signed.write(image_keep_history=0)
    sign(signed, b'{"sig": 1}')
    signed.sync()
    assert not any(history(place) for place in places(signed))


def test_a_copy_of_the_image_sets_its_signature(signed):
    """The tag of the image is gone at one backup: its signature comes along with it there."""
    shutil.rmtree(signed.one.tag_link("one/app", "v1.0.0").parents[1])
    signed.one.restart()
    new = sign(signed, b'{"sig": 1}')
    notes = signed.sync()["images"][0]["notes"]
    tag = check_kept(places(signed)[ONE], signed.left)
    assert any(tag in note and signed.one.host in note for note in notes)
    assert places(signed)[ONE].tags()[signed.tag] == new


def test_a_repair_sets_it(signed):
    new = sign(signed, b'{"sig": 1}')
    signed.json("verify", status=1)
    signed.run("verify", "--repair", status=0)
    for place in places(signed):
        check_kept(place, signed.left)
        assert place.tags()[signed.tag] == new


@pytest.mark.parametrize("named", ["app", "app:v1.0.0"])
def test_it_is_proven_and_repaired(signed, named):
    sign(signed, b'{"sig": 1}')
    signed.sync()
    tag = check_kept(places(signed)[ONE], signed.left)
    signed.one.remove(signed.left)
    signed.one.restart()
    report = signed.json("verify", named, "--read", status=1)["images"][0]
    assert {(entry["digest"], entry["tags"]) for entry in report["places"][1 + ONE]["damage"]} == {(signed.left, tag)}
    signed.run("verify", named, "--read", "--repair", status=0)
    check_kept(places(signed)[ONE], signed.left)


def test_it_can_be_restored(signed):
    sign(signed, b'{"sig": 1}')
    signed.sync()
    tag = check_kept(places(signed)[ONE], signed.left)
    signed.run("restore", "app", "--tag", tag, "--to", f"{signed.two.host}/back/app", status=0)
    assert wire.Wire.to(signed.two).tag_digest("back/app", tag) == signed.left


def test_lists_of_referrers_have_no_history(signed):
    """They only grow: what the old one named the new one names, too."""
    late = images.with_referrers(3, tag="v1.0.0")
    media_type, data = late.manifests[late.tags["v1.0.0"]]
    subject = {"mediaType": media_type, "digest": late.tags["v1.0.0"], "size": len(data)}
    late.add_artifact("application/vnd.test.late", b'{"late": 1}', subject=subject)
    late.add_fallback_tag(subject)
    signed.put("app", late)
    signed.sync()
    assert not any(history(place) for place in places(signed))
