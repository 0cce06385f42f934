/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the tags that the primary had the file selects, or would select if they were there.
 *
 * What `newest` and `since` thin out among the tags that are listed, and those that were, together,
 * is no loss: a primary that cleans up its old tags takes nothing that is backed up still. What is
 * gone since an earlier run is in nobody's way, and is chosen by itself in the end.
 */
#ifndef SP_SYNC_WANTED_H
#define SP_SYNC_WANTED_H

#include "sync/work.h"

/* Answers for all tags of work->past.primary, once. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_wanted_find(struct sp_work *work, struct sp_err *err);
/* `tag` is one of work->past.primary; after sp_wanted_find. */
bool sp_wanted_is(const struct sp_work *work, const struct sp_known_tag *tag);
/* Does this run look at it? Not at all that is wanted, where tags were named with the image. */
bool sp_wanted_is_looked_at(const struct sp_work *work, const struct sp_known_tag *tag);
/* Is its loss meant (--accept-loss)? */
bool sp_wanted_is_accepted(const struct sp_work *work, const struct sp_known_tag *tag);
/* Is it a tag that the file may select for this image, or that follows one? Two images may have one
 * primary: of others this one says neither that they are gone, nor that they were meant to go, for
 * the image that selects them would not miss them then. */
bool sp_wanted_may_be(const struct sp_work *work, const char *tag);
/* By which tags are chosen that this run looks at. Borrowed. */
const struct sp_selection *sp_wanted_selection(const struct sp_work *work);
/* Is it gone from the primary, so that the backups are to keep what they have of it? If it was
 * meant to go, only as long as one of them lists it. Of tags that this run looks at. */
bool sp_wanted_is_kept(const struct sp_work *work, const struct sp_known_tag *tag);

#endif
