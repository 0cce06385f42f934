/* SPDX-License-Identifier: Apache-2.0 */
/* Rot: which blobs and manifests were last seen damaged, by their own digest. Images share what
 * they are made of, and so do repositories: what is known of one image is a reason to doubt others.
 *
 * Kept by place, asked by store: a store is what a place shares its blobs with, a registry or the
 * vault (sp_place_store_len). Only a reading of the blob at the same place, which found it good,
 * ends it (sp_known_tell_blob). At another place of the store, such a reading since then ends the
 * doubt there, until it is seen damaged anywhere in the store once more.
 *
 * And a proof of any copy in the store that does not come after it says nothing: whoever proved the
 * copy did not look for that blob.
 *
 * What a record says of the rest of its store is of no place: it is kept under the name of the
 * store, and any good reading in the store ends it, for what is known by itself stands beside it.
 *
 * Not here: which image is hurt (journal/known.h). Life cycle: sp_rot_read, sp_rot_clear. Threads:
 * sp_rot_settle and sp_rot_state any; the rest as the caller says.
 */
#ifndef SP_JOURNAL_ROT_H
#define SP_JOURNAL_ROT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"
#include "oci/digest.h"

enum sp_rot_state {
  SP_ROT_NONE,  /* nothing is known against it, or it was read since then and was good */
  SP_ROT_DOUBT, /* damaged elsewhere in the store: whoever uses it reads it */
  SP_ROT_HERE,  /* damaged at this place */
};

struct sp_rot_blob {
  struct sp_digest digest;
  int64_t damaged_s; /* HERE: when that was last seen at this place */
  int64_t seen_s;    /* when that was last seen at any place of the store */
  int64_t known_s;   /* since when this host knows, and looks for it at this place */
  atomic_int state;
};

/* Of one place. */
struct sp_rot {
  struct sp_rot_blob *blobs; /* sorted by digest */
  size_t count;
  bool is_more;    /* the store has more than SP_MAX_ROT: every other blob is in doubt too */
  int64_t known_s; /* when the last became known here, of those in doubt; 0: there are none */
};

/* What is known of the store of this place. `out` is overwritten. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_rot_read(struct sp_journal *journal, const char *place, struct sp_rot *out,
                              struct sp_err *err);
void sp_rot_clear(struct sp_rot *rot);

enum sp_rot_state sp_rot_state(const struct sp_rot *rot, const struct sp_digest *digest);
/* This run has seen it: from now on sp_rot_state answers so. One that is not among them stays
 * unknown. */
void sp_rot_settle(struct sp_rot *rot, const struct sp_digest *digest, enum sp_rot_state state);
/* Was a proof of this time made without knowing of all of it? */
bool sp_rot_outdates(const struct sp_rot *rot, int64_t proven_s);
/* The time of a proof that is made now_s by somebody who looked at what is in doubt: after all of
 * it, whatever the clock says. */
int64_t sp_rot_date_proof(const struct sp_rot *rot, int64_t now_s);

/* It has just been seen (at_s) to be missing, or damaged, at this place. The date of its reading
 * there no longer holds. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_rot_tell_seen(struct sp_journal *journal, const char *place,
                                   const struct sp_digest *digest, int64_t at_s,
                                   struct sp_err *err);
/* Somebody else saw that at seen_s (a record says so, as we learn at_s). Nothing, if it was read
 * here since. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_rot_tell_said(struct sp_journal *journal, const char *place,
                                   const struct sp_digest *digest, int64_t seen_s, int64_t at_s,
                                   struct sp_err *err);

/* The same of a place that the record does not name, in the store of `place`. */
SP_MUST_CHECK int sp_rot_tell_elsewhere(struct sp_journal *journal, const char *place,
                                        const struct sp_digest *digest, int64_t seen_s,
                                        int64_t at_s, struct sp_err *err);

/* For known_told.c: within a transaction, what a good reading ends. */
struct sp_db;
SP_MUST_CHECK int sp_rot_end(struct sp_db *db, const char *place, const struct sp_digest *digest,
                             int64_t read_s, struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_rot, sp_rot_clear)
#define SP_AUTO_ROT SP_CLEANUP(sp_rot_clear_auto_)

#endif
