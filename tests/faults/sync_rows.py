# SPDX-License-Identifier: Apache-2.0
"""The table of the matrix: one row per F number, registered by the functions that inject it."""

import contextlib
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

    def each_fresh(self, name, values, action, cache=False, prepare=lambda rig: None, least=1):
        """each() over one rig of their own: action(rig, value). It is made when the first point is ours."""
        with contextlib.ExitStack() as stack:
            made = []

            def one(value):
                if not made:
                    made.append(sync_rig.Rig(self.folder_of("rig"), cache))
                    stack.callback(made[0].close)
                    prepare(made[0])
                made[0].reset()
                action(made[0], value)
            self.each(name, values, one, least)

    def sweep(self, kind, action, statuses, judge=lambda rig, result, where: None):
        """The nth call of a kind meets the fault, for every n; then all invariants, then an ordinary run. judge(rig, result,
        is_near_the_end): what else must hold of the run that met it."""
        def one(n):
            rule = f"{kind}:{n}={action}"
            self.rig.reset()
            result, was_met = self.rig.sync_shimmed(rule)
            assert result.status in (statuses if was_met else (0,)), f"{rule}: exit {result.status}: {result!r}"
            if was_met:
                judge(self.rig, result, n > 0.9 * self.calls[kind])
            self.rig.after(result)
        self.each(f"{kind} {action} ", range(1, self.calls[kind] + 1), one)
