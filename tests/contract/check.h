/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the contract suite: the tables of checks, and what they drive stores with. */
#ifndef SP_TESTS_CONTRACT_CHECK_H
#define SP_TESTS_CONTRACT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contract.h"

/* One check on one new, empty store. */
typedef void contract_check_fn(struct sp_store *store, const struct contract_factory *factory);

struct contract_check {
  const char *name;
  contract_check_fn *run;
  unsigned needs;      /* not for a store that cannot do one of these */
  unsigned without;    /* only for a store that cannot do all of these */
  bool is_for_readers; /* for a read-only store, too */
};

extern const struct contract_check contract_tag_checks[];
extern const struct contract_check contract_manifest_checks[];
extern const struct contract_check contract_blob_checks[];
extern const size_t contract_tag_check_count, contract_manifest_check_count,
    contract_blob_check_count;

/* -- driving a store (drive.c) */

/* len bytes that differ by seed; the caller frees. */
char *drive_bytes(size_t len, unsigned seed);
struct sp_digest drive_digest(enum sp_digest_alg alg, const void *bytes, size_t len);

/* How far a blob is written. */
enum drive_until {
  DRIVE_BEGIN,
  DRIVE_START,
  DRIVE_HALF,
  DRIVE_ALL,
  DRIVE_APPROVED,
  DRIVE_FINISHED
};
/* Writes bytes under `digest` (theirs or not) until there and closes the writer. Answers SP_OK or
 * the code of the failure. */
enum sp_code drive_write(struct sp_store *store, const struct sp_digest *digest, const void *bytes,
                         size_t len, enum drive_until until);
/* Writes a blob; it must succeed. Its sha256. */
struct sp_digest drive_put_blob(struct sp_store *store, const void *bytes, size_t len);
/* Reads from offset to the end and compares with what `bytes` has there. Answers SP_OK, the code of
 * the failure, or SP_E_DIGEST if other bytes came. */
enum sp_code drive_read(struct sp_store *store, const struct sp_digest *digest, const void *bytes,
                        size_t len, size_t offset);
/* State of a blob; the question must succeed. */
struct sp_blob_state drive_state(struct sp_store *store, const struct sp_digest *digest,
                                 uint64_t size, enum sp_proof want);

/* Makes *out (initialised here) of text; its digest is computed. */
void drive_manifest(struct sp_manifest_bytes *out, const char *media_type, struct sp_span text);
/* A manifest of one image whose config is `config` and which differs by seed. */
void drive_image(struct sp_manifest_bytes *out, const struct sp_digest *config, size_t config_size,
                 unsigned seed);
/* Puts a manifest; SP_OK or the code of the failure. */
enum sp_code drive_put(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                       bool *subject_handled);
/* An image with its blob, put; it must succeed. *out is initialised here. */
void drive_put_image(struct sp_store *store, unsigned seed, struct sp_manifest_bytes *out);

#endif
