# SPDX-License-Identifier: Apache-2.0
"""Counts points, and writes the reports of docs/evidence."""

import pathlib
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent


class Score:
    def __init__(self):
        self.passed = self.failed = 0
        self.rows = []

    @property
    def last(self):
        return f"{self.passed} passed, {self.failed} failed"

    def point(self, what, action):
        """Runs one; a failure is told at once and stays in the report."""
        try:
            action()
            self.passed += 1
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            self.failed += 1
            self.rows.append(f"FAILED {what}: {str(error)[:3000]}")
            print(self.rows[-1], flush=True)

    def group(self, title, points, begin):
        self.rows.append(f"| {title} | {points} | {time.monotonic() - begin:.0f} s |")
        print(self.rows[-1], flush=True)


def commit():
    return subprocess.run(["git", "-C", str(HERE), "rev-parse", "--short=12", "HEAD"], capture_output=True,
                          text=True).stdout.strip()


def write_report(path, title, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([f"# {title}", "", f"commit {commit()}, {time.strftime('%Y-%m-%d')}. {lines[0]}", "",
                               *lines[1:], ""]))
