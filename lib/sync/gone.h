/* SPDX-License-Identifier: Apache-2.0 */
/* What the primary lost, and the backups keep: looked at again when its proof is old, as what is
 * selected is. Each backup against itself: nobody is known to have more. So nothing is mended, or
 * written, here.
 */
#ifndef SP_SYNC_GONE_H
#define SP_SYNC_GONE_H

#include "sync/work.h"

/* Adds those that are due behind all other tags (is_gone), asks the backups what they name there,
 * and proves that; what comes of it is told and remembered. Fails: SP_E_NOMEM. Blocks until done.
 */
SP_MUST_CHECK int sp_gone_prove(struct sp_work *work, struct sp_err *err);

#endif
