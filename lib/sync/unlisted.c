/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/unlisted.h"

#include <string.h>

#include "base/pool.h"

#define PROBES_AT_ONCE 32

struct look {
  struct sp_work *work;
  size_t backup;
  size_t tags;            /* how many are asked for */
  atomic_bool is_refuted; /* something is there, or may be */
};

static bool is_there(struct look *look, const char *tag)
{
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  return sp_store_resolve(look->work->backups[look->backup], tag, &named, &err) == 0 ||
         err.code != SP_E_NOT_FOUND;
}

/* The record's tag, then tags in equal steps. */
static void probe(void *ctx, size_t i)
{
  struct look *look = ctx;
  const struct sp_tags *tags = &look->work->tags;
  const char *name = i == 0 ? SP_RECORD_TAG : tags->items[(i - 1) * tags->count / look->tags].name;
  bool is_known = i == 0 && look->work->past.lacks_record[look->backup];
  if (!is_known && !atomic_load(&look->is_refuted) && is_there(look, name))
    atomic_store(&look->is_refuted, true);
}

static bool lists_nothing(const struct sp_side *side)
{
  return side->is_listed && side->tag_count == 0;
}

void sp_unlisted_look(struct sp_work *work)
{
  size_t count = work->tags.count;
  size_t most = work->sync->restores ? count : SP_UNLISTED_PROBES;
  for (size_t i = 0; i < work->backup_count; i++) {
    struct look look = {.work = work, .backup = i, .tags = count < most ? count : most};
    if (!lists_nothing(&work->sides[i]) || work->past.has_record[i] || !sp_work_is_open(work, i))
      continue;
    sp_pool_run(1 + look.tags, PROBES_AT_ONCE, probe, &look);
    work->is_blank[i] = !atomic_load(&look.is_refuted);
  }
}

bool sp_unlisted_is_asked(const struct sp_work *work, const struct sp_pinned *tag, size_t backup)
{
  if (sp_side_has(&work->sides[backup], tag->name))
    return true;
  if (tag->is_past && tag->primary.alg == SP_DIGEST_NONE)
    return false;
  const struct sp_known_tag *known = sp_known_find_tag(&work->past.backups[backup], tag->name);
  return !work->is_blank[backup] || (known && !known->is_gone);
}
