/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "oci/digest.h"

#define FILE_NAME "sync.lock"
#define LOOK_EVERY_MS 200

/* Two images on one byte would only wait for each other; of ten thousand, none is. */
static int offset_of(const char *image, off_t *offset, struct sp_err *err)
{
  struct sp_digest digest;
  if (sp_digest_of(SP_DIGEST_SHA256, image, strlen(image), &digest, err) < 0)
    return -1;
  uint64_t hash;
  memcpy(&hash, digest.raw, sizeof hash);
  *offset = (off_t)(hash >> 2);
  return 0;
}

static int open_file(const char *dir, int *fd, struct sp_err *err)
{
  char path[4096];
  if (snprintf(path, sizeof path, "%s/" FILE_NAME, dir) >= (int)sizeof path)
    return sp_fail(err, SP_E_IO, "the path of '%s/%s' is too long", dir, FILE_NAME);
  *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (*fd < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot open '%s'", path);
  return 0;
}

int sp_image_lock_take(struct sp_image_lock *lock, const char *dir, const char *image, bool wait,
                       const struct sp_cancel *cancel, struct sp_err *err)
{
  lock->fd = -1;
  if (!dir)
    return 0;
  SP_AUTO_CLOSE int fd = -1;
  struct flock byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
  if (offset_of(image, &byte.l_start, err) < 0 || open_file(dir, &fd, err) < 0)
    return -1;
  while (fcntl(fd, F_OFD_SETLK, &byte) < 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR)
      return sp_fail_sys(err, SP_E_IO, errno, "cannot lock '%s' in '%s'", image, dir);
    if (!wait)
      return sp_fail(err, SP_E_LOCKED,
                     "'%s' is being synced by another run: let it end, or wait with --wait", image);
    if (sp_cancel_sleep(cancel, LOOK_EVERY_MS, err) < 0)
      return -1;
  }
  lock->fd = sp_steal_fd(&fd);
  return 0;
}

void sp_image_lock_clear(struct sp_image_lock *lock)
{
  if (lock->fd >= 0)
    close(lock->fd);
  lock->fd = -1;
}
