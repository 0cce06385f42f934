# SPDX-License-Identifier: Apache-2.0
"""Rows that need real registries: killed, restarted, re-tagged, wiped, full, read-only, collected; and two runs at once."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import threading
import time

import sync_rig
from support import images, oracle, registry, safeport
from sync_rows import row

ROOT = pathlib.Path(__file__).resolve().parents[2]


# -- 03
@row("03", "power loss", "what is named is whole in every state that a disk can be left in")
def power_loss(context):
    """tests/unit/layout/replay_test.c: one publication in a layout, every prefix, any one, two or all of the unsynced steps
    missing (the journal: row 47)"""
    build = os.environ.get("BUILD", "build")
    context.point("replay", lambda: subprocess.run(["meson", "test", "-C", ROOT / build, "layout/replay"], check=True,
                                                   capture_output=True))


# -- 04, 05: registries that end in the middle
def _ended(context, count, end, statuses):
    rig = context.rig

    def one(number):
        chance = context.chance(number)
        victim, wait = chance.choice((rig.primary, rig.backup)), chance.uniform(0, 0.2)
        rig.reset()
        running = rig.program.start(*rig.arguments("--retry-for", "20"))
        time.sleep(wait)
        end(victim)
        victim.start()
        rig.at_primary.close()
        rig.at_backup.close()
        result = running.wait(60)
        where = f"{number}: {victim.folder.name} after {wait:.3f} s: {result!r}"
        assert result.status in statuses, where
        if result.status == 0:
            rig.check_new()
        result = rig.sync()
        # A tag's link or a manifest that the kill tore: said with its file, and never named by a tag.
        assert result.status == 0 or statuses != (0,) and result.status == 5 and "data" in result.text, where + repr(result)
        if result.status == 0:
            rig.settled(lambda: rig.check_same())
    context.each("moment ", range(count), one, least=3)


@row("04", "a registry is restarted cleanly in the middle", "retried, exit 0")
def restarted(context):
    """SIGTERM to the primary or the backup at a random moment, started again"""
    _ended(context, 100, lambda victim: victim.stop(), (0,))


@row("05", "a registry is killed in the middle", "as 04; a torn link is written again; a poisoned digest is never tagged: "
     "exit 5 with the file")
def killed(context):
    """kill -9 of the primary or the backup at a random moment, started again"""
    _ended(context, 200, lambda victim: victim.kill(), (0, 1, 4, 5))


# -- 26, 27: a primary in motion
@contextlib.contextmanager
def _retagging(rig, contents, tag="latest"):
    """Somebody sets the tag to one and the other without end."""
    over = threading.Event()

    def move():
        client = sync_rig.wire.Wire(rig.primary.host)
        while not over.is_set():
            for content in contents:
                kind, data = content.manifests[content.tags[tag]]
                client.put_manifest("src/app", tag, kind, data)
        client.close()
    thread = threading.Thread(target=move)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@row("26", "the tag moves while it is copied", "a digest is copied whole or not at all, never a mix; the next run follows")
def moving(context):
    """the tag is set to one and another image in an endless loop (real registry; the scripted one: row 26w)"""
    def run(rig):
        def one(number):
            rig.reset()
            with _retagging(rig, (rig.old, rig.new)):
                for _ in range(3):
                    result = rig.sync()
                    assert result.status in (0, 1), f"{number}: {result!r}"
                    rig.check_whole()
                    assert not [t for p in rig.places()[:1] for t in sync_rig.record_of(p)["tags"] if t.get("gone")]
            rig.sync(status=0)
            rig.check_new()
        context.each("re-tagged ", range(20), one, least=2)
    context.fresh(run, cache=False)


# -- 28, 32, 33: a primary that lost or changed something
def _stays(rig, result, statuses):
    """The tags of the image that failed stay where they were, and the report says so."""
    assert result.status in statuses, repr(result)
    rig.check_told(result)
    for place in rig.places():
        for tag in ("main", "latest"):
            assert oracle.check_tag(place, tag) == rig.old_digest
    rig.check_order(rig.log())


@row("28", "a manifest, child or blob of the primary is gone", "partial; the tag on the backup does not move")
def primary_lost_content(context):
    """each manifest and each blob of the new image is removed from the primary's storage, one after the other"""
    def run(rig):
        def one(digest):
            path = rig.primary.blob_path(digest).parent
            kept = path.with_name("kept")
            path.rename(kept)
            try:
                rig.reset()
                _stays(rig, rig.sync(), (1, 4, 5))  # 4: a warm cache claims it, and each answer ends short
            finally:
                kept.rename(path)
            rig.sync(status=0)
            rig.check_same()
        context.each("without ", sorted(set(oracle.whole(rig.new, rig.new_digest))), one)
    context.fresh(run, cache=False)


@row("32", "the primary serves corrupted data for one of two images", "exit 5; the other image is copied; what is bad is named")
def primary_is_damaged(context):
    """a bit of each blob and manifest of the new image flips in the primary's storage, one after the other"""
    def run(rig):
        other = images.small(9, tag="1.0.0")
        rig.at_primary.put_image("src/web", other)
        document = rig.file.read_text().replace('"images": {', '"images": {"web": {"primary": "%s/src/web", "backups": '
                                                '["%s/backup/web", "vault:web"]}, ' % (rig.primary.host, rig.backup.host))
        rig.file.write_text(document)

        def one(digest):
            rig.primary.flip(digest)
            try:
                rig.reset()
                result = rig.sync()
                _stays(rig, result, (1, 5))
                # 500: docker-registry does not serve a tag whose manifest it cannot read.
                assert digest in result.text or "answered 500" in result.text, f"what is bad is not named: {result!r}"
                oracle.check_tag(oracle.StoragePlace(rig.backup.storage, "backup/web"), "1.0.0", other.tags["1.0.0"])
            finally:
                rig.primary.flip(digest)
            rig.sync(status=0)
            rig.check_new()
        context.each("flipped ", sorted(set(oracle.whole(rig.new, rig.new_digest))), one)
    context.fresh(run, cache=False)


@row("33", "the primary serves another image under a tag", "a moving tag follows and leaves a history tag; a fixed one does "
     "not: exit 6")
def primary_changed(context):
    """another image is pushed to all three tags"""
    def run(rig):
        rig.reset("after")
        third = images.small(7, tag="latest")
        third.tags = dict.fromkeys(sync_rig.TAGS, third.tags["latest"])
        rig.at_primary.put_image("src/app", third)
        rig.sync(status=6)
        for place in rig.places():
            assert oracle.check_tag(place, "v1.0.0") == rig.new_digest
            assert oracle.check_tag(place, "latest") == third.tags["latest"]
            kept = {place.resolve(t) for t in place.tags() if t.startswith("safeport-latest-")}
            assert rig.old_digest in kept, f"{kept}"
    context.point("changed", lambda: context.fresh(run, cache=False))


# -- 29, 30, 31: a primary that is not there
def _untouched(rig, action):
    before = rig.snapshot()
    action()
    rig.check_same(before)
    assert not [e for e in rig.backup.log() if e.method not in ("GET", "HEAD")]


@row("29", "the primary is refused, silent, without a name, or its certificate has expired",
     "exit 4 in time; backups untouched")
def primary_is_out(context):
    """a closed port; a socket that takes connections and says nothing; a name in .invalid; an expired certificate"""
    from support import hostile, ports, tls
    authority = tls.Authority(context.folder_of("ca"))
    expired = hostile.Hostile(tls=authority.issue("expired", expired=True))
    silent = sync_rig.registry.Registry(context.folder_of("silent")).start()
    silent.pause()
    hosts = {"refused": f"127.0.0.1:{ports.free_port()}", "silent": silent.host, "no name": "registry.invalid",
             "expired": expired.host}

    def one(name):
        rig = context.rig
        rig.reset()
        file = rig.folder / "other.yaml"
        file.write_text(rig.file.read_text().replace(rig.primary.host, hosts[name]))

        def sync():
            began = time.monotonic()
            rig.program.run("sync", "--config", file, "--timeout", "2", "--retry-for", "1", "--ca",
                            f"{expired.host}={authority.ca}", status=4)
            assert time.monotonic() - began < 20
        _untouched(rig, sync)
    context.each("primary is ", hosts, one, least=4)
    silent.resume()
    silent.stop()
    expired.stop()


@row("30", "the primary has a fresh volume, or lost half", "nothing moves, nothing is written; exit 6")
def primary_is_empty(context):
    """the primary's storage is wiped; only one of two known tags is left (lists of other shapes: row 30w)"""
    def wiped(rig):
        rig.primary.wipe()
        rig.primary.restart()
        _untouched(rig, lambda: rig.sync(status=6))
        _untouched(rig, lambda: rig.all_say(6))

    def halved(rig):
        for tag in ("latest", "v1.0.0"):
            shutil.rmtree(rig.primary.tag_link("src/app", tag).parents[1])
        _untouched(rig, lambda: rig.all_say(6))
    context.point("fresh volume", lambda: context.fresh(wiped))
    context.point("half of it", lambda: context.fresh(halved))


# -- 34-38: a backup that lost something
def _warm(rig):
    """The backup's cache knows all."""
    for digest in rig.known.blobs:
        rig.at_backup.request("HEAD", f"/v2/backup/app/blobs/{digest}")


def _healed(rig, result):
    """All is there; or exit 5 with a word, and all is there once the registry was started again."""
    if result.status:
        assert result.status == 5 and "sha256:" in result.text, f"not healed and not explained: {result!r}"
        rig.backup.restart()
        rig.at_backup.close()
        rig.sync(status=0)
    for place in rig.places():
        for tag in sync_rig.TAGS:
            oracle.check_tag(place, tag, rig.new_digest)


@row("34", "the backup's repository was deleted", "everything is pushed again; exit 0 only if it is")
def repository_deleted(context):
    """rm -r of the repository under the running registry with a warm cache, and with a restart"""
    def run(rig, restart):
        rig.reset("after")
        _warm(rig)
        shutil.rmtree(rig.backup.repository_path("backup/app"))
        if restart:
            rig.backup.restart()
            rig.at_backup.close()
        result = rig.sync()
        assert not restart or result.status == 0, repr(result)
        _healed(rig, result)
    for restart in (False, True):
        context.point(f"restart: {restart}", lambda r=restart: context.fresh(lambda rig: run(rig, r)))


@row("35", "the backup's volume is wiped under the running registry", "exit 0 only if all was read back; else 5: restart it")
def volume_wiped(context):
    """the storage is removed while the cache is warm; and only the blobs"""
    def run(rig, only_blobs):
        rig.reset("after")
        _warm(rig)
        if only_blobs:
            shutil.rmtree(rig.backup.storage / "docker" / "registry" / "v2" / "blobs")
        else:
            rig.backup.wipe()
        _healed(rig, rig.sync())
    for only in (False, True):
        context.point(f"only blobs: {only}", lambda o=only: context.fresh(lambda rig: run(rig, o)))


DAMAGE = {"truncate": lambda reg, digest: reg.truncate(digest, 10), "remove": lambda reg, digest: reg.remove(digest),
          "flip": lambda reg, digest: reg.flip(digest, 5)}


def _rotten(rig, digest):
    """Only reading shows it. Then it is known, and no sync that looks again calls it good."""
    def run(command, *options, status):
        return rig.program.run(command, "--config", rig.file, "--retry-for", "2", *options, status=status)
    result = run("verify", "--read", status=5)
    assert digest in result.text, f"not named: {result!r}"
    for _ in range(2):
        rig.sync(status=5)
        run("status", status=1)
    run("verify", "--max-age", "1d", status=5)
    shutil.rmtree(rig.backup.blob_path(digest).parent)
    rig.backup.restart()
    run("verify", "--repair", status=0)
    rig.sync(status=0)
    rig.check_new()


@row("36", "a blob or manifest of the backup is flipped, cut short or gone", "found when its proof is old (a flipped layer or config: by "
     "verify --read, and no sync forgets it); healed, or exit 5 with the file; whole again once that was removed")
def backup_damaged(context):
    """each blob and manifest of the new image, flipped, cut short and gone, one after the other"""
    def run(rig):
        rig.write_config(**{"max-proof-age": "1s"})

        def one(what):
            kind, digest = what
            rig.reset("after")
            DAMAGE[kind](rig.backup, digest)
            time.sleep(1.1)
            if kind == "flip" and digest not in rig.new.manifests:
                _rotten(rig, digest)
                return
            result = rig.sync()
            if result.status:
                assert result.status in (1, 5) and digest in result.text, f"not named: {result!r}"
                shutil.rmtree(rig.backup.blob_path(digest).parent, ignore_errors=True)
                rig.sync(status=0)
            rig.check_new()
        found = [(kind, digest) for digest in sorted(set(oracle.whole(rig.new, rig.new_digest))) for kind in DAMAGE]
        context.each("", found, one)
    context.fresh(run, cache=False)


def _collect(rig, *more):
    return subprocess.run(["docker-registry", "garbage-collect", *more, rig.backup.folder / "config.yml"],
                          capture_output=True, check=False)


@row("37", "the backup's garbage collection runs during the sync", "what it took is pushed again or said; next run whole")
def collected_meanwhile(context):
    """docker-registry garbage-collect in an endless loop"""
    def run(rig):
        def one(number):
            rig.reset()
            over = threading.Event()
            thread = threading.Thread(target=lambda: [_collect(rig) for _ in iter(over.is_set, True)])
            thread.start()
            time.sleep(0.05 * (number % 4))
            try:
                result = rig.sync()
                assert result.status in (0, 1, 5), f"{number}: {result!r}"
            finally:
                over.set()
                thread.join()
            result = rig.sync()
            assert result.status in (0, 5), f"{number}: {result!r}"
            if result.status:
                _healed(rig, result)
            rig.check_new()
        context.each("collected ", range(30), one, least=2)
    context.fresh(run, cache=False)


@row("38", "the backup's garbage collection with -m ran", "the children that it removed are put again")
def collected_untagged(context):
    """docker-registry garbage-collect -m, then a restart; the proof is old"""
    def run(rig):
        rig.write_config(**{"max-proof-age": "1s"})
        rig.reset("after")
        _collect(rig, "-m")
        rig.backup.restart()
        rig.at_backup.close()
        lost = [d for d in oracle.whole(rig.new, rig.new_digest) if not rig.backup.blob_path(d).exists()]
        assert lost, "nothing was collected: nothing would be shown"
        time.sleep(1.1)
        _healed(rig, rig.sync())
        rig.check_kept(rig.places()[0].tags())
    context.point("-m", lambda: context.fresh(run))


# -- 39, 40: a backup that takes nothing
@row("39", "the backup is full, or read-only", "the other backup gets all; old tags whole; no storm of retries; afterwards "
     "the next run finishes, or says which file is poisoned")
def backup_takes_nothing(context):
    """a tmpfs with 0 to 64 KiB left under the registry's storage; a registry that answers 405"""
    def read_only(rig):
        rig.backup.readonly = True
        rig.backup.restart()
        rig.at_backup.close()
        _one_takes_nothing(rig, rig.sync())
        rig.backup.readonly = False
        rig.backup.restart()
        rig.at_backup.close()
        rig.sync(status=0)
        rig.check_same()
    context.point("read-only", lambda: context.fresh(read_only))
    if not registry.can_mount_tmpfs(context.folder):
        context.skip("39: full disk", "no tmpfs can be mounted here")
        return
    context.each("KiB left: ", (0, 4, 8, 16, 24, 32, 48, 64), lambda kib: _full(context, kib))


def _one_takes_nothing(rig, result):
    assert result.status in (1, 5) and rig.backup.host in result.text, repr(result)
    vault = rig.places()[2]
    for tag in sync_rig.TAGS:
        oracle.check_tag(vault, tag, rig.new_digest)
    rig.settled(rig.check_whole)
    asked = {}
    for entry in rig.backup.log():
        if entry.method in ("POST", "PUT") and entry.status >= 400:
            asked[entry.path.split("/uploads/")[0]] = asked.get(entry.path.split("/uploads/")[0], 0) + 1
    assert all(count <= 40 for count in asked.values()), f"a storm: {asked}"


def _full(context, kib):
    folder = context.folder_of("full")
    with registry.tmpfs(folder / "backup" / "storage", 3) as disk:
        rig = sync_rig.Rig(folder)
        try:
            rig.reset()
            ballast = registry.fill(disk, kib << 10)
            result = rig.sync()
            if result.status:
                _one_takes_nothing(rig, result)
            ballast.unlink()
            result = rig.sync()
            if result.status:
                assert result.status == 5 and "data" in result.text, f"not healed and not explained: {result!r}"
                rig.settled(rig.check_whole)
                for path in disk.rglob("data"):  # what its operator is told to do
                    if path.stat().st_size == 0:
                        shutil.rmtree(path.parent)
                rig.sync(status=0)
            rig.check_new()
        finally:
            rig.close()


@row("40", "one of the backups is down", "exit 1, the other gets all; it catches up in the next run")
def backup_down(context):
    """the registry is stopped"""
    def one():
        rig = context.rig
        rig.reset()
        rig.backup.stop()
        result = rig.sync(status=1)
        assert rig.backup.host in result.text
        for tag in sync_rig.TAGS:
            oracle.check_tag(rig.places()[2], tag, rig.new_digest)
        rig.backup.start()
        rig.at_backup.close()
        rig.sync(status=0)
        rig.check_same()
    context.point("down", one)


# -- 41, 42, 48: two at once
@row("41", "two syncs at once on one host", "the second ends 3 at once; with --wait it waits")
def two_on_one_host(context):
    """the backup is stopped (SIGSTOP) while the first has the lock"""
    def one():
        rig = context.rig
        rig.reset()
        rig.backup.pause()
        try:
            first = rig.program.start(*rig.arguments("--timeout", "60"))
            time.sleep(0.7)
            began = time.monotonic()
            rig.sync(status=3)
            assert time.monotonic() - began < 2
            waiting = rig.program.start(*rig.arguments("--wait"))
            time.sleep(0.5)
            assert waiting.process.poll() is None, "did not wait"
        finally:
            rig.backup.resume()
        first.wait(60, status=0)
        waiting.wait(60, status=0)
        rig.check_same()
    context.point("two", one)


def _at_once(context, other_arguments):
    rig = context.rig
    other = safeport.Safeport(context.folder_of("other-host"))
    other.options = []

    def one(number):
        rig.reset()
        shutil.rmtree(other.home / "state", ignore_errors=True)
        shutil.rmtree(other.home / "data", ignore_errors=True)
        if number % 2:
            copy = other.home / "state"
            sync_rig.copy_tree(rig.program.home / "state", copy)
        runs = [rig.program.start(*rig.arguments())]
        time.sleep(context.chance(number).uniform(0, 0.15))
        runs.append(other.start(*rig.arguments(*other_arguments(rig))))
        results = [run.wait(60) for run in runs]
        assert [r.status for r in results] == [0, 0], f"{number}: {results}"
        rig.check_same()
        rig.check_files()
        rig.sync(status=0)
        rig.check_same()
    context.each("number ", range(40), one, least=3)


@row("42", "two syncs at once on two hosts, one backup", "both finish; the same state as after one")
def two_hosts(context):
    """two state directories (the second empty, or a copy), begun up to 150 ms apart"""
    _at_once(context, lambda rig: ())


@row("48", "a layout: two writers, foreign files", "both finish, the same state; what is not ours is untouched")
def two_writers(context):
    """two hosts with one vault on a shared disk; a file of a stranger in it (killed between a blob and
    index.json: row 01)"""
    _at_once(context, lambda rig: ("--vault", rig.program.vault))

    def foreign():
        rig = context.rig
        rig.reset()
        layout = rig.program.vault_layout("app")
        strange = {layout / "README": b"mine", layout / "blobs" / "sha256" / ("a" * 63): b"no digest",
                   layout / "blobs" / "md5": None}
        for path, data in strange.items():
            path.write_bytes(data) if data else path.mkdir()
        rig.sync(status=0)
        rig.check_new()
        for path, data in strange.items():
            assert path.is_dir() if data is None else path.read_bytes() == data
    context.point("foreign files", foreign)
