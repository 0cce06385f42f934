/* SPDX-License-Identifier: Apache-2.0 */
/* flock is polled: a blocking one could not be given up for a signal or a deadline. */
#include "layout/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "layout/beneath.h"

#define POLL_MAX_MS 50 /* waits grow to this: most holders are done within a few milliseconds */

static int open_lock_file(int dir_fd, mode_t mode, int *fd, struct sp_err *err)
{
  SP_AUTO_CLOSE int opened = -1;
  struct stat facts;
  if (sp_beneath_open(dir_fd, SP_LOCK_FILE, O_RDONLY | O_CREAT | O_NONBLOCK, mode, &opened, err) <
      0)
    return -1;
  if (fstat(opened, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot look at '" SP_LOCK_FILE "'");
  if (!S_ISREG(facts.st_mode))
    return sp_fail(err, SP_E_INVALID, "cannot lock '" SP_LOCK_FILE "': not a regular file");
  *fd = sp_steal_fd(&opened);
  return 0;
}

static int wait_for(int fd, const char *name, const struct sp_cancel *cancel, struct sp_err *err)
{
  int64_t deadline_ms = sp_clock_mono_ms() + SP_LOCK_WAIT_MS;
  for (int64_t wait_ms = 1;; wait_ms = wait_ms * 2 < POLL_MAX_MS ? wait_ms * 2 : POLL_MAX_MS) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
      return 0;
    if (errno != EWOULDBLOCK && errno != EINTR)
      return sp_fail_sys(err, SP_E_IO, errno, "cannot lock '%s'", name);
    if (sp_clock_mono_ms() >= deadline_ms)
      return sp_fail(err, SP_E_LOCKED,
                     "cannot write to '%s': another process has held '" SP_LOCK_FILE
                     "' for %d seconds: wait for it, or end it",
                     name, SP_LOCK_WAIT_MS / 1000);
    if (sp_cancel_sleep(cancel, wait_ms, err) < 0)
      return -1;
  }
}

int sp_lock_take(struct sp_lock *lock, int dir_fd, mode_t mode, const char *name,
                 const struct sp_cancel *cancel, struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  if (open_lock_file(dir_fd, mode, &fd, err) < 0 || wait_for(fd, name, cancel, err) < 0)
    return -1;
  lock->fd = sp_steal_fd(&fd);
  return 0;
}

void sp_lock_clear(struct sp_lock *lock)
{
  if (lock->fd >= 0)
    close(lock->fd);
  lock->fd = -1;
}
