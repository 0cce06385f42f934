/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor: what some content is, its digest and its size (OCI image-spec descriptor.md). */
#ifndef SP_OCI_DESCRIPTOR_H
#define SP_OCI_DESCRIPTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "oci/digest.h"
#include "oci/platform.h"
#include "safeport/err.h"

struct sp_desc {
  char media_type[SP_MAX_MEDIA_TYPE + 1];    /* never empty after parsing */
  char artifact_type[SP_MAX_MEDIA_TYPE + 1]; /* "" if none */
  struct sp_digest digest;
  uint64_t size_bytes; /* at most INT64_MAX */
  bool has_platform;
  struct sp_platform platform;
  bool has_urls;                 /* foreign: never fetched from there */
  char ref_name[SP_MAX_TAG + 1]; /* org.opencontainers.image.ref.name if it is a tag, else "" */
};

/* Reads a descriptor object. Fails: SP_E_INVALID (member missing or wrong), SP_E_UNSUPPORTED
 * (digest algorithm). */
SP_MUST_CHECK int sp_desc_from_json(const json_t *obj, struct sp_desc *out, struct sp_err *err);
/* The descriptor as an object with mediaType, digest, size, artifactType and platform where known.
 * `*out` is the caller's. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_desc_to_json(const struct sp_desc *desc, json_t **out, struct sp_err *err);

#endif
