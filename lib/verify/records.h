/* SPDX-License-Identifier: Apache-2.0 */
/* The records at the backups: what a host without a journal would have to go by. Whoever verifies
 * reads them too, for nobody else looks at them as long as there is no news.
 */
#ifndef SP_VERIFY_RECORDS_H
#define SP_VERIFY_RECORDS_H

#include "verify/check.h"

/* Reads the record of each backup that lists one, if nobody has yet, at levels from touched on.
 * What it says is told to the journal. What is wrong is added to the report, with what to do, and
 * told to the journal, so that the next sync writes the record anew. Fails: never; a place whose
 * record cannot be had for now has failed.
 */
void sp_records_look(struct sp_check *check);

#endif
