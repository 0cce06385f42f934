/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/children.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "oci/reference.h"
#include "sync/kept.h"
#include "transfer/digest_map.h"

#define INDEXES_AT_ONCE 16

struct looking {
  struct sp_work *work;
  struct sp_digest_map named;    /* by selected tags, each with its first one */
  struct sp_digest_map subjects; /* of tags of the primary, not among those */
  bool may_ask;
  pthread_mutex_t lock; /* guards what follows, and work->children */
  size_t cap;
  bool is_out_of_memory;
};

/* -- whose children are looked for */

/* No run has followed it, or some backup does not list it. */
static bool may_be_news(const struct sp_work *work, const char *tag, bool is_fallback)
{
  if (is_fallback)
    return sp_past_named(&work->past, tag).alg == SP_DIGEST_NONE;
  for (size_t i = 0; i < work->backup_count; i++) {
    if (work->sides[i].is_listed && !sp_side_has(&work->sides[i], tag))
      return true;
  }
  return false;
}

static int map_named(struct looking *looking, struct sp_err *err)
{
  const struct sp_tags *tags = &looking->work->tags;
  bool added;
  for (size_t i = 0; i < tags->selected_count; i++) {
    if (tags->items[i].primary.alg != SP_DIGEST_NONE &&
        sp_digest_map_add(&looking->named, &tags->items[i].primary, i, &added, err) < 0)
      return -1;
  }
  return 0;
}

static int map_subjects(struct looking *looking, struct sp_err *err)
{
  const struct sp_side *side = &looking->work->primary_side;
  for (size_t i = 0; i < side->tag_count; i++) {
    struct sp_digest subject;
    bool is_fallback, added;
    if (!sp_ref_digest_tag_subject(sp_span_str(side->tags[i]), &subject, &is_fallback) ||
        sp_digest_map_find(&looking->named, &subject, NULL))
      continue;
    if (sp_digest_map_add(&looking->subjects, &subject, i, &added, err) < 0)
      return -1;
    looking->may_ask = looking->may_ask || may_be_news(looking->work, side->tags[i], is_fallback);
  }
  return 0;
}

/* -- looking */

static void add_child(struct looking *looking, const struct sp_digest *index,
                      const struct sp_digest *digest)
{
  struct sp_work *work = looking->work;
  SP_LOCK_SCOPE(&looking->lock);
  if (work->child_count == looking->cap) {
    size_t cap = looking->cap ? looking->cap * 2 : 16;
    struct sp_child *grown = reallocarray(work->children, cap, sizeof *grown);
    looking->is_out_of_memory = looking->is_out_of_memory || !grown;
    if (!grown)
      return;
    work->children = grown;
    looking->cap = cap;
  }
  work->children[work->child_count++] = (struct sp_child){.index = *index, .digest = *digest};
}

/* Whoever has it: what is read is hashed. */
static bool get_index(const struct looking *looking, const struct sp_digest *digest,
                      struct sp_manifest_bytes *out)
{
  struct sp_work *work = looking->work;
  for (int may_ask = 0; may_ask <= looking->may_ask; may_ask++) {
    for (size_t i = 0; i <= work->backup_count; i++) {
      struct sp_store *store = i == 0 ? work->primary : work->backups[i - 1];
      if (!sp_cancel_is_requested(work->sync->cancel) &&
          sp_kept_get_free(store, digest, may_ask, out))
        return true;
    }
  }
  return false;
}

/* Not yet met below this index, so that one that names another a thousand times costs no more than
 * its bytes. */
static bool is_new(struct looking *looking, struct sp_digest_map *met,
                   const struct sp_digest *digest)
{
  struct sp_err err = SP_ERR_INIT;
  bool added = false;
  if (met->count >= SP_MAX_GRAPH_NODES)
    return false;
  if (sp_digest_map_add(met, digest, 0, &added, &err) < 0) {
    SP_LOCK_SCOPE(&looking->lock);
    looking->is_out_of_memory = true;
  }
  return added;
}

/* An index may name others: their children are those of the one that the tag names. */
static void look_into(struct looking *looking, const struct sp_digest *index,
                      const struct sp_digest *digest, int depth, struct sp_digest_map *met)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  struct sp_err ignored = SP_ERR_INIT;
  sp_manifest_bytes_init(&bytes);
  if (!get_index(looking, digest, &bytes) ||
      sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type), &parsed,
                        &ignored) < 0)
    return;
  for (size_t i = 0; i < parsed.child_count; i++) {
    const struct sp_desc *child = &parsed.children[i];
    if (!is_new(looking, met, &child->digest))
      continue;
    if (sp_digest_map_find(&looking->subjects, &child->digest, NULL))
      add_child(looking, index, &child->digest);
    if (depth < SP_MAX_GRAPH_DEPTH && sp_media_is_index(sp_span_str(child->media_type)))
      look_into(looking, index, &child->digest, depth + 1, met);
  }
}

static void look_task(void *ctx, size_t i)
{
  struct looking *looking = ctx;
  const struct sp_pinned *tag = &looking->work->tags.items[i];
  size_t first;
  SP_AUTO_DIGEST_MAP struct sp_digest_map met = {0};
  if (tag->is_index && sp_digest_map_find(&looking->named, &tag->primary, &first) && first == i)
    look_into(looking, &tag->primary, &tag->primary, 0, &met);
}

static int by_index(const void *a, const void *b)
{
  return memcmp(&((const struct sp_child *)a)->index, &((const struct sp_child *)b)->index,
                sizeof(struct sp_digest));
}

static int find(struct looking *looking, struct sp_err *err)
{
  struct sp_work *work = looking->work;
  if (map_named(looking, err) < 0 || map_subjects(looking, err) < 0)
    return -1;
  if (looking->subjects.count == 0)
    return 0;
  sp_pool_run(work->tags.selected_count, INDEXES_AT_ONCE, look_task, looking);
  if (looking->is_out_of_memory)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  if (work->child_count > 0)
    qsort(work->children, work->child_count, sizeof *work->children, by_index);
  return 0;
}

int sp_children_find(struct sp_work *work, struct sp_err *err)
{
  struct looking looking = {.work = work};
  if (!work->rules.with_referrers)
    return 0;
  pthread_mutex_init(&looking.lock, NULL);
  int failed = find(&looking, err);
  sp_digest_map_clear(&looking.named);
  sp_digest_map_clear(&looking.subjects);
  pthread_mutex_destroy(&looking.lock);
  return failed;
}

const struct sp_child *sp_children_of(const struct sp_work *work, const struct sp_digest *index,
                                      size_t *count)
{
  size_t low = 0, high = work->child_count;
  const struct sp_child key = {.index = *index};
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (by_index(&work->children[middle], &key) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  size_t end = low;
  while (end < work->child_count && by_index(&work->children[end], &key) == 0)
    end++;
  *count = end - low;
  return work->child_count > 0 ? &work->children[low] : NULL;
}
