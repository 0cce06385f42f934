/* SPDX-License-Identifier: Apache-2.0 */
/* Before the first image of a run: what the records say of images that this host does not know
 * (past.h). Images of one store share its rot (journal/rot.h), and a record tells first of its own:
 * read one by one, the first would move a tag onto what the last one's record says is bad.
 */
#ifndef SP_SYNC_AHEAD_H
#define SP_SYNC_AHEAD_H

#include <stdint.h>

#include "store/pull_reserve.h"
#include "sync/outage.h"
#include "sync/sync.h"

/* Asks for the records of each image that the journal lacks (sp_past_find_lacking), `jobs` at once,
 * and tells the journal. Nothing where it lacks none, or there is but one image. What fails is
 * tried, and told, when the image's turn comes.
 *
 *   lacks   of each image, bit N: backup N was asked and has no record
 */
void sp_ahead_read(const struct sp_sync *sync, struct sp_outages *outages,
                   struct sp_pull_reserve *reserve, uint32_t *lacks);

#endif
