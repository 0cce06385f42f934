# SPDX-License-Identifier: Apache-2.0
"""What holds for all tests of the real program."""

import signal

import pytest

# These wait, or work, for many seconds in one test: begun last, they would be what a run ends with, on one core.
LONG = ("test_engine.py", "test_faults.py", "test_archive.py", "test_terminal.py", "test_cli_running.py",
        "test_login.py", "test_push_trouble.py", "test_kept.py", "test_restore.py", "test_sync.py", "test_sync_pulls.py")


def pytest_configure(config):
    # A shell that starts a job in the background makes it ignore SIGINT and SIGQUIT, and children inherit that: the
    # program, rightly, leaves it so. The tests that interrupt it need what a person at a terminal has.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)  # xdist looks for the groups in the same hook
def pytest_collection_modifyitems(items):
    """How pytest-xdist hands out the tests (`--dist loadgroup`): each by itself, but those with real engines to one
    process, which starts them once."""
    for item in items:
        if {"engines", "dockerd"} & set(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group("engines"))
    rank = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONG)))
