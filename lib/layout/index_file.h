/* SPDX-License-Identifier: Apache-2.0 */
/* Changing index.json of a layout: read again under the layout's lock, changed, replaced by one
 * rename, so that two processes lose nothing and the file is old or new whatever happens. What was
 * written becomes what the layout knows (layout/index_cache.h), so that nobody parses it again.
 *
 * Before it is replaced, the directories of the blobs are synced: a tag that survives a power loss
 * does not name a file whose own name was lost. Threads: any. Changes that come while another is
 * being written are written together, after it, by one rename; each call ends when its own change
 * is durable, or failed for its own sake.
 */
#ifndef SP_LAYOUT_INDEX_FILE_H
#define SP_LAYOUT_INDEX_FILE_H

#include <jansson.h>

#include "layout/layout_dir.h"

struct sp_index_queue; /* the changes of one open layout that wait */

/* An empty one. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_index_queue_new(struct sp_index_queue **out, struct sp_err *err);
/* Nobody may be waiting. */
void sp_index_queue_free(struct sp_index_queue *queue);

/* Writes an empty one unless something has the name. The caller holds the lock. */
SP_MUST_CHECK int sp_index_file_make(const struct sp_layout_dir *dir, struct sp_err *err);
/* Makes all n tags name desc, or none; nothing is written if they do already.
 * Fails: SP_E_UNSUPPORTED (opened for reading); SP_E_LOCKED; SP_E_INTERRUPTED; SP_E_INVALID,
 * SP_E_LIMIT (index.json is garbage, or would be too large); SP_E_IO. */
SP_MUST_CHECK int sp_index_file_set_tags(const struct sp_layout_dir *dir, const char *const *tags,
                                         size_t n, const struct sp_desc *desc, struct sp_err *err);
/* Adds a nameless entry with all members of the raw descriptor, unless its digest has an entry.
 * Fails: as above. */
SP_MUST_CHECK int sp_index_file_add(const struct sp_layout_dir *dir, const json_t *descriptor,
                                    struct sp_err *err);

#endif
