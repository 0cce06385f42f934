/* SPDX-License-Identifier: Apache-2.0 */
/* What came of an image, for the journal's list of runs. */
#ifndef SP_SYNC_RESULTS_H
#define SP_SYNC_RESULTS_H

#include "sync/work.h"

/* Tells the journal what came of the image at each backup. What there is no memory for is missing
 * there. */
void sp_results_tell(struct sp_work *work);

#endif
