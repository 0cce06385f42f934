# SPDX-License-Identifier: Apache-2.0
"""Progress of runs over many images: a live line on a terminal, elsewhere a line every ten seconds at most; never on
stdout. Of a push: tests/cli/test_cli_running.py."""

import json
import re

import pytest

from support import hostile, images, terminal

SIZE = 2 << 20
UP = "\x1b[A"  # the block is redrawn by going up over its lines
PROGRESS = re.compile(r"\d ?[KMG]?i?B")


@pytest.fixture
def job(hostile_server, port, tmp_path):
    """Makes the command line of a run over many images, of which the read of the source takes about so many seconds."""
    def make(command, seconds):
        server = hostile_server()
        server.fill("a/b", images.small(99, layers=1, layer_bytes=SIZE))
        source = f"{server.host}/a/b"
        if command == "verify":
            port.run("push", f"{source}:latest", "--to", "vault:app", status=0)
        server.on("GET", "/blobs/", hostile.how(drip=(SIZE // 40, seconds / 40)))
        if command == "restore":
            return [command, f"{source}:latest", "--to", "vault:back"]
        config = tmp_path / "safeport.yaml"
        config.write_text(json.dumps({"version": 1, "images": {"app": {"primary": source, "backups": ["vault:app"]}}}))
        return [command, "--config", config, *(["--read", "app"] if command == "verify" else [])]
    return make


def show(port, arguments, **settings):
    shown = terminal.run(port.command(*arguments), env={**port.env, **settings.pop("env", {})}, cwd=port.home,
                         **settings)
    assert shown.status == 0, shown
    return shown


MANY = ["sync", "verify", "restore"]


@pytest.mark.parametrize("command", MANY)
def test_live_line_of_many_images(job, port, command):
    shown = show(port, job(command, 2))
    assert re.search(r"0 images done, .*[KM]i?B/s", shown.screen), f"bytes that are on their way show: {shown!r}"
    assert UP in shown.screen
    # it is taken away before the result is printed, and nothing of it is left
    assert "images done" not in shown.screen[shown.screen.rindex(UP):], shown


@pytest.mark.parametrize("command", MANY)
@pytest.mark.parametrize("term", ["dumb", ""])
def test_dumb_terminal_gets_plain_lines(job, port, command, term):
    shown = show(port, job(command, 1), term=term)
    assert "\x1b" not in shown.screen and "images done" not in shown.screen, "it took less than ten seconds"


@pytest.mark.parametrize("command", MANY)
def test_no_color_leaves_the_line_and_no_colour(job, port, command):
    shown = show(port, job(command, 1), env={"NO_COLOR": "1"})
    assert UP in shown.screen and not re.search(r"\x1b\[[0-9;]*m", shown.screen), shown


@pytest.mark.parametrize("command", MANY)
def test_quiet_is_quiet(job, port, command):
    shown = show(port, [*job(command, 1), "--quiet"], stdout=False)
    assert shown.screen == ""


def test_a_narrow_terminal_keeps_to_one_line(job, port):
    shown = show(port, job("sync", 2), columns=20, stdout=False)
    assert UP in shown.screen and max(map(len, terminal.plain(shown.screen).splitlines())) < 20, shown


@pytest.mark.parametrize("command", MANY)
def test_lines_of_the_log_stand_above_the_live_line(job, port, command):
    shown = show(port, [*job(command, 2), "--debug"], stdout=False)
    lines = terminal.plain(shown.screen).splitlines()
    assert any(re.fullmatch(r"safeport: .*/v2/.*", line) for line in lines), shown
    assert any("images done" in line for line in lines)
    assert all(re.fullmatch(r"\d+ images done, [^/]*( [KM]iB/s)?", line) for line in lines if "images done" in line), lines


@pytest.mark.parametrize("command", MANY)
def test_a_line_every_ten_seconds_elsewhere(job, port, command):
    done = port.run(*job(command, 12), status=0)
    lines = [line for line in done.stderr.splitlines() if PROGRESS.search(line)]
    assert 1 <= len(lines) <= 3 and all(line.startswith("safeport: ") for line in lines), done.stderr
