/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: what this host remembers of its runs, of tags and digests, and of proofs. A cache of
 * truth, never truth itself: images are on the registries, and what a registry cannot tell is on
 * the backups too (journal/record.h). Every answer may be "not known", and whoever asks must come
 * to the same result on the registries then, with more work.
 *
 *   journal/known.h    tags, digests, proofs and blobs of a place
 *   journal/runs.h     runs, what came of each image, every write
 *   journal/uploads.h  upload sessions that a later run can go on with
 *
 * Facts are told and read. Telling costs no disk: facts are collected and written by
 * sp_journal_flush in one transaction (per window of images), or by themselves when many have
 * piled up. Reading answers what was flushed. A kill loses what was not.
 *
 * What fails here fails no job: a journal that cannot be used, or no longer, answers "not known"
 * and forgets what it is told; sp_journal_trouble says why. Damage is found, never believed: each
 * row is sealed, and checked as bytes from outside are. Functions that return int fail with
 * SP_E_NOMEM only, unless they say more.
 *
 * Which database stands behind it is known to journal/db.h alone. Two processes may use one journal
 * at once. Within a process, one journal at a time for one directory. Threads: any.
 */
#ifndef SP_JOURNAL_JOURNAL_H
#define SP_JOURNAL_JOURNAL_H

#include <stdbool.h>

#include "base/scope.h"
#include "safeport/err.h"

struct sp_journal;

enum sp_journal_mode {
  SP_JOURNAL_WRITE, /* made if missing; a damaged one is set aside as "journal.db.bad" */
  SP_JOURNAL_READ,  /* nothing is made, nothing is moved; telling is forgotten, or goes to a copy:
                       sp_journal_work_on_copy */
};

/* Opens the journal in the state directory `dir` (base/state_dir.h finds it), made if missing;
 * dir NULL: one that lasts as long as it is open. Only SP_E_NOMEM fails; see sp_journal_trouble. */
SP_MUST_CHECK int sp_journal_open(const char *dir, enum sp_journal_mode mode,
                                  struct sp_journal **out, struct sp_err *err);

/* From now on it takes what it is told, for as long as it is open: one that only reads works on a
 * temporary copy, made by the first call. One that cannot be made (no room in TMPDIR) is trouble;
 * what is told is forgotten then, as before. Nothing for one that writes. Blocks on disk. */
void sp_journal_work_on_copy(struct sp_journal *journal);

/* Writes what was told and not yet written, in one transaction; all of it or nothing. What could
 * not be written is trouble; it is kept and tried once more by the next flush. Blocks on disk, and
 * up to 10 s for another process. */
void sp_journal_flush(struct sp_journal *journal);

/* Has there been trouble? Then it is copied to *out: the gravest, the first of its kind.
 *   SP_E_IO           disk full, read-only, no permission, held by another process for too long:
 *                     a run that was to keep history ends with 7
 *   SP_E_REFUSED      the directory is not ours alone (base/state_dir.h): nothing was read
 *   SP_E_UNSUPPORTED  written by a newer safeport: left alone; worth a warning
 *   SP_E_INVALID      damaged, and set aside or (rows of it) left out; worth a warning */
bool sp_journal_trouble(struct sp_journal *journal, struct sp_err *out);

/* Flushes, forgets what is too old (base/limits.h), closes. NULL is nothing. Look for trouble
 * before: after it there is nobody left to ask. */
void sp_journal_close(struct sp_journal *journal);

SP_DEFINE_AUTO_FREE(struct sp_journal, sp_journal_close)
#define SP_AUTO_JOURNAL SP_CLEANUP(sp_journal_close_auto_)

#endif
