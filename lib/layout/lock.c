/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/flock.h"
#include "layout/beneath.h"

static int open_lock_file(int dir_fd, mode_t mode, int *fd, struct sp_err *err)
{
  SP_AUTO_CLOSE int opened = -1;
  struct stat facts;
  if (sp_beneath_open(dir_fd, SP_LOCK_FILE, O_RDONLY | O_CREAT | O_NONBLOCK, mode, &opened, err) <
      0)
    return -1;
  if (fstat(opened, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot look at '%s'", SP_LOCK_FILE);
  if (!S_ISREG(facts.st_mode))
    return sp_fail(err, SP_E_INVALID, "cannot lock '%s': not a regular file", SP_LOCK_FILE);
  *fd = sp_steal_fd(&opened);
  return 0;
}

static int wait_for(int fd, const char *name, const struct sp_cancel *cancel, struct sp_err *err)
{
  bool taken;
  if (sp_flock_wait(fd, SP_LOCK_WAIT_MS, cancel, &taken, err) < 0)
    return sp_err_context(err, "'%s'", name);
  if (taken)
    return 0;
  return sp_fail(
      err, SP_E_LOCKED,
      "cannot write to '%s': another process has held '%s' for %d seconds: wait for it, or end it",
      name, SP_LOCK_FILE, SP_LOCK_WAIT_MS / 1000);
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
