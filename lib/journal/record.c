/* SPDX-License-Identifier: Apache-2.0 */
/* The struct and its rules; bytes are record_artifact.c. */
#include "journal/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void sp_record_init(struct sp_record *record)
{
  *record = (struct sp_record){0};
}

void sp_record_clear(struct sp_record *record)
{
  free(record->primary);
  free(record->tags);
  free(record->left);
  free(record->rot);
  sp_record_init(record);
}

int sp_record_set_primary(struct sp_record *record, const char *primary, struct sp_err *err)
{
  SP_AUTO_FREE char *copy = NULL;
  if (sp_text_dup(&copy, primary, err) < 0)
    return -1;
  free(record->primary);
  record->primary = sp_steal(&copy);
  return 0;
}

const char *sp_record_primary(const struct sp_record *record)
{
  return record->primary ? record->primary : "";
}

/* -- finding */

/* Where the tag is, or would be. */
static size_t place_of(const struct sp_record *record, const char *tag, bool *found)
{
  size_t low = 0;
  size_t high = record->count;
  *found = false;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = strcmp(record->tags[middle].tag, tag);
    if (order == 0) {
      *found = true;
      return middle;
    }
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

const struct sp_record_tag *sp_record_find(const struct sp_record *record, const char *tag)
{
  bool found;
  size_t at = place_of(record, tag, &found);
  return found ? &record->tags[at] : NULL;
}

/* -- merging */

static int64_t earliest(int64_t a, int64_t b)
{
  if (a == 0 || b == 0)
    return a + b;
  return a < b ? a : b;
}

struct sp_known_digest sp_record_copy(const struct sp_record_tag *tag)
{
  return (struct sp_known_digest){.digest = tag->digest,
                                  .touched_s = tag->touched_s,
                                  .read_s = tag->read_s,
                                  .damaged_s = tag->damaged_s,
                                  .needs_read = tag->needs_read};
}

void sp_record_set_copy(struct sp_record_tag *tag, const struct sp_known_digest *copy)
{
  tag->touched_s = copy->touched_s;
  tag->read_s = copy->read_s;
  tag->damaged_s = copy->damaged_s;
  tag->needs_read = copy->needs_read;
}

static bool is_newer(const struct sp_record_tag *a, const struct sp_record_tag *b)
{
  if (a->since_s != b->since_s)
    return a->since_s > b->since_s;
  return memcmp(&a->digest.raw, &b->digest.raw, sizeof a->digest.raw) > 0;
}

/* Of two that tell of one digest: since when the tag named it, if it is gone as `merged` says. */
static int64_t named_since(const struct sp_record_tag *merged, const struct sp_record_tag *a,
                           const struct sp_record_tag *b)
{
  int64_t since_s = earliest(a->is_gone ? a->named_since_s : a->since_s,
                             b->is_gone ? b->named_since_s : b->since_s);
  return merged->is_gone && since_s < merged->since_s ? since_s : 0;
}

/* Both went; did it come back in between? Then what was meant of the one is not of the other. */
static bool has_come_back(const struct sp_record_tag *older, const struct sp_record_tag *newer)
{
  return older->is_gone && newer->is_gone && newer->named_since_s > older->since_s;
}

/* Two that tell of one digest, and saw it come, or go, at about one time. */
static void merge_stay(struct sp_record_tag *merged, const struct sp_record_tag *a,
                       const struct sp_record_tag *b)
{
  if (a->is_gone == b->is_gone)
    merged->since_s = earliest(a->since_s, b->since_s);
  else if (a->since_s == b->since_s)
    merged->is_gone = true;
  merged->is_meant = merged->is_gone && (a->is_meant || b->is_meant);
  merged->named_since_s = named_since(merged, a, b);
}

static void merge_tag(struct sp_record_tag *into, const struct sp_record_tag *from)
{
  bool is_one = sp_digest_eq(&into->digest, &from->digest);
  const struct sp_record_tag *newer = is_newer(from, into) ? from : into;
  const struct sp_record_tag *older = newer == from ? into : from;
  struct sp_record_tag merged = *newer;
  if (is_one) {
    if (!has_come_back(older, newer))
      merge_stay(&merged, into, from);
    merged.first_seen_s = earliest(into->first_seen_s, from->first_seen_s);
    struct sp_known_digest copy = sp_record_copy(into);
    const struct sp_known_digest other = sp_record_copy(from);
    sp_known_merge(&copy, &other);
    sp_record_set_copy(&merged, &copy);
  }
  *into = merged;
}

static int insert(struct sp_record *record, size_t at, const struct sp_record_tag *tag,
                  struct sp_err *err)
{
  if (record->count >= SP_MAX_TAGS)
    return sp_fail(err, SP_E_LIMIT, "a record holds at most %d tags", SP_MAX_TAGS);
  if (record->count == record->cap) {
    size_t cap = record->cap ? record->cap * 2 : 16;
    struct sp_record_tag *more = reallocarray(record->tags, cap, sizeof *more);
    if (!more)
      return sp_fail(err, SP_E_NOMEM, "out of memory for a record");
    record->tags = more;
    record->cap = cap;
  }
  memmove(&record->tags[at + 1], &record->tags[at], (record->count - at) * sizeof *record->tags);
  record->tags[at] = *tag;
  record->count++;
  return 0;
}

int sp_record_merge_tag(struct sp_record *record, const struct sp_record_tag *tag,
                        struct sp_err *err)
{
  bool found;
  size_t at = place_of(record, tag->tag, &found);
  if (!found)
    return insert(record, at, tag, err);
  merge_tag(&record->tags[at], tag);
  return 0;
}

/* -- what was left */

static int compare_left(const struct sp_record_left *a, const struct sp_record_left *b)
{
  if (a->left_s != b->left_s)
    return a->left_s < b->left_s ? -1 : 1;
  int order = strcmp(a->tag, b->tag);
  if (order != 0)
    return order;
  if (a->since_s != b->since_s)
    return a->since_s < b->since_s ? -1 : 1;
  return memcmp(a->digest.raw, b->digest.raw, sizeof a->digest.raw);
}

static bool is_one(const struct sp_record_left *a, const struct sp_record_left *b)
{
  return a->since_s == b->since_s && strcmp(a->tag, b->tag) == 0 &&
         sp_digest_eq(&a->digest, &b->digest);
}

static void remove_left(struct sp_record *record, size_t at)
{
  record->left_count--;
  memmove(&record->left[at], &record->left[at + 1],
          (record->left_count - at) * sizeof *record->left);
}

static int insert_left(struct sp_record *record, const struct sp_record_left *left,
                       struct sp_err *err)
{
  if (record->left_count == record->left_cap) {
    size_t cap = record->left_cap ? record->left_cap * 2 : 16;
    struct sp_record_left *more = reallocarray(record->left, cap, sizeof *more);
    if (!more)
      return sp_fail(err, SP_E_NOMEM, "out of memory for a record");
    record->left = more;
    record->left_cap = cap;
  }
  size_t at = record->left_count++;
  for (; at > 0 && compare_left(&record->left[at - 1], left) > 0; at--)
    record->left[at] = record->left[at - 1];
  record->left[at] = *left;
  return 0;
}

int sp_record_merge_left(struct sp_record *record, const struct sp_record_left *left,
                         struct sp_err *err)
{
  if (left->left_s <= left->since_s)
    return 0;
  for (size_t i = 0; i < record->left_count; i++) {
    if (!is_one(&record->left[i], left))
      continue;
    if (record->left[i].left_s <= left->left_s)
      return 0;
    remove_left(record, i);
    break;
  }
  if (insert_left(record, left, err) < 0)
    return -1;
  if (record->left_count > SP_MAX_RECORD_LEFT)
    remove_left(record, 0);
  return 0;
}

/* -- rot */

static int compare_digests(const struct sp_digest *a, const struct sp_digest *b)
{
  return a->alg != b->alg ? (a->alg < b->alg ? -1 : 1) : memcmp(a->raw, b->raw, sizeof a->raw);
}

static size_t rot_place(const struct sp_record *record, const struct sp_digest *digest, bool *found)
{
  size_t at = record->rot_count; /* most come in order */
  while (at > 0 && compare_digests(&record->rot[at - 1].digest, digest) >= 0)
    at--;
  *found = at < record->rot_count && sp_digest_eq(&record->rot[at].digest, digest);
  return at;
}

int sp_record_add_rot(struct sp_record *record, const struct sp_record_rot *rot, struct sp_err *err)
{
  bool found;
  size_t at = rot_place(record, &rot->digest, &found);
  if (found) {
    struct sp_record_rot *known = &record->rot[at];
    known->seen_s = rot->seen_s > known->seen_s ? rot->seen_s : known->seen_s;
    known->is_elsewhere = known->is_elsewhere && rot->is_elsewhere;
    return 0;
  }
  if (record->rot_count == SP_MAX_ROT)
    return 0;
  struct sp_record_rot *more =
      reallocarray(record->rot, record->rot_count + 1, sizeof *record->rot);
  if (!more)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a record");
  record->rot = more;
  memmove(&more[at + 1], &more[at], (record->rot_count - at) * sizeof *more);
  more[at] = *rot;
  record->rot_count++;
  return 0;
}

void sp_record_drop_rot(struct sp_record *record, size_t i)
{
  record->rot_count--;
  memmove(&record->rot[i], &record->rot[i + 1], (record->rot_count - i) * sizeof *record->rot);
}

/* -- two records */

int sp_record_merge(struct sp_record *record, const struct sp_record *from, struct sp_err *err)
{
  const char *mine = sp_record_primary(record);
  const char *theirs = sp_record_primary(from);
  if (mine[0] && theirs[0] && strcmp(mine, theirs) != 0)
    return sp_fail(err, SP_E_USAGE, "a record of '%s' is none of '%s'", theirs, mine);
  if (!mine[0] && theirs[0] && sp_record_set_primary(record, theirs, err) < 0)
    return -1;
  for (size_t i = 0; i < from->count; i++) {
    if (sp_record_merge_tag(record, &from->tags[i], err) < 0)
      return -1;
  }
  for (size_t i = 0; i < from->left_count; i++) {
    if (sp_record_merge_left(record, &from->left[i], err) < 0)
      return -1;
  }
  for (size_t i = 0; i < from->rot_count; i++) {
    if (sp_record_add_rot(record, &from->rot[i], err) < 0)
      return -1;
  }
  return 0;
}

/* -- what is kept */

static int newest_first(const void *a, const void *b)
{
  int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
  return (first < second) - (first > second);
}

int sp_record_prune_rot(struct sp_record *record, struct sp_err *err)
{
  size_t count = 0, newer = 0, kept = 0;
  SP_AUTO_FREE int64_t *dates = calloc(record->rot_count + 1, sizeof *dates);
  if (!dates)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a record");
  for (size_t i = 0; i < record->rot_count; i++) {
    if (record->rot[i].is_elsewhere)
      dates[count++] = record->rot[i].seen_s;
  }
  if (count <= SP_MAX_RECORD_ELSEWHERE)
    return 0;
  qsort(dates, count, sizeof *dates, newest_first);
  int64_t oldest_s = dates[SP_MAX_RECORD_ELSEWHERE - 1];
  while (dates[newer] > oldest_s)
    newer++;
  size_t room = SP_MAX_RECORD_ELSEWHERE - newer; /* for those of that second */
  for (size_t i = 0; i < record->rot_count; i++) {
    const struct sp_record_rot *rot = &record->rot[i];
    bool is_last = rot->is_elsewhere && rot->seen_s == oldest_s;
    if ((rot->is_elsewhere && rot->seen_s < oldest_s) || (is_last && room == 0))
      continue;
    room -= is_last;
    record->rot[kept++] = *rot;
  }
  record->rot_count = kept;
  return 0;
}

/* -- and of tags that are gone */

/* Since when the oldest of them is gone that there is room for; INT64_MIN: there is for all. */
static int find_oldest_kept(const struct sp_record *record, int64_t *since_s, struct sp_err *err)
{
  *since_s = INT64_MIN;
  if (record->count <= SP_MAX_RECORD_GONE)
    return 0;
  SP_AUTO_FREE int64_t *dates = calloc(record->count, sizeof *dates);
  size_t count = 0;
  if (!dates)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a record");
  for (size_t i = 0; i < record->count; i++) {
    if (record->tags[i].is_gone)
      dates[count++] = record->tags[i].since_s;
  }
  qsort(dates, count, sizeof *dates, newest_first);
  if (count > SP_MAX_RECORD_GONE)
    *since_s = dates[SP_MAX_RECORD_GONE - 1];
  return 0;
}

int sp_record_prune(struct sp_record *record, int64_t now_s, struct sp_err *err)
{
  int64_t oldest_s;
  size_t kept = 0;
  size_t room = SP_MAX_RECORD_GONE; /* of one second there may be more than one */
  if (find_oldest_kept(record, &oldest_s, err) < 0)
    return -1;
  if (oldest_s < now_s - SP_KEEP_HISTORY_S)
    oldest_s = now_s - SP_KEEP_HISTORY_S;
  for (size_t i = 0; i < record->count; i++) {
    const struct sp_record_tag *tag = &record->tags[i];
    if (tag->is_gone && (tag->since_s < oldest_s || room == 0))
      continue;
    room -= tag->is_gone;
    record->tags[kept++] = *tag;
  }
  record->count = kept;
  return 0;
}

/* -- news */

int64_t sp_record_day(int64_t unix_s)
{
  return unix_s - unix_s % SP_DAY_S;
}

static bool is_proof_news(int64_t old_s, int64_t now_s, int64_t max_proof_age_s)
{
  int64_t gap_s = sp_record_day(now_s) - sp_record_day(old_s);
  return gap_s > 0 && gap_s > max_proof_age_s / 2;
}

bool sp_record_is_copy_news(const struct sp_known_digest *old, const struct sp_known_digest *now,
                            int64_t max_proof_age_s)
{
  return sp_known_is_damaged(old) != sp_known_is_damaged(now) ||
         sp_known_needs_read(old) != sp_known_needs_read(now) ||
         is_proof_news(old->touched_s, now->touched_s, max_proof_age_s) ||
         is_proof_news(old->read_s, now->read_s, max_proof_age_s);
}

static bool is_tag_news(const struct sp_record_tag *old, const struct sp_record_tag *now,
                        int64_t max_proof_age_s)
{
  const struct sp_known_digest said = sp_record_copy(old), copy = sp_record_copy(now);
  return strcmp(old->tag, now->tag) != 0 || !sp_digest_eq(&old->digest, &now->digest) ||
         old->since_s != now->since_s || old->is_gone != now->is_gone ||
         old->is_meant != now->is_meant || old->named_since_s != now->named_since_s ||
         old->first_seen_s != now->first_seen_s ||
         sp_record_is_copy_news(&said, &copy, max_proof_age_s);
}

/* -- clocks that were wrong */

static struct sp_record_doubt add_doubt(struct sp_record_doubt doubt, int64_t from_s,
                                        int64_t until_s)
{
  if (doubt.until_s == 0 || from_s < doubt.from_s)
    doubt.from_s = from_s > 0 ? from_s : 0;
  if (until_s > doubt.until_s)
    doubt.until_s = until_s;
  return doubt;
}

struct sp_record_doubt sp_record_doubt(const struct sp_record *was)
{
  if (was->ahead_s == 0 || sp_record_is_in_doubt(&was->doubt, was->ahead_s))
    return was->doubt;
  return add_doubt(was->doubt, was->sure_s - SP_CLOCK_DOUBT_S, was->ahead_s + SP_CLOCK_DOUBT_S);
}

struct sp_record_doubt sp_record_doubt_next(const struct sp_record *was, int64_t now_s,
                                            int64_t off_s, bool is_agreed)
{
  struct sp_record_doubt doubt = sp_record_doubt(was);
  int64_t right_s = now_s + off_s;
  if (off_s != 0)
    return add_doubt(was->doubt, (now_s < right_s ? now_s : right_s) - SP_CLOCK_SKEW_S,
                     (now_s > right_s ? now_s : right_s) + SP_CLOCK_SKEW_S);
  if (is_agreed && doubt.from_s < now_s && doubt.until_s > now_s)
    doubt.until_s = now_s;
  return doubt;
}

bool sp_record_is_in_doubt(const struct sp_record_doubt *doubt, int64_t at_s)
{
  return at_s >= doubt->from_s && at_s < doubt->until_s;
}

static bool is_doubt_news(const struct sp_record_doubt *old, const struct sp_record_doubt *now)
{
  return old->from_s != now->from_s || old->until_s != now->until_s;
}

bool sp_record_has_new_doubt(const struct sp_record *was)
{
  struct sp_record_doubt doubt = sp_record_doubt(was);
  return is_doubt_news(&was->doubt, &doubt);
}

bool sp_record_is_rot_news(const struct sp_record *old, const struct sp_record *now)
{
  if (old->rot_count != now->rot_count)
    return true;
  for (size_t i = 0; i < now->rot_count; i++) {
    if (!sp_digest_eq(&old->rot[i].digest, &now->rot[i].digest) ||
        old->rot[i].is_elsewhere != now->rot[i].is_elsewhere)
      return true;
  }
  return false;
}

bool sp_record_is_news(const struct sp_record *old, const struct sp_record *now,
                       int64_t max_proof_age_s)
{
  if (old->count != now->count || old->left_count != now->left_count ||
      strcmp(sp_record_primary(old), sp_record_primary(now)) != 0)
    return true;
  for (size_t i = 0; i < now->count; i++) {
    if (is_tag_news(&old->tags[i], &now->tags[i], max_proof_age_s))
      return true;
  }
  for (size_t i = 0; i < now->left_count; i++) {
    if (compare_left(&old->left[i], &now->left[i]) != 0)
      return true;
  }
  return is_doubt_news(&old->doubt, &now->doubt) || sp_record_is_rot_news(old, now);
}
