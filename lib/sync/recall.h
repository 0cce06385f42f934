/* SPDX-License-Identifier: Apache-2.0 */
/* An image whose primary may be out of reach: its backups are looked at all the same (status,
 * verify), and what the primary named last, as the journal or a record knows it, stands for the
 * primary. Writes nothing.
 */
#ifndef SP_SYNC_RECALL_H
#define SP_SYNC_RECALL_H

#include "sync/image.h"

/* sp_image_survey; where the primary cannot be asked the tags are those that it had and that the
 * file selects, as sp_tags_add_past adds them.
 *   of_primary   out   why the primary cannot be asked; untouched if it can
 * Fails when nothing can be said of the image: its places cannot be opened, interrupted, no memory.
 */
SP_MUST_CHECK int sp_recall_survey(struct sp_work *work, size_t number, struct sp_outages *outages,
                                   struct sp_pull_reserve *reserve, bool *is_bearable,
                                   struct sp_err *of_primary, struct sp_err *err);
/* Adds to the selected tags those that a backup lists, that the file selects, and of which nothing
 * is known; each once, its digest at the primary NONE. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_recall_add_unknown(struct sp_work *work, struct sp_err *err);
/* Adds to the selected tags, among which they are put by name, those that the primary had and does
 * not list any more (is_lost), and those of which that was known before (is_gone). Fails:
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_recall_add_lost(struct sp_work *work, struct sp_err *err);
/* Always fails, with SP_E_REFUSED: what to say of a primary that lost more than can be believed. */
SP_MUST_CHECK int sp_recall_refuse_loss(const struct sp_work *work, struct sp_err *err);
/* Is there no memory of the image but a record that is there and cannot be read? A loss, or a tag
 * that was tampered with, could not be told. Fails then, with the code of what the record failed
 * with; not where --accept-loss says that such a memory can be done without, nor in a restore. */
SP_MUST_CHECK int sp_recall_check_memory(const struct sp_work *work, struct sp_err *err);
/* sp_tags_pin of all tags; notes those that no place has any more. A primary that fails meanwhile
 * is as one that failed before. */
void sp_recall_pin(struct sp_work *work, struct sp_err *of_primary);

#endif
