/* SPDX-License-Identifier: Apache-2.0 */
/* The rot that a record says (journal/record.h), as this host last read or wrote it: whether there
 * is news for it is known without asking its backup. What follows from it for the store is
 * journal/rot.h. Threads: any. */
#ifndef SP_JOURNAL_ROT_SAID_H
#define SP_JOURNAL_ROT_SAID_H

#include "journal/journal.h"
#include "journal/record.h"

/* The record of that name says the rot of `said` from now on, and no other. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_rot_said_tell(struct sp_journal *journal, const char *name,
                                   const struct sp_record *said, struct sp_err *err);
/* Adds what it says to an empty record. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_rot_said_read(struct sp_journal *journal, const char *name,
                                   struct sp_record *said, struct sp_err *err);

#endif
