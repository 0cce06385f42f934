/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to every store: what an implementation promised is checked here once for all of
 * them, and here the names of store and subject are put in front of an error. Wrappers call the ops
 * of what they wrap directly, so that this happens once. */
#include "store/store.h"

#include <assert.h>

#include "base/limits.h"
#include "base/text.h"

const char *sp_store_known_as(const struct sp_store *store)
{
  for (const struct sp_store *at = store; at; at = at->inner) {
    if (at->known_as)
      return at->known_as;
  }
  return store->name;
}

/* -- values */

void sp_manifest_bytes_init(struct sp_manifest_bytes *manifest)
{
  *manifest = (struct sp_manifest_bytes){0};
  sp_buf_init(&manifest->bytes, SP_MAX_MANIFEST_BYTES);
}

void sp_manifest_bytes_clear(struct sp_manifest_bytes *manifest)
{
  sp_buf_clear(&manifest->bytes);
  manifest->media_type[0] = '\0';
  manifest->digest = (struct sp_digest){0};
}

const char *sp_proof_name(enum sp_proof proof)
{
  static const char *const names[] = {"none", "claimed", "touched", "read"};
  return names[(unsigned)proof <= SP_PROOF_READ ? proof : SP_PROOF_NONE];
}

/* The next capacity of a list that is full. */
static size_t grown(size_t cap)
{
  return cap > 0 ? cap * 2 : 16;
}

static int grow_referrers(struct sp_referrers *list, struct sp_err *err)
{
  if (list->count < list->cap)
    return 0;
  size_t cap = grown(list->cap);
  struct sp_desc *items = reallocarray(list->items, cap, sizeof *items);
  if (items)
    list->items = items;
  json_t **raw = reallocarray(list->raw, cap, sizeof(json_t *));
  if (raw)
    list->raw = raw;
  if (!items || !raw)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a list of referrers");
  list->cap = cap;
  return 0;
}

int sp_referrers_add(struct sp_referrers *list, const struct sp_desc *desc, const json_t *raw,
                     struct sp_err *err)
{
  if (list->count >= SP_MAX_GRAPH_NODES)
    return sp_fail(err, SP_E_LIMIT, "more than %d referrers", SP_MAX_GRAPH_NODES);
  if (grow_referrers(list, err) < 0)
    return -1;
  json_t *copy = NULL;
  if (!raw && sp_desc_to_json(desc, &copy, err) < 0)
    return -1;
  if (raw)
    copy = json_deep_copy(raw);
  if (!copy)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a list of referrers");
  list->items[list->count] = *desc;
  list->raw[list->count++] = copy;
  return 0;
}

void sp_referrers_clear(struct sp_referrers *list)
{
  for (size_t i = 0; i < list->count; i++)
    json_decref(list->raw[i]);
  free(list->items);
  free(list->raw);
  *list = (struct sp_referrers){0};
}

int sp_tag_page_add(struct sp_tag_page *page, struct sp_span tag, struct sp_err *err)
{
  if (page->count >= SP_MAX_TAGS)
    return sp_fail(err, SP_E_LIMIT, "more than %d tags", SP_MAX_TAGS);
  if (page->count == page->cap) {
    char **tags = reallocarray(page->tags, grown(page->cap), sizeof *tags);
    if (!tags)
      return sp_fail(err, SP_E_NOMEM, "out of memory for a list of tags");
    page->tags = tags;
    page->cap = grown(page->cap);
  }
  if (sp_text_dup_span(&page->tags[page->count], tag, err) < 0)
    return -1;
  page->count++;
  return 0;
}

void sp_tag_page_clear(struct sp_tag_page *page)
{
  for (size_t i = 0; i < page->count; i++)
    free(page->tags[i]);
  free(page->tags);
  free(page->next);
  *page = (struct sp_tag_page){0};
}

/* -- errors */

/* Every failure has a reason, to put "cannot get manifest sha256:... from 'name'" in front of. */
static struct sp_err *reason(struct sp_err *err)
{
  if (err->code == SP_OK)
    sp_fail(err, SP_E_INTERNAL, "the store failed without a reason");
  return err;
}

struct digest_text {
  char text[SP_DIGEST_TEXT_MAX];
};

static struct digest_text text_of(const struct sp_digest *digest)
{
  struct digest_text out;
  sp_digest_format(digest, out.text);
  return out;
}

/* What a wrapper wraps, to the innermost: siblings know each other by their own type. */
static struct sp_store *innermost(struct sp_store *store)
{
  while (store->inner)
    store = store->inner;
  return store;
}

/* -- manifests and tags */

int sp_store_resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                     struct sp_err *err)
{
  *out = (struct sp_named){.size_bytes = SP_SIZE_UNKNOWN};
  if (store->ops->resolve(store, tag, out, err) < 0)
    return tag[0] ? sp_err_context(reason(err), "cannot resolve tag '%s' at '%s'", tag, store->name)
                  : sp_err_context(reason(err), "cannot find the image at '%s'", store->name);
  if (out->digest.alg == SP_DIGEST_NONE)
    return sp_fail(err, SP_E_INTERNAL, "'%s' resolved tag '%s' to nothing", store->name, tag);
  return 0;
}

int sp_store_stat_manifest(struct sp_store *store, const struct sp_digest *digest,
                           struct sp_named *out, struct sp_err *err)
{
  *out = (struct sp_named){.size_bytes = SP_SIZE_UNKNOWN};
  if (store->ops->stat_manifest(store, digest, out, err) < 0)
    return sp_err_context(reason(err), "cannot look up manifest %s at '%s'", text_of(digest).text,
                          store->name);
  out->digest = *digest;
  return 0;
}

static int get_checked(struct sp_store *store, const struct sp_digest *digest,
                       struct sp_manifest_bytes *out, struct sp_err *err)
{
  sp_manifest_bytes_clear(out);
  if (store->ops->get_manifest(store, digest, out, err) < 0)
    return -1;
  out->digest = *digest;
  return sp_digest_check(digest, out->bytes.data, out->bytes.len, err);
}

int sp_store_get_manifest(struct sp_store *store, const struct sp_digest *digest,
                          struct sp_manifest_bytes *out, struct sp_err *err)
{
  assert(out->bytes.max_bytes > 0); /* sp_manifest_bytes_init */
  if (get_checked(store, digest, out, err) == 0)
    return 0;
  sp_manifest_bytes_clear(out); /* bytes that failed the check never get out */
  return sp_err_context(reason(err), "cannot get manifest %s from '%s'", text_of(digest).text,
                        store->name);
}

int sp_store_put_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                          bool *subject_handled, struct sp_err *err)
{
  *subject_handled = false;
  if (sp_digest_check(&manifest->digest, manifest->bytes.data, manifest->bytes.len, err) < 0 ||
      store->ops->put_manifest(store, manifest, subject_handled, err) < 0)
    return sp_err_context(reason(err), "cannot put manifest %s to '%s'",
                          text_of(&manifest->digest).text, store->name);
  return 0;
}

int sp_store_set_tags(struct sp_store *store, const char *const *tags, size_t n,
                      const struct sp_manifest_bytes *manifest, size_t *done, struct sp_err *err)
{
  *done = 0;
  if (n == 0)
    return 0;
  if (store->ops->set_tags(store, tags, n, manifest, done, err) < 0)
    return sp_err_context(reason(err), "cannot set tag '%s' at '%s'",
                          tags[*done < n ? *done : n - 1], store->name);
  if (*done != n)
    return sp_fail(err, SP_E_INTERNAL, "'%s' set %zu of %zu tags and called it done", store->name,
                   *done, n);
  return 0;
}

int sp_store_list_tags(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                       struct sp_err *err)
{
  /* Built apart: the cursor may be out->next. */
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
  if (store->ops->list_tags(store, cursor, &page, err) < 0)
    return sp_err_context(reason(err), "cannot list tags of '%s'", store->name);
  sp_tag_page_clear(out);
  *out = page;
  page = (struct sp_tag_page){0};
  return 0;
}

int sp_store_list_referrers(struct sp_store *store, const struct sp_digest *digest,
                            struct sp_referrers *out, struct sp_err *err)
{
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  if (store->ops->list_referrers(store, digest, &list, err) < 0)
    return sp_err_context(reason(err), "cannot list referrers of %s at '%s'", text_of(digest).text,
                          store->name);
  sp_referrers_clear(out);
  *out = list;
  list = (struct sp_referrers){0};
  return 0;
}

/* -- blobs */

int sp_store_check_blob(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                        enum sp_proof want, struct sp_blob_state *out, struct sp_err *err)
{
  assert(want == SP_PROOF_CLAIMED || want == SP_PROOF_TOUCHED);
  *out = (struct sp_blob_state){.size_bytes = SP_SIZE_UNKNOWN};
  if (store->ops->check_blob(store, digest, size_bytes, want, out, err) < 0)
    return sp_err_context(reason(err), "cannot check blob %s at '%s'", text_of(digest).text,
                          store->name);
  if (out->state == SP_BLOB_PRESENT && out->size_bytes != SP_SIZE_UNKNOWN &&
      out->size_bytes != size_bytes)
    out->state = SP_BLOB_DAMAGED; /* whoever answers so: another length is another blob */
  if (out->state != SP_BLOB_PRESENT)
    out->proof = SP_PROOF_NONE;
  return 0;
}

bool sp_store_is_sibling(const struct sp_store *store, const struct sp_store *other)
{
  while (other->inner)
    other = other->inner;
  return store->ops->is_sibling && store->ops->is_sibling(store, other);
}

int sp_store_mount_blob(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                        struct sp_store *from, bool *mounted, struct sp_err *err)
{
  *mounted = false;
  if (!store->ops->mount_blob || !sp_store_is_sibling(store, from))
    return 0;
  if (store->ops->mount_blob(store, digest, size_bytes, innermost(from), mounted, err) < 0)
    return sp_err_context(reason(err), "cannot mount blob %s at '%s'", text_of(digest).text,
                          store->name);
  return 0;
}

int sp_store_open_read(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                       uint64_t offset, struct sp_reader **out, struct sp_err *err)
{
  assert(offset <= size_bytes && size_bytes != SP_SIZE_UNKNOWN);
  *out = NULL;
  if (store->ops->open_read(store, digest, size_bytes, offset, out, err) < 0)
    return sp_err_context(reason(err), "cannot read blob %s from '%s'", text_of(digest).text,
                          store->name);
  assert(*out && (!(*out)->ops->start != !(*out)->ops->pump));
  return 0;
}

int sp_store_begin_write(struct sp_store *store, const struct sp_digest *digest,
                         uint64_t size_bytes, struct sp_writer **out, struct sp_err *err)
{
  assert(size_bytes != SP_SIZE_UNKNOWN);
  *out = NULL;
  if (store->ops->begin_write(store, digest, size_bytes, out, err) < 0)
    return sp_err_context(reason(err), "cannot write blob %s to '%s'", text_of(digest).text,
                          store->name);
  assert(*out && (*out)->ops->start && (*out)->ops->finish);
  return 0;
}

void sp_store_close(struct sp_store *store)
{
  if (store)
    store->ops->close(store);
}
