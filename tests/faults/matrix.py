# SPDX-License-Identifier: Apache-2.0
"""Rows of points, shared by processes side by side: each process has rigs of its own and walks over all rows; a point is
run by the one that takes it first. Each point has a generator of its own, so that a seed says the same however many
processes there are."""

import hashlib
import os
import pathlib
import random
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections import namedtuple
from concurrent import futures

from score import Score

# One row, or one process's part of it. total: how many points there are; ran: how many of them were run.
Line = namedtuple("Line", "title ran total passed failed seconds notes")


class Matrix:
    """One process's part. taken: a folder that all have; what it holds is being run by somebody, or was."""

    def __init__(self, options, taken):
        self.options, self.taken, self.lines = options, taken, []
        self.lock = threading.Lock()
        self.taken.mkdir(parents=True, exist_ok=True)
        self._begin("")

    def _begin(self, title):
        self.title, self.score, self.total, self.own = title, Score(), 0, set()

    def row(self, title, inject):
        """Runs all points of a row that are left."""
        self._begin(title)
        begin = time.monotonic()
        try:
            inject(self)
        except Exception:  # pylint: disable=broad-except
            self.score.fail(f"row {title} could not be run to its end", traceback.format_exc())
        score = self.score
        self.lines.append(Line(title, score.passed + score.failed, self.total, score.passed, score.failed,
                               time.monotonic() - begin, score.rows))
        print(f"row {title}: {score.last}, {time.monotonic() - begin:.0f} s", flush=True)

    def _takes(self, what):
        """Whether the point is ours to run."""
        name = hashlib.sha256(f"{self.title} {what}".encode()).hexdigest()[:32]
        with self.lock:
            assert what not in self.own, f"there are two points '{what}' in row {self.title}"
            self.own.add(what)
        try:
            os.close(os.open(self.taken / name, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def _run(self, what, action):
        if self._takes(what):
            self.score.point(f"{self.title} {what} (seed {self.options.seed})", action)

    def point(self, what, action):
        """One that is in every slice."""
        self.total += 1
        self._run(what, action)

    def each(self, name, values, action, least=1, threads=1):
        """A point for each of some values: action(value). Of them one in --slice is run, but no fewer than `least`; if one
        alone, that in the middle. threads: so many at once, where most of their time is waiting."""
        values = list(values)
        self.total += len(values)
        step = max(min(self.options.slice, len(values) // least), 1)
        chosen = values[step // 2::step]

        def one(value):
            self._run(f"{name}{value}", lambda: action(value))
        if threads == 1:
            for value in chosen:
                one(value)
            return
        with futures.ThreadPoolExecutor(max_workers=threads) as pool:
            list(pool.map(one, chosen))

    def chance(self, *what):
        """A generator of its own for each point, from the seed that is printed."""
        return random.Random(" ".join(map(str, (self.options.seed, self.title, *what))))

    def note(self, text):
        """A line for the report; those of all processes are in it."""
        self.score.note(text)

    def skip(self, what, why):
        """Not run here, and said so in the report."""
        self.note(f"SKIPPED {what}: {why}")


def work_folder():
    """In memory where there is room: docker-registry syncs every file."""
    memory = pathlib.Path("/dev/shm")
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    return tempfile.TemporaryDirectory(prefix="safeport-faults-", dir=memory if has_room else None)


def _merged(parts):
    """The lines of all processes, one for each row: notes that all have stand once."""
    for lines in zip(*parts):
        notes = list(dict.fromkeys(note for line in lines for note in line.notes))
        yield Line(lines[0].title, sum(l.ran for l in lines), max(l.total for l in lines), sum(l.passed for l in lines),
                   sum(l.failed for l in lines), sum(l.seconds for l in lines), notes)


def side_by_side(work, options):
    """work(options, folder of its own, taken) -> lines, in options.jobs processes; answers the lines of all."""
    # A shell that starts a job in the background makes it ignore these, and the program under test would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    with work_folder() as name, futures.ProcessPoolExecutor(max_workers=options.jobs) as pool:
        folder = pathlib.Path(name)
        running = [pool.submit(work, options, folder / f"job{n}", folder / "taken") for n in range(options.jobs)]
        return list(_merged([future.result() for future in running]))


def last_line(lines):
    return f"{sum(line.passed for line in lines)} passed, {sum(line.failed for line in lines)} failed"


def add_options(parser, seed):
    parser.add_argument("--slice", type=int, default=1)
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--jobs", type=int, default=1)
