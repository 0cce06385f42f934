/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine says about one of its images (Engine API "Inspect an image"), and the names of all
 * of them ("List Images"). Pure: bytes -> struct. Threads: none of its own. */
#ifndef SP_ENGINE_IMAGE_H
#define SP_ENGINE_IMAGE_H

#include "base/scope.h"
#include "base/span.h"
#include "oci/digest.h"
#include "oci/platform.h"
#include "safeport/err.h"

struct sp_engine_image {
  struct sp_digest id; /* of a classic store (dockerd's, podman's): the digest of the config; of a
                          containerd store: of the manifest or index */
  uint64_t size_bytes; /* unpacked, as the engine counts; 0 if it does not say */
};

/* Fails: SP_E_INVALID, SP_E_NOMEM; SP_E_UNSUPPORTED (a digest of another algorithm). */
SP_MUST_CHECK int sp_engine_image_parse(struct sp_span text, struct sp_engine_image *out,
                                        struct sp_err *err);

/* The platform of an engine, out of what it says about itself (Engine API "Get version").
 * Fails: SP_E_PROTOCOL, SP_E_NOMEM. */
SP_MUST_CHECK int sp_engine_platform_parse(struct sp_span text, struct sp_platform *out,
                                           struct sp_err *err);

/* Names in a list of images that somebody who wrote `wanted` ("host/repository") may have meant: of
 * the same repository, or of the same last component ("app" of "localhost/app"). Writes at most
 * three as "'a', 'b'" to out, escaped; "" if there are none, or the text is no such list. */
#define SP_ENGINE_NEAR_MAX 512
void sp_engine_image_near(struct sp_span list, const char *wanted, char out[SP_ENGINE_NEAR_MAX]);

#endif
