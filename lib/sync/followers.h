/* SPDX-License-Identifier: Apache-2.0 */
/* What follows an image that is in step: cosign's tags and referrers that came since it was copied.
 * (Those of an image that is copied or proven now go along with it: transfer/referrers.h.)
 *
 * Cosign's tags and fallback tags are seen in the list of tags; their subject is in their name:
 * what a tag names, or a child of an index that it names (children.h). The referrers API is asked
 * once per digest and `referrers-every`; what only it lists of the children of an index is found
 * when the index is proven again.
 */
#ifndef SP_SYNC_FOLLOWERS_H
#define SP_SYNC_FOLLOWERS_H

#include "sync/work.h"

/* Adds side tags, and makes SP_ACTION_PROVE of SP_ACTION_KEEP where something new refers to a
 * digest. Blocks on both sides. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_followers_pin(struct sp_work *work, struct sp_err *err);

/* Does the primary list cosign's tags of this digest or of its children (after sp_children_find),
 * or a fallback tag, that the backup does not list and would have? From the listings; a backup is
 * asked for the referrers where they say that a fallback tag is missing. False where referrers are
 * not backed up. */
bool sp_followers_are_missing(struct sp_work *work, size_t backup, const struct sp_digest *subject);

#endif
