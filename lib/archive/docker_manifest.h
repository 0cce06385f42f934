/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.json of `docker save`: which images an archive holds and which members they are made of
 * (protocol: "docker-archive").
 *
 * Only names: the members are the archive's (tar_index.h). Strict like every document from outside
 * (base/json.h). Life cycle: sp_docker_manifest_parse, sp_docker_manifest_clear.
 */
#ifndef SP_ARCHIVE_DOCKER_MANIFEST_H
#define SP_ARCHIVE_DOCKER_MANIFEST_H

#include <stddef.h>

#include "base/json.h"
#include "oci/reference.h"

struct sp_docker_image {
  const char *config; /* names of members; borrowed from the document */
  const char **layers;
  size_t layer_count;
  const char **names; /* "app:v1", as they stand there */
  size_t name_count;
};

struct sp_docker_manifest {
  json_t *doc_; /* owned */
  struct sp_docker_image *images;
  size_t count;
};

/* Reads it. Fails: SP_E_INVALID (names what is missing or wrong), SP_E_LIMIT, SP_E_NOMEM. */
SP_MUST_CHECK int sp_docker_manifest_parse(struct sp_span text, struct sp_docker_manifest *out,
                                           struct sp_err *err);
void sp_docker_manifest_clear(struct sp_docker_manifest *manifest);

/* The image that is meant: by number if it is not NULL, by name if ref has a repository (its tag is
 * `latest` if it has none), else the only one.
 * Fails: SP_E_NOT_FOUND (none, or several; the message lists what there is). */
SP_MUST_CHECK int sp_docker_manifest_choose(const struct sp_docker_manifest *manifest,
                                            const struct sp_ref *ref, const uint32_t *number,
                                            const struct sp_docker_image **out, struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_docker_manifest, sp_docker_manifest_clear)
#define SP_AUTO_DOCKER_MANIFEST SP_CLEANUP(sp_docker_manifest_clear_auto_)

#endif
