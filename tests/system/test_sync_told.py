# SPDX-License-Identifier: Apache-2.0
"""What sync, restore and drill tell of what went wrong: each tag by name, where, and why; and what the log keeps of it."""

import json
import re
import subprocess
import time

import pytest

from support import backed_up, images, safeport


@pytest.fixture
def backed(port, start, tmp_path):
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.port.options = ["--retry-for", "0"]
    return backed


def put_tags(backed, *tags):
    """Images that share nothing; answers the digest of a layer that only this tag has."""
    layers = {}
    for number, tag in enumerate(tags):
        content = images.small(number + 1, tag=tag, layers=1, layer_bytes=2000)
        backed.put("app", content)
        layers[tag] = max(content.blobs, key=lambda digest: len(content.blobs[digest]))
    backed.write()
    return layers


def remove_at(registry, *digests):
    registry.stop()
    for digest in digests:
        registry.remove(digest)
    registry.start()


def told_of(text, place):
    """{tag: what is said of it} in the block of a place; and all of its lines."""
    block = re.split(rf"(?m)^  {re.escape(place)}: .*\n", text)[1]
    lines = re.match(r"(?:    .*\n)*", block)[0].splitlines()
    return dict(line[4:].split(": ", 1) for line in lines if re.match(r"    [\w.-]+: ", line)), lines


def places_of(document):
    return {place["name"]: {change["tag"]: change for change in place["changes"]}
            for place in document["images"][0]["places"]}


# -- each tag
def test_each_tag_that_failed_is_named_with_its_reason(backed):
    layers = put_tags(backed, "v1.0.0", "v2.0.0", "v3.0.0")
    remove_at(backed.primary, layers["v1.0.0"], layers["v3.0.0"])
    done = backed.run("sync", status=1)
    for place in backed.backups("app"):
        said, _ = told_of(done.stdout, place)
        for tag in ("v1.0.0", "v3.0.0"):
            assert said[tag].startswith("failed: ") and layers[tag] in said[tag]
        assert said["v2.0.0"] == "copied"
    for place, changes in places_of(backed.json("sync", status=1)).items():
        assert set(changes) >= {"v1.0.0", "v3.0.0"}, place
        for tag in ("v1.0.0", "v3.0.0"):
            assert changes[tag]["result"] == "failed"
            assert changes[tag]["error"]["code"] == "not-found" and layers[tag] in changes[tag]["error"]["message"]


def test_many_are_counted(backed):
    tags = [f"build-{number:02}" for number in range(25)]
    remove_at(backed.primary, *put_tags(backed, *tags).values())
    done = backed.run("sync", status=1)
    for place in backed.backups("app"):
        said, lines = told_of(done.stdout, place)
        assert list(said) == tags[:20] and lines[-1] == "    and 5 tags more that failed"


def test_backup_that_is_down(backed):
    """The reason is of that place alone."""
    put_tags(backed, "v1.0.0", "latest")
    one, two, vault = backed.backups("app")
    backed.two.stop()
    done = backed.run("sync", status=1)
    for place in (one, vault):
        assert set(told_of(done.stdout, place)[0].values()) == {"copied"}
    said, _ = told_of(done.stdout, two)
    assert set(said) == {"v1.0.0", "latest"} and all("refused" in reason for reason in said.values())


def test_restore_names_what_failed(backed):
    layers = put_tags(backed, "v1.0.0", "latest")
    backed.sync()
    backed.lose_primary()
    remove_at(backed.one, layers["v1.0.0"])
    done = backed.run("restore", "app", "--all", "--from", backed.backups("app")[0], status=1)
    said, _ = told_of(done.stdout, f"{backed.primary.host}/src/app")
    assert said["v1.0.0"].startswith("failed: ") and layers["v1.0.0"] in said["v1.0.0"] and said["latest"] == "copied"


def test_drill_names_what_failed(backed, tmp_path):
    layers = put_tags(backed, "v1.0.0", "latest")
    backed.sync()
    remove_at(backed.one, layers["v1.0.0"])
    done = backed.run("restore", "--drill", "--sample", "100", "--scratch", tmp_path, status=1)
    failed = [block for block in re.split(r"(?m)^(?=app <- )", done.stdout) if ": failed: " in block]
    assert len(failed) == 1 and failed[0].startswith(f"app <- {backed.one.host}/one/app\n"), done.stdout
    assert re.search(rf"(?m)^    v1\.0\.0: failed: .*{layers['v1.0.0']}", failed[0]), done.stdout


# -- alarms
def test_fixed_tag_with_both_digests(backed):
    put_tags(backed, "v1.0.0")
    backed.sync()
    before = backed.images["app"].tags["v1.0.0"]
    backed.put("app", images.small(99, tag="v1.0.0"))
    now = backed.images["app"].tags["v1.0.0"]
    done = backed.run("sync", status=6)
    for place in backed.backups("app"):
        _, lines = told_of(done.stdout, place)
        assert lines[-2:] == [f"      {now}  {backed.primary.host}/src/app", f"      {before}  {place}"]


def test_held_image_is_not_without_tags(backed):
    put_tags(backed, "v1.0.0", "v2.0.0", "latest")
    backed.sync()
    backed.lose_primary()
    done = backed.run("sync", status=6)
    assert "no tags" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 images: 9 left as they are")
    assert {place["tags"]["held"] for place in backed.json("sync", status=6)["images"][0]["places"]} == {3}


# -- the log
def last_run(backed):
    backed.port.options = []
    text = backed.port.run("log", "--limit", "1", status=0).stdout
    number = text.split()[0]
    document = json.loads(backed.port.run("log", "--json", "--run", number, status=0).stdout)["runs"][0]
    text += backed.port.run("log", "--run", number, status=0).stdout
    backed.port.options = ["--retry-for", "0"]
    return text, document


def test_log_of_a_good_sync(backed):
    put_tags(backed, "v1.0.0")
    backed.put("web", images.small(7))
    backed.write()
    backed.sync()
    text, run = last_run(backed)
    assert "exit 0, 2 images (0 failed)" in text and run["images"] == 2 and run["bytes_sent"] > 0
    assert {(o["image"], o["place"], o["result"]) for o in run["outcomes"]} == {
        (name, place, "copied") for name in backed.images for place in backed.backups(name)}


def test_log_of_a_sync_without_its_primary(backed):
    put_tags(backed, "v1.0.0")
    backed.lose_primary()
    backed.run("sync", status=1)
    text, run = last_run(backed)
    assert "exit 1, 1 images (1 failed)" in text
    assert len(run["outcomes"]) == 3
    for outcome in run["outcomes"]:
        assert outcome["result"] == "failed" and "there is no repository" in outcome["error"]["message"]


def test_log_of_alarms_and_failed_tags(backed):
    put_tags(backed, "v1.0.0", "v2.0.0", "latest")
    backed.sync()
    backed.put("app", images.small(99, tag="v1.0.0"))
    backed.run("sync", status=6)
    text, run = last_run(backed)
    assert "1 images (1 failed)" in text and {o["result"] for o in run["outcomes"]} == {"tampered"}
    backed.lose_primary()
    backed.run("sync", status=6)
    text, run = last_run(backed)
    assert "1 images (1 failed)" in text and {o["result"] for o in run["outcomes"]} == {"held"}


def test_log_of_one_backup_that_is_down(backed):
    """One image failed, at one of its places: that is one."""
    put_tags(backed, "v1.0.0")
    backed.two.stop()
    backed.run("sync", status=1)
    text, run = last_run(backed)
    assert "exit 1, 1 images (1 failed)" in text
    assert [o["result"] for o in run["outcomes"]] == ["copied", "failed", "copied"]


def test_log_of_an_image_that_was_locked(backed):
    """It has no places then, and is told all the same."""
    put_tags(backed, "v1.0.0")
    backed.one.pause()
    first = backed.port.start("sync", "--config", backed.file)
    try:
        time.sleep(1)
        backed.run("sync", status=3)
        text, run = last_run(backed)
    finally:
        backed.one.resume()
    first.wait(60, status=0)
    assert "exit 3, 1 images (1 failed)" in text and re.search(r"(?m)^  app: failed$", text)
    (outcome,) = run["outcomes"]
    assert (outcome["image"], outcome["place"], outcome["error"]["code"]) == ("app", "", "locked")


def test_log_of_a_verify_counts_images(backed):
    put_tags(backed, "v1.0.0")
    backed.sync()
    backed.run("verify", status=0)
    text, run = last_run(backed)
    assert "1 images (0 failed)" in text and len(run["outcomes"]) == 4


def test_what_has_no_effect_yet_is_said(backed):
    """Who set a webhook would wait for its call."""
    put_tags(backed, "v1.0.0")
    assert "no effect" not in backed.run("sync", status=0).stderr
    backed.write(notify={"webhook": "http://127.0.0.1:9/alarm"}, image_keep={"last": 3, "candidates": ["git-sha"]})
    assert "no effect yet: keep, notify of safeport.yaml" in backed.run("sync", status=0).stderr


def test_what_accepts_a_fixed_tag_is_said_whole(backed):
    put_tags(backed, "v1.0.0")
    backed.sync()
    backed.put("app", images.small(77, tag="v1.0.0"))
    assert "if it is meant: safeport sync app --accept v1.0.0\n" in backed.run("sync", status=6).stdout


def test_seconds_are_what_a_clock_says(backed):
    put_tags(backed, "v1.0.0")
    for command in ("sync", "status", "verify"):
        seconds = re.search(r'"seconds": ([0-9.]+)', backed.run(command, "--json", status=0).stdout)[1]
        assert len(seconds) <= 7, seconds


def test_a_state_directory_that_cannot_be_used_is_told_once(backed):
    put_tags(backed, "v1.0.0")
    done = backed.run("sync", status=7, env={"SAFEPORT_STATE": "/proc/none"})
    assert done.stderr.count("cannot open the state directory") == 1, done


def test_a_file_that_may_not_grow_is_a_full_disk(backed):
    """`ulimit -f`: the signal of it would end the run without a word."""
    put_tags(backed, "v1.0.0")
    limited = backed.port.home / "limited"
    limited.write_text(f"#!/bin/bash\nulimit -f 1\nexec {safeport.binary()} \"$@\"\n")
    limited.chmod(0o755)
    done = subprocess.run([limited, "sync", "--retry-for", "0", "--config", backed.file], env=backed.port.env,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode in (1, 7) and "too large" in done.stderr.lower(), done
