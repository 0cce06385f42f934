#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The fault matrix of sync: rows 01-42, 47 and 48 of the reliability study, each injected into a sync of one image with a
primary and two backups (a registry and the vault). After every fault the invariants are checked by programs that share no
code with safeport (tests/support/oracle.py), then an ordinary run must come to the state of a run without the fault, byte
for byte.

    tests/faults/sync_faults.py [--jobs N] [--slice N] [--seed S] [--only ROW[,ROW]] [--skip ROW[,ROW]] [--report FILE]

--jobs N: so many processes side by side, which share the points of each row. --slice N takes every Nth point only, but
of each row one at least (tests/system/test_faults.py does). Ends with `N passed, N failed`.
"""

import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import matrix  # noqa: E402
import sync_rows  # noqa: E402
from score import write_report  # noqa: E402
import sync_backup, sync_memory, sync_places, sync_points, sync_primary, sync_wire  # noqa: E402,E401,F401  pylint: disable=unused-import

MATRIX = sorted(sync_rows.ROWS, key=lambda row: row.number)


def chosen(options):
    """Rows of the command line; what is not there is a mistake, not nothing."""
    names = {row.number for row in MATRIX}
    only = options.only.split(",") if options.only else sorted(names)
    skip = options.skip.split(",") if options.skip else []
    unknown = {*only, *skip} - names
    if unknown:
        sys.exit(f"there is no row {sorted(unknown)}; there are {sorted(names)}")
    return [row for row in MATRIX if row.number in only and row.number not in skip]


def work(options, folder, taken):
    """One process."""
    context = sync_rows.Context(options, folder, taken)
    try:
        for row in chosen(options):
            context.row(row.number, row.inject)
    finally:
        context.close()
    return context.lines


def table(rows, lines):
    """What was run of each row, beside how many points it has."""
    for row, line in zip(rows, lines):
        yield (f"| {row.number} | {row.fault} | {row.how} | {row.expected} | {line.ran} of {line.total} | {line.passed} | "
               f"{line.failed} | {line.seconds:.0f} s |")


def write(options, rows, lines):
    which = "every point" if options.slice == 1 else f"one point in {options.slice}"
    write_report(options.report, "Fault matrix of sync", [
        f"Seed {options.seed}, {which}. Made by `make faults`, {options.jobs} processes side by side.",
        "One sync of an index of two images, with a signature and a referrer, under three tags, two of which named an "
        "older image; from a docker-registry to a docker-registry and the vault. After each fault: every tag whole, and "
        "the old image or the new; a moving tag that moved has left a history tag; order of requests; every file what it "
        "is named; exit 0 only if all is there. Then an ordinary run: the same bytes on both backups as without the "
        "fault, and nothing sent again that had been acknowledged.", "",
        "| row | fault | how | expected | points | passed | failed | time |", "|---|---|---|---|---|---|---|---|",
        *table(rows, lines), "", *[note for line in lines for note in line.notes], "", matrix.last_line(lines)])


def main():
    parser = argparse.ArgumentParser()
    matrix.add_options(parser, 20261125)
    parser.add_argument("--only")
    parser.add_argument("--skip")
    parser.add_argument("--report", type=pathlib.Path)
    options = parser.parse_args()
    rows = chosen(options)
    lines = matrix.side_by_side(work, options)
    if options.report:
        write(options, rows, lines)
    print(*table(rows, lines), matrix.last_line(lines), sep="\n", flush=True)
    sys.exit(1 if any(line.failed for line in lines) else 0)


if __name__ == "__main__":
    main()
