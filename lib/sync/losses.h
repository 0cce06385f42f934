/* SPDX-License-Identifier: Apache-2.0 */
/* What the primary had and does not list any more, and whether that is to be borne: by DESIGN.md
 * "max-loss is about two things".
 */
#ifndef SP_SYNC_LOSSES_H
#define SP_SYNC_LOSSES_H

#include "journal/known.h"
#include "sync/work.h"

#define SP_LOSS_WINDOW_S (30 * SP_DAY_S)

/* When a tag was there: from came_s on, until it went; INT64_MAX: it is there. */
struct sp_stay {
  int64_t came_s, went_s;
};
/* How many were there at once at most, at any time from from_s on. Pure. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_losses_peak(const struct sp_stay *stays, size_t count, int64_t from_s,
                                 uint64_t *peak, struct sp_err *err);

/* Once the listed tags are selected. Tells work->told the tags that were lost since the last run;
 * those before them, too, if their sum is not to be borne (work->loses_slowly).
 *   is_bearable   out   is sync to follow this primary? Always with --accept-loss
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_losses_find(struct sp_work *work, bool *is_bearable, struct sp_err *err);
/* Is it gone since an earlier run, within the window, and nobody has said that it is meant? */
bool sp_losses_has_before(const struct sp_work *work, const struct sp_known_tag *tag);

#endif
