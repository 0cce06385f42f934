/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/ahead.h"

#include "base/pool.h"
#include "sync/kept.h"
#include "sync/past.h"

struct ahead {
  const struct sp_sync *sync;
  struct sp_outages *outages;
  struct sp_pull_reserve *reserve;
  uint32_t *lacks;
};

/* One that is down has been waited for once. */
static void fetch(const struct ahead *ahead, struct sp_past *past, size_t backup,
                  struct sp_side *side)
{
  struct sp_err why = SP_ERR_INIT;
  side->is_listed = sp_outages_check(ahead->outages, side->store->name, &why) == 0;
  if (!side->is_listed || sp_past_fetch_record(past, backup, side, &ahead->sync->retry, &why) == 0)
    return;
  sp_outages_note(ahead->outages, side->store->name, &why);
  side->is_listed = false; /* as far as this goes */
}

static void read_image(const struct ahead *ahead, size_t number, const char *primary,
                       struct sp_side *sides, size_t count)
{
  struct sp_journal *journal = ahead->sync->journal;
  struct sp_past past = {.backup_count = count};
  struct sp_err ignored = SP_ERR_INIT;
  uint32_t lacking;
  if (sp_past_find_lacking(journal, primary, sides, count, &lacking, &ignored) < 0 || lacking == 0)
    return;
  for (size_t i = 0; i < count; i++) {
    sp_record_init(&past.records[i]);
    if (!(lacking >> i & 1))
      continue; /* it is not listed, so it is not asked */
    fetch(ahead, &past, i, &sides[i]);
    ahead->lacks[number] |= past.lacks_record[i] ? UINT32_C(1) << i : 0;
  }
  bool has_news;
  (void)!sp_past_ask_records(&past, journal, primary, sides, &ahead->sync->retry, &has_news,
                             &ignored);
  sp_past_clear(&past);
}

/* As the image's turn will do, but for the audit: nothing is written. */
static int wrap(const struct ahead *ahead, struct sp_store *store, struct sp_store **out,
                struct sp_err *err)
{
  struct sp_store *metered;
  return sp_pull_reserve_wrap_take(ahead->reserve, store, &metered, err) < 0
             ? -1
             : sp_kept_wrap_take(metered, ahead->sync->state_dir, ahead->reserve, true, out, err);
}

static void image_task(void *ctx, size_t number)
{
  const struct ahead *ahead = ctx;
  const struct sp_sync_images *images = &ahead->sync->images;
  struct sp_sync_entry entry = {0};
  struct sp_side sides[SP_MAX_DESTINATIONS] = {0};
  struct sp_err ignored = SP_ERR_INIT;
  if (sp_cancel_is_requested(ahead->sync->cancel) ||
      images->open(images->ctx, number, ahead->reserve, &entry, &ignored) < 0)
    return;
  size_t count = 0;
  for (size_t i = 0; i < entry.backup_count; i++) {
    if (count < i)
      sp_store_close(entry.backups[i]);
    else
      count += wrap(ahead, entry.backups[i], &sides[i].store, &ignored) == 0;
  }
  if (count == entry.backup_count)
    read_image(ahead, number, entry.primary->name, sides, count);
  for (size_t i = 0; i < count; i++)
    sp_store_close(sides[i].store);
  sp_store_close(entry.primary);
}

void sp_ahead_read(const struct sp_sync *sync, struct sp_outages *outages,
                   struct sp_pull_reserve *reserve, uint32_t *lacks)
{
  struct ahead ahead = {.sync = sync, .outages = outages, .reserve = reserve, .lacks = lacks};
  if (sync->images.count > 1 && !sync->restores)
    sp_pool_run(sync->images.count, sync->jobs, image_task, &ahead);
}
