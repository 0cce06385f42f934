/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the journal, and at the end of an image the record, what was seen and proven. A journal
 * without memory forgets; no image fails for it. */
#ifndef SP_SYNC_REMEMBER_H
#define SP_SYNC_REMEMBER_H

#include "sync/work.h"

/* A backup's tag names the primary's digest now, which was proven there by this run, as it says, or
 * before (NONE). */
void sp_remember_tag(struct sp_work *work, const struct sp_pinned *tag, size_t backup);
/* This run saw that a backup's tag names a digest that is damaged there, or lacks something.
 * needs_read: as in struct sp_known_digest. */
void sp_remember_damage(struct sp_work *work, const struct sp_digest *digest, size_t backup,
                        bool needs_read);
/* This run read a blob or manifest of a backup: it is damaged, or good. Only news is told. */
void sp_remember_rot(struct sp_work *work, const struct sp_digest *digest, size_t backup,
                     bool is_rotten);
/* The referrers of the digest were asked for at the primary. */
void sp_remember_referrers(struct sp_work *work, const struct sp_digest *digest);
/* What the primary's tags named, and which are gone. A fixed tag that changed and was not followed
 * is not told: it is still to be reported next time. What was lost is told only if it is borne;
 * with
 * --accept-loss all that is gone, and that the file selects for this image, was meant to go. */
void sp_remember_primary(struct sp_work *work);

/* Adds to the plan of each open backup what its record will take, unless it turns out to say
 * nothing new. */
void sp_remember_plan_record(struct sp_work *work);
/* Writes the record on each open backup where it is missing, or where this run changed or proved
 * something that is news. A failure is told. */
void sp_remember_record(struct sp_work *work);

#endif
