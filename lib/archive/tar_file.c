/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/tar_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/fd_input.h"
#include "archive/inflate.h"
#include "base/limits.h"

#define COPY_BYTES (256u * SP_KIB)

void sp_tar_file_clear(struct sp_tar_file *file)
{
  sp_scope_close_(&file->fd);
  sp_tar_index_clear(&file->index);
  *file = SP_TAR_FILE_INIT;
}

static int copy_all(struct sp_input *input, const struct sp_spool *spool, int fd,
                    struct sp_err *err)
{
  SP_AUTO_FREE char *buffer = malloc(COPY_BYTES);
  if (!buffer)
    return sp_fail(err, SP_E_NOMEM, "out of memory to read an archive");
  for (uint64_t at = 0;;) {
    size_t got;
    if (input->ops->read(input, buffer, COPY_BYTES, &got, err) < 0)
      return -1;
    if (got == 0)
      return 0;
    if (sp_spool_write(spool, fd, at, buffer, got, err) < 0)
      return -1;
    at += got;
  }
}

int sp_tar_file_open_input_take(struct sp_tar_file *file, struct sp_input *input,
                                struct sp_spool **spool, const struct sp_cancel *cancel,
                                struct sp_err *err)
{
  SP_CLEANUP(sp_input_close_auto_) struct sp_input *plain = NULL;
  *file = SP_TAR_FILE_INIT;
  if (sp_inflate_open_take(input, &plain, NULL, err) < 0 ||
      (!*spool && sp_spool_open(spool, err) < 0) || sp_spool_file(*spool, &file->fd, err) < 0 ||
      copy_all(plain, *spool, file->fd, err) < 0)
    return -1;
  return sp_tar_index_read(&file->index, file->fd, cancel, err);
}

int sp_tar_file_look_at(int fd, uint64_t begin, uint64_t size_bytes, enum sp_packing *out,
                        struct sp_err *err)
{
  char first[4];
  size_t want = size_bytes < sizeof first ? (size_t)size_bytes : sizeof first;
  ssize_t n;
  do {
    n = pread(fd, first, want, (off_t)begin);
  } while (n < 0 && errno == EINTR);
  if (n < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "it cannot be read");
  *out = sp_packing_of(SP_SPAN(first, (size_t)n));
  return 0;
}

/* `-` and whatever else can only be read once. A FIFO is opened without waiting for whoever writes
 * it: the wait is in fd_input.c, where it can be left. */
static int open_path(const char *path, int *fd, bool *is_regular, struct sp_err *err)
{
  struct stat facts;
  *fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                               : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (*fd < 0)
    return sp_fail_sys(err, errno == ENOENT ? SP_E_NOT_FOUND : SP_E_IO, errno,
                       "it cannot be opened");
  if (fstat(*fd, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "it cannot be looked at");
  if (S_ISDIR(facts.st_mode))
    return sp_fail(err, SP_E_INVALID, "it is a directory: a directory is written 'oci:DIR'");
  if (isatty(*fd))
    return sp_fail(err, SP_E_USAGE, "it is a terminal: an archive comes from a file or a pipe");
  *is_regular = S_ISREG(facts.st_mode) && lseek(*fd, 0, SEEK_CUR) == 0;
  return 0;
}

int sp_tar_file_open(struct sp_tar_file *file, const char *path, struct sp_spool **spool,
                     const struct sp_cancel *cancel, struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  bool is_regular = false;
  enum sp_packing packing = SP_PACKING_NONE;
  *file = SP_TAR_FILE_INIT;
  if (open_path(path, &fd, &is_regular, err) < 0 ||
      (is_regular && sp_tar_file_look_at(fd, 0, UINT64_MAX, &packing, err) < 0))
    return -1;
  if (is_regular && packing == SP_PACKING_NONE) {
    file->fd = sp_steal_fd(&fd);
    return sp_tar_index_read(&file->index, file->fd, cancel, err);
  }
  struct sp_input *input;
  if (sp_fd_input_new(fd, cancel, &input, err) < 0)
    return -1;
  return sp_tar_file_open_input_take(file, input, spool, cancel, err);
}

int sp_tar_file_read(const struct sp_tar_file *file, const struct sp_tar_member *member,
                     struct sp_buf *out, struct sp_err *err)
{
  char chunk[16384];
  if (member->size_bytes > out->max_bytes - out->len)
    return sp_fail(err, SP_E_LIMIT, "its member '%s' is larger than %zu bytes", member->name,
                   out->max_bytes);
  for (uint64_t at = 0; at < member->size_bytes;) {
    uint64_t left = member->size_bytes - at;
    ssize_t n = pread(file->fd, chunk, left < sizeof chunk ? (size_t)left : sizeof chunk,
                      (off_t)(member->begin + at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return sp_fail_sys(err, SP_E_IO, n < 0 ? errno : EIO, "cannot read its member '%s'",
                         member->name);
    if (sp_buf_append(out, chunk, (size_t)n, err) < 0)
      return -1;
    at += (uint64_t)n;
  }
  return 0;
}
