/* SPDX-License-Identifier: Apache-2.0 */
/* Tags that a backup does not list: which of them are there all the same?
 *
 * A list is a claim. It may be cached, cut, or refused as if there were no such repository; and a
 * tag that is taken to be not there is set, whatever it named. So a tag that is to be set is asked
 * for, listed or not. Only a backup that lists nothing at all, of which nothing is known, and that
 * has none of a few tags either is believed to be blank: a first run would be a tenth dearer else.
 */
#ifndef SP_SYNC_UNLISTED_H
#define SP_SYNC_UNLISTED_H

#include "sync/work.h"

/* Tags that a backup without a list is asked for, besides the record. */
#define SP_UNLISTED_PROBES 8

/* Finds out which backups are blank (work->is_blank): of those that list nothing the record's tag
 * and SP_UNLISTED_PROBES of the tags are asked for, spread over all of them; all tags if
 * work->sync->restores, for the place may be anybody's. Failures tell nothing here: such a backup
 * is not called blank. Blocks until all have answered. */
void sp_unlisted_look(struct sp_work *work);
/* Is the backup to be asked for this tag? Not for one that it lists not if it is blank and was
 * never seen to have it; nor for one that is nowhere else either (its digest is not known at the
 * primary).
 */
bool sp_unlisted_is_asked(const struct sp_work *work, const struct sp_pinned *tag, size_t backup);

#endif
