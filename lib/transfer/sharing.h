/* SPDX-License-Identifier: Apache-2.0 */
/* What one run takes from the holdings that it shares with others (holdings.h), and tells them.
 *
 * A run without holdings, and one in a later round (it believes nothing any more), knows and
 * tells nothing: every function answers as if nobody else ran. Threads: as run.h.
 */
#ifndef SP_TRANSFER_SHARING_H
#define SP_TRANSFER_SHARING_H

#include "transfer/run.h"

/* Fills the fact about a blob, or a manifest, if it is known well enough to ask nobody. */
bool sp_sharing_find_blob(struct sp_run *run, size_t place, size_t blob);
bool sp_sharing_find_node(struct sp_run *run, size_t place, size_t node);
/* Tells what the fact says, if it says that the thing is there. */
void sp_sharing_note_blob(struct sp_run *run, size_t place, size_t blob);
void sp_sharing_note_node(struct sp_run *run, size_t place, size_t node);
/* The place lost what it had. */
void sp_sharing_forget(struct sp_run *run, size_t place);

/* Asks to bring a blob to a place; kind MINE without holdings. If it is there already the fact says
 * so. */
struct sp_claim sp_sharing_claim(struct sp_run *run, size_t place, size_t blob);
/* Ends a claim of kind MINE by what the fact says now. */
void sp_sharing_settle(struct sp_run *run, const struct sp_claim *claim, size_t place, size_t blob);
/* Waits until nobody else is bringing it. The caller holds no claim. */
void sp_sharing_wait(struct sp_run *run, size_t place, size_t blob);

#endif
