/* SPDX-License-Identifier: Apache-2.0 */
/* A look at one blob at one place, to say how good it is there: asked for, touched, or read to the
 * end. Nothing is written.
 *
 * A blob that is missing or damaged is a finding (transfer/report.h), not a failure. Threads: any,
 * each with a look of its own.
 */
#ifndef SP_TRANSFER_LOOK_H
#define SP_TRANSFER_LOOK_H

#include "store/relay.h"
#include "transfer/facts.h"

struct sp_look {
  struct sp_store *store;           /* borrowed */
  const struct sp_image_blob *blob; /* borrowed */
  enum sp_proof want;               /* CLAIMED, TOUCHED or READ */
  size_t ring_bytes;                /* READ: as in struct sp_relay, as are those that follow */
  int64_t retry_for_ms;
  const struct sp_cancel *cancel;
  void (*progress)(void *ctx, const struct sp_relay *relay, uint64_t read_bytes);
  void *progress_ctx;
  /* out */
  enum sp_have have;
  enum sp_proof proof; /* PRESENT: what was reached */
  const char *finding; /* one of transfer/report.h; NULL: none */
  uint64_t read_bytes; /* READ: that came from the store */
  bool is_line_flaky;  /* wrong bytes came once, and the right ones the second time */
};

/* Looks. What is not about the blob (sp_trouble_is_of_place; a body that ends early again and
 * again, of a blob that seems to be whole) is a failure, with what the store failed with. */
SP_MUST_CHECK int sp_look_at_blob(struct sp_look *look, struct sp_err *err);

#endif
