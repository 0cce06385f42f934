/* SPDX-License-Identifier: Apache-2.0 */
/* Moving: gets every blob to every destination that lacks it. Each is read once from the source and
 * written to all of them together (store/relay.h); what a sibling has is mounted.
 *
 * Ends that failed in a way that can pass, or were too slow, share one more read of the blob, from
 * a destination on this host that has it by then, or from the source.
 */
#ifndef SP_TRANSFER_MOVE_H
#define SP_TRANSFER_MOVE_H

#include "transfer/plan.h"
#include "transfer/run.h"

/* Does what the plan says about blobs and notes it in run->facts and the report. A destination that
 * fails ends alone; a source that fails ends the run. A blob that was damaged is looked at again
 * after its upload: if it is still bad the destination fails with SP_E_DIGEST. Blocks until
 * done. */
void sp_move_run(struct sp_run *run, const struct sp_plan *plan);

#endif
