# SPDX-License-Identifier: Apache-2.0
"""Progress: a live block on a terminal, elsewhere a line every ten seconds at most; never on stdout."""

import os
import pty
import re
import subprocess
import threading

import pytest

from support import hostile, images


@pytest.fixture
def slow_source(hostile_server):
    """A source of which a push takes about so many seconds."""
    def make(seconds):
        server = hostile_server()
        content = images.small(99, layers=1, layer_bytes=2 << 20)
        server.fill("a/b", content)
        server.on("GET", "/blobs/", hostile.how(drip=((2 << 20) // 40, seconds / 40)))
        return f"{server.host}/a/b:latest"
    return make


def test_live_block_on_a_terminal(slow_source, port):
    source = slow_source(2)
    master, slave = pty.openpty()
    said = bytearray()

    def read():
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                return
            if not data:
                return
            said.extend(data)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    done = subprocess.run(port.command("push", source, "--to", "vault:app"), env={**port.env, "TERM": "xterm"},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave, timeout=30, cwd=port.home)
    os.close(slave)
    reader.join(5)
    os.close(master)
    text = said.decode(errors="replace")
    assert done.returncode == 0, text
    assert re.search(r"[KM]i?B/s", text), f"no rate: {text!r}"
    assert "\x1b[" in text or "\r" in text
    assert b"\x1b" not in done.stdout and b"vault:app" in done.stdout


def test_dumb_terminal_and_files_get_plain_lines(slow_source, port):
    done = port.run("push", slow_source(1), "--to", "vault:app", status=0)  # run() finds control characters
    assert len([line for line in done.stderr.splitlines() if "B/s" in line]) <= 1


def test_a_line_every_ten_seconds_elsewhere(slow_source, port):
    done = port.run("push", slow_source(12), "--to", "vault:app", status=0)
    lines = [line for line in done.stderr.splitlines() if re.search(r"\d ?[KMG]?i?B", line)]
    assert 1 <= len(lines) <= 3, done.stderr
