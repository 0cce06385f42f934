/* SPDX-License-Identifier: Apache-2.0 */
/* One image of a status: what the survey of sync found, as it is told (safeport/status.h). */
#ifndef SP_SYNC_STATUS_IMAGE_H
#define SP_SYNC_STATUS_IMAGE_H

#include "sync/status.h"
#include "sync/work.h"

/* Adds the tags that only backups have, which sync would not look at. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_status_add_tags(struct sp_work *work, struct sp_err *err);
/* Makes the answer of a surveyed and pinned work. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_status_image_new(const struct sp_status_run *run, struct sp_work *work,
                                      struct sp_status_image **out, struct sp_err *err);
void sp_status_image_free(struct sp_status_image *image);

SP_DEFINE_AUTO_FREE(struct sp_status_image, sp_status_image_free)

#endif
