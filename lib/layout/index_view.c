/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/index_view.h"

#include "base/file.h"
#include "base/text.h"
#include "oci/reference.h"

#define REF_NAME "org.opencontainers.image.ref.name"

#define IMAGE_NAME "io.containerd.image.name"

int sp_index_view_parse(struct sp_span text, const char *name, struct sp_index_view *out,
                        struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  json_t *entries;
  *out = (struct sp_index_view){.name = name};
  if (sp_json_parse(text, &doc, err) < 0 || sp_json_get_array(doc, "manifests", &entries, err) < 0)
    return -1;
  if (!entries && !json_object_get(doc, "manifests")) /* null is Go's empty list */
    return sp_fail(err, SP_E_INVALID, "member 'manifests' is missing");
  out->entries_ = entries;
  out->doc_ = sp_steal(&doc);
  return 0;
}

int sp_index_view_load(const struct sp_layout_dir *dir, struct sp_index_view *out,
                       struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_INDEX_JSON_BYTES);
  struct sp_err why = SP_ERR_INIT;
  if (sp_file_read(dir->fd, SP_INDEX_FILE, &text, &why) < 0) {
    sp_err_copy(err, &why);
    if (why.code != SP_E_NOT_FOUND)
      return sp_err_context(err, "cannot use layout '%s'", dir->name);
    /* The layout is there, and broken. */
    return sp_fail(err, SP_E_INVALID,
                   "layout '%s' has no '%s': its blobs may be whole, and nothing names them. The "
                   "next run that writes there makes a new one, with what it knows to name",
                   dir->name, SP_INDEX_FILE);
  }
  if (sp_index_view_parse(sp_buf_span(&text), dir->name, out, &why) == 0)
    return 0;
  sp_err_copy(err, &why);
  if (why.code != SP_E_INVALID)
    return sp_err_context(err, "cannot use '%s' of layout '%s'", SP_INDEX_FILE, dir->name);
  return sp_fail(err, SP_E_INVALID,
                 "cannot use '%s' of layout '%s': %s. Its blobs may be whole: put back a copy of "
                 "that file, or move it away, and the next run that writes there makes a new one",
                 SP_INDEX_FILE, dir->name, why.msg);
}

void sp_index_view_clear(struct sp_index_view *view)
{
  json_decref(view->doc_);
  *view = (struct sp_index_view){0};
}

size_t sp_index_view_count(const struct sp_index_view *view)
{
  return json_array_size(view->entries_);
}

int sp_index_view_get(const struct sp_index_view *view, size_t i, struct sp_desc *out,
                      struct sp_err *err)
{
  if (sp_desc_from_json(json_array_get(view->entries_, i), out, err) < 0)
    return sp_err_context(err, "entry %zu of '%s' of '%s'", i, SP_INDEX_FILE, view->name);
  return 0;
}

static const char *annotation(const struct sp_index_view *view, size_t i, const char *key)
{
  const json_t *entry = json_array_get(view->entries_, i);
  return json_string_value(json_object_get(json_object_get(entry, "annotations"), key));
}

const char *sp_index_view_ref_name(const struct sp_index_view *view, size_t i)
{
  return annotation(view, i, REF_NAME);
}

const char *sp_index_view_image_name(const struct sp_index_view *view, size_t i)
{
  return annotation(view, i, IMAGE_NAME);
}

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

/* Looks among the names that are the tag, or else among those that end in it. `*found` false: none.
 */
static int find_among(const struct sp_index_view *view, const char *tag, bool exact,
                      struct sp_desc *out, bool *found, struct sp_err *err)
{
  *found = false;
  for (size_t i = 0; i < sp_index_view_count(view); i++) {
    bool is_exact;
    struct sp_desc desc;
    if (!sp_span_eq_str(tag_of(sp_index_view_ref_name(view, i), &is_exact), tag) ||
        is_exact != exact)
      continue;
    if (sp_index_view_get(view, i, &desc, err) < 0)
      return -1;
    if (*found && !sp_digest_eq(&desc.digest, &out->digest))
      return sp_fail(err, SP_E_INVALID,
                     "tag '%s' names several manifests in '%s': ask for one by its digest", tag,
                     view->name);
    *out = desc;
    *found = true;
  }
  return 0;
}

int sp_index_view_find_tag(const struct sp_index_view *view, const char *tag, struct sp_desc *out,
                           struct sp_err *err)
{
  bool found;
  struct sp_desc desc;
  if (find_among(view, tag, true, &desc, &found, err) < 0 ||
      (!found && find_among(view, tag, false, &desc, &found, err) < 0))
    return -1;
  if (!found)
    return sp_fail(err, SP_E_NOT_FOUND, "no tag '%s' in '%s'", tag, view->name);
  *out = desc;
  return 0;
}

bool sp_index_view_has_tag(const struct sp_index_view *view, const char *tag,
                           const struct sp_desc *desc)
{
  bool found = false;
  for (size_t i = 0; i < sp_index_view_count(view); i++) {
    struct sp_desc have;
    struct sp_err ignored = SP_ERR_INIT;
    if (!sp_span_eq_str(sp_span_str(sp_index_view_ref_name(view, i)), tag))
      continue;
    if (sp_index_view_get(view, i, &have, &ignored) < 0 ||
        !sp_digest_eq(&have.digest, &desc->digest) ||
        strcmp(have.media_type, desc->media_type) != 0)
      return false;
    found = true;
  }
  return found;
}

bool sp_index_view_find_digest(const struct sp_index_view *view, const struct sp_digest *digest,
                               struct sp_desc *out)
{
  char want[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, want);
  for (size_t i = 0; i < sp_index_view_count(view); i++) {
    struct sp_err ignored = SP_ERR_INIT;
    const json_t *entry = json_array_get(view->entries_, i);
    const char *have = json_string_value(json_object_get(entry, "digest"));
    if (have && strcmp(have, want) == 0 && sp_index_view_get(view, i, out, &ignored) == 0)
      return true;
  }
  return false;
}

/* -- listing */

static int compare_spans(const void *a, const void *b)
{
  const struct sp_span *x = a;
  const struct sp_span *y = b;
  size_t n = x->len < y->len ? x->len : y->len;
  int order = memcmp(x->ptr, y->ptr, n);
  return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

int sp_index_view_list_tags(const struct sp_index_view *view, struct sp_tag_page *page,
                            struct sp_err *err)
{
  size_t n = sp_index_view_count(view);
  SP_AUTO_FREE struct sp_span *tags = calloc(n ? n : 1, sizeof *tags);
  size_t count = 0;
  bool is_exact;
  if (!tags)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu tags", n);
  for (size_t i = 0; i < n; i++) {
    tags[count] = tag_of(sp_index_view_ref_name(view, i), &is_exact);
    count += tags[count].len > 0;
  }
  qsort(tags, count, sizeof *tags, compare_spans);
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && sp_span_eq(tags[i], tags[i - 1]))
      continue;
    if (sp_tag_page_add(page, tags[i], err) < 0)
      return -1;
  }
  return 0;
}

/* An entry with a tag. */
struct tagged {
  struct sp_span tag;
  bool is_exact;
  bool is_other; /* it names another digest than the one that is asked for */
};

/* By tag; exact ones first. */
static int compare_tagged(const void *a, const void *b)
{
  const struct tagged *x = a;
  const struct tagged *y = b;
  int order = compare_spans(&x->tag, &y->tag);
  return order != 0 ? order : (int)y->is_exact - (int)x->is_exact;
}

static size_t collect_tagged(const struct sp_index_view *view, const struct sp_digest *digest,
                             struct tagged *out)
{
  size_t count = 0;
  char want[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, want);
  for (size_t i = 0; i < sp_index_view_count(view); i++) {
    struct tagged *one = &out[count];
    const json_t *entry = json_array_get(view->entries_, i);
    const char *have = json_string_value(json_object_get(entry, "digest"));
    one->tag = tag_of(sp_index_view_ref_name(view, i), &one->is_exact);
    one->is_other = !have || strcmp(have, want) != 0;
    count += one->tag.len > 0;
  }
  qsort(out, count, sizeof *out, compare_tagged);
  return count;
}

int sp_index_view_list_tags_of(const struct sp_index_view *view, const struct sp_digest *digest,
                               struct sp_tag_page *page, struct sp_err *err)
{
  size_t n = sp_index_view_count(view);
  SP_AUTO_FREE struct tagged *all = calloc(n ? n : 1, sizeof *all);
  if (!all)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu tags", n);
  size_t count = collect_tagged(view, digest, all);
  for (size_t i = 0; i < count;) {
    const struct tagged *first = &all[i];
    bool is_other = false; /* one of those that decide */
    for (; i < count && sp_span_eq(all[i].tag, first->tag); i++)
      is_other = is_other || (all[i].is_exact == first->is_exact && all[i].is_other);
    if (!is_other && sp_tag_page_add(page, first->tag, err) < 0)
      return -1;
  }
  return 0;
}
