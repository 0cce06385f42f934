/* SPDX-License-Identifier: Apache-2.0 */
/* What the primary lost, and the backups keep: looked at again when its proof is old, as what is
 * selected is. Each backup against itself: nobody is known to have more, so what is damaged is not
 * mended here. But as long as one backup names it, every backup of the file is to.
 */
#ifndef SP_SYNC_GONE_H
#define SP_SYNC_GONE_H

#include "sync/work.h"

/* Adds one of work->past.primary, that is kept (wanted.h), to the tags (is_gone). Fails:
 * SP_E_NOMEM.
 */
SP_MUST_CHECK int sp_gone_add(struct sp_work *work, const struct sp_known_tag *tag,
                              struct sp_err *err);
/* Is it missing at this backup, which should have it? Not one that was meant to go, where no backup
 * has what it named. Of tags that are gone or lost. After sp_tags_pin. */
bool sp_gone_is_missing(const struct sp_work *work, const struct sp_pinned *tag, size_t backup);
/* Notes those that no place has any more, and what to do. The same. */
void sp_gone_note_nowhere(struct sp_work *work);
/* Adds those that are due behind all other tags (is_gone), asks the backups what they name there,
 * and proves that; what is missing is brought from another backup. What comes of it is told and
 * remembered. Fails: SP_E_NOMEM. Blocks until done.
 */
SP_MUST_CHECK int sp_gone_prove(struct sp_work *work, struct sp_err *err);

#endif
