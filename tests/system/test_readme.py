# SPDX-License-Identifier: Apache-2.0
"""The quick start of each README is run as it is written: the blocks after `<!-- test: quick start -->`. Only the two
ports are changed, for free ones."""

import contextlib
import os
import re
import signal
import subprocess

import pytest

from support import ports, safeport

BLOCK = re.compile(r"<!--\s*test:\s*quick ?start\s*-->\s*```(sh|console)\n(.*?)```", re.S)
READMES = ("README.md", "README.zh-CN.md")


def commands(kind, block):
    """A shell script: all of a `sh` block; of a `console` block what follows `$ ` (with its continuation lines)."""
    if kind == "sh":
        return block
    lines, going_on = [], False
    for line in block.splitlines():
        if line.startswith("$ ") or going_on:
            lines.append(line.removeprefix("$ "))
            going_on = line.endswith("\\")
    return "\n".join(lines) + "\n"


def read_blocks(name):
    path = safeport.ROOT / name
    if not path.exists():
        pytest.skip(f"there is no {name} yet")
    return [commands(kind, block) for kind, block in BLOCK.findall(path.read_text())]


def without_comments(script):
    return "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#"))


@pytest.mark.parametrize("name", READMES)
def test_quick_start_runs_as_written(port, tmp_path, name):
    blocks = read_blocks(name)
    assert blocks, f"{name} has no block marked for this test"
    script = "set -e\n" + "\n".join(blocks)
    for written in sorted(set(re.findall(r"\b5\d{3}\b", script))):
        script = script.replace(written, str(ports.free_port()))
    program = tmp_path / "bin"
    program.mkdir()
    (program / "safeport").symlink_to(safeport.binary())
    work = tmp_path / "work"
    work.mkdir()
    with open(work / "said", "wb") as said:  # a file: the registries it starts keep it open
        run = subprocess.Popen(["bash", "-c", script], cwd=work, stdin=subprocess.DEVNULL, stdout=said,
                               stderr=subprocess.STDOUT, start_new_session=True,
                               env={**port.env, "PATH": f"{program}:{os.environ['PATH']}"})
        try:
            status = run.wait(120)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    text = (work / "said").read_text(errors="replace")
    assert status == 0, text[-4000:]
    assert re.search(r"sha256:[0-9a-f]{64}", text), text[-4000:]


def test_both_languages_show_the_same_commands():
    english, chinese = (read_blocks(name) for name in READMES)
    assert [without_comments(b) for b in english] == [without_comments(b) for b in chinese]
