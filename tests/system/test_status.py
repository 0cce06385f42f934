# SPDX-License-Identifier: Apache-2.0
"""status: every standing that a tag can have, from hosts with and without a journal; watching it."""

import json
import re
import shutil
import signal
import time

import pytest

from support import backed_up, images, terminal, wire


@pytest.fixture
def backed(port, start, tmp_path):
    return backed_up.BackedUp(port, start, tmp_path)


@pytest.fixture
def synced(backed):
    """`latest` and v1.0.0, in step everywhere."""
    backed.put("app", images.small(1))
    backed.put("app", images.small(2, tag="v1.0.0"))
    backed.write()
    backed.sync()
    return backed


def standings(document, tag, image=0):
    at = next(entry for entry in document["images"][image]["tags"] if entry["name"] == tag)["at"]
    return [entry["standing"] for entry in at]


def tag_of(document, name):
    return next(entry for entry in document["images"][0]["tags"] if entry["name"] == name)


# -- standings
def test_in_step(synced):
    document = synced.json("status")
    assert document["kind"] == "status" and document["totals"]["images_good"] == 1
    for tag, digest in synced.images["app"].tags.items():
        entry = tag_of(document, tag)
        assert standings(document, tag) == ["in_step"] * 3 and entry["digest"] == digest
        assert all(at["digest"] == digest and at["touched"] for at in entry["at"])
    text = synced.run("status", status=0).stdout
    assert "in step, touched" in text and "1 of 1 images in step" in text
    assert "latest" not in synced.run("status", "--quiet", status=0).stdout


def test_only_lists_and_heads(synced):
    for registry in (synced.primary, synced.one, synced.two):
        registry.clear_log()
    synced.run("status", status=0)
    for registry in (synced.primary, synced.one, synced.two):
        entries = registry.log()
        heads = [entry.path for entry in entries if entry.method == "HEAD"]
        assert len(heads) == len(set(heads)) == 2
        others = [entry for entry in entries if entry.method != "HEAD"]
        assert all(entry.path.endswith("/tags/list") or entry.path == "/v2/" for entry in others), others


def test_behind_since_when(synced):
    synced.put("app", images.small(3))
    document = synced.json("status", status=1)
    assert standings(document, "latest") == ["behind"] * 3
    assert all(at["since"] is None for at in tag_of(document, "latest")["at"])  # this moment, for all we know
    synced.one.stop()
    synced.run("sync", "--retry-for", "0", status=1)  # from now on it is known when
    synced.one.start()
    document = synced.json("status", status=1)
    assert standings(document, "latest") == ["behind", "in_step", "in_step"]
    assert tag_of(document, "latest")["at"][0]["since"]
    assert "behind since 20" in synced.run("status", status=1).stdout


def test_fixed_tag_that_changed(synced):
    synced.put("app", images.small(4, tag="v1.0.0"))
    assert standings(synced.json("status", status=1), "v1.0.0") == ["changed"] * 3


def test_missing_and_extra(synced):
    synced.put("app", images.small(5, tag="new"))
    wire.Wire.to(synced.one).put_image("one/app", images.small(6, tag="mine"))
    document = synced.json("status", status=1)
    assert standings(document, "new") == ["missing"] * 3
    assert standings(document, "mine") == ["extra", "absent", "absent"]


def test_extra_alone_is_no_finding(synced):
    wire.Wire.to(synced.one).put_image("one/app", images.small(6, tag="mine"))
    synced.run("status", status=0)


def test_damaged_as_the_journal_knows(synced):
    layer = json.loads(synced.images["app"].manifests[synced.images["app"].tags["latest"]][1])["layers"][0]["digest"]
    synced.one.stop()
    synced.one.flip(layer, 5)
    synced.one.start()
    synced.run("restore", "--drill", "--sample", "100", status=5)
    document = synced.json("status", status=1)
    assert standings(document, "latest") == ["damaged", "in_step", "in_step"]
    assert tag_of(document, "latest")["at"][1]["read"]  # the drill read the others
    assert "damaged" in synced.run("status", status=1).stdout


def test_old_proofs_are_no_proofs(synced):
    synced.write(max_proof_age="1s")
    time.sleep(1.1)
    assert standings(synced.json("status", status=1), "latest") == ["unproven"] * 3


def test_primary_down_shows_what_it_named_last(synced):
    synced.primary.stop()
    document = synced.json("status", "--retry-for", "0", status=4)
    assert document["images"][0]["error"]["code"] == "unreachable"
    assert tag_of(document, "latest")["last_known"] and standings(document, "latest") == ["in_step"] * 3
    assert "last known" in synced.run("status", "--retry-for", "0", status=4).stdout


def test_backup_down(synced):
    synced.one.stop()
    document = synced.json("status", "--retry-for", "0", status=1)
    assert standings(document, "latest") == ["unknown", "in_step", "in_step"]
    assert document["images"][0]["places"][0]["error"]


def test_what_is_not_required_does_not_count(synced):
    synced.put("app", images.small(3))
    synced.write(image_required=False)
    assert standings(synced.json("status", status=0), "latest") == ["behind"] * 3


# -- what is remembered
def manifest_gets(*registries):
    """What a registry that counts pulls would count."""
    return [sum(e.method == "GET" and "/manifests/" in e.path for e in registry.log()) for registry in registries]


def test_fresh_host_learns_from_the_record(synced):
    synced.forget()
    for registry in (synced.one, synced.two):
        registry.clear_log()
    document = synced.json("status")
    assert manifest_gets(synced.one, synced.two) == [1, 1], "the record, and nothing else"
    synced.json("status")
    assert manifest_gets(synced.one, synced.two) == [1, 1], "it was read again"
    assert standings(document, "latest") == ["in_step"] * 3
    assert tag_of(document, "latest")["since"] and tag_of(document, "latest")["at"][0]["touched"]
    synced.forget()
    synced.primary.stop()
    for registry in (synced.one, synced.two):
        registry.clear_log()
    assert tag_of(synced.json("status", "--retry-for", "0", status=4), "latest")["last_known"]
    assert manifest_gets(synced.one, synced.two) == [1, 1]


def test_history(synced):
    before = synced.images["app"].tags["latest"]
    synced.put("app", images.small(3))
    synced.sync()
    document = synced.json("status", "--history", "5")
    assert [state["digest"] for state in tag_of(document, "latest")["history"]] == [
        synced.images["app"].tags["latest"], before]
    assert [place["history_tags"] for place in document["images"][0]["places"]] == [1, 1, 1]
    assert tag_of(synced.json("status"), "latest")["history"] == []


def test_sizes_where_a_backup_is_on_this_host(backed):
    content = images.small(1)
    content.tags["same"] = content.tags["latest"]
    backed.put("app", content)
    backed.write()
    backed.sync()
    size = sum(map(len, content.blobs.values())) + sum(len(entry[1]) for entry in content.manifests.values())
    image = backed.json("status", "--size")["images"][0]
    assert image["size_bytes"] == size and image["shared_bytes"] == 0
    assert backed.json("status")["images"][0]["size_bytes"] is None


# -- how it is shown
def in_terminal(backed, arguments, columns, rows, until):
    return terminal.run(backed.port.command("status", "--config", backed.file, *arguments), env=backed.port.env,
                        cwd=backed.port.home, columns=columns, rows=rows, until=until)


@pytest.mark.parametrize("columns", [40, 80])
def test_lines_fit(synced, columns):
    synced.run("verify", "--read", status=0)
    time.sleep(1.1)
    synced.run("verify", status=0)  # two proofs are the longest state of what is in step
    shown = in_terminal(synced, [], columns, 50, None)
    lines = terminal.plain(shown.screen).splitlines()
    assert shown.status == 0 and max(map(len, lines)) <= columns, lines
    assert any("vault:app" in line for line in lines)
    assert any("touched 20" in line for line in lines) and any("read 20" in line for line in lines)


def test_watch_redraws_a_terminal_and_ends_with_130(synced):
    shown = in_terminal(synced, ["--watch=1"], 80, 50, lambda text: text.count("\x1b[H\x1b[J") >= 2)
    assert shown.status == 130 and shown.screen.count("in step, touched") >= 12


def test_watch_of_a_small_terminal_says_that_there_is_more(synced):
    shown = in_terminal(synced, ["--watch=1"], 80, 6, lambda text: "lines more" in text)
    assert shown.status == 130 and "lines more" in shown.screen


def test_watch_appends_elsewhere_and_sees_changes(synced):
    process = synced.port.start("status", "--config", synced.file, "--watch=1")
    time.sleep(1.5)
    synced.put("app", images.small(9))
    time.sleep(2.5)
    process.signal(signal.SIGINT)
    done = process.wait(20, status=130)
    assert done.stdout.count("images in step") >= 3 and "\x1b" not in done.stdout
    assert "1 of 1 images in step" in done.stdout and "0 of 1 images in step" in done.stdout


def test_wrong_values(synced):
    assert "--watch" in synced.run("status", "--watch=0", status=2).stderr
    assert "--history" in synced.run("status", "--history", "x", status=2).stderr
    assert "nope" in synced.run("status", "nope", status=2).stderr


# -- what the file selects
def test_an_include_that_selects_nothing_is_a_failure(synced):
    synced.write(image_tags={"include": ["lastest"]})
    for command in ("sync", "status", "verify"):
        done = synced.run(command, status=1)
        assert "none of the 2 tags" in done.text and "'tags' of 'app'" in done.text, command
        assert "the tag 'lastest' that 'include' names is not at the primary" in done.text or command == "verify"
    assert synced.json("status", status=1)["images"][0]["error"]["code"] == "not-found"


def test_what_include_names_and_the_primary_lacks_is_noted(synced):
    synced.write(image_tags={"include": ["latest", "stable", "glob:w*"]})
    for command in ("sync", "status", "verify"):
        notes = " ".join(synced.json(command)["images"][0]["notes"])
        assert "the tag 'stable'" in notes and "'glob:w*' of 'include' selects no tag" in notes, command
        assert "latest" not in notes
        assert "stable" in synced.run(command, status=0).stdout
    assert "stable" in synced.run("status", "--quiet", status=0).stdout


# -- signatures, as far as listings show them
def test_signatures_that_are_missing(synced):
    content = images.Content()
    signature = synced.images["app"].tags["latest"].replace(":", "-") + ".sig"
    content.add_artifact("application/vnd.dev.cosign.simplesigning.v1+json", b'{"late":1}', tag=signature)
    synced.put("app", content)
    document = synced.json("status", status=1)
    assert standings(document, "latest") == ["unsigned"] * 3 and standings(document, "v1.0.0") == ["in_step"] * 3
    assert "signatures missing" in synced.run("status", status=1).stdout
    synced.sync()
    assert standings(synced.json("status"), "latest") == ["in_step"] * 3
    synced.write(image_referrers=False)
    synced.json("status")


def test_referrers_that_are_missing(synced):
    """Seen in the listings, where the registries have no API for them; the vault, which is at hand, is asked."""
    synced.put("app", images.with_referrers(31, tag="signed", cosign=False))
    synced.json("sync")
    synced.json("status")
    late = images.with_referrers(32, tag="late", cosign=False)
    fallback = [tag for tag in late.tags if tag.startswith("sha256-")]
    synced.put("app", late)
    for tag in fallback:
        shutil.rmtree(synced.primary.tag_link("src/app", tag).parents[1])
    synced.primary.restart()
    synced.json("sync")
    assert standings(synced.json("status"), "late") == ["in_step"] * 3
    synced.put("app", late)  # its referrers
    document = synced.json("status", status=1)
    assert standings(document, "late") == ["unsigned"] * 3 and standings(document, "signed") == ["in_step"] * 3
    synced.json("sync")
    synced.one.clear_log()
    assert standings(synced.json("status"), "late") == ["in_step"] * 3
    assert not [entry for entry in synced.one.log() if "referrers" in entry.path]


# -- when the last sync was
def test_when_the_last_sync_ended(backed):
    backed.put("app", images.small(1))
    backed.put("web", images.small(2))
    backed.write()
    assert [image["last_sync"] for image in backed.json("status", status=1)["images"]] == [None, None]
    assert "no sync of it is known here" in backed.run("status", status=1).stdout
    backed.run("sync", "web", status=0)
    app, web = backed.json("status", status=1)["images"]
    assert app["last_sync"] is None and web["last_sync"].startswith("20")
    backed.sync()
    backed.put("app", images.small(3))
    image = backed.json("status", status=1)["images"][0]
    when = image["last_sync"].replace("T", " ")[:16]
    text = backed.run("status", "app", status=1).stdout
    assert f"last sync ended {when}" in text and f"behind (since unknown; last sync {when})" in text


def test_both_proofs_are_shown(synced):
    """What was read, and touched since: a sync with an old proof touches, and its day is no reading."""
    def states():
        shown = synced.run("status", status=0).stdout
        return [line.strip() for line in shown.splitlines() if "in step" in line and "vault:app" in line]

    day = r"20\d\d-\d\d-\d\d"
    assert all(re.fullmatch(rf"vault:app +in step, touched {day}", state) for state in states())
    synced.run("verify", "--read", status=0)
    assert all(re.fullmatch(rf"vault:app +in step, read {day}", state) for state in states())
    time.sleep(1.1)
    synced.run("verify", status=0)
    assert len(states()) == 2
    assert all(re.fullmatch(rf"vault:app +in step, touched {day}, read {day}", state) for state in states())
