# SPDX-License-Identifier: Apache-2.0
"""Rows of a real primary: re-tagged meanwhile, wiped, damaged, changed, not there."""

import contextlib
import shutil
import threading
import time

import sync_rig
from support import images, oracle
from sync_rows import row


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


def _gone(rig):
    """Tags of which the records or the journal say that the primary has them no more."""
    records = [sync_rig.record_of(place) for place in (rig.places()[0], rig.places()[2])]
    return sync_rig.known_gone(rig.program.home) + [t["name"] for r in records for t in r["tags"] if t.get("gone")]


@row("26", "the tag moves while it is copied", "a digest is copied whole or not at all, never a mix; the next run follows")
def moving(context):
    """the tag is set to one and another image in an endless loop (real registry; the scripted one: row 26w)"""
    def one(rig, number):
        with _retagging(rig, (rig.old, rig.new)):
            for _ in range(3):
                result = rig.sync()
                assert result.status in (0, 1), f"{number}: {result!r}"
                rig.check_whole(is_in_motion=True)
                assert not _gone(rig)
        rig.sync(status=0)
        rig.check_new()
    context.each_fresh("re-tagged ", range(20), one, least=2)


@row("27r", "a tag answers 500 or 404 while it is rewritten", "retried: exit 0; never recorded as gone")
def rewritten(context):
    """two programs set all three tags to what they name, again and again; docker-registry answers 500 and 404 meanwhile"""
    def one(rig, number):
        rig.reset(("before", "after")[number % 2])
        with contextlib.ExitStack() as stack:
            for tag in (*sync_rig.TAGS, "latest"):
                stack.enter_context(_retagging(rig, (rig.new,), tag))
            met, syncs = [], 0
            while syncs < 5 or not met and syncs < 60:
                rig.sync("--retry-for", "20", status=0)
                assert not _gone(rig)
                met = [e.status for e in rig.primary.log() if e.method in ("GET", "HEAD") and e.status in (404, 500)
                       and e.path.rsplit("/", 1)[1] in sync_rig.TAGS]
                syncs += 1
        context.note(f"27r, {number}: {met.count(500)} answers of 500 and {met.count(404)} of 404 in {syncs} syncs")
        rig.sync(status=0)
        rig.check_new()
    context.each_fresh("rewritten ", range(6), one)


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
    def one(rig, digest):
        path = rig.primary.blob_path(digest).parent
        kept = path.with_name("kept")
        path.rename(kept)
        try:
            _stays(rig, rig.sync(), (1, 4, 5))  # 4: a warm cache claims it, and each answer ends short
        finally:
            kept.rename(path)
        rig.sync(status=0)
        rig.check_same()
    context.each_fresh("without ", context.rig.contents(), one)


def _add_other_image(rig, other):
    rig.at_primary.put_image("src/web", other)
    rig.file.write_text(rig.file.read_text().replace(
        '"images": {', '"images": {"web": {"primary": "%s/src/web", "backups": ["%s/backup/web", "vault:web"]}, '
        % (rig.primary.host, rig.backup.host)))


@row("32", "the primary serves corrupted data for one of two images", "exit 5; the other image is copied; what is bad is named")
def primary_is_damaged(context):
    """a bit of each blob and manifest of the new image flips in the primary's storage, one after the other"""
    other = images.small(9, tag="1.0.0")

    def one(rig, digest):
        rig.primary.flip(digest)
        try:
            result = rig.sync()
            _stays(rig, result, (1, 5))
            # 500: docker-registry does not serve a tag whose manifest it cannot read.
            assert digest in result.text or "answered 500" in result.text, f"what is bad is not named: {result!r}"
            if digest not in other.blobs:  # both have one config, and a registry has one file for both
                oracle.check_tag(oracle.StoragePlace(rig.backup.storage, "backup/web"), "1.0.0", other.tags["1.0.0"])
        finally:
            rig.primary.flip(digest)
        rig.sync(status=0)
        rig.check_new()
    context.each_fresh("flipped ", context.rig.contents(), one, prepare=lambda rig: _add_other_image(rig, other))


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
