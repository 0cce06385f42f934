# SPDX-License-Identifier: Apache-2.0
"""Thin slices of the long runs (tests/faults), so that they cannot rot between two runs of `make faults`."""

import pathlib
import subprocess
import sys

import pytest

FAULTS = pathlib.Path(__file__).resolve().parents[1] / "faults"
LEAST = 100_000  # one point in so many: one of each sweep
CALLS = "01,02,22,23,24"  # rows with many sweeps
REAL = "04,05,22d,26,27r,28,29,30,32,33,34,35,36,37,38,39,40"  # rows with registries that are started again and again


def run(program, *arguments):
    """Runs one; answers how many points passed, each with all invariants checked."""
    done = subprocess.run([sys.executable, str(FAULTS / program), *arguments], capture_output=True, text=True,
                          timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.splitlines()[-1].split(" passed")[0])


def test_a_slice_of_the_fault_matrix():
    assert run("faults.py", "--slice", "60", "--only", "kill,term,file,net,registry") >= 25


# Together: every row, but for 03, which is tests/unit/layout/replay_test.c and has run by now.
@pytest.mark.parametrize("option, rows, one_in, least", [
    ("--only", CALLS, LEAST, 36), ("--only", REAL, LEAST, 37), ("--only", "24m", 240, 10),
    ("--skip", f"{CALLS},{REAL},24m,03", LEAST, 47)])
def test_a_slice_of_the_fault_matrix_of_sync(option, rows, one_in, least):
    assert run("sync_faults.py", "--slice", str(one_in), option, rows) >= least


def test_damage_in_the_storage_of_a_backup_is_found():
    assert run("damage.py", "--count", "15") == 15
