/* SPDX-License-Identifier: Apache-2.0 */
/* flock is polled: a blocking one could not be given up for a signal or a deadline. */
#include "base/flock.h"

#include <errno.h>
#include <sys/file.h>

#include "base/clock.h"

#define POLL_MAX_MS 50 /* waits grow to this: most holders are done within a few milliseconds */

int sp_flock_wait(int fd, int64_t wait_ms, const struct sp_cancel *cancel, bool *taken,
                  struct sp_err *err)
{
  int64_t deadline_ms = sp_clock_mono_ms() + wait_ms;
  for (int64_t nap_ms = 1;; nap_ms = nap_ms * 2 < POLL_MAX_MS ? nap_ms * 2 : POLL_MAX_MS) {
    *taken = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (*taken)
      return 0;
    if (errno != EWOULDBLOCK && errno != EINTR)
      return sp_fail_sys(err, SP_E_IO, errno, "cannot lock");
    if (sp_clock_mono_ms() >= deadline_ms)
      return 0;
    if (sp_cancel_sleep(cancel, nap_ms, err) < 0)
      return -1;
  }
}
