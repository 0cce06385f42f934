/* SPDX-License-Identifier: Apache-2.0 */
/* One image from beginning to end: locked, opened, surveyed, brought up to date, remembered. */
#ifndef SP_SYNC_IMAGE_H
#define SP_SYNC_IMAGE_H

#include "store/pull_reserve.h"
#include "sync/outage.h"
#include "sync/work.h"

/* Syncs image `number`. Whatever happens is in work->told, which the caller has made. Blocks until
 * done. `work` is otherwise what sp_work_init made, and is cleared by the caller. */
void sp_image_sync(struct sp_work *work, size_t number, struct sp_outages *outages,
                   struct sp_pull_reserve *reserve);

/* The beginning of that, and of what others do with an image of safeport.yaml: opens its places,
 * lists both sides, reads what earlier runs knew, and selects tags. Writes nothing. What the tags
 * name is sp_tags_pin's.
 *   is_bearable   out   as in losses.h
 * A backup that fails is told and out; fails when nothing can be done for the image. */
SP_MUST_CHECK int sp_image_survey(struct sp_work *work, size_t number, struct sp_outages *outages,
                                  struct sp_pull_reserve *reserve, bool *is_bearable,
                                  struct sp_err *err);

/* An empty work for an image. */
void sp_work_init(struct sp_work *work, const struct sp_sync *sync, struct sp_holdings *holdings,
                  const char *name, int64_t now_s, struct sp_sync_image *told);
/* Closes and frees all but told. */
void sp_work_clear(struct sp_work *work);

#endif
