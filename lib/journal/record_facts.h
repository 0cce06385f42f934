/* SPDX-License-Identifier: Apache-2.0 */
/* From the record of a backup to the journal of this host: one that has no journal, or an older
 * one, learns from it what other hosts knew. What goes into a record is the work of sync
 * (sync/remember.h), which knows what its run did.
 */
#ifndef SP_JOURNAL_RECORD_FACTS_H
#define SP_JOURNAL_RECORD_FACTS_H

#include "journal/known.h"
#include "journal/record.h"

/* Tells the journal what the record says of its primary and of the backup that it was read from.
 * `known` is what this host knows of the primary: of a tag that it knows something of as late, or
 * later, what it named is left out. NULL: of none. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_record_tell(const struct sp_record *record, const struct sp_known *known,
                                 const char *backup, struct sp_journal *journal,
                                 struct sp_err *err);
/* Tells of a tag that is gone (is_gone), that it was there before it went, and whether that was
 * meant. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_record_tell_gone(const struct sp_record_tag *tag, const char *place,
                                      struct sp_journal *journal, struct sp_err *err);
/* Does it say anything of this copy: a proof, or damage? Of others it has the digest alone. */
bool sp_record_says_of_copy(const struct sp_known_digest *copy);

#endif
