/* SPDX-License-Identifier: Apache-2.0 */
/* Three sets over the listing: what is selected for certain, what may be newer than the cut but
 * nobody can say (`maybe`), and the contenders of one pattern at a time, which are sorted. */
#include "policy/selection.h"

#include <stdlib.h>

#include "policy/tag_kind.h"

/* A tag that a pattern (not an exact name) brought in. */
struct contender {
  size_t index;
  int64_t first_seen_s;
  struct sp_semver version;
};

struct choice {
  const struct sp_selection *rules;
  const struct sp_tag_age *tags;
  size_t count;
  bool *selected;
  bool *maybe;
  bool *is_out; /* excluded, or named exactly: no contender */
  struct contender *contenders;
};

void sp_selection_clear(struct sp_selection *selection)
{
  sp_pattern_list_clear(&selection->include);
  sp_pattern_list_clear(&selection->exclude);
  *selection = (struct sp_selection){0};
}

bool sp_selection_thins(const struct sp_selection *selection)
{
  return selection->newest > 0 || selection->since_s > 0;
}

bool sp_selection_matches(const struct sp_selection *selection, const char *tag)
{
  if (strcmp(tag, SP_RECORD_TAG) == 0 || sp_pattern_list_matches(&selection->exclude, tag))
    return false;
  if (selection->include.count == 0)
    return !sp_tag_is_special(tag);
  return sp_pattern_list_matches(&selection->include, tag);
}

static bool is_named_exactly(const struct sp_selection *rules, const char *tag)
{
  for (size_t i = 0; i < rules->include.count; i++) {
    const struct sp_pattern *pattern = &rules->include.items[i];
    if (pattern->kind == SP_PATTERN_EXACT && sp_pattern_matches(pattern, tag))
      return true;
  }
  return false;
}

/* -- newest */

static int by_version(const void *a, const void *b)
{
  return sp_semver_compare(&((const struct contender *)b)->version,
                           &((const struct contender *)a)->version);
}

static int by_age(const void *a, const void *b)
{
  int64_t x = ((const struct contender *)a)->first_seen_s;
  int64_t y = ((const struct contender *)b)->first_seen_s;
  return (x < y) - (x > y);
}

/* The tags that this pattern (NULL: all tags) brings in, newest first where that can be said.
 * Answers how many; *order compares them. Those of unknown age go to `maybe` and are left out. */
static size_t gather(struct choice *choice, const struct sp_pattern *pattern,
                     int (**order)(const void *, const void *))
{
  size_t count = 0;
  bool all_versions = true;
  for (size_t i = 0; i < choice->count; i++) {
    const struct sp_tag_age *tag = &choice->tags[i];
    bool is_in = pattern ? sp_pattern_matches(pattern, tag->name) : !sp_tag_is_special(tag->name);
    if (choice->is_out[i] || !is_in)
      continue;
    struct contender *contender = &choice->contenders[count++];
    *contender = (struct contender){.index = i, .first_seen_s = tag->first_seen_s};
    all_versions = all_versions && sp_semver_parse(sp_span_str(tag->name), &contender->version);
  }
  *order = all_versions ? by_version : by_age;
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (!all_versions && choice->contenders[i].first_seen_s == SP_TIME_UNKNOWN)
      choice->maybe[choice->contenders[i].index] = true;
    else
      choice->contenders[kept++] = choice->contenders[i];
  }
  return kept;
}

static void select_newest(struct choice *choice, const struct sp_pattern *pattern)
{
  int (*order)(const void *, const void *);
  size_t count = gather(choice, pattern, &order);
  size_t newest = choice->rules->newest;
  qsort(choice->contenders, count, sizeof *choice->contenders, order);
  for (size_t i = 0; i < count; i++) {
    const struct contender *contender = &choice->contenders[i];
    if (i < newest)
      choice->selected[contender->index] = true;
    else if (order(contender, &choice->contenders[newest - 1]) == 0)
      choice->maybe[contender->index] = true;
    else
      return;
  }
}

/* -- since */

/* The newest time at which any tag was first seen, or now where that is earlier or none is known.
 */
static int64_t reference_time(const struct choice *choice, int64_t now_s)
{
  int64_t newest = SP_TIME_UNKNOWN;
  for (size_t i = 0; i < choice->count; i++) {
    if (choice->tags[i].first_seen_s > newest)
      newest = choice->tags[i].first_seen_s;
  }
  return newest == SP_TIME_UNKNOWN || newest > now_s ? now_s : newest;
}

static void select_since(struct choice *choice, int64_t now_s)
{
  int64_t horizon_s;
  if (__builtin_sub_overflow(reference_time(choice, now_s), choice->rules->since_s, &horizon_s))
    horizon_s = INT64_MIN;
  for (size_t i = 0; i < choice->count; i++) {
    const struct sp_tag_age *tag = &choice->tags[i];
    if (choice->is_out[i])
      continue;
    if (tag->first_seen_s == SP_TIME_UNKNOWN)
      choice->maybe[i] = true;
    else if (tag->first_seen_s >= horizon_s)
      choice->selected[i] = true;
  }
}

/* -- all */

/* Exact names and exclusions first: they are no matter of age. */
static void sort_out(struct choice *choice)
{
  for (size_t i = 0; i < choice->count; i++) {
    const char *tag = choice->tags[i].name;
    bool is_selected = sp_selection_matches(choice->rules, tag);
    bool is_certain = !sp_selection_thins(choice->rules) || is_named_exactly(choice->rules, tag);
    choice->selected[i] = is_selected && is_certain;
    choice->is_out[i] = !is_selected || is_certain;
    choice->maybe[i] = false;
  }
}

static size_t keep_undecided(struct choice *choice)
{
  size_t undecided = 0;
  for (size_t i = 0; i < choice->count; i++) {
    undecided += choice->maybe[i] && !choice->selected[i];
    choice->selected[i] = choice->selected[i] || choice->maybe[i];
  }
  return undecided;
}

int sp_selection_apply(const struct sp_selection *selection, const struct sp_tag_age *tags,
                       size_t count, int64_t now_s, bool *selected, size_t *undecided,
                       struct sp_err *err)
{
  size_t contenders_max = selection->newest > 0 ? count : 0;
  SP_AUTO_FREE bool *maybe = calloc(count + 1, sizeof *maybe);
  SP_AUTO_FREE bool *is_out = calloc(count + 1, sizeof *is_out);
  SP_AUTO_FREE struct contender *contenders = calloc(contenders_max + 1, sizeof *contenders);
  if (!maybe || !is_out || !contenders)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the selection of %zu tags", count);
  struct choice choice = {.rules = selection,
                          .tags = tags,
                          .count = count,
                          .selected = selected,
                          .maybe = maybe,
                          .is_out = is_out,
                          .contenders = contenders};
  sort_out(&choice);
  if (selection->since_s > 0)
    select_since(&choice, now_s);
  if (selection->newest > 0 && selection->include.count == 0)
    select_newest(&choice, NULL);
  for (size_t i = 0; selection->newest > 0 && i < selection->include.count; i++) {
    if (selection->include.items[i].kind != SP_PATTERN_EXACT)
      select_newest(&choice, &selection->include.items[i]);
  }
  size_t kept = keep_undecided(&choice);
  if (undecided)
    *undecided = kept;
  return 0;
}
