# SPDX-License-Identifier: Apache-2.0
"""Free ports on loopback, and waiting until something listens there."""

import socket
import time


def free_port():
    """A port that nobody listens on now. Another process can take it before you do: callers try again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
