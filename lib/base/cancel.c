/* SPDX-License-Identifier: Apache-2.0 */
/* An atomic says *whether*, an eventfd wakes those who wait in poll. The eventfd is never read:
 * once readable it stays so, for every waiter. */
#include "base/cancel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/scope.h"

struct sp_cancel {
  atomic_int signal; /* 0: not asked */
  int fd;
};

int sp_cancel_new(struct sp_cancel **out, struct sp_err *err)
{
  SP_AUTO_FREE struct sp_cancel *cancel = calloc(1, sizeof *cancel);
  if (!cancel)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (cancel->fd < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot make an event descriptor");
  *out = sp_steal(&cancel);
  return 0;
}

void sp_cancel_free(struct sp_cancel *cancel)
{
  if (!cancel)
    return;
  close(cancel->fd);
  free(cancel);
}

void sp_cancel_request(struct sp_cancel *cancel, int signal)
{
  if (!cancel)
    return;
  int saved = errno; /* we may be in a signal handler */
  int none = 0;
  if (atomic_compare_exchange_strong(&cancel->signal, &none, signal ? signal : SIGTERM)) {
    const uint64_t one = 1;
    ssize_t n = write(cancel->fd, &one, sizeof one);
    (void)n; /* an eventfd at 0 always takes a 1 */
  }
  errno = saved;
}

bool sp_cancel_is_requested(const struct sp_cancel *cancel)
{
  return sp_cancel_signal(cancel) != 0;
}

int sp_cancel_signal(const struct sp_cancel *cancel)
{
  return cancel ? atomic_load(&cancel->signal) : 0;
}

int sp_cancel_check(const struct sp_cancel *cancel, struct sp_err *err)
{
  int sig = sp_cancel_signal(cancel);
  if (sig == 0)
    return 0;
  return sp_fail_sys(err, SP_E_INTERRUPTED, sig, "interrupted by %s",
                     sig == SIGINT ? "SIGINT" : "SIGTERM");
}

int sp_cancel_sleep(const struct sp_cancel *cancel, int64_t ms, struct sp_err *err)
{
  struct pollfd wake = {.fd = sp_cancel_fd(cancel), .events = POLLIN};
  int64_t start = sp_clock_mono_ms();
  for (;;) {
    if (sp_cancel_check(cancel, err) < 0)
      return -1;
    int64_t left = ms - (sp_clock_mono_ms() - start);
    if (left <= 0)
      return 0;
    poll(&wake, 1, left > INT_MAX ? INT_MAX : (int)left); /* a negative fd is ignored */
  }
}

int sp_cancel_fd(const struct sp_cancel *cancel)
{
  return cancel ? cancel->fd : -1;
}
