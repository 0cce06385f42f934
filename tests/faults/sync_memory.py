# SPDX-License-Identifier: Apache-2.0
"""The journal is a cache of truth, never truth: whatever happened to it, the registries end up the same, byte for byte."""

import json
import shutil
import sqlite3
import time

import sync_rig
from support import images, oracle
from sync_points import YEAR
from sync_rows import row


def _journal(rig):
    return rig.program.home / "state" / "safeport" / "journal.db"


def _flip(data, chance, count):
    data = bytearray(data)
    for _ in range(count):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _zero(data, chance, _):
    at = chance.randrange(len(data))
    return data[:at] + bytes(len(data[at:at + 4096])) + data[at + 4096:]


def _shuffle(data, chance, _):
    pages = [data[at:at + 4096] for at in range(0, len(data), 4096)]
    chance.shuffle(pages)
    return b"".join(pages)


BYTES = {"truncated": lambda data, chance, _: data[:chance.randrange(len(data))],
         "one bit": lambda data, chance, _: _flip(data, chance, 1),
         "eight bits": lambda data, chance, _: _flip(data, chance, 8),
         "zeros": _zero, "pages in another order": _shuffle,
         "longer": lambda data, chance, _: data + chance.randbytes(chance.randrange(1, 9000)),
         "noise": lambda data, chance, _: chance.randbytes(len(data))}


def _of_a_newer_version(rig, _chance):
    with sqlite3.connect(_journal(rig)) as database:
        database.execute("PRAGMA user_version = 999")
    database.close()


def _deleted(rig, _chance):
    _journal(rig).unlink()


def _fresh_runner(rig, _chance):
    shutil.rmtree(rig.program.home / "state")


def _rollback_of_nowhere(rig, chance):
    _journal(rig).with_name("journal.db-journal").write_bytes(chance.randbytes(2000))


def _from(moment):
    return lambda rig, _chance: sync_rig.copy_tree(rig.folder / moment / "state", rig.program.home / "state")


def _vault_id(text):
    """Which disk the vault is on: proofs are remembered by it."""
    return lambda rig, _chance: (rig.program.vault / "vault-id").write_text(text)


def _damaged(change):
    def apply(rig, chance):
        path = _journal(rig)
        path.write_bytes(change(path.read_bytes(), chance, None))
    return apply


KINDS = {**{name: _damaged(change) for name, change in BYTES.items()}, "deleted": _deleted,
         "fresh runner": _fresh_runner, "newer version": _of_a_newer_version, "a stranger's rollback": _rollback_of_nowhere,
         "from the future": _from("future"), "of a clock that ran ahead": _from("ahead"), "older": _from("before"), "newer": _from("after"),
         "of another store": _from("other"), "vault of another disk": _vault_id("0123456789abcdef" * 2 + "\n"),
         "vault without its name": _vault_id(""), "vault with half a name": _vault_id("0123456789abcdef")}


def _make_moments(rig):
    """`future`: a journal of ten years on. `ahead`: of 20 hours on. `other`: one of a run over other places."""
    for moment, seconds in (("future", 10 * YEAR), ("ahead", 20 * 3600)):
        rig.reset()
        rig.sync(shim={"SP_SHIM_CLOCK": f"+{seconds}"}, status=0)
        rig.save(moment)
    rig.reset()
    shutil.rmtree(rig.program.home / "state")
    rig.at_primary.put_image("src/other", images.small(50))
    file = rig.folder / "other-image.yaml"
    file.write_text(rig.file.read_text().replace("src/app", "src/other").replace("backup/app", "backup/other")
                    .replace("vault:app", "vault:other"))
    rig.program.run("sync", "--config", file, "--retry-for", "2", status=0)
    rig.save("other")


@row("47", "the journal is deleted, cut, flipped, shuffled, of another store, older, newer, from the future, of a newer "
     "version; a runner without any; the vault's name of itself is lost, cut, another's", "the same bytes on both backups as with the journal; exit 0; nothing of a journal is "
     "believed that is not so")
def journals(context):
    """one kind of damage each, before a sync with work to do and before one without"""
    rig = context.rig
    _make_moments(rig)

    def one(number):
        chance = context.chance(number)
        kind = chance.choice(sorted(KINDS))
        moment = chance.choice(("before", "after"))
        where = f"{number}: {kind}, {moment}"
        rig.reset(moment)
        KINDS[kind](rig, chance)
        result = rig.sync()
        assert result.status == 0, f"{where}: {result!r}"
        rig.check_order(rig.log())
        try:
            rig.check_same()
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}: {result!r}") from None
        rig.program.run("log", status=7 if kind == "newer version" else 0)
    context.each("journal ", range(1000), one, least=12)


@row("47r", "a runner without any journal, or with one from before", "ages, proofs and last digests are known from the "
     "record: nothing is sent, no date moves, a loss and a changed fixed tag are noticed; what was accepted since stays "
     "accepted")
def known_from_the_record(context):
    """the state directory is removed, or put back: before a sync with nothing to do; after the primary lost all; after a
    fixed tag changed; after that, or a loss, was accepted"""
    def record_of(place):
        digest = place.resolve(oracle.RECORD_TAG)
        manifest = json.loads(b"".join(place.chunks(digest, True)))
        return digest, b"".join(place.chunks(manifest["layers"][0]["digest"], False)).decode()

    def dates(rig):
        rig.reset("after")
        before = [record_of(place) for place in rig.places()]
        shutil.rmtree(rig.program.home / "state")
        document = json.loads(rig.sync("--json", status=0).stdout)
        counts = {k: v for k, v in document["totals"]["tags"].items() if v}
        # Only that referrers were looked for is in no record: one tag of the digest is looked at for them.
        assert counts == {"in_step": 4, "proven": 2}, f"proven or copied anew: {counts}"
        assert document["totals"]["bytes_sent"] == 0
        after = [record_of(place) for place in rig.places()]
        assert after == before, f"the record moved: {[pair for pair in zip(before, after) if pair[0] != pair[1]]}"

    def lost(rig):
        rig.reset("after")
        shutil.rmtree(rig.program.home / "state")
        rig.primary.wipe()
        rig.primary.restart()
        rig.all_say(6)
        document = json.loads(rig.sync("--json", status=6).stdout)
        assert document["images"][0]["lost"] == 3
        shutil.rmtree(rig.program.home / "state")
        rig.all_say(6)
        rig.check_same()

    def changed(rig):
        rig.reset("after")
        shutil.rmtree(rig.program.home / "state")
        other = images.small(60, tag="v1.0.0")
        rig.at_primary.put_image("src/app", other)
        rig.sync(status=6)
        assert rig.places()[0].resolve("v1.0.0") == rig.new_digest

    def accepted(rig, change, word):
        """In between a run has accepted what the primary did; then its journal is gone."""
        rig.reset("after")
        time.sleep(1.1)  # of two states since one second of the clock either may be the later
        change(rig)
        rig.sync(status=6)
        rig.sync(*word, status=0)
        want = rig.snapshot()
        for forget in (_from("after"), _fresh_runner):
            forget(rig, None)
            rig.sync(status=0)
            rig.check_same(want)

    def loses_two(rig):
        for tag in ("v1.0.0", "main"):
            shutil.rmtree(rig.primary.tag_link("src/app", tag).parents[1])
        rig.primary.restart()

    def changes(rig):
        rig.at_primary.put_image("src/app", images.small(60, tag="v1.0.0"))

    for name, action in (("dates", dates), ("lost", lost), ("changed", changed),
                         ("loss accepted", lambda rig: accepted(rig, loses_two, ["--accept-loss"])),
                         ("change accepted", lambda rig: accepted(rig, changes, ["--accept", "v1.0.0"]))):
        context.point(name, lambda a=action: context.fresh(a, cache=False))
