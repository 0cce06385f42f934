# SPDX-License-Identifier: Apache-2.0
"""What can be seen and done while a push runs: progress, and signals."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import pytest
from cli_support import SAFEPORT, clean_env, make_image, tags_of
from slow_registry import SlowRegistry


@pytest.fixture
def image(tmp_path):
    layout = tmp_path / "image"
    layout.mkdir()
    make_image(layout, ["t"], layers=1, size=4 << 20)
    return layout


def start(tmp_path, args, **more):
    env = clean_env(SAFEPORT_VAULT=str(tmp_path / "vault"), **more.pop("env", {}))
    return subprocess.Popen([str(SAFEPORT), *args], env=env, cwd=tmp_path, **more)


def on_terminal(tmp_path, args, columns, **env):
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = start(tmp_path, args, stdin=side, stdout=subprocess.PIPE, stderr=side, env={"TERM": "xterm", **env})
    os.close(side)
    seen = b""
    try:
        while chunk := os.read(main, 65536):
            seen += chunk
    except OSError:
        pass
    os.close(main)
    out = process.stdout.read().decode()
    assert process.wait(timeout=60) == 0
    return seen.decode(), out


class Screen:
    """As much of a terminal as the progress needs: lines, cursor up, erase line."""

    def __init__(self, text):
        self.lines, self.frames, row = [""], [], 0
        before = ""
        for token in re.findall(r"\x1b\[A|\x1b\[2K|\r|\n|[^\x1b\r\n]+", text):
            if token == "\x1b[A":
                if before == "\n":  # the block is whole
                    self.frames.append([line for line in self.lines if line])
                row -= 1
                assert row >= 0, "above the first line"
            elif token == "\x1b[2K":
                self.lines[row] = ""
            elif token == "\n":
                row += 1
                if row == len(self.lines):
                    self.lines.append("")
            elif token != "\r":
                self.lines[row] += token
            before = token
        self.left = [line for line in self.lines if line]


def test_live_block(tmp_path, image):
    with SlowRegistry(image, 2.5) as registry:
        args = ["push", f"{registry.host}/app:t", "--to", "vault:first", "--to", "oci:second"]
        seen, out = on_terminal(tmp_path, args, 100)
    screen = Screen(seen)
    assert not screen.left, "the block was not taken away"
    moving = [f for f in screen.frames if f[0].startswith("moved ")]
    assert len(moving) > 5
    assert all(re.match(r"moved .+ of 8 MiB \(\d+ %\), \d of 4 blobs", f[0]) for f in moving)
    percents = [int(re.search(r"\((\d+) %\)", f[0]).group(1)) for f in moving]
    assert percents == sorted(percents) and 20 < percents[len(percents) // 2] < 80
    middle = moving[len(moving) // 2]
    assert re.search(r" [KM]iB/s, .+ left", middle[0])
    rows = [line for line in middle[1:] if "sha256:" in line]
    for name in ("vault:first", "oci:second"):
        assert any(line.endswith(f"-> {name}") for line in rows)
    assert all("%" in line and "of 4 MiB" in line for line in rows)
    assert "vault:first: published" in out and "\x1b" not in out


def test_live_block_of_a_verification(tmp_path, image):
    with SlowRegistry(image, 1.5) as registry:
        args = ["verify", f"{registry.host}/app:t", f"oci:{image}:t", "--read"]
        seen, out = on_terminal(tmp_path, args, 100)
    reading = [f for f in Screen(seen).frames if f[0].startswith("read ")]
    assert len(reading) > 2
    assert all(re.match(r"read .+ of 8 MiB \(\d+ %\), \d of 4 blobs", f[0]) for f in reading)
    assert any(line.endswith(f"-> {registry.host}/app") for line in reading[-1])
    assert out.count(": whole") == 2


def test_live_block_fits_a_narrow_terminal(tmp_path, image):
    with SlowRegistry(image, 1) as registry:
        args = ["push", f"{registry.host}/app:t", "--to", "vault:a-rather-long-name-of-a-repository/that-is-cut"]
        seen, _ = on_terminal(tmp_path, args, 40)
    assert max(len(line) for frame in Screen(seen).frames for line in frame) < 40


@pytest.mark.parametrize("args, env", [(["--quiet"], {}), ([], {"TERM": "dumb"})], ids=["quiet", "dumb"])
def test_no_block_where_none_is_wanted(tmp_path, image, args, env):
    with SlowRegistry(image, 0.6) as registry:
        seen, _ = on_terminal(tmp_path, ["push", f"{registry.host}/app:t", "--to", "vault:a", *args], 100, **env)
    assert seen == ""


def test_a_line_every_ten_seconds_elsewhere(tmp_path, image):
    with SlowRegistry(image, 11.5) as registry:
        process = start(tmp_path, ["push", f"{registry.host}/app:t", "--to", "vault:a"], stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE, text=True)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "\x1b" not in out + err
    assert re.fullmatch(r"safeport: moved .+ of 4 MiB \(\d+ %\), \d of 2 blobs, .+/s, \d s left\n", err)


@pytest.mark.parametrize("sent, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_signal_stops_and_still_reports(tmp_path, image, sent, status):
    with SlowRegistry(image, 20) as registry:
        process = start(tmp_path, ["push", f"{registry.host}/app:t", "--to", "vault:a", "--json"],
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for_blob(registry)
        began = time.monotonic()
        process.send_signal(sent)
        out, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert time.monotonic() - began < 5
    doc = json.loads(out)
    assert doc["exit_status"] == status
    assert doc["places"][0]["tags"][0]["result"] == "not_set"
    assert "safeport: " in err
    left = tmp_path / "vault" / "repos" / "a" / "_"
    assert not (left / "index.json").exists() or tags_of(left) == {}
    assert not [p for p in (tmp_path / "vault").rglob(".safeport-tmp-*")]


def wait_for_blob(registry):
    for _ in range(200):
        if any("/blobs/" in line for line in registry.requests):
            time.sleep(0.3)
            return
        time.sleep(0.05)
    raise AssertionError("no blob was asked for")


def test_ignored_signal_stays_ignored(tmp_path, image):
    """nohup and a shell's `&` rely on it."""
    with SlowRegistry(image, 1) as registry:
        process = start(tmp_path, ["push", f"{registry.host}/app:t", "--to", "vault:a"], stdout=subprocess.DEVNULL,
                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        wait_for_blob(registry)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
