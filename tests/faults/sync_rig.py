# SPDX-License-Identifier: Apache-2.0
"""What the fault matrix of sync stands on: a primary and two backups (docker-registries and the vault), a moment before
and a moment after a sync that can be had back at will, and what must hold after every fault."""

import collections
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from urllib.parse import parse_qs

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support import clock, images, oracle, registry, safeport, wire  # noqa: E402

TAGS = ("v1.0.0", "main", "latest")
EMPTY_CONFIG = oracle.EMPTY_CONFIG[7:]
RECORD_LAYER = b'{"schema":1,"primary"'
TEMP_PREFIX = ".safeport-tmp-"
LATER = {"SP_SHIM_CLOCK": "+120"}  # two minutes on, what a killed run left behind is swept


def build_shim(folder):
    shim = folder / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", shim, HERE.parent / "support" / "fault_shim.c", "-ldl"],
                   check=True)
    return shim


def old_image(seed=1):
    """What `main` and `latest` named before."""
    content = images.small(seed, layers=1, layer_bytes=5000)
    digest = content.tags.pop("latest")
    content.tags = {"main": digest, "latest": digest}
    return content


def new_image(seed=2):
    """What all three name now: an index of two images, with a signature and a referrer."""
    content = images.Content()
    shared = images.random_bytes(seed * 1000, 9000)
    children = [{**content.add_image([shared, images.random_bytes(seed * 1000 + n, 4000)], arch=arch),
                 "platform": images.platform(arch)} for n, arch in enumerate(("linux/amd64", "linux/arm64"), 1)]
    index = content.add_index(children)
    content.tags = {tag: index["digest"] for tag in TAGS}
    content.add_artifact("application/spdx+json", images.dump({"sbom": seed}), subject=index)
    content.add_fallback_tag(index)
    content.add_artifact("application/vnd.dev.cosign.simplesigning.v1+json", images.dump({"sig": seed}),
                         tag=index["digest"].replace(":", "-") + ".sig")
    return content


def copy_tree(source, target):
    shutil.rmtree(target, ignore_errors=True)
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", source, target], check=True)


def files_named(root, name):
    """Below a storage in which folders come and go meanwhile."""
    return [pathlib.Path(folder) / name for folder, _, files in os.walk(root) if name in files]


# -- what is on the registries, comparable
def _plain(name):
    return re.sub(r"(safeport-[a-z]+-)\d{8}T\d{6}Z", r"\1TIME", name)


def _is_record(data):
    return data.startswith(RECORD_LAYER) or b"application/vnd.safeport.record" in data[:400]


def record_of(place):
    """What the record of a backup says; times as days, for two runs do not know the second of each
    other; without what tags have left, where nothing stands of what came and went within a second."""
    digest = place.resolve(oracle.RECORD_TAG)
    if not digest:
        return None
    manifest = json.loads(b"".join(place.chunks(digest, True)))
    document = json.loads(b"".join(place.chunks(manifest["layers"][0]["digest"], False)))
    tags = [{k: v[:10] if k in ("since", "first_seen") else v for k, v in tag.items()} for tag in document["tags"]]
    return {**document, "tags": tags, "left": None}


def tree_of(root):
    """path -> hash of every file under a registry's storage or a vault, without uploads, locks, the vault's name of itself
    and what belongs to a record (two records that say the same differ by seconds)."""
    files = {p: p.read_bytes() for p in root.rglob("*") if p.is_file() and "_uploads" not in p.parts
             and p.name not in (".safeport-lock", "index.json", "vault-id") and not p.name.startswith(TEMP_PREFIX)}
    records = {hashlib.sha256(data).hexdigest() for data in files.values() if _is_record(data)}

    def is_of_record(path):
        return oracle.RECORD_TAG in path.parts or any(part in records for part in path.parts)
    return {_plain(str(path.relative_to(root))): hashlib.sha256(data).hexdigest() for path, data in files.items()
            if not is_of_record(path) and EMPTY_CONFIG not in path.parts}


class Rig:
    """One image, `app`. cache: whether the backup has the blob descriptor cache, which lies after a loss; without it the
    storage can be replaced under the running registry."""

    def __init__(self, folder, cache=False):
        self.folder = folder
        self.primary = registry.Registry(folder / "primary").start()
        self.backup = registry.Registry(folder / "backup", cache=cache).start()
        self.cache = cache
        self.program = safeport.Safeport(folder / "home")
        self.program.options = []
        self.shim = build_shim(folder)
        self.file = folder / "safeport.yaml"
        self.old, self.new = old_image(), new_image()
        self.known = self.old.copy().merge(self.new)
        self.old_digest, self.new_digest = self.old.tags["latest"], self.new.tags["latest"]
        self.at_primary, self.at_backup = wire.Wire(self.primary.host), wire.Wire(self.backup.host)
        self.write_config()
        self.make_templates()

    def close(self):
        for one in (self.primary, self.backup):
            one.stop()

    def write_config(self, **more):
        self.file.write_text(json.dumps({"version": 1, **more, "images": {"app": {  # JSON is YAML
            "primary": f"{self.primary.host}/src/app",
            "backups": [f"{self.backup.host}/backup/app", "vault:app"]}}}))

    # -- running
    def arguments(self, *more):
        return ["sync", "--config", self.file, "--retry-for", "2", "--timeout", "5", *more]

    def sync(self, *more, shim=None, env=None, status=None, timeout_s=60):
        """shim: rules for the fault shim, or {} of its variables."""
        extra = dict(env or {})
        if shim is not None:
            extra.update({"LD_PRELOAD": str(self.shim)}, **(shim if isinstance(shim, dict) else {"SP_SHIM": shim}))
        return self.program.run(*self.arguments(*more), env=extra, status=status, timeout_s=timeout_s)

    def sync_shimmed(self, rule):
        """Under one rule of the shim; answers the result and whether a call met it."""
        mark = self.folder / "met"
        mark.unlink(missing_ok=True)
        return self.sync(shim={"SP_SHIM": rule, "SP_SHIM_LOG": str(mark)}), mark.exists()

    def all_say(self, status):
        """Everything that looks at the image: with one answer."""
        for command in (["sync", "--dry-run"], ["status"], ["verify"], ["sync"], ["status"], ["verify", "--read"]):
            self.program.run(*command, "--config", self.file, "--retry-for", "2", "--timeout", "5", status=status)

    def counts(self):
        """How many calls of each kind one sync makes."""
        self.reset()
        file = self.folder / "counts"
        self.sync(shim={"SP_SHIM_COUNT": str(file)}, status=0)
        return {k: int(v) for k, v in (line.split() for line in file.read_text().splitlines())}

    # -- moments
    @property
    def parts(self):
        """name -> folder: what a moment is made of."""
        return {"storage": self.backup.storage / "docker", "vault": self.program.vault,
                "state": self.program.home / "state"}

    def save(self, moment):
        for name, part in self.parts.items():
            copy_tree(part, self.folder / moment / name)

    def reset(self, moment="before"):
        """Back to that moment; the registry's log begins anew."""
        if self.cache:
            self.backup.stop()
        for name, part in self.parts.items():
            copy_tree(self.folder / moment / name, part)
        if self.cache:
            self.at_backup.close()
            self.backup.start()
        self.backup.clear_log()
        self.primary.clear_log()

    def make_templates(self):
        """`before`: the backups hold the old image, the primary has the new one. `after`: a sync has run."""
        self.at_primary.put_image("src/app", self.old)
        self.sync(status=0)
        self.save("before")
        clock.next_second()
        self.at_primary.put_image("src/app", self.new)
        self.sync(status=0)
        self.save("after")
        self.done = self.snapshot()
        self.check_new()

    # -- what must hold
    def places(self):
        return [oracle.StoragePlace(self.backup.storage, "backup/app"), oracle.HttpPlace(self.at_backup, "backup/app"),
                oracle.LayoutPlace(self.program.vault_layout("app"))]

    def settled(self, check):
        """docker-registry goes on with what a killed client asked for: that moment is waited for."""
        for left in range(30, -1, -1):
            try:
                return check()
            except (AssertionError, OSError, ValueError):
                if left == 0:
                    raise
                time.sleep(0.1)
        raise AssertionError("unreachable")

    def check_whole(self, is_in_motion=False):
        """I1: every tag at every backup names a whole image, the one that it named before or the new one. Where the tag
        goes to and fro at the primary, it may have left the new one, too."""
        for place in self.places():
            tags = oracle.check_all(place)
            for tag, digest in tags.items():
                moves = oracle.HISTORY_TAG.match(tag)
                assert tag not in TAGS or digest in (self.old_digest, self.new_digest), f"'{tag}' names {digest}"
                assert not moves or is_in_motion or digest == self.old_digest, f"history tag '{tag}' names {digest}"
            for tag in ("main", "latest"):
                assert tag in tags, f"'{tag}' is lost"
            self.check_kept(tags)

    def check_kept(self, tags):
        """What a moving tag named before is still named: by a history tag, or by another that has not moved yet."""
        assert self.old_digest in tags.values(), "nothing names the digest any more that moving tags have left"

    def check_new(self):
        for place in self.places():
            tags = oracle.check_all(place)
            for tag in TAGS:
                assert tags.get(tag) == self.new_digest, f"tag '{tag}' names {tags.get(tag)}, not {self.new_digest}"
            self.check_kept(tags)

    def check_files(self):
        """I6: no file under its final name holds other bytes than its name says."""
        for path in self.program.home.rglob("*"):
            if path.is_file() and len(path.name) == 64 and images.digest_of(path.read_bytes())[7:] != path.name:
                raise oracle.Damage(f"{path} does not hold what it is named")

    def log(self):
        return [(e.method, e.path, e.query, e.status) for e in self.backup.log()
                if e.path.startswith("/v2/backup/app/")]

    def check_order(self, log):
        """I2, I3."""
        oracle.check_sync_order(log, self.known)
        assert not [e for e in self.primary.log() if e.method not in ("GET", "HEAD")], "the primary was written to"

    def snapshot(self):
        """All that is on the backups, comparable byte for byte with another run's."""
        storage, _, vault = self.places()
        return {"registry": tree_of(self.backup.storage / "docker"), "vault": tree_of(self.program.vault),
                "tags": [{_plain(t): d for t, d in p.tags().items() if t != oracle.RECORD_TAG} for p in (storage, vault)],
                "records": [record_of(p) for p in (storage, vault)]}

    def check_same(self, want=None):
        """I5: as after a run without a fault."""
        have, want = self.snapshot(), want or self.done
        for key in want:
            if have[key] != want[key]:
                raise AssertionError(f"{key} differs from a run without a fault: {difference(have[key], want[key])}")

    def check_no_leftovers(self):
        left = [p for p in self.program.home.rglob(TEMP_PREFIX + "*")]
        assert not left, f"left behind: {left}"

    def check_told(self, result):
        """I10: what a failed run says names each tag that is not as it should be, with its reason, under its place; or
        the image as a whole, or the run, with theirs."""
        if result.status <= 0 or re.search(r"(?m)^app(?: <- \S+)?: failed$|1 of 1 images were not looked at|out of memory",
                                           result.text):
            return
        if not result.stdout:  # it could not even begin
            assert result.status in (2, 7) and re.search(r"(?m)^safeport: .*: .", result.stderr), f"says nothing: {result!r}"
            return
        for place, name in ((self.places()[0], f"{self.backup.host}/backup/app"), (self.places()[2], "vault:app")):
            block = re.search(rf"(?m)^  {re.escape(name)}: .*\n((?:    .*\n)*)", result.stdout)
            assert block, f"does not tell of '{name}': {result!r}"
            for tag in TAGS:
                is_there = place.resolve(tag) == self.new_digest
                assert is_there or re.search(
                    rf"(?m)^    {re.escape(tag)}: failed(?:; what it was is kept as \S+)?: \S", block[1]), \
                    f"does not say why '{tag}' failed at '{name}': {result!r}"

    def check_cancelled(self):
        """Of the upload sessions that the log knows, each was finished or given up. (docker-registry writes into what was
        deleted while its PUT was under way: its storage says nothing.)"""
        log = self.log()
        session = re.compile(r"/blobs/uploads/([0-9a-f-]{36})$")
        ids = {method: {m[1] for one, path, _, status in log if one == method and (method != "PUT" or status == 201)
                        for m in [session.search(path)] if m} for method in ("PUT", "DELETE")}
        begun = {m[1] for _, path, _, _ in log for m in [session.search(path)] if m}
        assert begun <= ids["PUT"] | ids["DELETE"], f"upload sessions left open: {begun - ids['PUT'] - ids['DELETE']}"

    def contents(self):
        """The new image and all that it names."""
        return sorted(set(oracle.whole(self.new, self.new_digest)))

    def poisoned(self):
        """Digests under which the backup's storage holds other bytes."""
        blobs = self.backup.storage / "docker" / "registry" / "v2" / "blobs"
        return {f"sha256:{p.parent.name}": p for p in files_named(blobs, "data")
                if images.digest_of(p.read_bytes()) != f"sha256:{p.parent.name}"}

    def operator_helps(self, result):
        """What cannot be healed through the API: said with the digest and where its file is; its operator removes it.
        Answers what was said."""
        assert result.status == 5, f"not healed and not explained: {result!r}"
        poisoned = self.poisoned()
        named = [digest for digest in poisoned if digest in result.text and "/data on a CNCF" in result.text]
        assert named, f"of {sorted(poisoned)} none is named with its file: {result!r}"
        self.settled(self.check_whole)
        for path in poisoned.values():
            shutil.rmtree(path.parent)
        self.sync(status=0)
        return [f"poisoned: {', '.join(named)}"]

    def after(self, result):
        """All invariants after a fault, then convergence by one ordinary run."""
        if result.status == 0:
            self.settled(self.check_new)
        self.settled(self.check_whole)
        self.check_files()
        first = self.log()
        self.check_order(first)
        self.check_told(result)
        self.sync(shim=LATER, status=0)
        second = self.log()[len(first):]
        self.check_order(second)
        check_nothing_twice(first, second)
        self.settled(self.check_same)
        self.check_files()
        self.check_no_leftovers()


def blobs_put(log):
    return {m[1] for method, _, query, status in log if method == "PUT" and status == 201
            for m in [re.search(r"digest=(sha256%3A[0-9a-f]{64})", query)] if m}


def check_nothing_twice(first, second):
    """I5: a blob that the registry had acknowledged is not sent again."""
    again = {d for d in blobs_put(first) & blobs_put(second) if EMPTY_CONFIG not in d}
    assert not again, f"sent again although they were acknowledged: {again}"


def difference(have, want):
    if isinstance(want, dict):
        keys = sorted(k for k in {*have, *want} if have.get(k) != want.get(k))
        return {k: (have.get(k), want.get(k)) for k in keys[:6]}
    return f"{have} is not {want}"


TRIES = 3  # of anything that is refused, in a run whose --retry-for is short


def check_no_storm(log, content_count):
    """Of each blob and manifest so many tries at most; a POST does not say for which blob it is."""
    refused = collections.Counter()
    for method, path, query, status in log:
        if method in ("POST", "PUT") and status >= 400:
            refused[parse_qs(query).get("digest", [path])[0]] += 1
    for what, count in refused.items():
        most = TRIES * (content_count if what.endswith("/uploads/") else 1)
        assert count <= most, f"a storm: {what} was tried {count} times"


def known_gone(home):
    """Tags of which the journal says that their place has them no more."""
    with contextlib.closing(sqlite3.connect(home / "state" / "safeport" / "journal.db")) as database:
        return [name for name, in database.execute("SELECT tag FROM tags WHERE gone & 3")]
