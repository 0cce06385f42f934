/* SPDX-License-Identifier: Apache-2.0 */
/* An engine as a store to write one image to: what archive/ puts together is loaded when the tags
 * are set, under all their names at once, and then looked for under each of them.
 *
 * Threads: as store/store.h.
 */
#ifndef SP_ENGINE_DESTINATION_H
#define SP_ENGINE_DESTINATION_H

#include "archive/archive.h"
#include "engine/engine.h"

/* `archive` says how to make the tar; its ref is the repository that the tags are of. `engine` is
 * taken, also on failure; `platform` is its own. Setting tags fails with SP_E_INVALID too: the
 * engine has another image under the name than it was given; and for an index with
 * SP_E_UNSUPPORTED, before anything is loaded. Fails: as sp_archive_create. */
SP_MUST_CHECK int sp_engine_destination_open_take(struct sp_engine *engine,
                                                  const struct sp_archive_settings *archive,
                                                  const struct sp_platform *platform,
                                                  struct sp_store **out, struct sp_err *err);

#endif
