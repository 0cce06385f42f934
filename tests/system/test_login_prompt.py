# SPDX-License-Identifier: Apache-2.0
"""The prompt of login, on a terminal: no echo, and the terminal is right again whatever ends or stops the program."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

PASSWORD = "canary-password-of-alice"

# A shell in miniature: the leader of the terminal's session, which runs the program in the foreground, says when it was
# stopped, and goes on with it when a line comes by its own stdin.
SHELL = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
terminal, orders = int(sys.argv[1]), 0
os.setsid()
import fcntl, termios
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    for number in range(3):
        os.dup2(terminal, number)
    os.execv(sys.argv[2], sys.argv[2:])
while True:
    _, status = os.waitpid(child, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        break
    os.write(1, b"stopped\\n")
    os.read(orders, 100)
    os.tcsetpgrp(terminal, child)
    os.kill(child, signal.SIGCONT)
os.write(1, b"ended %d\\n" % os.waitstatus_to_exitcode(status))
"""


class Terminal:
    """A program on a pseudo-terminal. `seen`: all that it and the terminal's echo wrote."""

    def __init__(self, command, env):
        self.main, side = pty.openpty()
        self.shell = subprocess.Popen([sys.executable, "-c", SHELL, str(side), *command], env=env, pass_fds=[side],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.side = side  # kept open: what the terminal is set to can be asked after the end, too
        self.seen = ""

    def close(self):
        if self.shell.poll() is None:
            self.shell.kill()
        self.shell.communicate()
        os.close(self.main)
        os.close(self.side)

    @property
    def echoes(self):
        return bool(termios.tcgetattr(self.side)[3] & termios.ECHO)

    def expect(self, text, times=1, timeout_s=20):
        """Waits until a text was written so many times in all."""
        deadline = time.monotonic() + timeout_s
        while self.seen.count(text) < times:
            left = deadline - time.monotonic()
            assert left > 0, f"no {text!r} in {self.seen!r}"
            if select.select([self.main], [], [], left)[0]:
                self.seen += os.read(self.main, 65536).decode()

    def expect_echo(self, wanted, timeout_s=20):
        """A question is written after the terminal was set, and the rest follows the text: a moment may pass."""
        deadline = time.monotonic() + timeout_s
        while self.echoes != wanted:
            assert time.monotonic() < deadline, f"echo is {self.echoes}: {self.seen!r}"
            time.sleep(0.01)

    def type(self, text):
        os.write(self.main, text.encode())

    def shell_says(self):
        return self.shell.stdout.readline().decode().strip()

    def go_on(self):
        self.shell.stdin.write(b"\n")
        self.shell.stdin.flush()

    def drain(self):
        """What was written before the end."""
        while select.select([self.main], [], [], 0.2)[0]:
            self.seen += os.read(self.main, 65536).decode()


@pytest.fixture
def one(start):
    return start("htpasswd", htpasswd={"alice": PASSWORD})


@pytest.fixture
def terminal(port, one):
    """safeport login on a terminal, at its prompt for the password."""
    terminals = []

    def make(*more):
        made = Terminal(port.command("login", one.host, *more), {**port.env, "TERM": "xterm"})
        terminals.append(made)
        return made

    yield make
    for made in terminals:
        made.close()


@pytest.fixture
def kept(port):
    path = port.home / ".docker" / "config.json"
    return lambda: json.loads(path.read_text())["auths"] if path.exists() else {}


def test_password_is_not_echoed(terminal, one, kept):
    at = terminal()
    at.expect(f"user name at {one.host}: ")
    assert at.echoes
    at.type("alice\n")
    at.expect(f"password or access token of alice at {one.host}: ")
    at.expect_echo(False)
    at.type(PASSWORD + "\n")
    assert at.shell_says() == "ended 0"
    at.expect("logged in to")
    assert at.echoes and PASSWORD not in at.seen and at.seen.count("alice") >= 2
    assert list(kept()) == [one.host]


def test_wrong_password_at_the_prompt(terminal, kept):
    at = terminal("-u", "alice")
    at.expect("password or access token")
    at.expect_echo(False)
    at.type("canary-wrong\n")
    assert at.shell_says() == "ended 8"
    at.drain()
    assert "401" in at.seen and "canary" not in at.seen and kept() == {}


@pytest.mark.parametrize("key,number", [("\x03", signal.SIGINT), ("\x1c", signal.SIGQUIT)])
def test_keys_that_end_it(terminal, kept, key, number):
    at = terminal("-u", "alice")
    at.expect("password or access token")
    at.expect_echo(False)
    at.type("half a canary" + key)
    assert at.shell_says() == f"ended {-number}"
    assert at.echoes and kept() == {}
    at.drain()
    assert "canary" not in at.seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_that_end_it(terminal, number):
    at = terminal("-u", "alice")
    at.expect("password or access token")
    at.expect_echo(False)
    os.killpg(os.tcgetpgrp(at.main), number)
    assert at.shell_says() == f"ended {-number}"
    assert at.echoes


def test_stopped_and_gone_on_with(terminal, one, kept):
    at = terminal("-u", "alice")
    at.expect("password or access token")
    at.expect_echo(False)
    at.type("\x1a")
    assert at.shell_says() == "stopped"
    assert at.echoes  # the shell that comes now shows what is typed
    at.go_on()
    at.expect("password or access token", times=2)
    at.expect_echo(False)
    at.type(PASSWORD + "\n")
    assert at.shell_says() == "ended 0"
    at.drain()
    assert at.echoes and PASSWORD not in at.seen and list(kept()) == [one.host]


@pytest.mark.parametrize("typed", ["\n", "\x04"])
def test_nothing_entered(terminal, kept, typed):
    at = terminal("-u", "alice")
    at.expect("password or access token")
    at.expect_echo(False)
    at.type(typed)
    assert at.shell_says() == "ended 2"
    at.drain()
    assert "nothing was entered" in at.seen and at.echoes and kept() == {}


def test_line_longer_than_a_terminal_takes(terminal, kept):
    at = terminal("-u", "alice")
    at.expect("password or access token")
    at.expect_echo(False)
    at.type("x" * 5000 + "\n")
    assert at.shell_says() == "ended 2"  # the terminal has cut it: what is left is not the password
    at.drain()
    assert "--password-stdin" in at.seen and "xxx" not in at.seen and kept() == {}
