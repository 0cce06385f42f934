/* SPDX-License-Identifier: Apache-2.0 */
/* Sending one blob to the destinations that lack it, until each has it or has failed. */
#ifndef SP_TRANSFER_SENDING_H
#define SP_TRANSFER_SENDING_H

#include "transfer/run.h"

/* Sends blob number `blob` to `count` places (borrowed). Notes what happened in run->facts and the
 * report, fails places and the run as needed. Blocks until done. */
void sp_sending_run(struct sp_run *run, size_t blob, const size_t *places, size_t count,
                    size_t ring_bytes);

#endif
