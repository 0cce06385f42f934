/* SPDX-License-Identifier: Apache-2.0 */
/* A digest that cannot be wrong: parsed once at the border into an algorithm and raw bytes; every
 * path and URL is printed from this struct, never from text that came from outside (OCI image-spec,
 * descriptor.md "Digests").
 *
 * Only sha256 and sha512 exist here; blake3 and unknown algorithms are SP_E_UNSUPPORTED.
 */
#ifndef SP_OCI_DIGEST_H
#define SP_OCI_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scope.h"
#include "base/span.h"
#include "safeport/err.h"

enum sp_digest_alg { SP_DIGEST_NONE = 0, SP_DIGEST_SHA256, SP_DIGEST_SHA512 };

#define SP_DIGEST_RAW_MAX 64             /* bytes of sha512 */
#define SP_DIGEST_TEXT_MAX (7 + 128 + 1) /* "sha512:" + hex + terminator */
#define SP_DIGEST_HEX_MAX (128 + 1)

/* Compare with sp_digest_eq; raw is zero beyond the algorithm's length, so structs may be hashed
 * whole. */
struct sp_digest {
  enum sp_digest_alg alg;
  uint8_t raw[SP_DIGEST_RAW_MAX];
};

/* Parses "sha256:<64 lower-case hex>" or "sha512:<128>"; exact length, nothing else.
 * Fails: SP_E_USAGE        not a digest
 *        SP_E_UNSUPPORTED  a well-formed digest of another algorithm */
SP_MUST_CHECK int sp_digest_parse(struct sp_span text, struct sp_digest *out, struct sp_err *err);
/* "sha256:..." */
void sp_digest_format(const struct sp_digest *digest, char out[SP_DIGEST_TEXT_MAX]);
/* The hex part alone. */
void sp_digest_format_hex(const struct sp_digest *digest, char out[SP_DIGEST_HEX_MAX]);
/* "sha256" or "sha512". */
const char *sp_digest_alg_name(enum sp_digest_alg alg);
/* Raw length in bytes: 32 or 64. */
size_t sp_digest_raw_len(enum sp_digest_alg alg);
bool sp_digest_eq(const struct sp_digest *a, const struct sp_digest *b);
/* The digest of len bytes. */
SP_MUST_CHECK int sp_digest_of(enum sp_digest_alg alg, const void *bytes, size_t len,
                               struct sp_digest *out, struct sp_err *err);
/* Fails with SP_E_DIGEST, naming both, unless the bytes have this digest. */
SP_MUST_CHECK int sp_digest_check(const struct sp_digest *want, const void *bytes, size_t len,
                                  struct sp_err *err);

/* Hashing as bytes come (OpenSSL EVP). */
struct sp_hasher;
SP_MUST_CHECK int sp_hasher_new(enum sp_digest_alg alg, struct sp_hasher **out, struct sp_err *err);
void sp_hasher_free(struct sp_hasher *hasher);
void sp_hasher_update(struct sp_hasher *hasher, const void *bytes, size_t len);
/* Ends the hash and makes the hasher ready for another. */
void sp_hasher_finish(struct sp_hasher *hasher, struct sp_digest *out);

SP_DEFINE_AUTO_FREE(struct sp_hasher, sp_hasher_free)
#define SP_AUTO_HASHER SP_CLEANUP(sp_hasher_free_auto_)

#endif
