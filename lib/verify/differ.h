/* SPDX-License-Identifier: Apache-2.0 */
/* The sites of an image against each other: the digests that tags name, and the referrers of the
 * same digest. No I/O but for a tag that is listed and names nothing, for those beyond what sync
 * pinned, and for a referrer that is missed. */
#ifndef SP_VERIFY_DIFFER_H
#define SP_VERIFY_DIFFER_H

#include "verify/check.h"

/* Makes the copies out of the tags that sync pinned. A tag that the primary has and a backup has
 * not lacks its copy there; one that names something else names that copy, found different. A tag
 * that is listed and cannot be served is damage. A primary that is out has no copies. Where bytes
 * are read, what history tags of selected tags name at a backup is a copy there, too; so is, unless
 * tags were named with the image, what is known to be damaged there, whoever names it, and the same
 * at the other places. Of what the primary lost, within what the file bears, only the copies at
 * backups are there. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_differ_add_copies(struct sp_check *check, struct sp_err *err);
/* Is it one of those tags that sync pinned? */
bool sp_differ_is_selected(const struct sp_check *check, const char *tag);
/* Is it one, and may it move at the primary? */
bool sp_differ_is_moving(const struct sp_check *check, const char *tag);
/* Is this a tag that sync would refuse to set at this backup: a fixed one that changed? */
bool sp_differ_is_refused(const struct sp_check *check, const struct sp_site *backup,
                          const char *tag);
/* May only sync set it? It is refused, or cannot be read there and named something else last:
 * setting it would move it, and sync keeps what it leaves. */
bool sp_differ_is_for_sync(const struct sp_check *check, const struct sp_site *backup,
                           const char *tag);
/* Was this found to be a referrer that the copy's place lists and does not have? */
bool sp_differ_is_listed_only(const struct sp_copy *copy, const struct sp_digest *digest);
/* Finds referrers that the primary has, or only lists while another backup has them, and a backup
 * has not; notes those that only a backup has. */
void sp_differ_compare(struct sp_check *check);

#endif
