#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random damage in a backup registry's storage: a flipped bit, a truncated or a removed file; blobs, manifests and the
links that lead to them. `verify --read`, of each pair of references and over the names of a safeport.yaml, must find every
one that the registry's clients would meet: what they would meet is decided by reading everything over HTTP with a program
that shares no code with safeport.

    tests/faults/damage.py [--count N] [--seed S] [--jobs N] [--report FILE]

Ends with `N passed, N failed`.
"""

import argparse
import contextlib
import http.client
import json
import multiprocessing
import pathlib
import random
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))
from score import write_report  # noqa: E402
from support import images, oracle, registry, safeport, wire  # noqa: E402

NAME, KINDS, NOTHING = "team/app", ("flip", "truncate", "remove"), "without effect"


class Rig:
    """A primary and a backup that hold three images of different shapes, signatures and referrers among them."""

    def __init__(self, folder):
        self.primary = registry.Registry(folder / "primary").start()
        self.backup = registry.Registry(folder / "backup").start()
        self.program = safeport.Safeport(folder / "home")
        content = images.multi(1, tag="v1", layer_bytes=9_000).merge(images.small(2, tag="v2", layer_bytes=7_000))
        content = content.merge(images.with_referrers(3, tag="v3", fallback=False))
        content.write_layout(folder / "layout")
        self.tags = ("v1", "v2", "v3")
        for tag in self.tags:
            self.program.run("push", f"oci:{folder / 'layout'}:{tag}", "--to", f"{self.primary.host}/{NAME}", "--to",
                             f"{self.backup.host}/{NAME}", status=0)
        self.config = folder / "safeport.yaml"
        self.config.write_text(json.dumps({"version": 1, "images": {"app": {  # JSON is YAML
            "primary": f"{self.primary.host}/{NAME}", "backups": [f"{self.backup.host}/{NAME}"]}}}))
        self.place = oracle.HttpPlace(wire.Wire(self.backup.host), NAME)
        self.good = {tag: self.place.resolve(tag) for tag in self.place.tags()}
        root = pathlib.Path(self.backup.storage) / "docker" / "registry" / "v2"
        self.files = sorted(p for p in root.rglob("*") if p.is_file() and p.name in ("data", "link")
                            and "/index/" not in str(p))

    def close(self):
        self.primary.stop()
        self.backup.stop()

    def is_whole(self):
        """What a client would meet: every tag there was names what it named, whole."""
        try:
            for tag, digest in self.good.items():
                oracle.check_tag(self.place, tag, digest)
        except (AssertionError, http.client.HTTPException, ValueError, KeyError, TypeError) as finding:
            self.place.wire.close()  # an answer that was cut short leaves a connection of no use
            return False, repr(finding)
        return True, "whole"

    def check_all_is_well(self):
        """Before any damage, and after all was put back."""
        assert self.is_whole()[0] and self.verify()[0] == self.verify_names()[0] == 0, "damaged without a damage"

    def verify_names(self):
        """The same over the name that safeport.yaml has for it: the status, and all that was said."""
        result = self.program.run("verify", "app", "--config", self.config, "--read", "--retry-for", "0")
        return result.status, result.text

    def verify(self):
        """The worst status of the three, and all that was said."""
        results = [self.program.run("verify", f"{self.primary.host}/{NAME}:{tag}", f"{self.backup.host}/{NAME}:{tag}",
                                    "--read", "--retry-for", "0") for tag in self.tags]
        return max(r.status for r in results), "\n".join(r.text for r in results)


def damage(path, kind, chance):
    """Damages a file; answers its bytes, to put them back."""
    data = path.read_bytes()
    if kind == "remove":
        path.unlink()
    elif kind == "truncate":
        path.write_bytes(data[:chance.randrange(len(data))])
    else:
        at = chance.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1:])
    return data


def listed_in(data):
    """The digests that an index lists: of a list of referrers that is damaged, those are what is missing."""
    try:
        return [entry["digest"].split(":")[1] for entry in json.loads(data).get("manifests", [])]
    except (ValueError, AttributeError):
        return []


def one(rig, chance):
    """One damage; answers what it was, if a client of the registry would meet it."""
    path, kind = chance.choice(rig.files), chance.choice(KINDS)
    data = damage(path, kind, chance)
    try:
        whole, finding = rig.is_whole()
        for form, verify in (("pairs", rig.verify), ("names", rig.verify_names)):
            status, text = verify()
            where = f"{kind} of {path}: {finding}; verify of {form} exits {status}: {text[-1500:]}"
            assert whole == (status == 0), where
            if not whole:
                # 4: docker-registry answers 500 to a tag whose link or manifest it cannot read, as one does that is down.
                assert status in (1, 4, 5), where
                if path.name == "data":
                    names = [path.parent.name, *listed_in(data)]
                    assert "answered 500" in text or any(n in text for n in names), f"what is damaged is not named: {where}"
                    is_blob = b"schemaVersion" not in data
                    assert status == 5 or kind == "remove" or not is_blob, f"wrong bytes are more than missing ones: {where}"
        return NOTHING if whole else kind
    finally:
        path.write_bytes(data)


def work(options, turn, found):
    """One process, with a rig of its own: it takes the next damage until enough were met. Each has a generator of its own, so
    that a seed says the same however many processes there are. Answers how many of each kind, and what failed."""
    counts, failures = dict.fromkeys((*KINDS, NOTHING), 0), []
    with tempfile.TemporaryDirectory(prefix="safeport-damage-") as folder, contextlib.closing(Rig(pathlib.Path(folder))) as rig:
        rig.check_all_is_well()
        while found.value < options.count:
            with turn.get_lock():
                number = turn.value
                turn.value += 1
            try:
                kind = one(rig, random.Random(f"{options.seed} {number}"))
                counts[kind] += 1
                is_met = kind != NOTHING
            except AssertionError as error:
                failures.append(f"{number}: {error}")
                print("FAILED", failures[-1], flush=True)
                is_met = True
            with found.get_lock():
                found.value += is_met
        rig.check_all_is_well()
    return counts, failures


def worker(options, turn, found, results):
    try:
        results.put(work(options, turn, found))
    except Exception:  # pylint: disable=broad-except
        results.put(({}, [traceback.format_exc()]))


def side_by_side(options):
    """The counts and the failures of options.jobs processes."""
    turn, found, results = multiprocessing.Value("q", 0), multiprocessing.Value("q", 0), multiprocessing.Queue()
    running = [multiprocessing.Process(target=worker, args=(options, turn, found, results)) for _ in range(options.jobs)]
    for process in running:
        process.start()
    parts = [results.get() for _ in running]
    for process in running:
        process.join()
    return ({kind: sum(counts.get(kind, 0) for counts, _ in parts) for kind in (*KINDS, NOTHING)},
            [failure for _, failures in parts for failure in failures])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--report", type=pathlib.Path)
    options = parser.parse_args()
    begin = time.monotonic()
    counts, failures = side_by_side(options)
    found = sum(counts[k] for k in KINDS)
    last = f"{found} passed, {len(failures)} failed"
    if options.report:
        write_report(options.report, "Random damage in a backup registry's storage", [
            f"Seed {options.seed}. Made by `make faults`, {options.jobs} processes side by side.",
            "One file of the storage of a running docker-registry is damaged, `verify --read` runs (of each pair of "
            "references, and over the names of a safeport.yaml), the file is put back. Three images (four platforms; one "
            "platform; with referrers and signatures), every file that holds or leads to their content. Damage that no client "
            "of the registry meets (a link that its cache stands in for) is counted apart: there verify must say that all is "
            "well.", "",
            "| damage | found |", "|---|---|", *[f"| {k} | {n} |" for k, n in counts.items()], "",
            *[f"FAILED {f}" for f in failures], f"{time.monotonic() - begin:.0f} s", "", last])
    print(f"seed {options.seed}: {counts}")
    print(last, flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
