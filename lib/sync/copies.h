/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out what was decided for an image: one transfer for each digest, to all backups that need
 * it at once, many digests side by side. Order holds over the whole repository: fixed tags and what
 * follows, then moving tags, `latest` last.
 *
 * A digest never changes under a copy. If the primary lost it meanwhile (its tag moved), or the
 * copy took long and the tag has moved since, what the tag names now is copied once, at once.
 */
#ifndef SP_SYNC_COPIES_H
#define SP_SYNC_COPIES_H

#include "sync/work.h"

/* Runs them all, tells the results of every tag at every backup, and what was proven to the
 * journal. Failures are told. Blocks until done. */
void sp_copies_run(struct sp_work *work);

#endif
