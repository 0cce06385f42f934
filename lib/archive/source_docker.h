/* SPDX-License-Identifier: Apache-2.0 */
/* The image of an archive with manifest.json. Called with the source's lock held. */
#ifndef SP_ARCHIVE_SOURCE_DOCKER_H
#define SP_ARCHIVE_SOURCE_DOCKER_H

#include "archive/source.h"

/* Finds the tags of the image, which takes no more than manifest.json.
 * Fails: SP_E_NOT_FOUND (no such image), SP_E_INVALID. */
SP_MUST_CHECK int sp_source_docker_tags(struct sp_source *source, struct sp_err *err);
/* Finds root and tags. Where the archive has no manifest that could be published, one is made of
 * the config (unchanged) and the layers, which may take as long as compressing them. Fails:
 * SP_E_NOT_FOUND (no such image), SP_E_INVALID (manifest.json, config), SP_E_DIGEST (config or
 * layer are not what is said of them), SP_E_LIMIT, SP_E_IO, SP_E_INTERRUPTED. */
SP_MUST_CHECK int sp_source_docker_choose(struct sp_source *source, struct sp_err *err);

#endif
