/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/referrer_list.h"

#include <pthread.h>

#include "base/lower_bound.h"
#include "layout/index_cache.h"
#include "layout/manifest_file.h"
#include "layout/referrer.h"
#include "oci/media_type.h"

/* An entry of index.json that may have to be listed. */
struct candidate {
  struct sp_digest subject; /* alg NONE: nobody could read what it refers to */
  size_t entry;
};

struct sp_referrer_list {
  pthread_mutex_t lock;
  struct sp_index_view of;      /* the state that the table is of */
  struct candidate *candidates; /* by subject, then in their order; NULL: no table yet */
  size_t count;
};

int sp_referrer_list_new(struct sp_referrer_list **out, struct sp_err *err)
{
  struct sp_referrer_list *list = calloc(1, sizeof *list);
  if (!list)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a layout");
  pthread_mutex_init(&list->lock, NULL);
  *out = list;
  return 0;
}

static void drop_table(struct sp_referrer_list *list)
{
  sp_index_view_clear(&list->of);
  free(sp_steal(&list->candidates));
  list->count = 0;
}

void sp_referrer_list_free(struct sp_referrer_list *list)
{
  if (!list)
    return;
  drop_table(list);
  pthread_mutex_destroy(&list->lock);
  free(list);
}

/* -- the table */

static int compare_subjects(const struct sp_digest *a, const struct sp_digest *b)
{
  return a->alg != b->alg ? (a->alg > b->alg) - (a->alg < b->alg)
                          : memcmp(a->raw, b->raw, sizeof a->raw);
}

static int compare_candidates(const void *a, const void *b)
{
  const struct candidate *x = a;
  const struct candidate *y = b;
  int order = compare_subjects(&x->subject, &y->subject);
  return order != 0 ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

static bool is_manifest_type(const struct sp_desc *desc)
{
  struct sp_span type = sp_span_str(desc->media_type);
  return sp_media_is_index(type) || sp_media_is_manifest(type);
}

/* What an entry refers to, by memory or by reading it. `*is_candidate` false: to nothing. */
static int find_subject(const struct sp_layout_dir *dir, const struct sp_desc *entry,
                        struct sp_manifest_bytes *bytes, struct sp_digest *subject,
                        bool *is_candidate, struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  bool usable;
  if (sp_subjects_get(dir->subjects, &entry->digest, subject)) {
    *is_candidate = subject->alg != SP_DIGEST_NONE;
    return 0;
  }
  if (sp_manifest_file_read_entry(dir, entry, bytes, &parsed, &usable, err) < 0)
    return -1;
  if (usable)
    sp_subjects_note(dir->subjects, &entry->digest,
                     parsed.has_subject ? &parsed.subject.digest : NULL);
  *subject = usable && parsed.has_subject ? parsed.subject.digest : (struct sp_digest){0};
  *is_candidate = !usable || parsed.has_subject;
  return 0;
}

static int fill_table(const struct sp_layout_dir *dir, const struct sp_index_view *view,
                      struct sp_referrer_list *list, struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  for (size_t i = 0; i < sp_index_view_count(view); i++) {
    struct candidate *candidate = &list->candidates[list->count];
    struct sp_desc entry;
    struct sp_err ignored = SP_ERR_INIT;
    bool is_candidate;
    /* Entries of other kinds refer to nothing that we could follow. */
    if (sp_index_view_get(view, i, &entry, &ignored) < 0 || !is_manifest_type(&entry))
      continue;
    if (find_subject(dir, &entry, &bytes, &candidate->subject, &is_candidate, err) < 0)
      return -1;
    candidate->entry = i;
    list->count += is_candidate;
  }
  qsort(list->candidates, list->count, sizeof *list->candidates, compare_candidates);
  return 0;
}

static int make_table(const struct sp_layout_dir *dir, const struct sp_index_view *view,
                      struct sp_referrer_list *list, struct sp_err *err)
{
  size_t n = sp_index_view_count(view);
  drop_table(list);
  list->candidates = calloc(n + 1, sizeof *list->candidates);
  if (!list->candidates)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu entries", n);
  if (fill_table(dir, view, list, err) < 0) {
    drop_table(list);
    return -1;
  }
  sp_index_view_share(view, &list->of);
  return 0;
}

/* -- a listing */

/* Places of entries, in their order. */
struct places {
  size_t *entries; /* owned */
  size_t count;
};

static void places_clear(struct places *places)
{
  free(places->entries);
}

static int compare_places(const void *a, const void *b)
{
  const size_t *x = a;
  const size_t *y = b;
  return (*x > *y) - (*x < *y);
}

/* Appends those that are candidates for a subject (alg NONE: for any). */
static void add_candidates(const struct sp_referrer_list *list, const struct sp_digest *subject,
                           struct places *out)
{
  const struct candidate key = {.subject = *subject};
  size_t i = sp_lower_bound(list->candidates, list->count, sizeof key, &key, compare_candidates);
  for (; i < list->count && sp_digest_eq(&list->candidates[i].subject, subject); i++)
    out->entries[out->count++] = list->candidates[i].entry;
}

/* The entries of this state that may refer to the subject. */
static int find_candidates(const struct sp_layout_dir *dir, const struct sp_index_view *view,
                           const struct sp_digest *subject, struct places *out, struct sp_err *err)
{
  static const struct sp_digest unknown = {.alg = SP_DIGEST_NONE};
  struct sp_referrer_list *list = dir->referrers;
  SP_LOCK_SCOPE(&list->lock); /* one makes the table for those that wait */
  if ((!list->candidates || !sp_index_view_is_same(&list->of, view)) &&
      make_table(dir, view, list, err) < 0)
    return -1;
  out->entries = calloc(list->count + 1, sizeof *out->entries);
  if (!out->entries)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu entries", list->count);
  add_candidates(list, &unknown, out);
  add_candidates(list, subject, out);
  qsort(out->entries, out->count, sizeof *out->entries, compare_places);
  return 0;
}

static bool lists_digest(const struct sp_referrers *list, const struct sp_digest *digest)
{
  for (size_t i = 0; i < list->count; i++) {
    if (sp_digest_eq(&list->items[i].digest, digest))
      return true;
  }
  return false;
}

static int add_if_refers(const struct sp_layout_dir *dir, const struct sp_desc *entry,
                         const struct sp_digest *subject, struct sp_manifest_bytes *bytes,
                         struct sp_referrers *out, struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  SP_AUTO_JSON json_t *raw = NULL;
  struct sp_desc desc;
  bool usable;
  if (sp_manifest_file_read_entry(dir, entry, bytes, &parsed, &usable, err) < 0)
    return -1;
  if (usable)
    sp_subjects_note(dir->subjects, &entry->digest,
                     parsed.has_subject ? &parsed.subject.digest : NULL);
  if (!usable || !parsed.has_subject || !sp_digest_eq(&parsed.subject.digest, subject))
    return 0;
  if (sp_referrer_describe(bytes, &parsed, &desc, &raw, err) < 0)
    return -1;
  return sp_referrers_add(out, &desc, raw, err);
}

static int list_referrers(const struct sp_layout_dir *dir, const struct sp_index_view *view,
                          const struct sp_digest *subject, struct sp_referrers *out,
                          struct sp_err *err)
{
  SP_CLEANUP(places_clear) struct places places = {0};
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  if (find_candidates(dir, view, subject, &places, err) < 0)
    return -1;
  for (size_t i = 0; i < places.count; i++) {
    struct sp_desc entry;
    if (sp_index_view_get(view, places.entries[i], &entry, err) < 0)
      return -1;
    if (!lists_digest(out, &entry.digest) &&
        add_if_refers(dir, &entry, subject, &bytes, out, err) < 0)
      return -1;
  }
  return 0;
}

int sp_referrer_list_get(const struct sp_layout_dir *dir, const struct sp_digest *subject,
                         struct sp_referrers *out, struct sp_err *err)
{
  SP_AUTO_INDEX_VIEW struct sp_index_view view = {0};
  if (sp_index_cache_get(dir, &view, err) < 0)
    return -1;
  if (list_referrers(dir, &view, subject, out, err) < 0)
    return sp_err_context(err, "cannot list the referrers in '%s'", dir->name);
  return 0;
}
