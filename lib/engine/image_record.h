/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of an engine's image that was pushed: (image ID, compressor) -> the manifest
 * that was made for it. So a second push knows what the registries must have without asking the
 * engine for the image's bytes.
 *
 * An image ID is a digest, of the config (which names every layer) or of a manifest, so what was
 * made for it stays right; all of it may be lost. One small file each in `images` of the state
 * directory (base/state_dir.h), with a checksum that covers its name. Threads: any, and any number
 * of processes.
 */
#ifndef SP_ENGINE_IMAGE_RECORD_H
#define SP_ENGINE_IMAGE_RECORD_H

#include <stdbool.h>

#include "store/store.h"

/* What is remembered, into an initialised struct; false if nothing is, or nothing that can be
 * believed. compressor_id is the word of archive/compression.h. */
bool sp_image_record_get(const struct sp_digest *image_id, const char *compressor_id,
                         struct sp_manifest_bytes *out);
/* Remembers, durably. A failure is logged: the next push asks the engine again, that is all. */
void sp_image_record_put(const struct sp_digest *image_id, const char *compressor_id,
                         const struct sp_manifest_bytes *manifest);
/* Forgets: it was wrong. */
void sp_image_record_drop(const struct sp_digest *image_id, const char *compressor_id);

#endif
