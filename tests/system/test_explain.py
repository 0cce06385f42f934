# SPDX-License-Identifier: Apache-2.0
"""Every row of the table of remedies that any registry can cause, caused: the message says what the answer means and what
to do, in the words of `help errors`. (What only Docker Hub and GHCR say is tested on the table itself.)"""

import re
import subprocess

import pytest

from support import hostile, safeport


def rows():
    """(host, status, text, meaning, advice) of `help errors`."""
    text = subprocess.run([str(safeport.binary()), "help", "errors"], capture_output=True, text=True, check=True,
                                   env={"LC_ALL": "C.UTF-8"}).stdout
    found = []
    for block in re.split(r"^  (?=\S)", text, flags=re.M)[1:]:
        head, body = block.split("\n", 1)
        host, status, part = re.fullmatch(r"(any registry|\S+)(?: (\d{3}))?(?: '(.*)')?", head).groups()
        meaning, advice = re.split(r"^    -> ", body.split("\n\n")[0], flags=re.M)
        found.append((host, int(status or 0), part, " ".join(meaning.split()), " ".join(advice.split())))
    return found


ROWS = rows()


def test_help_errors_lists_all():
    assert len(ROWS) > 45
    assert {row[0] for row in ROWS} == {"any registry", "docker.io", "ghcr.io"}


@pytest.mark.parametrize("row", [row for row in ROWS if row[0] == "any registry"],
                         ids=lambda row: f"{row[1] or ''} {row[2] or ''}".strip())
def test_a_message_says_what_it_means_and_what_to_do(hostile_server, port, row):
    _, status, text, meaning, advice = row
    server = hostile_server()
    server.on("GET", "/tags/list", hostile.error(status or 400, "CODE", text or ""))
    done = port.run("tags", f"{server.host}/a/b", "--retry-for", "0", status=(1, 4, 8))
    assert f"registry answered {status or 400}" in done.stderr
    assert f": {meaning}: {advice}" in done.stderr, done.stderr
