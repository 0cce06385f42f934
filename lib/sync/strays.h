/* SPDX-License-Identifier: Apache-2.0 */
/* Strays: tags that a backup lists and the file selects, that the primary does not list, and of
 * which this host knows nothing. Another host brought them there, and the primary lost them before
 * this one ever saw them: then its record says so. Or somebody pushed them to the backup, and
 * nobody knows.
 */
#ifndef SP_SYNC_STRAYS_H
#define SP_SYNC_STRAYS_H

#include "sync/work.h"

/* If there are some, of which the records were not asked yet, they are (sp_work_ask_records), once:
 * what they know is no stray any more, and of the rest the journal keeps that they were asked. No
 * request where there is none. After sp_past_read; not of a restore, which always asks. Fails:
 * SP_E_NOMEM, SP_E_INTERRUPTED. Blocks on the backups. */
SP_MUST_CHECK int sp_strays_ask(struct sp_work *work, struct sp_err *err);

#endif
