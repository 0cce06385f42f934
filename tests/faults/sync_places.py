# SPDX-License-Identifier: Apache-2.0
"""Rows of the machine itself: power loss, registries that end in the middle, full disks; and two runs at once."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import threading
import time

import sync_rig
from support import oracle, registry, safeport
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
def _bring_back(rig):
    for one, wire in ((rig.primary, rig.at_primary), (rig.backup, rig.at_backup)):
        wire.close()
        if not one.process:
            one.start()


def _ended(rig, chance, end):
    """A sync in the middle of which a registry ends and comes back."""
    victim, wait = chance.choice((rig.primary, rig.backup)), chance.uniform(0, 0.2)
    rig.reset()
    running = rig.program.start(*rig.arguments("--retry-for", "20"))
    time.sleep(wait)
    end(victim)
    _bring_back(rig)
    return running.wait(60), f"{victim.folder.name} after {wait:.3f} s"


@row("04", "a registry is restarted cleanly in the middle", "retried, exit 0")
def restarted(context):
    """SIGTERM to the primary or the backup at a random moment, started again"""
    rig = context.rig

    def one(number):
        result, where = _ended(rig, context.chance(number), lambda victim: victim.stop())
        assert result.status == 0, f"{where}: {result!r}"
        rig.settled(rig.check_new)
        rig.sync(status=0)
        rig.settled(rig.check_same)
    context.each("moment ", range(100), one, least=2)


def _torn_links(rig):
    return [p for p in sync_rig.files_named(rig.backup.storage / "docker", "link") if p.stat().st_size == 0]


def _check_served(rig, result):
    """After a run, with what the storage was left in: each tag whole, and the old image or the new; but a link that was
    being written when the registry died may be torn, if the run says that it failed."""
    torn = _torn_links(rig)
    if result.status == 0 or not torn:
        rig.settled(rig.check_whole)
    return [f"{len(torn)} torn links"] if torn else []


@row("05", "a registry is killed in the middle", "as 04; a torn link is written again; a poisoned digest is never tagged: "
     "exit 5 with the file")
def killed(context):
    """kill -9 of the primary or the backup at a random moment, started again; and what such a kill leaves, made by hand:
    each tag's link torn, each manifest and blob of the new image an empty file"""
    rig = context.rig

    def one(number):
        result, where = _ended(rig, context.chance(number), lambda victim: victim.kill())
        assert result.status in (0, 1, 4, 5), f"{where}: {result!r}"
        found = _check_served(rig, result)
        if result.status == 0:
            rig.settled(rig.check_new)
        result = rig.sync()
        if result.status:
            found += rig.operator_helps(result)
        rig.settled(rig.check_same)
        if found:
            context.note(f"05, moment {number}: {where}: {'; '.join(found)}")
    context.each("moment ", range(200), one, least=2)
    context.each("torn: ", [f"{tag}, {moment}" for moment in ("before", "after") for tag in sync_rig.TAGS], lambda what:
                 _torn(rig, *what.split(", ")))
    context.each("poisoned ", rig.contents(), lambda digest: _poison(rig, digest))


def _torn(rig, tag, moment):
    rig.reset(moment)
    link = rig.backup.tag_link("backup/app", tag)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.write_bytes(b"")
    rig.sync(status=0)
    assert not _torn_links(rig)
    rig.check_new()


def _poison(rig, digest):
    """Nothing that names it is tagged; the vault gets all; the operator's help is enough."""
    rig.reset()
    rig.backup.poison(digest)
    result = rig.sync()
    for tag in ("main", "latest"):
        oracle.check_tag(rig.places()[0], tag, rig.old_digest)
    for tag in sync_rig.TAGS:
        oracle.check_tag(rig.places()[2], tag, rig.new_digest)
    rig.check_told(result)
    rig.operator_helps(result)
    rig.check_new()


# -- 22: disks of our own that are full
@row("22d", "disk full: vault, state, report, log", "as 22; a report that cannot be written is exit 7, after the work was done")
def real_disk_full(context):
    """a tmpfs of 3 MiB under vault and state, with 0 to 120 KiB left; stdout (text, JSON) and stderr are /dev/full"""
    if not registry.can_mount_tmpfs(context.folder):
        context.skip("22d: full disk", "no tmpfs can be mounted here")
    else:
        context.each("KiB left: ", range(0, 121, 4), lambda kib: _own_disk_full(context, kib))

    def talk(what):
        rig, (options, stream, status) = context.rig, TALK[what]
        rig.reset()
        with open("/dev/full", "wb") as full:
            streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, stream: full}
            done = subprocess.run(rig.program.command(*rig.arguments(*options)), env=rig.program.env, cwd=rig.program.home,
                                  timeout=60, check=False, **streams)
        assert done.returncode == status, f"exit {done.returncode}: {done.stderr}"
        rig.check_new()
        rig.sync(status=0)
        rig.check_same()
    context.each("/dev/full is ", TALK, talk, least=3)


TALK = {"the text": ((), "stdout", 7), "the JSON": (("--json",), "stdout", 7), "the log": ((), "stderr", 0)}


def _own_disk_full(context, kib):
    folder = context.folder_of("full")
    with registry.tmpfs(folder / "home", 3) as disk:
        rig = sync_rig.Rig(folder)
        try:
            rig.reset()
            ballast = registry.fill(disk, kib << 10)
            result = rig.sync()
            assert result.status in (0, 1, 7), repr(result)
            ballast.unlink()
            if result.status != 0:  # the registry has a disk of its own
                assert "No space left on device" in result.text, f"does not say why: {result!r}"
            rig.after(result)
        finally:
            rig.close()


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


@contextlib.contextmanager
def _watched(rig):
    """Meanwhile each tag is looked at again and again: it names the old image or the new, whole at that moment."""
    over, found, looks = threading.Event(), [], []

    def look():
        place = oracle.StoragePlace(rig.backup.storage, "backup/app")
        vault = oracle.LayoutPlace(rig.program.vault_layout("app"))
        while not over.is_set() and not found:
            for one in (place, vault):
                try:
                    for digest in {one.resolve(tag) for tag in sync_rig.TAGS} - {None}:  # None: not there yet, or being written
                        assert digest in (rig.old_digest, rig.new_digest), f"a tag names {digest}"
                        oracle.closure(one, digest)
                        looks.append(digest)
                except (AssertionError, OSError, ValueError) as error:
                    found.append(error)
    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not found, f"seen while they ran: {found[0]!r}"
    assert len(looks) > 4, "nobody looked"


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
        with _watched(rig):
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


@row("42", "two syncs at once on two hosts, one backup", "both finish; the same state as after one; at any time "
     "tags name what is whole")
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
