/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/digest_row.h"

#include "journal/inside.h"

static int64_t past_or_unknown(int64_t unix_s)
{
  return sp_journal_is_past(unix_s) ? unix_s : 0;
}

int sp_digest_row_read(const struct sp_field fields[SP_MAX_FIELDS], struct sp_known_digest *out,
                       struct sp_err *err)
{
  *out = (struct sp_known_digest){
      .digest = fields[1].digest,
      .first_seen_s = past_or_unknown(fields[2].number),
      .touched_s = past_or_unknown(fields[3].number),
      .read_s = past_or_unknown(fields[4].number),
      .referrers_s = past_or_unknown(fields[5].number),
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

int sp_digest_row_find(struct sp_db *db, const char *place, const struct sp_digest *digest,
                       struct sp_known_digest *out, struct sp_err *err)
{
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(place)), SP_DIGEST(digest)};
  struct sp_field fields[SP_MAX_FIELDS];
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_digests, "SELECT * FROM digests WHERE place = ?1 AND digest = ?2",
                   args, 2, &rows, err) < 0)
    return -1;
  *out = (struct sp_known_digest){.digest = *digest};
  int got = sp_rows_next(&rows, place, fields, err);
  return got > 0 ? sp_digest_row_read(fields, out, err) : got;
}
