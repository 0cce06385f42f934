/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/digest_row.h"

#include "base/clock.h"
#include "base/limits.h"
#include "journal/inside.h"

int sp_digest_row_read(const struct sp_field fields[SP_MAX_FIELDS], struct sp_known_digest *out,
                       struct sp_err *err)
{
  *out = (struct sp_known_digest){
      .digest = fields[1].digest,
      .first_seen_s = sp_journal_is_past(fields[2].number) ? fields[2].number : 0,
      .touched_s = sp_journal_proof_time(fields[3].number),
      .read_s = sp_journal_proof_time(fields[4].number),
      .referrers_s = sp_journal_proof_time(fields[5].number),
      .damaged_s = sp_journal_damage_time(fields[6].number),
  };
  out->needs_read = out->damaged_s > 0 && fields[7].number != 0;
  if (out->digest.alg == SP_DIGEST_NONE)
    return sp_fail(err, SP_E_INVALID, "a row of the journal makes no sense");
  return 0;
}

int sp_digest_row_write(struct sp_db *db, const char *place, const struct sp_known_digest *known,
                        struct sp_err *err)
{
  const struct sp_field fields[] = {SP_NUMBER(sp_db_key(place)),    SP_DIGEST(&known->digest),
                                    SP_NUMBER(known->first_seen_s), SP_NUMBER(known->touched_s),
                                    SP_NUMBER(known->read_s),       SP_NUMBER(known->referrers_s),
                                    SP_NUMBER(known->damaged_s),    SP_NUMBER(known->needs_read)};
  return sp_db_put(db, &sp_table_digests, place, fields, err);
}

/* Answers more than 0 if there is a row; its numbers and digest (text ends with the statement). */
static int find_row(struct sp_db *db, const char *place, const struct sp_digest *digest,
                    struct sp_field fields[SP_MAX_FIELDS], struct sp_err *err)
{
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(place)), SP_DIGEST(digest)};
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_digests, "SELECT * FROM digests WHERE place = ?1 AND digest = ?2",
                   args, 2, &rows, err) < 0)
    return -1;
  return sp_rows_next(&rows, place, fields, err);
}

int sp_digest_row_find(struct sp_db *db, const char *place, const struct sp_digest *digest,
                       struct sp_known_digest *out, struct sp_err *err)
{
  struct sp_field fields[SP_MAX_FIELDS];
  *out = (struct sp_known_digest){.digest = *digest};
  int got = find_row(db, place, digest, fields, err);
  return got > 0 ? sp_digest_row_read(fields, out, err) : got;
}

int sp_digest_row_find_last_proof(struct sp_db *db, const char *place,
                                  const struct sp_digest *digest, int64_t *proven_s,
                                  struct sp_err *err)
{
  struct sp_field fields[SP_MAX_FIELDS];
  *proven_s = 0;
  int got = find_row(db, place, digest, fields, err);
  for (size_t i = 3; got > 0 && i <= 4; i++) {
    if (fields[i].number <= sp_clock_wall_s() + SP_DAY_S && fields[i].number > *proven_s)
      *proven_s = fields[i].number; /* this clock may have been set back since */
  }
  return got < 0 ? -1 : 0;
}
