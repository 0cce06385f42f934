/* SPDX-License-Identifier: Apache-2.0 */
/* index.json of an open layout as it is now, parsed once for as long as its bytes stay what they
 * are: a run asks it several times for each tag.
 *
 * What is answered was there when the call began, or later, whoever changed it. The file is opened
 * and looked at in each call. That it is the one whose bytes are known is believed where device,
 * inode, length and both times are the same and no change in the meantime could have left them so:
 * it was older than SP_INDEX_SETTLE_S when its bytes were read. Else its bytes are read again, and
 * parsed only if they are others.
 *
 * Not here: what a state names (layout/index_view.h), changing it (layout/index_file.h).
 * Threads: any; one of them reads and parses for those that wait.
 */
#ifndef SP_LAYOUT_INDEX_CACHE_H
#define SP_LAYOUT_INDEX_CACHE_H

#include "layout/index_view.h"
#include "layout/layout_dir.h"

/* No file system in use has times that are coarser (FAT: 2 s), and a second is lost by rounding. */
#define SP_INDEX_SETTLE_S 4

struct sp_index_cache;

/* One that knows nothing yet. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_index_cache_new(struct sp_index_cache **out, struct sp_err *err);
/* Views that were got stay. */
void sp_index_cache_free(struct sp_index_cache *cache);

/* What index.json says now. The view borrows the name of dir.
 * Fails: SP_E_INVALID (missing or garbage; says what to do); SP_E_LIMIT; SP_E_IO. */
SP_MUST_CHECK int sp_index_cache_get(const struct sp_layout_dir *dir, struct sp_index_view *out,
                                     struct sp_err *err);
/* The same for who will change it, and holds the lock: its bytes are read whatever its times say.
 * Fails: SP_E_NOT_FOUND; SP_E_INVALID; SP_E_LIMIT; SP_E_IO. */
SP_MUST_CHECK int sp_index_cache_read(const struct sp_layout_dir *dir, struct sp_index_view *out,
                                      struct sp_err *err);
/* Takes the text that was just written there, and shares its document, so that nobody has to parse
 * it. Only a hint: what is not there by then is never answered. */
void sp_index_cache_put_take(const struct sp_layout_dir *dir, struct sp_buf *text, json_t *doc);

#endif
