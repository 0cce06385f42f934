/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing, at most half full. The hash (FNV-1a) has a seed, so that a registry cannot name
 * tags that all want the same slot. */
#include "api/tag_set.h"

#include "base/limits.h"
#include "base/random.h"

#define FIRST_SLOTS 1024u

void sp_tag_set_init(struct sp_tag_set *set)
{
  *set = (struct sp_tag_set){.seed_ = sp_random_u64()};
  sp_buf_init(&set->text_, (size_t)SP_MAX_TAGS * (SP_MAX_TAG + 1));
}

void sp_tag_set_clear(struct sp_tag_set *set)
{
  sp_buf_clear(&set->text_);
  free(set->at_);
  free(set->slots_);
  *set = (struct sp_tag_set){0};
}

const char *sp_tag_set_get(const struct sp_tag_set *set, size_t i)
{
  return sp_buf_str(&set->text_) + set->at_[i];
}

/* The slot that holds the tag, or the free one where it belongs. */
static uint32_t *find(const struct sp_tag_set *set, const char *tag)
{
  uint64_t hash = set->seed_;
  for (const char *c = tag; *c; c++)
    hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
  size_t mask = set->slot_count_ - 1;
  for (size_t i = (size_t)(hash ^ hash >> 32) & mask;; i = (i + 1) & mask) {
    uint32_t *slot = &set->slots_[i];
    if (*slot == 0 || strcmp(sp_tag_set_get(set, *slot - 1), tag) == 0)
      return slot;
  }
}

static int grow(struct sp_tag_set *set, struct sp_err *err)
{
  size_t slot_count = set->slot_count_ ? set->slot_count_ * 2 : FIRST_SLOTS;
  uint32_t *at = reallocarray(set->at_, slot_count / 2, sizeof *at);
  if (at)
    set->at_ = at;
  uint32_t *slots = calloc(slot_count, sizeof *slots);
  if (!at || !slots) {
    free(slots);
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu tags", set->count);
  }
  free(set->slots_);
  set->slots_ = slots;
  set->slot_count_ = slot_count;
  for (size_t i = 0; i < set->count; i++)
    *find(set, sp_tag_set_get(set, i)) = (uint32_t)i + 1;
  return 0;
}

int sp_tag_set_add(struct sp_tag_set *set, const char *tag, bool *is_new, struct sp_err *err)
{
  if (set->count >= set->slot_count_ / 2 && grow(set, err) < 0)
    return -1;
  uint32_t *slot = find(set, tag);
  *is_new = *slot == 0;
  if (!*is_new)
    return 0;
  if (set->count >= SP_MAX_TAGS)
    return sp_fail(err, SP_E_LIMIT, "more than %d tags", SP_MAX_TAGS);
  size_t begin = set->text_.len;
  if (sp_buf_append(&set->text_, tag, strlen(tag) + 1, err) < 0)
    return -1;
  set->at_[set->count++] = (uint32_t)begin;
  *slot = (uint32_t)set->count;
  return 0;
}
