# SPDX-License-Identifier: Apache-2.0
"""A program in a terminal of its own: what it shows there, and how it ends."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time

SEQUENCE = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")


def plain(text):
    """Without the sequences that move the cursor or set a colour."""
    return SEQUENCE.sub("", text).replace("\r", "")


class Shown:
    """status: how it ended; screen: what was written to the terminal; stdout: where that is no terminal."""

    def __init__(self, status, screen, stdout=""):
        self.status, self.screen, self.stdout = status, screen, stdout

    def __repr__(self):
        return f"<exit {self.status}\n--- screen\n{self.screen!r}\n--- stdout\n{self.stdout}>"


class _Terminal:
    def __init__(self, columns, rows):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.said = bytearray()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            self.said.extend(data)

    @property
    def text(self):
        return bytes(self.said).decode(errors="replace")

    def close(self):
        self.reader.join(5)
        os.close(self.master)


def run(command, *, env, cwd, columns=80, rows=50, term="xterm", stdout=True, until=None, then=signal.SIGINT,
        timeout_s=60):
    """Runs it with stderr, and stdout unless told otherwise, on a terminal. When `until` (a function of the text so far)
    holds, sends the signal `then`."""
    terminal = _Terminal(columns, rows)
    process = subprocess.Popen(command, env={**env, "TERM": term}, stdin=terminal.slave, stderr=terminal.slave,
                               stdout=terminal.slave if stdout else subprocess.PIPE, cwd=cwd, start_new_session=True)
    os.close(terminal.slave)
    end = time.monotonic() + timeout_s
    while until and time.monotonic() < end and process.poll() is None and not until(terminal.text):
        time.sleep(0.05)
    if until and process.poll() is None:
        process.send_signal(then)
    try:
        out, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"did not end: {terminal.text!r}") from None
    terminal.close()
    return Shown(process.returncode, terminal.text, (out or b"").decode(errors="replace"))
