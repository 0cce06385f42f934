/* SPDX-License-Identifier: Apache-2.0 */
/* An image of an engine as a store to read from: one image, known by its ID from the moment the
 * store was opened, under any tag (but those of signatures and referrers: an engine has none).
 *
 * What the engine gives is a tar (engine.h), which archive/ makes a store of. That costs the engine
 * and us the whole image, so it is put off until a byte of it is needed: of an image that was
 * pushed before, the manifest is remembered (image_record.h), and if all places have all of it,
 * that is all.
 *
 * Threads: as store/store.h.
 */
#ifndef SP_ENGINE_SOURCE_H
#define SP_ENGINE_SOURCE_H

#include "archive/archive.h"
#include "engine/engine.h"

/* `archive` says how to read the tar; of it ref and has_number are not used. `engine` is taken,
 * also on failure. Fails: as sp_engine_find_image. */
SP_MUST_CHECK int sp_engine_source_open_take(struct sp_engine *engine, const struct sp_ref *ref,
                                             const struct sp_archive_settings *archive,
                                             struct sp_store **out, struct sp_err *err);

#endif
