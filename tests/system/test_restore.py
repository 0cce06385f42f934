# SPDX-License-Identifier: Apache-2.0
"""restore: primaries lost, backups damaged, and the drill. Times gone by are test_restore_at.py."""

import fcntl
import json
import os
import re
import signal
import tarfile
import time

import pytest

from support import backed_up, images, oracle


@pytest.fixture
def backed(port, start, tmp_path):
    return backed_up.BackedUp(port, start, tmp_path)


def counts(document):
    return {k: v for k, v in document["totals"]["tags"].items() if v}


def stop_and(registry, *damages):
    registry.stop()
    for damage in damages:
        damage()
    registry.start()


def blobs_of(content, tag="latest"):
    """Digests of the layers of one image."""
    manifest = json.loads(content.manifests[content.tags[tag]][1])
    return [layer["digest"] for layer in manifest["layers"]]


# -- the primary is lost
def test_emptied_primary_gets_everything_back(backed):
    """Row 52, but for the number of images: indexes, cosign's tags and referrers come back too."""
    backed.put("app", images.multi(1, layer_bytes=3000))
    backed.put("app", images.small(2, tag="v1.0.0", layer_bytes=3000))
    backed.put("signed", images.with_referrers(3))
    backed.write()
    backed.sync()
    backed.lose_primary()
    document = backed.json("restore", "app", "signed", "--all")
    assert document["kind"] == "restore" and document["totals"]["exit_status"] == 0
    for name, content in backed.images.items():
        backed.check(backed.primary, f"src/{name}", content)
    assert counts(backed.json("restore", "app", "signed", "--all")).keys() == {"proven"}  # nothing left to do


def moved_by_another_host(backed, **settings):
    """latest of two images: this host knows the first, and by its name at no backup any more."""
    backed.put("app", images.small(1))
    backed.write(**settings)
    backed.sync()
    with backed.another_host():
        backed.put("app", images.small(2))
        backed.sync()
    backed.primary.stop()
    return images.small(1), images.small(2)


@pytest.mark.parametrize("arguments", [(), ("--all",), ("--dry-run",)])
def test_a_journal_that_is_older_than_the_backups(backed, arguments, start):
    """Another host's, or one that came back from a backup of itself: the records are newer, and asked in any case."""
    _, newer = moved_by_another_host(backed)
    target = start("target")
    document = backed.json("restore", "app", *arguments, "--to", f"{target.host}/app")
    assert not document["images"][0]["notes"]
    assert document["images"][0]["places"][0]["changes"][0]["digest"] == newer.tags["latest"]
    if "--dry-run" not in arguments:
        backed.check(target, "app", newer)


def test_a_journal_that_is_older_than_backups_without_records(backed, start):
    """What it gives back is what this host knows, and it says what else there is, and how that is had."""
    older, newer = moved_by_another_host(backed, record=False)
    target = start("target")
    document = backed.json("restore", "app", "--to", f"{target.host}/app")
    backed.check(target, "app", older)
    (note,) = document["images"][0]["notes"]
    assert older.tags["latest"] in note and newer.tags["latest"] in note
    command = re.search("safeport (restore .*) --to REPO", note)[1]
    backed.port.run(*command.split(), "--to", f"{target.host}/newer", status=0)
    backed.check(target, "newer", newer)


@pytest.mark.parametrize("left", ["one", "two", "vault"])
def test_drill_of_row_52_only_one_backup_is_left(backed, start, left):
    for number in range(10):
        backed.put(f"app{number}", images.small(number, layer_bytes=3000))
    backed.put("multi", images.multi(77, layer_bytes=3000))
    backed.write()
    backed.sync()
    backed.primary.stop()
    for name in {"one", "two"} - {left}:
        getattr(backed, name).stop()
    if left != "vault":
        backed.port.vault.rename(backed.folder / "gone")
    target = start("target")
    backed.json("restore", *backed.images, "--all", "--to", f"{target.host}/back/{{name}}", "--retry-for", "0")
    for name, content in backed.images.items():
        backed.check(target, f"back/{name}", content)


def test_hundred_images_with_one_of_three_stores_corrupt(backed, start):
    """Row F-52 at its full size. Every blob of one backup is damaged, in turn in each of the ways there are."""
    content = images.Content()
    for number in range(100):
        content.merge(images.small(number, tag=f"build-{number}", layers=1, layer_bytes=2000))
    backed.put("app", content)
    backed.write()
    backed.sync()
    ways = [lambda d: backed.one.flip(d, 1000), lambda d: backed.one.truncate(d, 100), backed.one.remove]
    layers = [blobs_of(content, tag)[0] for tag in content.tags]
    stop_and(backed.one, *[lambda d=digest, w=ways[i % 3]: w(d) for i, digest in enumerate(layers)])
    backed.primary.stop()
    target = start("target")
    backed.json("restore", "app", "--all", "--to", f"{target.host}/back/app", "--retry-for", "1")
    backed.check(target, "back/app", content)


def test_two_backups_damaged_in_different_blobs(backed):
    """No backup is whole; all of it is there."""
    content = images.small(1, layers=3)
    backed.put("app", content)
    backed.write()
    backed.sync()
    first, second, third = blobs_of(content)
    stop_and(backed.one, lambda: backed.one.flip(first, 10), lambda: backed.one.flip(second, 10))
    stop_and(backed.two, lambda: backed.two.flip(second, 10), lambda: backed.two.flip(third, 10))
    blob = backed.port.vault_layout("app") / "blobs" / "sha256" / first.split(":")[1]
    blob.chmod(0o600)
    data = bytearray(blob.read_bytes())
    data[5] ^= 1
    blob.write_bytes(data)
    backed.lose_primary()
    document = backed.json("restore", "app", status=(0,))
    notes = " ".join(document["images"][0]["notes"])
    assert "damaged" in notes
    backed.check(backed.primary, "src/app", content)


def test_wrong_bytes_everywhere_move_no_tag(backed):
    content = images.small(1, layers=1)
    backed.put("app", content)
    backed.write()
    backed.sync()
    digest = blobs_of(content)[0]
    stop_and(backed.one, lambda: backed.one.flip(digest, 10))
    backed.lose_primary()
    backed.run("restore", "app", "--from", backed.backups("app")[0], status=5)
    assert backed.at_primary.tags("src/app") in (None, [], set())


def several(backed):
    """Three tags: v1.0.0 and v1.1.0 share a layer, v2.0.0 shares none. Answers the content and the layer."""
    content = images.small(1, tag="v1.0.0", layers=2)
    content.merge(images.small(1, tag="v1.1.0", layers=3)).merge(images.small(2, tag="v2.0.0", layers=2))
    backed.put("app", content)
    backed.write()
    backed.sync()
    shared = set(blobs_of(content, "v1.0.0")) & set(blobs_of(content, "v1.1.0"))
    assert shared and not shared & set(blobs_of(content, "v2.0.0"))
    return content, sorted(shared)[0]


def test_a_bad_blob_is_told_with_the_tags_that_it_hurts(backed):
    """Passed over at one backup, whole at another: the report names the tags, and status knows them. What was proven there
    before counts no more."""
    content, shared = several(backed)
    stop_and(backed.one, lambda: backed.one.flip(shared, 10))
    backed.lose_primary()
    backed.port.vault.rename(backed.folder / "gone")
    document = backed.json("restore", "app", "--all")
    assert counts(document) == {"copied": 3}
    (note,) = [note for note in document["images"][0]["notes"] if shared in note]
    assert set(re.search(r"\(tags: (.*)\)", note)[1].split(", ")) == {"v1.0.0", "v1.1.0"}, note
    backed.check(backed.primary, "src/app", content)
    (told,) = backed.json("status", status=None)["images"]
    standing = {tag["name"]: tag["at"][0]["standing"] for tag in told["tags"]}
    assert standing == {"v1.0.0": "damaged", "v1.1.0": "damaged", "v2.0.0": "unproven"}


def test_a_blob_that_is_bad_everywhere_fails_its_tags_alone(backed):
    content, shared = several(backed)
    stop_and(backed.one, lambda: backed.one.flip(shared, 10))
    backed.lose_primary()
    wanted = ("restore", "app", "--all", "--from", backed.backups("app")[0], "--retry-for", "1")
    document = backed.json(*wanted, status=5)
    assert counts(document) == {"copied": 1, "failed": 2}
    failed = {change["tag"]: change for change in document["images"][0]["places"][0]["changes"]
              if change["result"] == "failed"}
    assert failed.keys() == {"v1.0.0", "v1.1.0"}
    assert all(shared in change["error"]["message"] for change in failed.values()), failed
    said = backed.run(*wanted, status=5).stdout
    for tag in failed:
        assert re.search(f"{tag}: failed: .*{shared}", said)
    backed.check(backed.primary, "src/app", content, {"v2.0.0"})
    assert set(backed.at_primary.tags("src/app")) == {"v2.0.0"}


def test_manifest_that_one_backup_cannot_serve(backed):
    content = images.multi(1, layer_bytes=3000)
    backed.put("app", content)
    backed.write()
    backed.sync()
    stop_and(backed.one, *[lambda d=digest: backed.one.truncate(d, 20) for digest in content.manifests])
    backed.lose_primary()
    backed.json("restore", "app")
    backed.check(backed.primary, "src/app", content)


# -- what is read back
def test_every_byte_is_read_back_before_the_tag(backed):
    backed.put("app", images.small(1, layers=2))
    backed.write()
    backed.sync()
    backed.lose_primary()
    backed.primary.clear_log()
    backed.run("restore", "app", status=0)
    log = backed.primary.log()
    tag = next(i for i, entry in enumerate(log) if entry.method == "PUT" and entry.path.endswith("/latest"))
    read = {entry.path.rsplit("/", 1)[1] for entry in log[:tag] if entry.method == "GET" and "/blobs/" in entry.path
            and entry.status == 200}
    assert read == set(backed.images["app"].blobs)
    assert not [entry for entry in log if entry.method == "DELETE"]


# -- what is there stays
def test_tag_that_names_another_image_stays_without_force(backed):
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    other = images.small(2)
    backed.at_primary.put_image("src/app", other)
    document = backed.json("restore", "app", status=6)
    assert counts(document) == {"refused": 1}
    place = oracle.HttpPlace(backed.at_primary, "src/app")
    assert place.resolve("latest") == other.tags["latest"]
    assert "--force" in backed.run("restore", "app", status=6).stdout
    assert counts(backed.json("restore", "app", "--force")) == {"copied": 1}
    backed.check(backed.primary, "src/app", backed.images["app"])
    assert set(backed.at_primary.tags("src/app")) == {"latest"}  # no history tags at the primary


@pytest.mark.parametrize("arguments", [(), ("--dry-run",), ("--force",), ("--to", "vault:elsewhere")])
def test_a_restore_of_one_tag_tells_no_loss_of_the_others(backed, arguments):
    """From a single backup, whose tags the journal knows: the view of one of them has not lost the others."""
    for seed, tag in enumerate(("latest", "v1.0.0", "v1.1.0", "v1.2.0"), start=1):
        backed.put("app", images.small(seed, tag=tag))
    backed.write()
    backed.sync()
    arguments += ("--from", f"{backed.one.host}/one/app")
    image = (document := backed.json("restore", "app", *arguments))["images"][0]
    assert image["lost"] == 0 and image["lost_tags"] == [] and document["totals"]["lost"] == 0
    assert "gone" not in backed.run("restore", "app", *arguments).stdout


def test_dry_run_writes_nothing(backed):
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    backed.lose_primary()
    backed.primary.clear_log()
    document = backed.json("restore", "app", "--dry-run")
    assert counts(document) == {"planned": 1} and document["totals"]["bytes_to_send"] > 0
    assert not [entry for entry in backed.primary.log() if entry.method not in ("GET", "HEAD")]


# -- names and places
def test_a_place_needs_no_file(backed, start):
    backed.put("app", images.with_referrers(1))
    backed.write()
    backed.sync()
    target = start("target")
    backed.port.run("restore", "vault:app", "--all", "--to", f"{target.host}/x/app", status=0)
    backed.check(target, "x/app", backed.images["app"])
    backed.port.run("restore", f"{backed.one.host}/one/app:latest", "--to", "vault:elsewhere", status=0)
    place = oracle.LayoutPlace(backed.port.vault_layout("elsewhere"))
    assert oracle.check_tag(place, "latest") == backed.images["app"].tags["latest"]


@pytest.mark.parametrize("arguments, said", [
    ((), "too few|say what"),
    (("vault:app",), "--to"),
    (("app", "web", "--to", "vault:x"), "{name}"),
    (("app:v1", "--all"), "--tag"),
    (("app", "--to", "vault:x:v1"), "leave the tag out"),
    (("app", "--tag", "b:d"), "no tag"),
    (("app", "--sample", "3"), "--drill"),
    (("--drill", "--to", "vault:x"), "drill"),
    (("nope",), "nope"),
])
def test_wrong_command_lines(backed, arguments, said):
    backed.put("app", images.small(1))
    backed.put("web", images.small(2))
    backed.write()
    assert re.search(said, backed.run("restore", *arguments, status=2).stderr)


def test_tag_that_no_backup_has(backed):
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    backed.lose_primary()
    document = backed.json("restore", "app", "--tag", "latest", "--tag", "nope", status=1)
    assert counts(document) == {"copied": 1} and "nope" in document["images"][0]["error"]["message"]


def test_nothing_can_be_reached(backed):
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    backed.one.stop()
    backed.run("restore", "app", "--from", backed.backups("app")[0], "--retry-for", "0", status=4)


def test_it_is_in_the_log(backed):
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    backed.lose_primary()
    backed.run("restore", "app", status=0)
    backed.port.options = []  # log takes none of those
    runs = json.loads(backed.port.run("log", "--json", status=0).stdout)["runs"]
    assert runs[0]["command"] == "restore" and runs[0]["exit_status"] == 0
    one = json.loads(backed.port.run("log", "--json", "--run", str(runs[0]["id"]), status=0).stdout)
    assert backed.images["app"].tags["latest"] in json.dumps(one)


# -- the drill
def scratch_is_empty(folder):
    return not list(folder.glob("safeport-drill-*"))


def test_drill_reads_a_sample_and_leaves_nothing(backed, tmp_path):
    content = images.Content()
    for number in range(4):
        content.merge(images.small(number, tag=f"build-{number}", layer_bytes=2000))
    backed.put("app", content)
    backed.write()
    backed.sync()
    backed.primary.stop()  # nobody needs it
    backed.one.clear_log()
    document = backed.json("restore", "--drill", "--sample", "100", "--scratch", tmp_path)
    assert counts(document) == {"copied": 12} and scratch_is_empty(tmp_path)
    read = {entry.path.rsplit("/", 1)[1] for entry in backed.one.log()
            if entry.method == "GET" and "/blobs/" in entry.path and entry.status == 200}
    assert read >= set(content.blobs)


def test_drill_takes_what_was_read_least_recently(backed, tmp_path):
    content = images.Content()
    for number in range(4):
        content.merge(images.small(number, tag=f"build-{number}", layer_bytes=2000))
    backed.put("app", content)
    backed.write()
    backed.sync()
    def drilled(seed):
        document = backed.json("restore", "--drill", "--sample", "3", "--seed", seed)
        return {(image["primary"], image["places"][0]["changes"][0]["tag"]) for image in document["images"]}
    seen = set()
    for _ in range(4):  # 12 in all: each comes once before any comes again
        now = drilled(7)
        assert len(now) == 3 and not now & seen
        seen |= now
        time.sleep(1.1)
    assert drilled(7) <= seen


def test_drill_finds_damage_and_status_knows(backed, tmp_path):
    content = images.small(1, layers=1)
    backed.put("app", content)
    backed.write()
    backed.sync()
    stop_and(backed.two, lambda: backed.two.flip(blobs_of(content)[0], 10))
    document = backed.json("restore", "--drill", "--sample", "9", "--scratch", tmp_path, status=5)
    bad = [image["primary"] for image in document["images"] if image["places"][0]["error"]]
    assert bad == [f"{backed.two.host}/two/app"] and scratch_is_empty(tmp_path)


def test_drill_without_room(backed, tmpfs_dir):
    from support import registry
    backed.put("app", images.small(1, layers=1, layer_bytes=3_000_000))
    backed.write()
    backed.sync()
    with registry.tmpfs(tmpfs_dir / "small", 2) as small:
        done = backed.run("restore", "--drill", "--sample", "1", "--scratch", small, status=7)
    assert "--scratch" in done.stderr and "needs" in done.stderr and "cannot drill 'latest'" in done.stderr


def test_interrupted_drill_leaves_nothing(backed, tmp_path):
    backed.put("app", images.small(1, layers=1, layer_bytes=3_000_000))
    backed.write()
    backed.sync()
    backed.one.pause()
    backed.two.pause()
    try:
        process = backed.port.start("restore", "--config", backed.file, "--drill", "--scratch", tmp_path)
        time.sleep(1)
        process.signal(signal.SIGTERM)
        process.wait(30, status=143)
    finally:
        backed.one.resume()
        backed.two.resume()
    assert scratch_is_empty(tmp_path)


def test_what_a_killed_drill_left_is_removed_by_the_next(backed, tmp_path):
    """And nothing else: neither the directory of one that lives, nor what only looks like one."""
    backed.put("app", images.small(1, layers=2, layer_bytes=8_000_000))
    backed.write()
    backed.sync()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for _ in range(20):
        process = backed.port.start("restore", "--config", backed.file, "--drill", "--scratch", scratch)
        while scratch_is_empty(scratch) and process.process.poll() is None:
            time.sleep(0.001)
        process.signal(signal.SIGKILL)
        process.wait(30)
        if not scratch_is_empty(scratch):
            break
    left = set(scratch.iterdir())
    assert left, "it was never killed in time"
    living, stranger = scratch / "safeport-drill-aBc123", scratch / "safeport-drill-of-my-own"
    for folder in (living, stranger):
        (folder / "image").mkdir(parents=True)
    fd = os.open(living, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        backed.run("restore", "--drill", "--scratch", scratch, status=0)
        assert set(scratch.iterdir()) == {living, stranger}
    finally:
        os.close(fd)
    backed.run("restore", "--drill", "--scratch", scratch, status=0)
    assert set(scratch.iterdir()) == {stranger}


def test_a_file_that_is_gone_behind_a_warm_cache_is_damage(backed):
    """The registry answers, claims the blob, and its body ends at once: it can be reached (no 4), and has not what it says."""
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    digest = max(backed.images["app"].blobs, key=lambda d: len(backed.images["app"].blobs[d]))
    backed.one.remove(digest)
    for number in range(2):  # the second from a host that knows it
        done = backed.run("restore", "app", "--from", backed.backups("app")[0], "--to", f"oci:{backed.folder}/out-{number}",
                          "--retry-for", "1", status=5)
        assert "bytes are there" in done.text and digest in done.text
    backed.run("verify", "--read", "--retry-for", "1", status=5)
    backed.run("restore", "app", "--to", f"oci:{backed.folder}/out", "--retry-for", "1", status=0)
    assert oracle.check_tag(oracle.LayoutPlace(backed.folder / "out"), "latest")


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
def test_an_archive_that_is_there_is_not_replaced(backed, tmp_path, kind):
    for seed, tag in ((1, "latest"), (2, "v1.0.0")):
        backed.put("app", images.small(seed, tag=tag))
    backed.write()
    backed.sync()
    file = tmp_path / "notes.tar"
    file.write_text("somebody's")
    said = backed.run("restore", "app", "--to", f"{kind}:{file}", status=6)
    assert f"'{file}' is there, and would be replaced as a whole" in said.stderr and file.read_text() == "somebody's"
    backed.run("restore", "app", "--all", "--force", "--to", f"{kind}:{file}", status=0)
    with tarfile.open(file) as archive:
        assert set(entry["annotations"][images.REF_NAME].rsplit(":", 1)[-1]
                   for entry in json.load(archive.extractfile("index.json"))["manifests"]) == {"latest", "v1.0.0"}
    said = backed.run("restore", "app", "--to", f"{kind}:-", status=2)
    assert "standard output is the report's" in said.stderr


def test_a_place_is_not_restored_to_itself_by_another_spelling(backed):
    backed.put("app", images.small(1))
    backed.backups = lambda _: [f"oci:{backed.folder}/copy"]
    backed.write()
    backed.sync()
    (backed.folder / "link").symlink_to(backed.folder)
    for spelled in ("./copy/", "new/../copy", "link/copy", "link//link/./copy"):
        place = f"oci:{backed.folder}/{spelled}"
        assert "the only backup" in backed.run("restore", "app", "--to", place, status=2).text
        done = backed.run("restore", "app", "--from", f"oci:{backed.folder}/copy", "--to", place, status=2)
        assert f"'{place}' cannot be restored to itself" in done.text
