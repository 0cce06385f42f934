/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a digest at a place, as a row of the journal's file. For known.c and
 * known_told.c; others use journal/known.h. Threads: as db.h. */
#ifndef SP_JOURNAL_DIGEST_ROW_H
#define SP_JOURNAL_DIGEST_ROW_H

#include "journal/db.h"
#include "journal/known.h"

/* Of the fields of a row of sp_table_digests; damage that lies ahead is of now, a proof is none.
 * Fails: SP_E_INVALID (it makes no sense). */
SP_MUST_CHECK int sp_digest_row_read(const struct sp_field fields[SP_MAX_FIELDS],
                                     struct sp_known_digest *out, struct sp_err *err);
/* Writes it over what is known of that digest. */
SP_MUST_CHECK int sp_digest_row_write(struct sp_db *db, const char *place,
                                      const struct sp_known_digest *known, struct sp_err *err);
/* What is known of the digest; nothing but itself if nothing is. */
SP_MUST_CHECK int sp_digest_row_find(struct sp_db *db, const char *place,
                                     const struct sp_digest *digest, struct sp_known_digest *out,
                                     struct sp_err *err);
/* When it was last proven there, by whatever clock: one that lies ahead counts, if not by more than
 * a day. 0: never. */
SP_MUST_CHECK int sp_digest_row_find_last_proof(struct sp_db *db, const char *place,
                                                const struct sp_digest *digest, int64_t *proven_s,
                                                struct sp_err *err);
/* Damage there is dated ahead of the clock: from now on it is of now_s, so that a proof that comes
 * after that ends it. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_digest_row_tell_right_clock(struct sp_journal *journal, const char *place,
                                                 const struct sp_digest *digest, int64_t now_s,
                                                 struct sp_err *err);

#endif
