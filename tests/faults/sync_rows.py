# SPDX-License-Identifier: Apache-2.0
"""The table of the matrix: one row per F number, registered by the functions that inject it."""

import itertools
import shutil

import matrix
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


class Context(matrix.Matrix):
    """What rows run in. rig: the backup can be put back in a moment; fresh(): one of its own, with the cache that most
    registries have."""

    def __init__(self, options, folder, taken):
        super().__init__(options, taken)
        self.folder = folder
        self.rig = sync_rig.Rig(folder / "shared")
        self.calls = self.rig.counts()
        self.numbers = itertools.count(1)

    def close(self):
        self.rig.close()

    def folder_of(self, name):
        return self.folder / f"{name}-{next(self.numbers)}"

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
        self.each("", [f"{kind}:{n}={action}" for n in range(1, self.calls[kind] + 1)],
                  lambda rule: self._shim_point(rule, statuses, rework))

    def _shim_point(self, rule, statuses, rework):
        self.rig.reset()
        result = self.rig.sync(shim=rule)
        assert result.status in statuses, f"{rule}: exit {result.status}: {result!r}"
        if result.status == 143:
            assert "interrupted by SIGTERM" in result.text, f"{rule}: no report: {result!r}"
        self.rig.after(result, rework)
