/* SPDX-License-Identifier: Apache-2.0 */
/* Between the record of a backup and the journal of this host: a host without a journal learns from
 * the record, and what a host knows goes into the record.
 *
 * The order in which sync uses them: decode the record that is there; tell it to the journal; look
 * at the primary and tell that; flush; read what is known; add that to the decoded record; is it
 * news? Told first, the record's dates win over those of a host that looks for the first time, so
 * that its record is the same as that of the host that looked before it.
 */
#ifndef SP_JOURNAL_RECORD_FACTS_H
#define SP_JOURNAL_RECORD_FACTS_H

#include "journal/known.h"
#include "journal/record.h"

/* Tells the journal what the record says of its primary and of the backup that it was read from.
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_record_tell(const struct sp_record *record, const char *backup,
                                 struct sp_journal *journal, struct sp_err *err);
/* Merges what is known of the primary's tags, and of their digests on the backup, into the record.
 * Fails: SP_E_LIMIT, SP_E_NOMEM. */
SP_MUST_CHECK int sp_record_add_known(struct sp_record *record, const struct sp_known *primary,
                                      const struct sp_known *backup, struct sp_err *err);

#endif
