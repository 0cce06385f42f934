# SPDX-License-Identifier: Apache-2.0
"""The table of the matrix: one row per F number, registered by the functions that inject it."""

import random
import shutil
import time

import sync_rig


class Row:
    """number: "01".."48"; fault, expected: what the report says; inject(context), whose docstring says how."""

    def __init__(self, number, fault, expected, inject):
        self.number, self.fault, self.expected, self.inject = number, fault, expected, inject
        self.how = " ".join(inject.__doc__.split())


ROWS = []


def row(number, fault, expected):
    def register(inject):
        ROWS.append(Row(number, fault, expected, inject))
        return inject
    return register


class Context:
    """What rows run in. rig: the backup can be put back in a moment; fresh(): one of its own, with the cache that most
    registries have."""

    def __init__(self, folder, score, options):
        self.folder, self.score, self.options = folder, score, options
        self.rig = sync_rig.Rig(folder / "shared")
        self.calls = self.rig.counts()
        self.number = 0

    def close(self):
        self.rig.close()

    def chance(self, name):
        """A generator of its own for each row, from the seed that is printed."""
        return random.Random(f"{self.options.seed} {name}")

    def some(self, count, least=1):
        """So many seeds, or the slice of them."""
        return range(max(count // self.options.slice, least))

    def point(self, what, action):
        self.score.point(f"{what} (seed {self.options.seed})", action)

    def skip(self, what, why):
        """Not run here, and said so in the report."""
        self.score.rows.append(f"SKIPPED {what}: {why}")
        print(self.score.rows[-1], flush=True)

    def each(self, name, points, action):
        """A point for each of some values."""
        for value in points:
            self.point(f"{name} {value}", lambda v=value: action(v))

    def folder_of(self, name):
        self.number += 1
        return self.folder / f"{name}-{self.number}"

    def fresh(self, action, cache=True):
        """Runs action(rig) on a rig of its own, at the moment before the sync."""
        folder = self.folder_of("rig")
        rig = sync_rig.Rig(folder, cache)
        try:
            rig.reset()
            action(rig)
        finally:
            rig.close()
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, kind, action, statuses, rework=False):
        """The nth call of a kind meets the fault, for every n; then all invariants, then an ordinary run."""
        for n in range(1, self.calls[kind] + 1, self.options.slice):
            self.point(f"{kind}:{n}={action}", lambda r=f"{kind}:{n}={action}": self._shim_point(r, statuses, rework))

    def _shim_point(self, rule, statuses, rework):
        self.rig.reset()
        result = self.rig.sync(shim=rule)
        assert result.status in statuses, f"{rule}: exit {result.status}: {result!r}"
        if result.status == 143:
            assert "interrupted by SIGTERM" in result.text, f"{rule}: no report: {result!r}"
        self.rig.after(result, rework)


def run(row_, context):
    """Runs a row; answers its line of the report."""
    before, begin = (context.score.passed, context.score.failed), time.monotonic()
    row_.inject(context)
    passed, failed = context.score.passed - before[0], context.score.failed - before[1]
    line = (f"| {row_.number} | {row_.fault} | {row_.how} | {row_.expected} | {passed} | {failed} | "
            f"{time.monotonic() - begin:.0f} s |")
    print(line, flush=True)
    return line
