/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked once for each tag must not cost what all tags cost: two sorted tables lead from a
 * tag and from a digest to the entries. They borrow their texts from the document. */
#include "layout/index_view.h"

#include <stdatomic.h>

#include "base/lower_bound.h"
#include "base/text.h"
#include "oci/reference.h"

#define REF_NAME "org.opencontainers.image.ref.name"
#define IMAGE_NAME "io.containerd.image.name"

/* An entry with a tag: its name is the tag, or ends in it. */
struct tagged {
  struct sp_span tag;
  size_t entry;
  bool is_exact;
};

/* An entry with a digest, as it stands there. */
struct digested {
  const char *digest;
  size_t entry;
};

struct sp_index_state {
  atomic_size_t refs;
  json_t *doc;           /* owned */
  const json_t *entries; /* borrowed from doc */
  struct tagged *tagged; /* by tag, exact ones first, then in their order */
  size_t tagged_count;
  struct digested *digested; /* by digest, then in their order */
  size_t digested_count;
};

/* -- the tables */

/* The tag in a name: all of it, or what follows the last colon. Empty if there is none. */
static struct sp_span tag_of(const char *name, bool *is_exact)
{
  struct sp_span all = sp_span_str(name);
  *is_exact = sp_ref_is_tag(all);
  if (*is_exact || !name)
    return all;
  const char *colon = strrchr(name, ':');
  struct sp_span tail = sp_span_str(colon ? colon + 1 : NULL);
  return sp_ref_is_tag(tail) ? tail : SP_SPAN(NULL, 0);
}

static int compare_spans(const void *a, const void *b)
{
  const struct sp_span *x = a;
  const struct sp_span *y = b;
  size_t n = x->len < y->len ? x->len : y->len;
  int order = memcmp(x->ptr, y->ptr, n);
  return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static int compare_tagged(const void *a, const void *b)
{
  const struct tagged *x = a;
  const struct tagged *y = b;
  int order = compare_spans(&x->tag, &y->tag);
  if (order != 0)
    return order;
  if (x->is_exact != y->is_exact)
    return x->is_exact ? -1 : 1;
  return (x->entry > y->entry) - (x->entry < y->entry);
}

static int compare_digested(const void *a, const void *b)
{
  const struct digested *x = a;
  const struct digested *y = b;
  int order = strcmp(x->digest, y->digest);
  return order != 0 ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

static const char *annotation(const json_t *entry, const char *key)
{
  return json_string_value(json_object_get(json_object_get(entry, "annotations"), key));
}

static const char *digest_text(const json_t *entry)
{
  return json_string_value(json_object_get(entry, "digest"));
}

static int make_tables(struct sp_index_state *state, struct sp_err *err)
{
  size_t n = json_array_size(state->entries);
  state->tagged = calloc(n ? n : 1, sizeof *state->tagged);
  state->digested = calloc(n ? n : 1, sizeof *state->digested);
  if (!state->tagged || !state->digested)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu tags", n);
  for (size_t i = 0; i < n; i++) {
    const json_t *entry = json_array_get(state->entries, i);
    struct tagged *tagged = &state->tagged[state->tagged_count];
    struct digested *digested = &state->digested[state->digested_count];
    *tagged = (struct tagged){.entry = i};
    tagged->tag = tag_of(annotation(entry, REF_NAME), &tagged->is_exact);
    state->tagged_count += tagged->tag.len > 0;
    *digested = (struct digested){.digest = digest_text(entry), .entry = i};
    state->digested_count += digested->digest != NULL;
  }
  qsort(state->tagged, state->tagged_count, sizeof *state->tagged, compare_tagged);
  qsort(state->digested, state->digested_count, sizeof *state->digested, compare_digested);
  return 0;
}

/* -- life */

static void state_drop(struct sp_index_state *state)
{
  if (!state || atomic_fetch_sub(&state->refs, 1) > 1)
    return;
  json_decref(state->doc);
  free(state->tagged);
  free(state->digested);
  free(state);
}

int sp_index_view_of(json_t *doc, const char *name, struct sp_index_view *out, struct sp_err *err)
{
  json_t *entries;
  *out = (struct sp_index_view){.name = name};
  if (sp_json_get_array(doc, "manifests", &entries, err) < 0)
    return -1;
  if (!entries && !json_object_get(doc, "manifests")) /* null is Go's empty list */
    return sp_fail(err, SP_E_INVALID, "member 'manifests' is missing");
  struct sp_index_state *state = calloc(1, sizeof *state);
  if (!state)
    return sp_fail(err, SP_E_NOMEM, "out of memory for an index");
  atomic_init(&state->refs, 1);
  state->doc = json_incref(doc);
  state->entries = entries;
  if (make_tables(state, err) < 0) {
    state_drop(state);
    return -1;
  }
  out->state_ = state;
  return 0;
}

int sp_index_view_parse(struct sp_span text, const char *name, struct sp_index_view *out,
                        struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  *out = (struct sp_index_view){.name = name};
  return sp_json_parse(text, &doc, err) < 0 ? -1 : sp_index_view_of(doc, name, out, err);
}

void sp_index_view_share(const struct sp_index_view *view, struct sp_index_view *out)
{
  if (view->state_)
    atomic_fetch_add(&view->state_->refs, 1);
  *out = *view;
}

void sp_index_view_clear(struct sp_index_view *view)
{
  state_drop(view->state_);
  *view = (struct sp_index_view){0};
}

bool sp_index_view_is_same(const struct sp_index_view *a, const struct sp_index_view *b)
{
  return a->state_ == b->state_;
}

json_t *sp_index_view_doc(const struct sp_index_view *view)
{
  return view->state_ ? view->state_->doc : NULL;
}

/* -- entries */

static const json_t *entry_at(const struct sp_index_view *view, size_t i)
{
  return view->state_ ? json_array_get(view->state_->entries, i) : NULL;
}

size_t sp_index_view_count(const struct sp_index_view *view)
{
  return view->state_ ? json_array_size(view->state_->entries) : 0;
}

int sp_index_view_get(const struct sp_index_view *view, size_t i, struct sp_desc *out,
                      struct sp_err *err)
{
  if (sp_desc_from_json(entry_at(view, i), out, err) < 0)
    return sp_err_context(err, "entry %zu of '%s' of '%s'", i, SP_INDEX_FILE, view->name);
  return 0;
}

const char *sp_index_view_ref_name(const struct sp_index_view *view, size_t i)
{
  return annotation(entry_at(view, i), REF_NAME);
}

const char *sp_index_view_image_name(const struct sp_index_view *view, size_t i)
{
  return annotation(entry_at(view, i), IMAGE_NAME);
}

/* -- looking for one */

/* Entries of one tag that decide what it names: those whose name is the tag, or else those whose
 * name ends in it. */
struct deciding {
  const struct tagged *first;
  size_t count;
};

/* Those at place i of the table, and *next, the place of the tag that follows. */
static struct deciding deciding_at(const struct sp_index_state *state, size_t i, size_t *next)
{
  const struct tagged *first = &state->tagged[i];
  struct deciding found = {.first = first};
  for (; i < state->tagged_count && sp_span_eq(state->tagged[i].tag, first->tag); i++)
    found.count += state->tagged[i].is_exact == first->is_exact;
  *next = i;
  return found;
}

static struct deciding find_deciding(const struct sp_index_view *view, const char *tag)
{
  const struct sp_index_state *state = view->state_;
  const struct tagged key = {.tag = sp_span_str(tag), .is_exact = true};
  size_t next;
  if (!state)
    return (struct deciding){0};
  size_t i = sp_lower_bound(state->tagged, state->tagged_count, sizeof key, &key, compare_tagged);
  if (i == state->tagged_count || !sp_span_eq(state->tagged[i].tag, key.tag))
    return (struct deciding){0};
  return deciding_at(state, i, &next);
}

int sp_index_view_find_tag(const struct sp_index_view *view, const char *tag, struct sp_desc *out,
                           struct sp_err *err)
{
  struct deciding found = find_deciding(view, tag);
  struct sp_desc desc;
  struct sp_desc other;
  if (found.count == 0)
    return sp_fail(err, SP_E_NOT_FOUND, "no tag '%s' in '%s'", tag, view->name);
  if (sp_index_view_get(view, found.first->entry, &desc, err) < 0)
    return -1;
  for (size_t i = 1; i < found.count; i++) {
    if (sp_index_view_get(view, found.first[i].entry, &other, err) < 0)
      return -1;
    if (!sp_digest_eq(&desc.digest, &other.digest))
      return sp_fail(err, SP_E_INVALID,
                     "tag '%s' names several manifests in '%s': ask for one by its digest", tag,
                     view->name);
    desc = other;
  }
  *out = desc;
  return 0;
}

bool sp_index_view_has_tag(const struct sp_index_view *view, const char *tag,
                           const struct sp_desc *desc)
{
  struct deciding found = find_deciding(view, tag);
  if (found.count == 0 || !found.first->is_exact)
    return false;
  for (size_t i = 0; i < found.count; i++) {
    struct sp_desc have;
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_index_view_get(view, found.first[i].entry, &have, &ignored) < 0 ||
        !sp_digest_eq(&have.digest, &desc->digest) ||
        strcmp(have.media_type, desc->media_type) != 0)
      return false;
  }
  return true;
}

bool sp_index_view_find_digest(const struct sp_index_view *view, const struct sp_digest *digest,
                               struct sp_desc *out)
{
  const struct sp_index_state *state = view->state_;
  char want[SP_DIGEST_TEXT_MAX];
  const struct digested key = {.digest = want};
  if (!state)
    return false;
  sp_digest_format(digest, want);
  size_t i =
      sp_lower_bound(state->digested, state->digested_count, sizeof key, &key, compare_digested);
  for (; i < state->digested_count && strcmp(state->digested[i].digest, want) == 0; i++) {
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_index_view_get(view, state->digested[i].entry, out, &ignored) == 0)
      return true;
  }
  return false;
}

/* -- listing */

int sp_index_view_list_tags(const struct sp_index_view *view, struct sp_tag_page *page,
                            struct sp_err *err)
{
  const struct sp_index_state *state = view->state_;
  for (size_t i = 0; state && i < state->tagged_count;) {
    if (sp_tag_page_add(page, deciding_at(state, i, &i).first->tag, err) < 0)
      return -1;
  }
  return 0;
}

/* Does one of them name another digest? */
static bool is_of_others(const struct sp_index_view *view, const struct deciding *found,
                         const char *digest)
{
  for (size_t i = 0; i < found->count; i++) {
    const char *have = digest_text(entry_at(view, found->first[i].entry));
    if (!have || strcmp(have, digest) != 0)
      return true;
  }
  return false;
}

int sp_index_view_list_tags_of(const struct sp_index_view *view, const struct sp_digest *digest,
                               struct sp_tag_page *page, struct sp_err *err)
{
  const struct sp_index_state *state = view->state_;
  char want[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, want);
  for (size_t i = 0; state && i < state->tagged_count;) {
    struct deciding found = deciding_at(state, i, &i);
    if (!is_of_others(view, &found, want) && sp_tag_page_add(page, found.first->tag, err) < 0)
      return -1;
  }
  return 0;
}
