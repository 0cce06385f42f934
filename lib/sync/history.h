/* SPDX-License-Identifier: Apache-2.0 */
/* History tags: before a moving tag, or one of cosign's, moves on a backup, the digest that it
 * leaves keeps a name there (`safeport-latest-20261123T101500Z`), so that a bad push can be undone.
 *
 * It is set when all of the new image is there and proven, right before the tag moves: its time is
 * the one at which the tag left. A name that another digest has is never taken from it.
 *
 * Only where no other tag of that repository names the digest. `keep_history` is how many of a tag
 * are worth keeping: nothing is removed here when there are more, for sync cannot delete; that is
 * left to prune.
 */
#ifndef SP_SYNC_HISTORY_H
#define SP_SYNC_HISTORY_H

#include "sync/work.h"

/* Would this tag, which is about to move, get one? Asks the backup what its history tags name. */
bool sp_history_is_due(struct sp_work *work, size_t backup, const struct sp_pinned *tag);
/* Sees to it, if it is needed at all.
 *   history   out   the tag that was set; "" if none was needed
 * A digest whose manifest is not there any more, or damaged, cannot be kept: told as a note, and no
 * failure. Fails: what the backup fails with: the moving tag must stay where it is then. */
SP_MUST_CHECK int sp_history_keep(struct sp_work *work, size_t backup, const struct sp_pinned *tag,
                                  char history[SP_MAX_TAG + 1], struct sp_err *err);
/* The same of a tag that a transfer sets along with its image, and that names `next` then: what it
 * names now is looked up. What is kept is told as a note. */
SP_MUST_CHECK int sp_history_keep_side(struct sp_work *work, size_t backup, const char *tag,
                                       const struct sp_digest *next, struct sp_err *err);

#endif
