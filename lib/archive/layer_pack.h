/* SPDX-License-Identifier: Apache-2.0 */
/* Compresses one layer of an archive into the spool, on as many cores as SP_MAX_PACK_BYTES allows
 * (gzip:4: four; two in any case, of which gzip:12 takes 25 MiB, zstd:9 33, zstd:19 43). The bytes
 * that come out depend on neither cores nor threads (compression.h).
 *
 * Both sides are hashed on the way: what went in is the layer's diffID, what came out its digest.
 */
#ifndef SP_ARCHIVE_LAYER_PACK_H
#define SP_ARCHIVE_LAYER_PACK_H

#include "archive/compression.h"
#include "archive/spool.h"
#include "base/cancel.h"
#include "oci/digest.h"

#define SP_PACK_THREADS_MAX 16 /* more would wait for the one that hashes */

struct sp_layer_pack {
  /* in */
  int from_fd; /* borrowed, read with pread */
  uint64_t from, from_bytes;
  const struct sp_spool *spool; /* borrowed */
  int to_fd;                    /* a file of the spool; borrowed */
  uint64_t to;                  /* where to write there */
  struct sp_compression compression;
  unsigned threads; /* at most so many: 1..SP_PACK_THREADS_MAX; 0 = one for each core */
  const struct sp_cancel *cancel; /* may be NULL */
  /* out */
  struct sp_digest diff_id; /* sha256 */
  struct sp_digest digest;  /* sha256 */
  uint64_t size_bytes;
};

/* Runs it. Fails: SP_E_IO (a full disk says so), SP_E_DIGEST (the file became shorter),
 * SP_E_NOMEM, SP_E_INTERRUPTED. What was written is then to be overwritten or forgotten. */
SP_MUST_CHECK int sp_layer_pack_run(struct sp_layer_pack *pack, struct sp_err *err);

#endif
