# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest
from cli_support import ROOT, SAFEPORT, clean_env

sys.path.insert(0, str(ROOT / "tests"))  # for tests/support


@pytest.fixture
def safeport():
    """Runs the program: safeport("push", ..., env={...}, status=0) -> CompletedProcess with text."""

    def run(*args, env=None, status=None, **more):
        result = subprocess.run([str(SAFEPORT), *map(str, args)], env=clean_env(**(env or {})), capture_output=True,
                                text=True, timeout=60, **more)
        if status is not None:
            assert result.returncode == status, f"{args}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result

    return run
