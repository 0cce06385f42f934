# SPDX-License-Identifier: Apache-2.0
"""What holds for all tests of the real program."""

import signal


def pytest_configure(config):
    # A shell that starts a job in the background makes it ignore SIGINT and SIGQUIT, and children inherit that: the
    # program, rightly, leaves it so. The tests that interrupt it need what a person at a terminal has.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
