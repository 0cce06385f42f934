# SPDX-License-Identifier: Apache-2.0
"""Thin slices of the long runs (tests/faults), so that they cannot rot between two runs of `make faults`."""

import pathlib
import subprocess
import sys

import pytest

FAULTS = pathlib.Path(__file__).resolve().parents[1] / "faults"
ONE_IN = 60


def run(program, *arguments):
    """Runs one; answers how many points passed, each with all invariants checked."""
    done = subprocess.run([sys.executable, str(FAULTS / program), *arguments], capture_output=True, text=True,
                          timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.splitlines()[-1].split(" passed")[0])


def test_a_slice_of_the_fault_matrix():
    assert run("faults.py", "--slice", str(ONE_IN), "--only", "kill,term,file,net") >= 25


@pytest.mark.parametrize("rows, one_in, least", [("01,02,22,23,24,41,42,47,47r", 90, 60), ("24m", 240, 10)])
def test_a_slice_of_the_fault_matrix_of_sync(rows, one_in, least):
    assert run("sync_faults.py", "--slice", str(one_in), "--only", rows) >= least


def test_a_slice_of_the_hostile_scenarios_of_sync():
    assert run("sync_faults.py", "--slice", "25", "--only", "06,07,08,09,10,11,12,13,14,15,16,17,18,19,20,21,26w,27,30w,S") >= 29


def test_damage_in_the_storage_of_a_backup_is_found():
    assert run("damage.py", "--count", "15") == 15
