/* SPDX-License-Identifier: Apache-2.0 */
/* The sites of an image against each other: the digests that tags name, and the referrers of the
 * same digest. No I/O but for a tag that is listed and names nothing. */
#ifndef SP_VERIFY_DIFFER_H
#define SP_VERIFY_DIFFER_H

#include "verify/check.h"

/* Makes the copies out of the tags that sync pinned. A tag that the primary has and a backup has
 * not is an absent copy there; one that names something else is that copy, found different. A tag
 * that is listed and cannot be served is damage. A primary that is out has no copies. Of what it
 * lost, within what the file bears, only the copies at backups are there. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_differ_add_copies(struct sp_check *check, struct sp_err *err);
/* Finds referrers that the primary has and a backup has not; notes those that only a backup has.
 */
void sp_differ_compare(struct sp_check *check);

#endif
