/* SPDX-License-Identifier: Apache-2.0 */
/* Upload sessions that this host has open at registries: what a later run needs to go on with one
 * after a kill, or to close it. Whether a session is still there only its registry knows.
 *
 * Its address is a secret of sorts (who has it may write there); it lies in a file of mode 0600 and
 * is forgotten after SP_KEEP_UPLOADS_S. Threads: any.
 */
#ifndef SP_JOURNAL_UPLOADS_H
#define SP_JOURNAL_UPLOADS_H

#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"
#include "oci/digest.h"

struct sp_upload_session {
  struct sp_digest digest; /* of the blob that is to be there at the end */
  uint64_t size_bytes;     /* of it */
  uint64_t offset;         /* bytes that the registry had acknowledged when this was told */
  char *location;          /* where the session goes on (an absolute URL, unchecked) */
  int64_t at_s;            /* when this was told */
};

/* The sessions of a place, sorted by digest. `*out` is the caller's: sp_uploads_free. */
SP_MUST_CHECK int sp_uploads_read(struct sp_journal *journal, const char *place,
                                  struct sp_upload_session **out, size_t *count,
                                  struct sp_err *err);
void sp_uploads_free(struct sp_upload_session *sessions, size_t count);
/* A session is open, or came further; one per place and blob. */
SP_MUST_CHECK int sp_uploads_tell(struct sp_journal *journal, const char *place,
                                  const struct sp_upload_session *session, struct sp_err *err);
/* It is over: finished, cancelled, or gone. */
SP_MUST_CHECK int sp_uploads_forget(struct sp_journal *journal, const char *place,
                                    const struct sp_digest *digest, struct sp_err *err);

#endif
