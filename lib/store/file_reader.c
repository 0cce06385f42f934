/* SPDX-License-Identifier: Apache-2.0 */
#include "store/file_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct file_reader {
  struct sp_reader base; /* first: the interface is a pointer to it */
  struct sp_file_stretch stretch;
  uint64_t at; /* next byte of the stretch */
};

/* One read of at most max bytes. */
static int read_some(struct file_reader *reader, char *to, size_t max, size_t *got,
                     struct sp_err *err)
{
  const struct sp_file_stretch *stretch = &reader->stretch;
  uint64_t left = stretch->size_bytes - reader->at;
  size_t want = left < max ? (size_t)left : max;
  ssize_t n;
  do {
    n = pread(stretch->fd, to, want, (off_t)(stretch->begin + reader->at));
  } while (n < 0 && errno == EINTR);
  if (n < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot read a blob of '%s'", stretch->where);
  if (n == 0)
    return sp_fail(err, SP_E_DIGEST, "a blob of '%s' became shorter while it was read",
                   stretch->where);
  reader->at += (uint64_t)n;
  *got = (size_t)n;
  return 0;
}

static int pump(struct sp_reader *base, struct sp_ring *ring, struct sp_err *err)
{
  struct file_reader *reader = (struct file_reader *)base;
  while (reader->at < reader->stretch.size_bytes) {
    char *to;
    size_t got = 0;
    size_t room = sp_ring_reserve(ring, &to);
    if (room == 0)
      return 0;
    if (read_some(reader, to, room, &got, err) < 0)
      return -1; /* whoever pumps closes the input with it */
    sp_ring_commit(ring, got);
  }
  sp_ring_close_input(ring, NULL);
  return 0;
}

static void close_reader(struct sp_reader *base)
{
  struct file_reader *reader = (struct file_reader *)base;
  if (reader->stretch.owns_fd)
    close(reader->stretch.fd);
  free(reader);
}

static const struct sp_reader_ops reader_ops = {.pump = pump, .close = close_reader};

int sp_file_reader_new(const struct sp_file_stretch *stretch, uint64_t offset,
                       struct sp_reader **out, struct sp_err *err)
{
  struct file_reader *reader = calloc(1, sizeof *reader);
  if (!reader)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a reader");
  (void)posix_fadvise(stretch->fd, (off_t)stretch->begin, (off_t)stretch->size_bytes,
                      POSIX_FADV_SEQUENTIAL);
  *reader = (struct file_reader){.base = {.ops = &reader_ops}, .stretch = *stretch, .at = offset};
  *out = &reader->base;
  return 0;
}
