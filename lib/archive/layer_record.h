/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of layers that were compressed: (diffID, compressor) -> (digest, size), so
 * that the same image pushed again is neither compressed nor sent.
 *
 * One small file each in `layers` of the state directory, with a checksum of its own; all of it may
 * be lost; the SP_MAX_LAYER_RECORDS that were used last are kept. It is a cache of truth only: an
 * entry is written when the diffID and the digest were hashed, and whoever compresses the layer
 * again compares (source.c). Threads: any, and any number of processes.
 */
#ifndef SP_ARCHIVE_LAYER_RECORD_H
#define SP_ARCHIVE_LAYER_RECORD_H

#include <stdbool.h>

#include "archive/compression.h"
#include "oci/digest.h"

struct sp_layer_record {
  struct sp_digest digest;
  uint64_t size_bytes;
};

/* What is remembered; false if nothing is, or nothing that can be believed. */
bool sp_layer_record_get(const struct sp_digest *diff_id, const char *compressor_id,
                         struct sp_layer_record *out);
/* Remembers, durably. A failure is logged: the next push compresses again, that is all. */
void sp_layer_record_put(const struct sp_digest *diff_id, const char *compressor_id,
                         const struct sp_layer_record *record);
/* Forgets: it was wrong. */
void sp_layer_record_drop(const struct sp_digest *diff_id, const char *compressor_id);

#endif
