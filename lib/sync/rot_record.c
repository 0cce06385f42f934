/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/rot_record.h"

#include <stdlib.h>

#include "base/text.h"
#include "oci/place.h"

/* What this host read, and found good, after the record says that it was seen: at the backup, or,
 * of rot that is elsewhere in its store, anywhere there. */
static int drop_mended(struct sp_journal *journal, const char *place, struct sp_record *record,
                       struct sp_err *err)
{
  size_t count = record->rot_count;
  SP_AUTO_FREE char *store = NULL;
  SP_AUTO_FREE struct sp_digest *digests = calloc(count + 1, sizeof *digests);
  SP_AUTO_FREE int64_t *here_s = calloc(count + 1, sizeof *here_s);
  SP_AUTO_FREE int64_t *store_s = calloc(count + 1, sizeof *store_s);
  if (!digests || !here_s || !store_s)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a record");
  for (size_t i = 0; i < count; i++)
    digests[i] = record->rot[i].digest;
  if (sp_text_dup_span(&store, SP_SPAN(place, sp_place_store_len(place)), err) < 0 ||
      sp_known_read_blobs(journal, place, digests, count, here_s, err) < 0 ||
      sp_known_read_blobs(journal, store, digests, count, store_s, err) < 0)
    return -1;
  for (size_t i = count; i-- > 0;) {
    const struct sp_record_rot *rot = &record->rot[i];
    if (here_s[i] >= rot->seen_s || (rot->is_elsewhere && store_s[i] >= rot->seen_s))
      sp_record_drop_rot(record, i);
  }
  return 0;
}

static int add_known(const struct sp_rot *known, struct sp_record *record, struct sp_err *err)
{
  for (size_t i = 0; i < known->count; i++) {
    const struct sp_rot_blob *blob = &known->blobs[i];
    enum sp_rot_state state = sp_rot_state(known, &blob->digest);
    const struct sp_record_rot rot = {.digest = blob->digest,
                                      .seen_s =
                                          state == SP_ROT_HERE ? blob->damaged_s : blob->seen_s,
                                      .is_elsewhere = state == SP_ROT_DOUBT};
    if (state != SP_ROT_NONE && sp_record_add_rot(record, &rot, err) < 0)
      return -1;
  }
  return sp_record_prune_rot(record, err);
}

static int update(struct sp_journal *journal, const char *place, const struct sp_rot *known,
                  struct sp_record *record, struct sp_err *err)
{
  if (record->rot_count > 0 && drop_mended(journal, place, record, err) < 0)
    return -1;
  return add_known(known, record, err);
}

int sp_rot_record_update(const struct sp_work *work, size_t backup, struct sp_record *record,
                         struct sp_err *err)
{
  struct sp_journal *journal = work->sync->journal;
  const char *place = sp_store_known_as(work->backups[backup]);
  SP_AUTO_ROT struct sp_rot known = {0};
  sp_journal_flush(journal);
  return sp_rot_read(journal, place, &known, err) < 0 ? -1
                                                      : update(journal, place, &known, record, err);
}

bool sp_rot_record_has_news(const struct sp_work *work, size_t backup)
{
  struct sp_journal *journal = work->sync->journal;
  const char *place = sp_store_known_as(work->backups[backup]);
  SP_AUTO_RECORD struct sp_record said, now;
  struct sp_err no_memory = SP_ERR_INIT;
  sp_record_init(&said);
  sp_record_init(&now);
  return sp_past_read_said_rot(journal, place, &said, &no_memory) == 0 &&
         sp_record_merge(&now, &said, &no_memory) == 0 &&
         update(journal, place, &work->past.rots[backup], &now, &no_memory) == 0 &&
         sp_record_is_rot_news(&said, &now);
}
