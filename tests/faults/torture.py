#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every allocation of the library fails once, in every unit and contract test: each test is run again with the nth
allocation failing, for every n, under ASan and UBSan (tests/support/torture.h). A test that then fails did its work: it
was told. What is wrong is

  - a crash or a sanitizer's finding in the library (a test that goes on with what it did not get is stopped by the crash
    in its own code: that is the test's way of failing),
  - a leak although every test passed, or one by the library where nothing was cut short,
  - a run without an end,
  - a program in which more than a tenth of the allocations that were to fail did not come.

    tests/faults/torture.py [--seconds S] [--only TEXT[,TEXT]] [--jobs N] [--report FILE [--go-on]]

Some programs allocate a million times, in loops over damaged files and states of a disk. Of a test whose points would
take longer than --seconds S (default 5), the 1st, 2nd, 4th, 8th ... allocation of each context fails: of each whole stack
of calls that led to one; where that takes longer than ten times S, the 1st of each. The report says how many there were.

A whole run takes hours: the report is written after each program, and --go-on runs only those that it lacks, and those
in which something failed.

Ends with `N passed, N failed`.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
from score import Score, commit, write_report  # noqa: E402

BUILD = ROOT / "build-torture"
TIMEOUT_S = 120
FRAME = re.compile(r"^\s+#\d+ 0x[0-9a-f]+ in (\S+) (\S+?):\d+", re.MULTILINE)
# handle_segv=2: cmocka would call a crash a failed test.
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:handle_segv=2:handle_sigbus=2:handle_sigfpe=2:handle_abort=1",
              "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}


def build():
    """A build of its own, whose every file includes torture.h."""
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["meson", "setup", BUILD, "-Db_sanitize=address,undefined", "-Dbuildtype=debug",
                        "-Db_lundef=false", "-Doptimization=1",
                        f"-Dc_args=-D_GNU_SOURCE -include {ROOT / 'tests' / 'support' / 'torture.h'}"],
                       cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    tests = json.loads(subprocess.run(["meson", "introspect", "--tests", BUILD], check=True, capture_output=True).stdout)
    wanted = {t["name"]: t["cmd"] for t in tests if t["suite"][0].split(":")[1] in ("unit", "contract")}
    targets = sorted({os.path.relpath(command[0], BUILD) for command in wanted.values()})
    subprocess.run(["ninja", "-C", BUILD, "--quiet", *targets], check=True)
    return wanted


def run(command, folder, **variables):
    env = {**os.environ, **SANITIZERS, "CMOCKA_MESSAGE_OUTPUT": "STDOUT", "LC_ALL": "C.UTF-8", **variables}
    try:
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, errors="replace",
                              timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"no end after {TIMEOUT_S} s") from late


def first_of_ours(text):
    """(function, file) of the innermost frame of a report that lies in the project."""
    for function, file in FRAME.findall(text):
        for part in ("/tests/", "/lib/", "/cli/"):
            if part in file or file.startswith(f"..{part}"):
                return function, file
    return None, ""


def has_passed(text):
    """All tests, and what sets them up?"""
    return 0 < text.count("[ RUN      ]") == text.count("[       OK ]")


def judge(done):
    """Raises if the library misbehaved."""
    text = done.stdout + done.stderr
    if "LeakSanitizer" in text and "ERROR: AddressSanitizer" not in text:
        # A test, or its setup, that was cut short could not clean up.
        assert not has_passed(text), f"leak although every test passed:\n{done.stderr[-3000:]}"
        return
    if "Sanitizer" in text or "runtime error" in text:
        function, file = first_of_ours(text)
        # A test that fails in a thread of its own jumps to nowhere: no frame of ours then, but cmocka has said why.
        has_failed_aside = not file and "[  ERROR   ]" in text
        assert "/tests/" in file or has_failed_aside, f"in {function} of {file or 'nowhere'}:\n{done.stderr[-3000:]}"
        return
    # Without a sanitizer's report it is no crash of the library: the jump of a test that failed in a thread of its own.
    assert done.returncode >= 0 or "[  ERROR   ]" in text, f"signal {-done.returncode}:\n{text[-3000:]}"


def tests_of(command, folder):
    """The names of a program's tests."""
    done = run(command, folder)
    assert done.returncode == 0, f"fails without a fault: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return re.findall(r"^\[ RUN      \] (\S+)", done.stdout, re.MULTILINE)


def count(command, folder, test):
    """How many allocations a test makes, the names of those of its contexts, and how long a run of it takes."""
    file = pathlib.Path(folder) / "count"
    begin = time.monotonic()
    done = run(command, folder, TORTURE_TEST=test, TORTURE_AT="0")
    seconds = time.monotonic() - begin
    assert done.returncode == 0, f"{test} alone fails without a fault: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    done = run(command, folder, TORTURE_TEST=test, TORTURE_COUNT=str(file))
    assert done.returncode == 0, f"{test} fails while it is counted: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    lines = file.read_text().split() if file.exists() else ["0"]
    file.unlink(missing_ok=True)
    return int(lines[0]), lines[1:], seconds


def points_of(command, folder, test, options):
    """(how many allocations, how many contexts, names of those that are to fail)"""
    total, named, one_s = count(command, folder, test)
    firsts = list({at.rsplit(":", 1)[0]: at for at in reversed(named)}.values())
    if total * one_s <= options.seconds:
        named = [str(n + 1) for n in range(total)]
    elif len(named) * one_s > 10 * options.seconds:
        named = firsts
    return total, len(firsts), named


def torture(name, command, options, score):
    """The points of one program."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="safeport-torture-") as folder, \
            concurrent.futures.ThreadPoolExecutor(max_workers=options.jobs) as pool:
        def one(test, at):
            with tempfile.TemporaryDirectory(dir=folder) as own:
                failed = pathlib.Path(folder) / f"failed.{test}.{at}"
                judge(run(command, own, TORTURE_TEST=test, TORTURE_AT=at, TORTURE_FAILED=str(failed)))
                return failed.exists()
        total = contexts = 0
        running = []
        for test in tests_of(command, folder):
            of_test, its_contexts, points = points_of(command, folder, test, options)
            total, contexts = total + of_test, contexts + its_contexts
            running += [(f"TORTURE_TEST={test} TORTURE_AT={at}", pool.submit(one, test, at)) for at in points]
        for what, future in running:
            score.point(f"{name}, {what}", future.result)
        met = sum(future.exception() is not None or future.result() for _, future in running)
        score.point(f"{name}, what was counted comes again", lambda: check_met(met, len(running)))
    score.group(f"{name} | {total} | {contexts} | {met}", len(running), begin)


def check_met(met, points):
    """Threads may come to an allocation in another order, or not at all; but most come."""
    assert met >= 0.9 * points, f"of {points} allocations that were to fail, {met} came"


class Report:
    """A row for each program, with its commit: of an earlier run too that this one goes on with, if nothing failed there."""

    def __init__(self, options):
        self.path, self.seconds = options.report, options.seconds
        self.rows, self.lacks, self.failures = {}, [], []
        if self.path and options.go_on and self.path.exists():
            text = self.path.read_text()
            if f" --seconds {self.seconds:g}`" not in text:
                sys.exit(f"{self.path} was made with other --seconds: it would say what is not so of its rows")
            failed = re.findall(r"^FAILED ([^ ,]+)", text, re.MULTILINE)
            self.rows = {name: row for row, name in re.findall(r"^(\| (\S+)(?: \| \d+){4} \| \d+ s \| [0-9a-f]{7,} \|)$", text,
                                                               re.MULTILINE) if name not in failed}

    def write(self):
        if not self.path:
            return
        points = sum(int(row.split(" | ")[4]) for row in self.rows.values())
        write_report(self.path, "Every allocation of the unit and contract tests fails once", [
            f"Made by `tests/faults/torture.py --seconds {self.seconds:g}`; the commit of each row stands at its end.",
            "Each test is run by itself once for each allocation that the library makes in it, and that one fails; under ASan "
            "and UBSan. Wrong would be a crash in the library, a sanitizer's finding, a leak although every test passed, a run "
            "without an end.",
            f"Of a test whose allocations would take more than {self.seconds:g} s one by one, it is the 1st, 2nd, "
            "4th, 8th ... of each context, that is of each whole stack of calls that led to an allocation; where that takes "
            "longer than ten times that, the 1st of each.",
            "*failed*: of the points, how many of the named allocations came again and failed (threads may come to one in "
            "another order, or not at all).", "",
            "| program | allocations | contexts | failed | points | time | commit |", "|---|---|---|---|---|---|---|",
            *[self.rows[name] for name in sorted(self.rows)], "", *self.failures,
            f"{points} points in {len(self.rows)} programs, {len(self.failures)} failed",
            *([f"Not run: {', '.join(self.lacks)}"] if self.lacks else [])])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--only", default="", help="programs whose name holds one of these")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--report", type=pathlib.Path)
    parser.add_argument("--go-on", action="store_true", help="with the report as it is: what it has is not run again")
    options = parser.parse_args()
    if options.go_on and not options.report:
        parser.error("--go-on needs the --report that it goes on with")
    score, report, programs = Score(), Report(options), sorted(build().items())
    report.lacks = [name for name, _ in programs if name not in report.rows]
    for name, command in programs:
        if name not in report.lacks or not any(text in name for text in options.only.split(",")):
            continue
        seen = len(score.rows)
        score.point(f"{name} as it is", lambda n=name, c=command: torture(n, c, options, score))
        report.lacks.remove(name)
        for row in score.rows[seen:]:
            if row.startswith("FAILED"):
                report.failures.append(row)
            else:
                report.rows[name] = f"{row} {commit()} |"
        report.write()
    print(score.last, flush=True)
    sys.exit(1 if score.failed else 0)


if __name__ == "__main__":
    main()
