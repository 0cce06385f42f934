# SPDX-License-Identifier: Apache-2.0
"""Wall clocks: seconds that pass, and clocks that are wrong."""

import subprocess
import time


def next_second():
    """History is told by the second: of two states since one second either may be the later."""
    time.sleep(1.01 - time.time() % 1)


def ahead(folder, seconds):
    """A library to preload: with it the wall clock is ahead."""
    (folder / "clock.c").write_text("""
        #define _GNU_SOURCE
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>
        int clock_gettime(clockid_t clock, struct timespec *now)
        {
          int result = syscall(SYS_clock_gettime, clock, now);
          now->tv_sec += clock == CLOCK_REALTIME ? %d : 0;
          return result;
        }
        time_t time(time_t *out)
        {
          struct timespec now;
          clock_gettime(CLOCK_REALTIME, &now);
          return out ? (*out = now.tv_sec) : now.tv_sec;
        }
        """ % seconds)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "clock.so", folder / "clock.c"], check=True)
    return folder / "clock.so"
