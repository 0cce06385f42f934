# SPDX-License-Identifier: Apache-2.0
"""Counts points, and writes the reports of docs/evidence."""

import pathlib
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent


class Score:
    def __init__(self):
        self.passed = self.failed = 0
        self.rows = []
        self.lock = threading.Lock()

    @property
    def last(self):
        return f"{self.passed} passed, {self.failed} failed"

    def point(self, what, action):
        """Runs one; a failure is told at once and stays in the report."""
        try:
            action()
        except Exception as error:  # pylint: disable=broad-except  (an answer that breaks off raises what it likes)
            self.fail(what, f"{type(error).__name__}: {error}")
            return
        with self.lock:
            self.passed += 1

    def fail(self, what, why):
        with self.lock:
            self.failed += 1
        self.note(f"FAILED {what}: {why[:3000]}")

    def note(self, text):
        with self.lock:
            self.rows.append(text)
        print(text, flush=True)

    def group(self, title, points, begin):
        self.note(f"| {title} | {points} | {time.monotonic() - begin:.0f} s |")


def commit():
    return subprocess.run(["git", "-C", str(HERE), "rev-parse", "--short=12", "HEAD"], capture_output=True,
                          text=True).stdout.strip()


def write_report(path, title, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([f"# {title}", "", f"commit {commit()}, {time.strftime('%Y-%m-%d')}. {lines[0]}", "",
                               *lines[1:], ""]))
