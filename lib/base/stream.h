/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that come or go once, in order, of a length that nobody knows yet: a pipe, an engine's
 * answer, a decompressor. What reads or writes a tar (archive/) knows nothing else of where it
 * comes from or goes to.
 *
 * Not for blobs of a known digest between stores: that is ring.h and store/relay.h.
 *
 * Implementers embed the struct first in one of their own. All calls block. Threads: one stream
 * belongs to one thread at a time.
 */
#ifndef SP_BASE_STREAM_H
#define SP_BASE_STREAM_H

#include <stddef.h>

#include "base/scope.h"
#include "safeport/err.h"

struct sp_input;
struct sp_input_ops {
  /* Reads 1..n bytes into buf; *got = 0 only at the end. */
  int (*read)(struct sp_input *input, void *buf, size_t n, size_t *got, struct sp_err *err);
  /* Stops and frees. */
  void (*close)(struct sp_input *input);
};
struct sp_input {
  const struct sp_input_ops *ops;
};

struct sp_output;
struct sp_output_ops {
  /* Takes all n bytes. */
  int (*write)(struct sp_output *output, const void *bytes, size_t n, struct sp_err *err);
  /* All was written: makes it count (fsync and rename; the engine's verdict). Nothing is there
   * before. */
  int (*finish)(struct sp_output *output, struct sp_err *err);
  /* Frees; an output that was not finished leaves nothing behind. */
  void (*close)(struct sp_output *output);
};
struct sp_output {
  const struct sp_output_ops *ops;
};

static inline void sp_input_close(struct sp_input *input)
{
  if (input)
    input->ops->close(input);
}
static inline void sp_output_close(struct sp_output *output)
{
  if (output)
    output->ops->close(output);
}
SP_DEFINE_AUTO_FREE(struct sp_input, sp_input_close)
SP_DEFINE_AUTO_FREE(struct sp_output, sp_output_close)

#endif
