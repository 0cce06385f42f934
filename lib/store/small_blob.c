/* SPDX-License-Identifier: Apache-2.0 */
/* A relay into a store in memory does all that is hard (either kind of reader, repeats, the hash).
 * From there the bytes come in one piece, through a ring that holds them all. */
#include "store/small_blob.h"

#include "base/limits.h"
#include "store/memory.h"
#include "store/relay.h"

static void close_reader(struct sp_reader **reader)
{
  if (*reader)
    (*reader)->ops->close(*reader);
}

static int take(struct sp_store *memory, const struct sp_digest *digest, uint64_t size_bytes,
                struct sp_buf *out, struct sp_err *err)
{
  SP_AUTO_RING struct sp_ring *ring = NULL;
  SP_CLEANUP(close_reader) struct sp_reader *reader = NULL;
  if (sp_ring_new(size_bytes, (size_t)size_bytes, 1, &ring, err) < 0 ||
      sp_store_open_read(memory, digest, size_bytes, 0, &reader, err) < 0 ||
      reader->ops->pump(reader, ring, err) < 0)
    return -1;
  sp_ring_approve(ring);
  const char *bytes;
  bool end, aborted;
  size_t n = sp_ring_peek(ring, 0, &bytes, &end, &aborted);
  if (n != size_bytes)
    return sp_fail(err, SP_E_INTERNAL, "%zu bytes of a blob in memory, not all", n);
  return sp_buf_append(out, bytes, n, err);
}

int sp_small_blob_read(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                       const struct sp_retry_policy *policy, struct sp_buf *out, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  if (size_bytes > SP_MAX_SMALL_BLOB_BYTES)
    return sp_fail(err, SP_E_LIMIT, "blob %s of '%s' has more than %u bytes", text, store->name,
                   SP_MAX_SMALL_BLOB_BYTES);
  SP_AUTO_STORE struct sp_store *memory = NULL;
  if (sp_memory_new("memory", &memory, err) < 0)
    return -1;
  struct sp_relay_end end = {.store = memory};
  struct sp_relay relay = {
      .source = store,
      .digest = *digest,
      .size_bytes = size_bytes,
      .ends = &end,
      .end_count = 1,
      .retry_for_ms = policy->retry_for_ms,
      .cancel = policy->cancel,
  };
  if (sp_relay_run(&relay, err) < 0)
    return -1;
  if (end.result != SP_RELAY_DONE) {
    sp_err_copy(err, &end.err);
    return -1;
  }
  return size_bytes == 0 ? 0 : take(memory, digest, size_bytes, out, err);
}
