# SPDX-License-Identifier: Apache-2.0
"""Thin slices of the long runs (tests/faults), so that they cannot rot between two runs of `make faults`."""

import pathlib
import subprocess
import sys

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


def test_damage_in_the_storage_of_a_backup_is_found():
    assert run("damage.py", "--count", "25") == 25
