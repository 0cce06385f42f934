/* SPDX-License-Identifier: Apache-2.0 */
/* What the record at a backup is to say of rot: of the backup itself, and of what else is in its
 * store, so that a host without a journal is as careful as one that saw it. Writes nothing. */
#ifndef SP_SYNC_ROT_RECORD_H
#define SP_SYNC_ROT_RECORD_H

#include "sync/work.h"

/* Brings the rot of the backup's record up to what this host knows, this run included: less what
 * was read and found good since, more what was seen. Flushes the journal. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_rot_record_update(const struct sp_work *work, size_t backup,
                                       struct sp_record *record, struct sp_err *err);
/* Would that change what the record said when this host last saw it? No request. */
bool sp_rot_record_has_news(const struct sp_work *work, size_t backup);

#endif
