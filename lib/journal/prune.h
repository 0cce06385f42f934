/* SPDX-License-Identifier: Apache-2.0 */
/* What is too old leaves the journal (the bounds stand in base/limits.h), so that it grows with
 * what there is and not with time. At most once a day. Threads: as db.h. */
#ifndef SP_JOURNAL_PRUNE_H
#define SP_JOURNAL_PRUNE_H

#include "journal/db.h"

/* Prunes if that is due at now_s; a transaction of its own. Fails: as sp_db_commit. */
SP_MUST_CHECK int sp_prune_if_due(struct sp_db *db, int64_t now_s, struct sp_err *err);

/* Notes that a name was used at at_s, if the last note is older than a day: places that nobody told
 * of for SP_KEEP_HISTORY_S are forgotten whole. Within a transaction. */
SP_MUST_CHECK int sp_prune_mark(struct sp_db *db, const char *name, int64_t at_s,
                                struct sp_err *err);

#endif
