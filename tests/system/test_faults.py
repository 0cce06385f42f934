# SPDX-License-Identifier: Apache-2.0
"""A thin slice of the fault matrix (tests/faults), so that it cannot rot between two runs of `make faults`."""

import pathlib
import subprocess
import sys

MATRIX = pathlib.Path(__file__).resolve().parents[1] / "faults" / "faults.py"
ONE_IN = 60


def test_a_slice_of_the_fault_matrix():
    done = subprocess.run([sys.executable, str(MATRIX), "--slice", str(ONE_IN), "--only", "kill,term,file,net"],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = int(done.stdout.splitlines()[-1].split(" passed")[0])
    assert passed >= 25, done.stdout  # points, each with all invariants checked
