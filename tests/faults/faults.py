#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The fault matrix of push (reliability rows 01-05, 22-24), enumerated and not sampled: every file operation and every
network call of one small push to two real registries and a vault fails once, or is the moment of a kill -9 or of a
SIGTERM; and registries are killed at random moments (seeded). After each fault the invariants are checked by programs
that share no code with safeport, then an ordinary next run must finish the work.

    tests/faults/faults.py [--slice N] [--seed S] [--only GROUP[,GROUP]] [--report FILE]

--slice N takes every Nth point only (tests/system/test_faults.py does). Ends with `N passed, N failed`.
"""

import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from score import Score, write_report  # noqa: E402
from support import images, oracle, registry, safeport, wire  # noqa: E402

FILE_ERRORS = (("write", "ENOSPC"), ("write", "EIO"), ("fsync", "EIO"), ("rename", "EIO"), ("link", "EACCES"),
               ("open", "EMFILE"), ("open", "ENOSPC"), ("mkdir", "ENOSPC"), ("unlink", "EIO"))
NET_ERRORS = (("connect", "ECONNRESET"), ("send", "ECONNRESET"), ("recv", "ECONNRESET"))
TAGS = ("v1.0.0", "main", "latest")


def log_of(reg, name):
    return [(e.method, e.path, e.status) for e in reg.log() if f"/v2/{name}/" in e.path]


def settled(place, tag):
    """The digest of a tag after its whole closure was checked. docker-registry 2.8 goes on with what a killed client
    asked for, and answers 500 while it rewrites a link: that moment is waited for."""
    for left in range(20, -1, -1):
        try:
            return oracle.check_tag(place, tag)
        except oracle.Damage:
            if left == 0:
                raise
            time.sleep(0.1)
    raise AssertionError("unreachable")


class Rig:
    """Two registries and a vault that hold an old image; a layout that holds the new one."""

    def __init__(self, folder):
        self.folder = folder
        self.registries = [registry.Registry(folder / n).start() for n in ("one", "two")]
        self.wires = [wire.Wire(r.host) for r in self.registries]
        self.old = images.small(1, tag="old", layers=2, layer_bytes=5000)
        self.new = images.multi(2, tag="new", layer_bytes=9000, attestations=False)
        self.old.write_layout(folder / "old")
        self.new.write_layout(folder / "new")
        self.old_digest, self.new_digest = self.old.tags["old"], self.new.tags["new"]
        self.program = safeport.Safeport(folder / "home")
        self.shim = folder / "shim.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", self.shim, HERE.parent / "support" / "fault_shim.c",
                        "-ldl"], check=True)
        self.number = 0
        self.template = folder / "vault-template"
        self.push("old", "template", self.template, 0)

    def close(self):
        for r in self.registries:
            r.stop()

    def arguments(self, image, name, vault):
        places = [f"{r.host}/{name}" for r in self.registries] + [f"vault:{name}"]
        more = [a for t in TAGS for a in ("--tag", t)] + [a for p in places for a in ("--to", p)]
        return ["push", f"oci:{self.folder / image}:{image}", *more, "--vault", str(vault), "--retry-for", "3",
                "--timeout", "5", "--quiet"]

    def push(self, image, name, vault, status=None, env=None):
        return self.program.run(*self.arguments(image, name, vault), env=env, status=status, timeout_s=60)

    def fresh(self):
        """A repository name and a vault in the state before the push: all tags name the old image."""
        self.number += 1
        name = f"app{self.number}"
        for w in self.wires:
            w.put_image(name, self.old, tags=())
            kind, data = self.old.manifests[self.old_digest]
            for tag in TAGS:
                w.put_manifest(name, tag, kind, data)
        vault = self.folder / f"vault{self.number}"
        subprocess.run(["cp", "-a", self.template, vault], check=True)
        (vault / "repos" / "template").rename(vault / "repos" / name)
        return name, vault

    def counts(self):
        """How many calls of each kind one push makes."""
        name, vault = self.fresh()
        file = self.folder / "counts"
        self.push("new", name, vault, 0, env={"LD_PRELOAD": str(self.shim), "SP_SHIM_COUNT": str(file)})
        shutil.rmtree(vault)
        return {k: int(v) for k, v in (line.split() for line in file.read_text().splitlines())}

    # -- invariants
    def check_places(self, name, vault, want=None):
        """I1: every tag resolves to a whole closure, of the old image or the new."""
        allowed = {want} if want else {self.old_digest, self.new_digest}
        places = [oracle.HttpPlace(w, name) for w in self.wires] + [oracle.LayoutPlace(vault / "repos" / name / "_")]
        for place in places:
            tags = {}
            for tag in TAGS:
                tags[tag] = settled(place, tag)
                if tags[tag] not in allowed:
                    raise oracle.Damage(f"tag '{tag}' names {tags[tag]}")

    def check_files(self, vault):
        """I6: no file under its final name holds other bytes than its name says."""
        for path in vault.rglob("*"):
            if path.is_file() and len(path.name) == 64 and images.digest_of(path.read_bytes())[7:] != path.name:
                raise oracle.Damage(f"{path} does not hold what it is named")

    def check_order(self, name):
        """I2, I3, from the logs of the registries (after the preparation, which put tags by hand)."""
        for r in self.registries:
            oracle.check_order(log_of(r, name)[self.prepared[r.host]:])

    def remember_logs(self, name):
        self.prepared = {r.host: len(log_of(r, name)) for r in self.registries}

    def after(self, name, vault, result):
        """All invariants after a fault, then convergence by an ordinary run."""
        if result.status == 0:
            self.check_places(name, vault, self.new_digest)
        self.check_places(name, vault)
        self.check_files(vault)
        self.check_order(name)
        self.push("new", name, vault, 0)
        self.check_places(name, vault, self.new_digest)
        self.check_files(vault)
        # Temporary files of the killed run are swept when they are a minute old (tests/unit/layout/sweep_test.c).
        shutil.rmtree(vault)


ENDS = {"KILL": (-9, 0), "TERM": (143, -15, 0)}  # -15: before anybody could be told; 0: when all was done


def shim_point(rig, rule, action):
    name, vault = rig.fresh()
    rig.remember_logs(name)
    result = rig.push("new", name, vault, env={"LD_PRELOAD": str(rig.shim), "SP_SHIM": rule})
    assert result.status in ENDS.get(action, (0, 1, 4, 7)), f"{rule}: exit {result.status}: {result!r}"
    if result.status == 143:
        assert "interrupted by SIGTERM" in result.text and "vault:" in result.stdout, f"{rule}: no report: {result!r}"
    rig.after(name, vault, result)


def sweep(rig, score, kind, action, total, step):
    begin = time.monotonic()
    points = range(1, total + 1, step)
    for n in points:
        rule = f"{kind}:{n}={action}"
        score.point(rule, lambda r=rule: shim_point(rig, r, action))
    score.group(f"{kind} {action}, each of {total} calls", len(points), begin)


def kill_points(rig, score, counts, options):
    for kind in ("file", "net"):
        sweep(rig, score, kind, "KILL", counts[kind], options.slice)


def signal_points(rig, score, counts, options):
    """SIGTERM at the same points (row 02)."""
    for kind in ("file", "net"):
        sweep(rig, score, kind, "TERM", counts[kind], options.slice)


def file_errors(rig, score, counts, options):
    for kind, action in FILE_ERRORS:
        sweep(rig, score, kind, action, counts[kind], options.slice)


def net_errors(rig, score, counts, options):
    for kind, action in NET_ERRORS:
        sweep(rig, score, kind, action, counts[kind], options.slice)


def allocations(rig, score, counts, options):
    sweep(rig, score, "malloc", "ENOMEM", counts["malloc"], options.slice)


def registry_kills(rig, score, _counts, options):
    """kill -9 of a registry at a random moment of the push, started again at once (rows 04, 05)."""
    chance = random.Random(options.seed)
    begin = time.monotonic()
    points = max(200 // options.slice, 4)
    for n in range(points):
        victim, wait = rig.registries[chance.randrange(2)], chance.uniform(0, 0.12)

        def one(victim=victim, wait=wait):
            name, vault = rig.fresh()
            rig.remember_logs(name)
            running = rig.program.start(*rig.arguments("new", name, vault))
            time.sleep(wait)
            victim.kill()
            restart = threading.Thread(target=victim.start)
            restart.start()
            result = running.wait(60)
            restart.join()
            for w in rig.wires:
                w.close()
            assert result.status in (0, 1, 4, 5), repr(result)
            if result.status == 0:
                rig.check_places(name, vault, rig.new_digest)
            after_registry_kill(rig, name, vault)

        score.point(f"registry kill {n} (seed {options.seed})", one)
    score.group(f"kill -9 of a registry, seed {options.seed}", points, begin)


def after_registry_kill(rig, name, vault):
    """A killed registry may have torn a tag's link (500) or poisoned a digest: the next run heals the first, and says the
    second without ever naming it by a tag."""
    result = rig.push("new", name, vault)
    if result.status == 0:
        rig.check_places(name, vault, rig.new_digest)
        rig.check_order(name)
    else:
        assert result.status == 5 and "data" in result.text, f"not healed and not explained: {result!r}"
    rig.check_files(vault)
    shutil.rmtree(vault)


GROUPS = {"kill": kill_points, "term": signal_points, "file": file_errors, "net": net_errors, "malloc": allocations,
          "registry": registry_kills}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slice", type=int, default=1)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--only", default=",".join(GROUPS))
    parser.add_argument("--report", type=pathlib.Path)
    options = parser.parse_args()
    score = Score()
    with tempfile.TemporaryDirectory(prefix="safeport-faults-") as folder:
        rig = Rig(pathlib.Path(folder))
        try:
            counts = rig.counts()
            for name in options.only.split(","):
                GROUPS[name](rig, score, counts, options)
        finally:
            rig.close()
    if options.report:
        which = "every point" if options.slice == 1 else f"one point in {options.slice}"
        write_report(options.report, "Fault matrix of push", [
            f"Seed {options.seed}, {which}. Made by `make faults`.",
            "One push of an index of four platforms under three tags to two docker-registries and a vault, all of which "
            "held an older image under these tags. After each fault: every tag whole and old or new, order of requests, "
            "every file what it is named, exit 0 only if all is there; then one ordinary run finishes the work.", "",
            "| fault | points | time |", "|---|---|---|", *score.rows, "", score.last])
    print(score.last, flush=True)
    sys.exit(1 if score.failed else 0)


if __name__ == "__main__":
    main()
