# SPDX-License-Identifier: Apache-2.0
"""Free ports on loopback, and waiting until something listens there."""

import os
import random
import socket
import time

# Below those that the kernel hands out: no client's end of a connection takes one while its registry is down.
FIRST, LAST = 10_000, 32_000
SHARE = 1_000


def _range():
    """Each of the processes that run the tests (pytest-xdist) takes from a share of its own: between looking and listening
    no other one takes the same."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker:
        return FIRST, LAST
    begin = FIRST + int(worker.removeprefix("gw")) * SHARE % (LAST - FIRST)
    return begin, begin + SHARE


def free_port():
    """A port that nobody listens on now. A stranger can take it before you do: callers try again."""
    for _ in range(1000):
        number = random.randrange(*_range())
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                continue
            return number
    raise RuntimeError("no port of loopback is free")


def wait_listening(port, process=None, timeout_s=10.0):
    """Waits until the port answers; False if it did not in time or the process ended."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False
