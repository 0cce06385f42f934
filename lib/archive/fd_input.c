/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/fd_input.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

struct fd_input {
  struct sp_input base; /* first */
  int fd;
  const struct sp_cancel *cancel;
  bool is_stretch;
  uint64_t at, end; /* of a stretch */
};

/* A pipe may be silent for long: whoever wants to stop is heard meanwhile. */
static int wait_for(const struct fd_input *input, struct sp_err *err)
{
  struct pollfd polled[] = {{.fd = input->fd, .events = POLLIN},
                            {.fd = sp_cancel_fd(input->cancel), .events = POLLIN}};
  while (poll(polled, 2, -1) < 0) {
    if (errno != EINTR)
      return sp_fail_sys(err, SP_E_IO, errno, "cannot wait for input");
  }
  return sp_cancel_check(input->cancel, err);
}

static int read_pipe(struct sp_input *base, void *buf, size_t n, size_t *got, struct sp_err *err)
{
  const struct fd_input *input = (const struct fd_input *)base;
  ssize_t done;
  do {
    if (wait_for(input, err) < 0)
      return -1;
    done = read(input->fd, buf, n);
  } while (done < 0 && (errno == EINTR || errno == EAGAIN));
  if (done < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "it cannot be read");
  *got = (size_t)done;
  return 0;
}

static int read_stretch(struct sp_input *base, void *buf, size_t n, size_t *got, struct sp_err *err)
{
  struct fd_input *input = (struct fd_input *)base;
  size_t want = input->end - input->at < n ? (size_t)(input->end - input->at) : n;
  ssize_t done = 0;
  if (sp_cancel_check(input->cancel, err) < 0)
    return -1;
  do {
    if (want > 0)
      done = pread(input->fd, buf, want, (off_t)input->at);
  } while (done < 0 && errno == EINTR);
  if (done < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "it cannot be read");
  if (done == 0 && want > 0)
    return sp_fail(err, SP_E_DIGEST, "it became shorter while it was read");
  input->at += (uint64_t)done;
  *got = (size_t)done;
  return 0;
}

static void close_input(struct sp_input *base)
{
  free(base);
}

static int make(const struct fd_input *draft, struct sp_input **out, struct sp_err *err)
{
  static const struct sp_input_ops pipe_ops = {.read = read_pipe, .close = close_input};
  static const struct sp_input_ops stretch_ops = {.read = read_stretch, .close = close_input};
  struct fd_input *input = malloc(sizeof *input);
  if (!input)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a stream");
  *input = *draft;
  input->base.ops = draft->is_stretch ? &stretch_ops : &pipe_ops;
  *out = &input->base;
  return 0;
}

int sp_fd_input_new(int fd, const struct sp_cancel *cancel, struct sp_input **out,
                    struct sp_err *err)
{
  return make(&(struct fd_input){.fd = fd, .cancel = cancel}, out, err);
}

int sp_fd_input_new_stretch(int fd, uint64_t begin, uint64_t size_bytes,
                            const struct sp_cancel *cancel, struct sp_input **out,
                            struct sp_err *err)
{
  const struct fd_input draft = {
      .fd = fd, .cancel = cancel, .is_stretch = true, .at = begin, .end = begin + size_bytes};
  return make(&draft, out, err);
}
