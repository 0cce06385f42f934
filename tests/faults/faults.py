#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The fault matrix of push (reliability rows 01-05, 22-24), enumerated and not sampled: every file operation and every
network call of one small push to two real registries and a vault fails once, or is the moment of a kill -9 or of a
SIGTERM; and registries are killed at random moments (seeded). After each fault the invariants are checked by programs
that share no code with safeport, then an ordinary next run must finish the work.

    tests/faults/faults.py [--jobs N] [--slice N] [--seed S] [--only GROUP[,GROUP]] [--report FILE]

--jobs N: so many processes side by side, which share the points. --slice N takes every Nth point only
(tests/system/test_faults.py does). Ends with `N passed, N failed`.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import matrix  # noqa: E402
from score import write_report  # noqa: E402
from support import images, oracle, registry, safeport, wire  # noqa: E402

FILE_ERRORS = (("write", "ENOSPC"), ("write", "EIO"), ("fsync", "EIO"), ("rename", "EIO"), ("link", "EACCES"),
               ("open", "EMFILE"), ("open", "ENOSPC"), ("mkdir", "ENOSPC"))
NET_ERRORS = (("connect", "ECONNRESET"), ("send", "ECONNRESET"), ("recv", "ECONNRESET"))
TAGS = ("v1.0.0", "main", "latest")


def log_of(reg, name):
    return [(e.method, e.path, e.status) for e in reg.log() if f"/v2/{name}/" in e.path]


def settled(place):
    """tag -> digest, after all that they name was checked. docker-registry 2.8 goes on with what a killed client asked for,
    and answers 500 while it rewrites a link: that moment is waited for."""
    for left in range(20, -1, -1):
        try:
            return oracle.check_all(place)
        except oracle.Damage:
            if left == 0:
                raise
            time.sleep(0.1)
    raise AssertionError("unreachable")


class Rig:
    """Two registries and a vault that hold an old image; a layout that holds the new one."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
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
        for r in self.registries:
            r.clear_log()
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
            tags = settled(place)
            for tag in TAGS:
                if tags.get(tag) not in allowed:
                    raise oracle.Damage(f"tag '{tag}' names {tags.get(tag)}")

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


def sweep(context, kind, action):
    def inject(_):
        context.each("", [f"{kind}:{n}={action}" for n in range(1, context.calls[kind] + 1)],
                     lambda rule: shim_point(context.rig, rule, action))
    context.row(f"{kind} {action}", inject)


def kill_points(context):
    for kind in ("file", "net"):
        sweep(context, kind, "KILL")


def signal_points(context):
    """SIGTERM at the same points (row 02)."""
    for kind in ("file", "net"):
        sweep(context, kind, "TERM")


def file_errors(context):
    for kind, action in FILE_ERRORS:
        sweep(context, kind, action)


def net_errors(context):
    for kind, action in NET_ERRORS:
        sweep(context, kind, action)


def allocations(context):
    sweep(context, "malloc", "ENOMEM")


def registry_kills(context):
    """kill -9 of a registry at a random moment of the push, started again at once (rows 04, 05)."""
    rig = context.rig

    def one(number):
        chance = context.chance(number)
        victim, wait = chance.choice(rig.registries), chance.uniform(0, 0.12)
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
    context.row("kill -9 of a registry", lambda _: context.each("moment ", range(200), one, least=4))


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


class Context(matrix.Matrix):
    """One process's part, with a rig of its own."""

    def __init__(self, options, folder, taken):
        super().__init__(options, taken)
        self.rig = Rig(folder)
        self.calls = self.rig.counts()


def work(options, folder, taken):
    context = Context(options, folder, taken)
    try:
        for name in options.only.split(","):
            GROUPS[name](context)
    finally:
        context.rig.close()
    return context.lines


def write(options, table, lines):
    which = "every point" if options.slice == 1 else f"one point in {options.slice}"
    write_report(options.report, "Fault matrix of push", [
        f"Seed {options.seed}, {which}. Made by `make faults`, {options.jobs} processes side by side.",
        "One push of an index of four platforms under three tags to two docker-registries and a vault, all of which "
        "held an older image under these tags. After each fault: every tag whole and old or new, order of requests, "
        "every file what it is named, exit 0 only if all is there; then one ordinary run finishes the work.", "",
        "| fault | points | passed | failed | time |", "|---|---|---|---|---|", *table, "",
        *[note for line in lines for note in line.notes], "", matrix.last_line(lines)])


def main():
    parser = argparse.ArgumentParser()
    matrix.add_options(parser, 20261123)
    parser.add_argument("--only", default=",".join(GROUPS))
    parser.add_argument("--report", type=pathlib.Path)
    options = parser.parse_args()
    lines = matrix.side_by_side(work, options)
    table = [f"| {line.title} | {line.ran} of {line.total} | {line.passed} | {line.failed} | {line.seconds:.0f} s |"
             for line in lines]
    if options.report:
        write(options, table, lines)
    print(*table, matrix.last_line(lines), sep="\n", flush=True)
    sys.exit(1 if any(line.failed for line in lines) else 0)


if __name__ == "__main__":
    main()
