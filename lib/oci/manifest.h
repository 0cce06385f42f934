/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest or an index, read (OCI image-spec manifest.md, image-index.md; docker manifest v2 and
 * list).
 *
 * Only what a copy needs: which descriptors it points to. The bytes it came from stay with whoever
 * has them; nothing here is ever serialised again.
 *
 * Life cycle: sp_manifest_parse, sp_manifest_clear. Immutable in between.
 */
#ifndef SP_OCI_MANIFEST_H
#define SP_OCI_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "oci/descriptor.h"

struct sp_manifest {
  bool is_index;
  char media_type[SP_MAX_MEDIA_TYPE + 1];    /* what it is pushed as */
  char artifact_type[SP_MAX_MEDIA_TYPE + 1]; /* "" if none */
  struct sp_desc *children;                  /* index: the manifests. owned */
  size_t child_count;
  struct sp_desc *blobs; /* manifest: the config first, then the layers in order. owned */
  size_t blob_count;
  bool has_subject;
  struct sp_desc subject;
};

/* Parses. `content_type` is what the store said (with or without parameters; empty if it could not
 * say). Strict (threats S17, S18): duplicate members; `manifests` beside `layers` or `config`;
 * `mediaType` against content_type (application/json, text/plain and application/octet-stream say
 * nothing); a known member in another case ("Layers"); an image without config; schema 1; more than
 * SP_MAX_DESCRIPTORS: refused. Without any media type its shape decides. Fails: SP_E_INVALID,
 * SP_E_UNSUPPORTED (schema 1, digest algorithm), SP_E_LIMIT, SP_E_NOMEM. */
SP_MUST_CHECK int sp_manifest_parse(struct sp_span bytes, struct sp_span content_type,
                                    struct sp_manifest *out, struct sp_err *err);
/* Frees; fine on a zeroed struct. */
void sp_manifest_clear(struct sp_manifest *manifest);

/* The first entry of an index that serves who asks for `want`, and how many do. `*child` is
 * borrowed from the index. Fails: SP_E_NOT_FOUND, naming the platforms that there are. */
SP_MUST_CHECK int sp_manifest_find_platform(const struct sp_manifest *index,
                                            const struct sp_platform *want,
                                            const struct sp_desc **child, size_t *found,
                                            struct sp_err *err);
/* The one entry of an index that is an image of a platform (an attestation is none); NULL if there
 * are several, or none. */
const struct sp_desc *sp_manifest_only_platform(const struct sp_manifest *index);

SP_DEFINE_AUTO_CLEAR(struct sp_manifest, sp_manifest_clear)
#define SP_AUTO_MANIFEST SP_CLEANUP(sp_manifest_clear_auto_)

#endif
