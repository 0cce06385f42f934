# SPDX-License-Identifier: Apache-2.0
"""What moving tags left is proven, too: by a verify that reads, and by drills."""

import json

import pytest

from support import backed_up, images, oracle

ONE = 0


@pytest.fixture
def moved(port, start, tmp_path):
    """latest has moved; `layer` is one of those that only its history tag needs."""
    port.options = ["--retry-for", "1"]
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    backed.left = backed.images["app"].tags["latest"]
    layers = json.loads(backed.images["app"].manifests[backed.left][1])["layers"]
    backed.layer = max(layers, key=lambda layer: layer["size"])["digest"]
    backed.put("app", images.small(2))
    backed.sync()
    return backed


def history_tag(backed):
    place = oracle.StoragePlace(backed.one.storage, "one/app")
    (tag,) = [tag for tag in place.tags() if tag.startswith("safeport-latest-")]
    return tag


def damage_at_one(document):
    place = document["images"][0]["places"][1 + ONE]
    return {(entry["digest"], entry["finding"], entry["tags"]) for entry in place["damage"]}


def test_verify_finds_and_repairs_what_history_needs(moved):
    tag = history_tag(moved)
    assert [place["verified"]["good"] for place in moved.json("verify", "--read")["images"][0]["places"]] == [1, 2, 2, 2]
    moved.one.remove(moved.layer)
    moved.one.restart()
    assert damage_at_one(moved.json("verify", "--read", status=1)) == {(moved.layer, "missing", tag)}
    assert moved.json("verify", "--read", "--repair")["totals"]["repaired"] == 1
    assert oracle.check_tag(oracle.StoragePlace(moved.one.storage, "one/app"), tag) == moved.left
    moved.run("verify", "--read", status=0)


@pytest.mark.parametrize(("gone", "status"), [("manifest", 1), ("tag's file", 5)])
def test_verify_repairs_a_manifest_that_history_needs(moved, gone, status):
    tag = history_tag(moved)
    if gone == "manifest":
        moved.one.remove(moved.left)
    else:
        moved.one.tag_link("one/app", tag).write_bytes(b"")
    moved.one.restart()
    moved.json("verify", "--read", status=status)
    moved.run("verify", "--read", "--repair", status=0)
    assert oracle.check_tag(oracle.StoragePlace(moved.one.storage, "one/app"), tag) == moved.left


def test_a_drill_finds_it(moved):
    moved.run("restore", "--drill", "--sample", "100", status=0)
    moved.one.remove(moved.layer)
    moved.one.restart()
    told = moved.json("restore", "--drill", "--sample", "100", status=1)
    failed = [image for image in told["images"] if image["error"] or any(p["error"] for p in image["places"])]
    assert len(told["images"]) == 6 and len(failed) == 1, told
