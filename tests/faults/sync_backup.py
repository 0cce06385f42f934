# SPDX-License-Identifier: Apache-2.0
"""Rows of a real backup: emptied, wiped, damaged, collected, full, read-only, down."""

import json
import pathlib
import shutil
import signal
import subprocess
import threading
import time
from urllib.parse import unquote

import sync_rig
from support import oracle, registry
from sync_rows import row


# -- 34-38: a backup that lost something
def _warm(rig):
    """The backup's cache knows all."""
    for digest in rig.known.blobs:
        rig.at_backup.request("HEAD", f"/v2/backup/app/blobs/{digest}")


def _healed(rig, result):
    """All is there; or exit 5 with a word, and all is there once the registry was started again."""
    if result.status:
        assert result.status == 5 and "sha256:" in result.text and "restart it" in result.text, \
            f"not healed and not explained: {result!r}"
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
     "verify --read, and no sync forgets it); healed, or exit 5 with the file; whole again once that was removed and the registry restarted, as is said")
def backup_damaged(context):
    """each blob and manifest of the new image, flipped, cut short and gone, one after the other"""
    def one(rig, what):
        kind, digest = what.split()
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
            rig.backup.restart()
            rig.sync(status=0)
        rig.check_new()
    context.each_fresh("", [f"{kind} {digest}" for digest in context.rig.contents() for kind in DAMAGE], one,
                       prepare=_proofs_age_fast)


def _proofs_age_fast(rig):
    rig.write_config(**{"max-proof-age": "1s"})


def _collect(rig, *more):
    """docker-registry's garbage collection; answers what it took."""
    def stored():
        return {p.parent.name for p in sync_rig.files_named(rig.backup.storage / "docker", "data")}
    before = stored()
    subprocess.run(["docker-registry", "garbage-collect", *more, rig.backup.folder / "config.yml"], capture_output=True,
                   check=False)
    return {f"sha256:{name}" for name in before - stored()}


def _collected_at(rig, rule, is_time):
    """A sync that is stopped (SIGSTOP) where the rule of the shim says; there the collector runs if is_time(rig). Answers the
    result, and how often it took something."""
    running = rig.program.start(*rig.arguments(), env={"LD_PRELOAD": str(rig.shim), "SP_SHIM": rule})
    losses = 0
    while running.process.poll() is None:
        state = pathlib.Path(f"/proc/{running.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if state == "T":
            losses += bool(is_time(rig) and _collect(rig))
            running.signal(signal.SIGCONT)
        time.sleep(0.001)
    return running.wait(60), losses


def _has_unnamed_blobs(rig):
    """Uploaded, and no manifest names it yet: what a collector takes."""
    put = {unquote(digest) for digest in sync_rig.blobs_put(rig.log())}
    return any(rig.backup.blob_path(digest).exists() for digest in put)


@row("37", "the backup's garbage collection runs during the sync", "what it took is pushed again: exit 0; exit 5 if it takes what "
     "was pushed again and again; the next run that looks ends whole")
def collected_meanwhile(context):
    """docker-registry garbage-collect: in an endless loop; once at every send of the program, which waits meanwhile; and
    whenever a blob has come, without end"""
    def loop(rig, number):
        over = threading.Event()
        thread = threading.Thread(target=lambda: [_collect(rig) for _ in iter(over.is_set, True)])
        thread.start()
        time.sleep(0.05 * (number % 4))
        try:
            result = rig.sync()
        finally:
            over.set()
            thread.join()
        assert result.status in (0, 1, 5), repr(result)
        rig.check_told(result)
        # A collector that made its list before the sync, and sweeps after it, takes what was whole when it was proven.
        lost = [d for d in rig.contents() if result.status == 0 and not rig.backup.blob_path(d).exists()]
        if lost:
            context.note(f"37, loop {number}: {len(lost)} blobs were taken after exit 0; the next run that looks brings them")
        time.sleep(1.1)
        _ends_whole(rig)

    def once(rig, n):
        result, losses = _collected_at(rig, f"send:{n}=STOP", lambda rig: True)
        _judge_collected(rig, result, (0,))
        if losses:
            context.note(f"37, send {n}: something was taken, and pushed again")
        _ends_whole(rig)

    def always(rig, _):
        result, losses = _collected_at(rig, "send:0=STOP", _has_unnamed_blobs)
        assert losses >= 3, f"{losses} losses: nothing is shown"
        _judge_collected(rig, result, (5,))
        assert "garbage collection" in result.text, repr(result)
        _ends_whole(rig)
    context.each_fresh("loop ", range(30), loop, prepare=_proofs_age_fast)
    context.each_fresh("at send ", range(1, context.calls["send"] + 1), once, least=2)
    context.each_fresh("without end ", ("",), always)


def _judge_collected(rig, result, statuses):
    assert result.status in statuses, repr(result)
    if result.status == 0:
        rig.settled(rig.check_new)
    rig.settled(rig.check_whole)
    rig.check_told(result)


def _ends_whole(rig):
    rig.sync(status=0)
    rig.check_new()


@row("38", "the backup's garbage collection with -m ran", "the children that it removed are found missing by verify, and put "
     "again by verify --repair and by sync")
def collected_untagged(context):
    """docker-registry garbage-collect -m, then a restart; the proof is old"""
    def one(rig, command):
        rig.reset("after")
        lost = _collect(rig, "-m") & set(rig.contents())
        assert lost, "nothing was collected: nothing would be shown"
        rig.backup.restart()
        rig.at_backup.close()
        time.sleep(1.1)
        if command == "sync":
            _healed(rig, rig.sync())
        else:
            def verify(*more, status):
                return rig.program.run("verify", "--config", rig.file, "--retry-for", "2", *more, status=status)
            result = verify(status=1)
            links = rig.backup.repository_path("backup/app") / "_manifests" / "revisions" / "sha256"
            children = [d for d in rig.new.manifests if not (links / d[7:] / "link").exists()]
            assert children and all(f"{d} (" in result.text for d in children), f"not {children}: {result!r}"
            verify("--repair", status=0)
            verify(status=0)
        rig.check_new()
    context.each_fresh("", ("sync", "verify"), one, cache=True, prepare=_proofs_age_fast, least=2)


# -- 39, 40: a backup that takes nothing
@row("39", "the backup is full, or read-only", "the other backup gets all; old tags whole; nothing is asked more than three "
     "times; afterwards the next run finishes, or says which file is poisoned (507: row 39w)")
def backup_takes_nothing(context):
    """a tmpfs with 0 to 64 KiB left under the registry's storage; a registry that answers 405; and the digest that a full
    disk poisons, made by hand: row 05"""
    def read_only(rig):
        rig.backup.readonly = True
        rig.backup.restart()
        rig.at_backup.close()
        result = rig.sync()
        assert result.status == 1, repr(result)
        _one_takes_nothing(rig, result)
        rig.backup.readonly = False
        rig.backup.restart()
        rig.at_backup.close()
        rig.sync(status=0)
        rig.check_same()
    context.point("read-only", lambda: context.fresh(read_only))
    if not registry.can_mount_tmpfs(context.folder):
        context.skip("39: full disk", "no tmpfs can be mounted here")
        return
    context.each("KiB left: ", range(0, 68, 4), lambda kib: _full(context, kib))


def _one_takes_nothing(rig, result):
    assert rig.backup.host in result.text, repr(result)
    vault = rig.places()[2]
    for tag in sync_rig.TAGS:
        oracle.check_tag(vault, tag, rig.new_digest)
    rig.settled(rig.check_whole)
    rig.check_told(result)
    sync_rig.check_no_storm(rig.log(), len(rig.contents()))


def _full(context, kib):
    folder = context.folder_of("full")
    with registry.tmpfs(folder / "backup" / "storage", 3) as disk:
        rig = sync_rig.Rig(folder)
        try:
            rig.reset()
            ballast = registry.fill(disk, kib << 10)
            result = rig.sync()
            found = [f"exit {result.status}", *rig.poisoned()]
            if result.status:
                assert result.status in (1, 5), repr(result)
                _one_takes_nothing(rig, result)
            ballast.unlink()
            result = rig.sync()
            if result.status:
                found += rig.operator_helps(result)
            rig.check_new()
            context.note(f"39, {kib} KiB left: {', '.join(found)}")
        finally:
            rig.close()


@row("40", "one of three backups is down", "exit 1, the others get all; it catches up in the next run")
def backup_down(context):
    """each of two registries is stopped; the third backup is the vault"""
    def prepare(rig):
        rig.third = registry.Registry(rig.folder / "third").start()
        document = json.loads(rig.file.read_text())
        document["images"]["app"]["backups"].append(f"{rig.third.host}/third/app")
        rig.file.write_text(json.dumps(document))

    def one(rig, which):
        down = {"second": rig.backup, "third": rig.third}[which]
        down.stop()
        rig.third.wipe()
        result = rig.sync(status=1)
        assert down.host in result.text, repr(result)
        third = oracle.StoragePlace(rig.third.storage, "third/app")
        up = [rig.places()[2], third if down is rig.backup else rig.places()[0]]
        for place in up:
            for tag in sync_rig.TAGS:
                oracle.check_tag(place, tag, rig.new_digest)
        down.start()
        rig.at_backup.close()
        rig.sync(status=0)
        for tag in sync_rig.TAGS:
            oracle.check_tag(third, tag, rig.new_digest)
        rig.check_same()

    rigs = []
    try:
        context.each_fresh("down: ", ("second", "third"), one, prepare=lambda rig: (prepare(rig), rigs.append(rig)), least=2)
    finally:
        for rig in rigs:
            rig.third.stop()
