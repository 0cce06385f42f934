/* SPDX-License-Identifier: Apache-2.0 */
#include "api/namespace.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* "ghcr.io/acme/", of which `path` is "acme/"; both end in a slash, or the path is "". */
struct below {
  char host[SP_MAX_HOST + 1];
  char path[SP_MAX_REPOSITORY + 2];
  char prefix[SP_MAX_HOST + SP_MAX_REPOSITORY + 3];
};

static void below_of(const struct sp_config_image *image, struct below *out)
{
  char path[SP_MAX_REPOSITORY + 1];
  sp_config_namespace(image, out->host, path);
  snprintf(out->path, sizeof out->path, "%s%s", path, path[0] ? "/" : "");
  snprintf(out->prefix, sizeof out->prefix, "%s/%s", out->host, out->path);
}

/* -- the set of names */

void sp_namespace_clear(struct sp_namespace *ns)
{
  for (size_t i = 0; i < ns->count; i++)
    free(ns->items[i].name);
  free(ns->items);
  *ns = (struct sp_namespace){0};
}

static int add(struct sp_namespace *ns, const char *name, bool is_listed, struct sp_err *err)
{
  if (ns->count >= SP_MAX_NAMESPACE)
    return sp_fail(err, SP_E_LIMIT, "more than %d repositories", SP_MAX_NAMESPACE);
  if (ns->count == ns->cap) {
    size_t cap = ns->cap ? ns->cap * 2 : 64;
    struct sp_namespace_item *items = reallocarray(ns->items, cap, sizeof *items);
    if (!items)
      return sp_fail(err, SP_E_NOMEM, "out of memory for repositories");
    ns->items = items;
    ns->cap = cap;
  }
  struct sp_namespace_item *item = &ns->items[ns->count];
  *item = (struct sp_namespace_item){.is_listed = is_listed};
  if (sp_text_dup(&item->name, name, err) < 0)
    return -1;
  ns->count++;
  return 0;
}

/* A name that is listed comes before itself as it was known. */
static int by_name(const void *a, const void *b)
{
  const struct sp_namespace_item *x = a, *y = b;
  int order = strcmp(x->name, y->name);
  return order ? order : y->is_listed - x->is_listed;
}

static void sort(struct sp_namespace *ns)
{
  if (ns->count == 0)
    return;
  qsort(ns->items, ns->count, sizeof *ns->items, by_name);
  size_t kept = 1;
  for (size_t i = 1; i < ns->count; i++) {
    if (strcmp(ns->items[i].name, ns->items[kept - 1].name) == 0)
      free(ns->items[i].name);
    else
      ns->items[kept++] = ns->items[i];
  }
  ns->count = kept;
}

static int compare_key(const void *key, const void *item)
{
  return strcmp(key, ((const struct sp_namespace_item *)item)->name);
}

/* Is the name among the first `count`, which are sorted? */
static bool has(const struct sp_namespace *ns, size_t count, const char *name)
{
  return count > 0 && bsearch(name, ns->items, count, sizeof *ns->items, compare_key) != NULL;
}

/* -- what is listed */

struct listing {
  struct sp_session *session;
  struct sp_registries *registries;
  struct sp_retry_policy retry;
  struct below below;
  struct sp_namespace found;
  size_t seen; /* names, whoever they belong to */
};

static int take_page(struct listing *listing, const struct sp_catalog_page *page,
                     struct sp_err *err)
{
  size_t path_len = strlen(listing->below.path);
  listing->seen += page->count + page->left_out;
  if (listing->seen > SP_MAX_CATALOG)
    return sp_fail(err, SP_E_LIMIT, "'%s' lists more than %d repositories", listing->below.host,
                   SP_MAX_CATALOG);
  for (size_t i = 0; i < page->count; i++) {
    const char *name = page->names[i];
    if (strncmp(name, listing->below.path, path_len) == 0 &&
        add(&listing->found, name + path_len, true, err) < 0)
      return -1;
  }
  return 0;
}

static int fetch_page(const struct listing *listing, const char *cursor,
                      struct sp_catalog_page *out, struct sp_err *err)
{
  struct sp_retry_wait wait = SP_RETRY_WAIT_INIT;
  for (;;) {
    struct sp_err failure = SP_ERR_INIT;
    if (sp_registry_list_repositories(listing->registries, listing->below.host, cursor, out,
                                      &failure) == 0)
      return 0;
    if (!sp_retry_wait(&wait, &listing->retry, &failure)) {
      sp_err_copy(err, &failure);
      return -1;
    }
  }
}

static int fetch_pages(struct listing *listing, struct sp_err *err)
{
  SP_AUTO_FREE char *cursor = NULL;
  do {
    SP_CLEANUP(sp_catalog_page_clear_auto_) struct sp_catalog_page page = {0};
    if (sp_cancel_check(sp_session_cancel(listing->session), err) < 0 ||
        fetch_page(listing, cursor, &page, err) < 0 || take_page(listing, &page, err) < 0)
      return -1;
    free(cursor);
    cursor = sp_steal(&page.next);
  } while (cursor);
  return 0;
}

/* An empty list is a wrong name, a lack of permission, or a loss: never what was hoped for. */
static int list(struct listing *listing, struct sp_err *err)
{
  const char *prefix = listing->below.prefix;
  if (sp_session_registries(listing->session, listing->below.host, &listing->registries, err) < 0 ||
      fetch_pages(listing, err) < 0)
    return sp_err_context(err, "cannot list the repositories of '%s*'", prefix);
  if (listing->found.count > 0)
    return 0;
  return sp_fail(err, SP_E_NOT_FOUND,
                 "'%s*' lists no repository: is the name right, and may these credentials see it?",
                 prefix);
}

/* -- what is known */

static int recall(struct sp_journal *journal, const struct below *below, struct sp_namespace *out,
                  struct sp_err *err)
{
  SP_CLEANUP(sp_known_names_clear_auto_) struct sp_known_names known;
  if (sp_known_places(journal, below->prefix, &known, err) < 0)
    return -1;
  for (size_t i = 0; i < known.count && out->count < SP_MAX_NAMESPACE; i++) {
    if (sp_ref_is_repository(sp_span_str(known.items[i])) &&
        add(out, known.items[i], false, err) < 0)
      return -1;
  }
  sort(out);
  return 0;
}

/* Had the primary any tag there? If its loss was accepted, the backups keep the last copies. */
static int had_tags(struct sp_journal *journal, const struct below *below, const char *name,
                    bool *had, struct sp_err *err)
{
  SP_AUTO_FREE char *place = NULL;
  SP_AUTO_KNOWN struct sp_known known = {0};
  if (sp_text_format(&place, err, "%s%s", below->prefix, name) < 0 ||
      sp_known_read(journal, place, SP_KNOWN_NOW, &known, err) < 0)
    return -1;
  *had = known.tag_count > 0;
  return 0;
}

/* Adds what is not listed, and was there. */
static int add_unlisted(struct sp_journal *journal, const struct below *below,
                        struct sp_namespace *out, struct sp_err *err)
{
  SP_CLEANUP(sp_namespace_clear_auto_) struct sp_namespace known = {0};
  if (recall(journal, below, &known, err) < 0)
    return -1;
  size_t listed = out->count;
  for (size_t i = 0; i < known.count && out->count < SP_MAX_NAMESPACE; i++) {
    const char *name = known.items[i].name;
    bool had;
    if (has(out, listed, name))
      continue;
    if (had_tags(journal, below, name, &had, err) < 0 || (had && add(out, name, false, err) < 0))
      return -1;
  }
  sort(out);
  return 0;
}

/* -- the whole */

int sp_namespace_list(struct sp_session *session, struct sp_journal *journal,
                      const struct sp_config_image *image, struct sp_namespace *out,
                      struct sp_err *why, struct sp_err *err)
{
  struct listing listing = {.session = session, .retry = sp_session_retry(session)};
  below_of(image, &listing.below);
  struct sp_err failure = SP_ERR_INIT;
  if (list(&listing, &failure) == 0) {
    *out = listing.found;
    sort(out);
  } else {
    sp_namespace_clear(&listing.found);
    if (failure.code == SP_E_NOMEM || failure.code == SP_E_INTERRUPTED) {
      sp_err_copy(err, &failure);
      return -1;
    }
    sp_err_copy(why, &failure);
  }
  return add_unlisted(journal, &listing.below, out, err);
}

int sp_namespace_recall(struct sp_journal *journal, const struct sp_config_image *image,
                        struct sp_namespace *out, struct sp_err *err)
{
  struct below below;
  below_of(image, &below);
  return recall(journal, &below, out, err);
}

/* -- what backups have */

/* "HOST/PATH/{repo}" of a registry; a name cannot be told from what stands around it elsewhere. */
static bool below_backup(const struct sp_config_place *backup, struct below *out)
{
  struct sp_place place;
  struct sp_err no_place = SP_ERR_INIT;
  const char *hole = strstr(backup->text, "{repo}");
  if (!hole || strcmp(hole, "{repo}") != 0 ||
      sp_config_place_get(backup, "x", &place, &no_place) < 0 ||
      place.transport != SP_TRANSPORT_REGISTRY)
    return false;
  size_t len = strlen(place.ref.repository) - 1; /* without the "x" */
  if (len > 0 && place.ref.repository[len - 1] != '/')
    return false;
  snprintf(out->host, sizeof out->host, "%s", place.ref.host);
  snprintf(out->path, sizeof out->path, "%.*s", (int)len, place.ref.repository);
  snprintf(out->prefix, sizeof out->prefix, "%s/%s", out->host, out->path);
  return true;
}

/* Adds what is listed there and not among `known`. A list that does not come is no list. */
static int add_beyond(struct sp_session *session, const struct below *below,
                      const struct sp_namespace *known, struct sp_namespace *out, bool *has_list,
                      struct sp_err *err)
{
  struct listing listing = {.session = session, .below = *below};
  struct sp_err failure = SP_ERR_INIT;
  bool is_listed = list(&listing, &failure) == 0;
  int failed = 0;
  for (size_t i = 0; is_listed && !failed && i < listing.found.count; i++) {
    const char *name = listing.found.items[i].name;
    failed = has(known, known->count, name) ? 0 : add(out, name, true, err);
  }
  sp_namespace_clear(&listing.found);
  *has_list = *has_list || is_listed;
  if (failure.code != SP_E_NOMEM && failure.code != SP_E_INTERRUPTED)
    return failed;
  sp_err_copy(err, &failure);
  return -1;
}

int sp_namespace_find_beyond(struct sp_session *session, const struct sp_config_image *image,
                             const struct sp_namespace *known, struct sp_namespace *out,
                             bool *has_list, struct sp_err *err)
{
  struct below below;
  *has_list = false;
  for (size_t i = 0; i < image->backups.count; i++) {
    if (below_backup(&image->backups.items[i], &below) &&
        add_beyond(session, &below, known, out, has_list, err) < 0)
      return -1;
  }
  below_of(image, &below);
  if (!*has_list && add_beyond(session, &below, known, out, has_list, err) < 0)
    return -1;
  sort(out);
  return 0;
}
