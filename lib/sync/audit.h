/* SPDX-License-Identifier: Apache-2.0 */
/* The audit: a wrapper around the store of a backup that tells the journal each write which the
 * place acknowledged, whoever it was that wrote: blobs sent and mounted, manifests, tags, records
 * (journal/runs.h). Telling costs no disk, and fails no write. Threads: any.
 */
#ifndef SP_SYNC_AUDIT_H
#define SP_SYNC_AUDIT_H

#include "sync/work.h"

/* Wraps (takes; closes on failure) the store of backup number `backup` of work, which has to last
 * as long as anything is written. What a tag named before is what work pinned. Fails: SP_E_NOMEM.
 */
SP_MUST_CHECK int sp_audit_wrap_take(struct sp_store *inner, const struct sp_work *work,
                                     size_t backup, struct sp_store **out, struct sp_err *err);

#endif
