/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/prune.h"

#include "base/limits.h"

#define PRUNED "" /* the mark of pruning itself; no place has an empty name */

#define MAX_UNIX_S 253402300799   /* the end of the year 9999: so that differences fit */
#define MAX_GAP_S (30 * SP_DAY_S) /* between two prunings by one clock */

#define TEXT_OF_(n) #n
#define TEXT_OF(n) TEXT_OF_(n)

/* All rows of places that were not told of since. */
#define OF_IDLE_PLACES " WHERE place NOT IN (SELECT name_key FROM marks WHERE at_s >= ?1)"
/* All but the newest `most` rows of what runs did. */
#define BEYOND(table, most) \
  "DELETE FROM " table " WHERE (run, number) <= (SELECT run, number FROM " table \
  " ORDER BY run DESC, number DESC LIMIT 1 OFFSET " TEXT_OF(most) ")"
#define OF_OLD_RUNS(table) \
  "DELETE FROM " table \
  " WHERE run < (SELECT coalesce(min(id), 9223372036854775807) FROM runs WHERE started_s >= ?1)"

static const struct {
  int64_t keep_s; /* what is older is in ?1; 0: it goes by number, not by time */
  const char *sql;
} orders[] = {
    {SP_KEEP_HISTORY_S, "DELETE FROM tags" OF_IDLE_PLACES},
    {SP_KEEP_HISTORY_S, "DELETE FROM digests" OF_IDLE_PLACES},
    {SP_KEEP_HISTORY_S, "DELETE FROM blobs" OF_IDLE_PLACES},
    {SP_KEEP_HISTORY_S, "DELETE FROM rot" OF_IDLE_PLACES},
    {SP_KEEP_HISTORY_S, "DELETE FROM marks WHERE at_s < ?1"},
    /* The state that a tag was in at the cutoff is still history. */
    {SP_KEEP_HISTORY_S,
     "DELETE FROM tags WHERE since_s < (SELECT max(since_s) FROM tags AS later WHERE "
     "later.place = tags.place AND later.tag = tags.tag AND later.since_s <= ?1)"},
    /* A repository that is cleaned up each day has no end of tags that are gone. */
    {SP_KEEP_HISTORY_S, "DELETE FROM tags WHERE (gone & 3) <> 0 AND since_s < ?1"},
    {SP_KEEP_HISTORY_S,
     "DELETE FROM digests WHERE max(first_seen_s, touched_s, read_s, referrers_s, damaged_s) < ?1"},
    {SP_KEEP_HISTORY_S, "DELETE FROM blobs WHERE read_s < ?1"},
    {SP_KEEP_HISTORY_S, "DELETE FROM rot WHERE max(damaged_s, known_s) < ?1"},
    {SP_KEEP_UPLOADS_S, "DELETE FROM uploads WHERE at_s < ?1"},
    {SP_KEEP_WRITES_S, OF_OLD_RUNS("images")},
    {SP_KEEP_WRITES_S, OF_OLD_RUNS("writes")},
    {0, BEYOND("images", SP_MAX_KEPT_WRITES)},
    {0, BEYOND("writes", SP_MAX_KEPT_WRITES)},
    {SP_KEEP_HISTORY_S, "DELETE FROM runs WHERE started_s < ?1"},
    {0, "DELETE FROM runs WHERE id <= (SELECT id FROM runs ORDER BY id DESC LIMIT 1 "
        "OFFSET " TEXT_OF(SP_MAX_KEPT_RUNS) ")"},
};

static int put_mark(struct sp_db *db, const char *name, int64_t at_s, struct sp_err *err)
{
  const struct sp_field fields[] = {SP_NUMBER(sp_db_key(name)), SP_TEXT(name), SP_NUMBER(at_s)};
  return sp_db_put(db, &sp_table_marks, "", fields, err);
}

/* The date of a mark; 0 if there is none. */
static int read_mark(struct sp_db *db, const char *name, int64_t *at_s, struct sp_err *err)
{
  const struct sp_field key = SP_NUMBER(sp_db_key(name));
  struct sp_field fields[SP_MAX_FIELDS];
  SP_AUTO_ROWS struct sp_rows rows;
  *at_s = 0;
  if (sp_db_select(db, &sp_table_marks, "SELECT * FROM marks WHERE name_key = ?1", &key, 1, &rows,
                   err) < 0)
    return -1;
  int got = sp_rows_next(&rows, "", fields, err);
  if (got > 0 && fields[2].number >= 0 && fields[2].number <= MAX_UNIX_S)
    *at_s = fields[2].number;
  return got < 0 ? -1 : 0;
}

int sp_prune_mark(struct sp_db *db, const char *name, int64_t at_s, struct sp_err *err)
{
  int64_t before_s;
  if (read_mark(db, name, &before_s, err) < 0)
    return -1;
  /* A mark from the future is a clock's that was wrong. */
  if (at_s - before_s < SP_DAY_S && before_s - at_s < SP_DAY_S)
    return 0;
  return put_mark(db, name, at_s, err);
}

static int prune(struct sp_db *db, int64_t now_s, struct sp_err *err)
{
  for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
    const struct sp_field before = SP_NUMBER(now_s - orders[i].keep_s);
    if (sp_db_run(db, orders[i].sql, &before, orders[i].keep_s ? 1 : 0, err) < 0)
      return -1;
  }
  return 0;
}

int sp_prune_if_due(struct sp_db *db, int64_t now_s, struct sp_err *err)
{
  int64_t last_s;
  if (read_mark(db, PRUNED, &last_s, err) < 0)
    return -1;
  int64_t gap_s = now_s - last_s;
  if (gap_s > -SP_DAY_S && gap_s < SP_DAY_S)
    return 0;
  if (sp_db_begin(db, err) < 0)
    return -1;
  /* A clock that jumped by years must not throw a year of history away: it has to be confirmed by
   * another day. */
  bool is_plausible = gap_s > 0 && gap_s <= MAX_GAP_S;
  if ((!is_plausible || prune(db, now_s, err) == 0) && put_mark(db, PRUNED, now_s, err) == 0 &&
      sp_db_commit(db, err) == 0)
    return 0;
  sp_db_rollback(db);
  return -1;
}
