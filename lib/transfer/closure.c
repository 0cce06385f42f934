/* SPDX-License-Identifier: Apache-2.0 */
/* Trees are fetched level by level: all manifests of a level at once (round trips are what this
 * costs), then parsed and added one after the other. The visited set is the image's own map. */
#include "transfer/closure.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/pool.h"
#include "oci/image_config.h"
#include "oci/media_type.h"
#include "store/small_blob.h"
#include "transfer/digest_map.h"
#include "transfer/referrers.h"
#include "transfer/report.h"
#include "transfer/trouble.h"

#define FETCH_THREADS 16
#define FETCHED_AT_ONCE 256 /* manifests that wait to be parsed, with room for a message each */
/* All manifests of one image together: real ones have under 1 MiB, and all of them are held in
 * memory at once. */
#define IMAGE_MANIFESTS_MAX_BYTES (64u * SP_MIB)

int sp_wanted_add(struct sp_wanted_list *list, const struct sp_wanted *wanted, struct sp_err *err)
{
  if (list->count == list->cap) {
    size_t cap = list->cap ? list->cap * 2 : 16;
    struct sp_wanted *items = reallocarray(list->items, cap, sizeof *items);
    if (!items)
      return sp_fail(err, SP_E_NOMEM, "out of memory");
    list->items = items;
    list->cap = cap;
  }
  list->items[list->count++] = *wanted;
  return 0;
}

void sp_wanted_clear(struct sp_wanted_list *list)
{
  free(list->items);
  *list = (struct sp_wanted_list){0};
}

static void note(const struct sp_closure_request *request, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void note(const struct sp_closure_request *request, const char *fmt, ...)
{
  char text[SP_ERR_MSG_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, _(fmt), args);
  va_end(args);
  if (request->report_lock)
    pthread_mutex_lock(request->report_lock);
  sp_report_add_note(request->report, "%s", text);
  if (request->report_lock)
    pthread_mutex_unlock(request->report_lock);
}

/* -- one level */

static void note_flaky(const struct sp_closure_request *request)
{
  if (request->report_lock)
    pthread_mutex_lock(request->report_lock);
  sp_report_note_flaky(request->report, request->store->name);
  if (request->report_lock)
    pthread_mutex_unlock(request->report_lock);
}

struct fetched {
  struct sp_manifest_bytes manifest;
  struct sp_err err;
};

struct level {
  const struct sp_closure_request *request;
  const struct sp_wanted_list *wanted;
  struct fetched *fetched; /* one for each wanted */
  atomic_uint_least64_t bytes;
  atomic_bool is_line_flaky;
};

static void fetch_task(void *ctx, size_t i)
{
  struct level *level = ctx;
  const struct sp_wanted *wanted = &level->wanted->items[i];
  struct fetched *out = &level->fetched[i];
  const struct sp_closure_request *request = level->request;
  if (atomic_load(&level->bytes) > IMAGE_MANIFESTS_MAX_BYTES) {
    sp_fail(&out->err, SP_E_LIMIT, "the manifests of the image are larger than %u MiB together",
            IMAGE_MANIFESTS_MAX_BYTES / SP_MIB);
    return;
  }
  if (sp_cancel_check(request->cancel, &out->err) < 0)
    return;
  int failed = sp_store_get_manifest(request->store, &wanted->digest, &out->manifest, &out->err);
  if (failed && out->err.code == SP_E_DIGEST) {
    /* A second reading decides between a flaky line and rot. */
    sp_err_clear(&out->err);
    failed = sp_store_get_manifest(request->store, &wanted->digest, &out->manifest, &out->err);
    if (!failed)
      atomic_store(&level->is_line_flaky, true);
  }
  if (!failed)
    atomic_fetch_add(&level->bytes, out->manifest.bytes.len);
}

/* What the store says it is, or else who points to it. */
static struct sp_span type_of(const struct sp_manifest_bytes *manifest,
                              const struct sp_wanted *wanted)
{
  const char *stated = manifest->media_type[0] ? manifest->media_type : wanted->media_type;
  return sp_span_str(stated);
}

/* S18: who points to it, the answer and the body must agree. */
static int check_against(const struct sp_wanted *wanted, const struct sp_manifest *parsed,
                         size_t size_bytes, struct sp_err *err)
{
  if (wanted->size_bytes != SP_SIZE_UNKNOWN && wanted->size_bytes != size_bytes)
    return sp_fail(err, SP_E_INVALID, "it has %zu bytes where %llu were announced", size_bytes,
                   (unsigned long long)wanted->size_bytes);
  struct sp_span said = sp_span_str(wanted->media_type);
  bool says_index = sp_media_is_index(said);
  if ((says_index || sp_media_is_manifest(said)) && says_index != parsed->is_index)
    return sp_fail(err, SP_E_INVALID, "it is of another kind than its media type there, '%s'",
                   wanted->media_type);
  return 0;
}

static int want_children(const struct sp_wanted *parent, const struct sp_manifest *parsed,
                         struct sp_wanted_list *next, struct sp_err *err)
{
  if (parsed->child_count > 0 && parent->depth + 1 >= SP_MAX_GRAPH_DEPTH)
    return sp_fail(err, SP_E_LIMIT, "indexes are nested deeper than %d", SP_MAX_GRAPH_DEPTH);
  for (size_t i = 0; i < parsed->child_count; i++) {
    const struct sp_desc *desc = &parsed->children[i];
    struct sp_wanted child = {.digest = desc->digest,
                              .size_bytes = desc->size_bytes,
                              .is_referrer = parent->is_referrer,
                              .found_for = SP_NO_NODE,
                              .depth = parent->depth + 1};
    snprintf(child.media_type, sizeof child.media_type, "%s", desc->media_type);
    if (sp_wanted_add(next, &child, err) < 0)
      return -1;
  }
  return 0;
}

static const char *what_of(const struct sp_wanted *wanted)
{
  return wanted->is_referrer ? "referrer" : "manifest";
}

/* Parses what was fetched and adds it; its children are wanted next. */
static int add_fetched(const struct sp_wanted *wanted, struct fetched *fetched,
                       struct sp_image *image, struct sp_wanted_list *next, struct sp_err *err)
{
  if (fetched->err.code != SP_OK) {
    sp_err_copy(err, &fetched->err);
    return -1;
  }
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  if (sp_manifest_parse(sp_buf_span(&fetched->manifest.bytes), type_of(&fetched->manifest, wanted),
                        &parsed, err) < 0 ||
      check_against(wanted, &parsed, fetched->manifest.bytes.len, err) < 0 ||
      want_children(wanted, &parsed, next, err) < 0 ||
      sp_image_add_node_take(image, &fetched->manifest, &parsed, wanted->is_referrer,
                             wanted->found_for, err) < 0) {
    char text[SP_DIGEST_TEXT_MAX];
    sp_digest_format(&wanted->digest, text);
    return sp_err_context(err, "%s '%s'", _(what_of(wanted)), text);
  }
  return 0;
}

static int add_or_report(const struct sp_closure_request *request, const struct sp_wanted *wanted,
                         struct fetched *fetched, struct sp_image *image,
                         struct sp_wanted_list *next, struct sp_err *err)
{
  struct sp_err failure = SP_ERR_INIT;
  if (add_fetched(wanted, fetched, image, next, &failure) == 0)
    return 0;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&wanted->digest, text);
  if (request->bad && !sp_trouble_is_of_place(&failure) &&
      request->bad(request->bad_ctx, &wanted->digest, what_of(wanted), &failure))
    return 0;
  bool is_listed_only = wanted->is_referrer && wanted->found_for != SP_NO_NODE;
  if (failure.code == SP_E_NOT_FOUND && is_listed_only) {
    note(request, "referrer '%s' is listed but not stored at '%s'", text, request->store->name);
    image->referrers_absent++;
    return 0;
  }
  sp_err_copy(err, &failure);
  return -1;
}

/* Forgets what image has already, and what is wanted twice (an index may name the same manifest ten
 * thousand times). */
static int drop_known(struct sp_wanted_list *wanted, const struct sp_image *image,
                      struct sp_err *err)
{
  SP_AUTO_DIGEST_MAP struct sp_digest_map seen = {0};
  size_t kept = 0;
  for (size_t i = 0; i < wanted->count; i++) {
    const struct sp_digest *digest = &wanted->items[i].digest;
    bool is_new;
    if (sp_digest_map_add(&seen, digest, i, &is_new, err) < 0)
      return -1;
    if (is_new && sp_image_find_node(image, digest) == SP_NO_NODE)
      wanted->items[kept++] = wanted->items[i];
  }
  wanted->count = kept;
  return 0;
}

static uint64_t manifest_bytes(const struct sp_image *image)
{
  uint64_t total = 0;
  for (size_t i = 0; i < image->node_count; i++)
    total += image->nodes[i].manifest.bytes.len;
  return total;
}

static int fetch_some(const struct sp_closure_request *request, const struct sp_wanted_list *wanted,
                      struct sp_image *image, struct sp_wanted_list *next, struct sp_err *err)
{
  SP_AUTO_FREE struct fetched *fetched = calloc(wanted->count, sizeof *fetched);
  if (!fetched)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < wanted->count; i++) {
    sp_manifest_bytes_init(&fetched[i].manifest);
    fetched[i].err = SP_ERR_INIT;
  }
  struct level level = {.request = request, .wanted = wanted, .fetched = fetched};
  atomic_init(&level.bytes, manifest_bytes(image));
  sp_pool_run(wanted->count, FETCH_THREADS, fetch_task, &level);
  if (atomic_load(&level.is_line_flaky))
    note_flaky(request);
  int failed = 0;
  for (size_t i = 0; i < wanted->count; i++) {
    if (!failed)
      failed = add_or_report(request, &wanted->items[i], &fetched[i], image, next, err);
    sp_manifest_bytes_clear(&fetched[i].manifest);
  }
  return failed;
}

static int fetch_level(const struct sp_closure_request *request, struct sp_wanted_list *wanted,
                       struct sp_image *image, struct sp_wanted_list *next, struct sp_err *err)
{
  for (size_t first = 0; first < wanted->count; first += FETCHED_AT_ONCE) {
    size_t left = wanted->count - first;
    const struct sp_wanted_list some = {.items = &wanted->items[first],
                                        .count = left < FETCHED_AT_ONCE ? left : FETCHED_AT_ONCE};
    if (fetch_some(request, &some, image, next, err) < 0)
      return -1;
  }
  return 0;
}

int sp_closure_fetch(const struct sp_closure_request *request, struct sp_wanted_list *wanted,
                     struct sp_image *image, struct sp_err *err)
{
  if (drop_known(wanted, image, err) < 0)
    return -1;
  while (wanted->count > 0) {
    if (image->node_count + wanted->count > SP_MAX_GRAPH_NODES)
      return sp_fail(err, SP_E_LIMIT, "the image has more than %d manifests", SP_MAX_GRAPH_NODES);
    SP_AUTO_WANTED struct sp_wanted_list next = {0};
    if (fetch_level(request, wanted, image, &next, err) < 0 || drop_known(&next, image, err) < 0)
      return -1;
    struct sp_wanted_list used = *wanted;
    *wanted = next;
    next = used;
  }
  return 0;
}

/* -- the root and the platform */

/* The entry of the index that serves the platform, as what is wanted. */
static int choose_platform(const struct sp_closure_request *request,
                           const struct sp_platform *platform, const struct sp_manifest *index,
                           struct sp_wanted *out, struct sp_err *err)
{
  const struct sp_desc *child;
  char text[SP_PLATFORM_TEXT_MAX];
  size_t found;
  sp_platform_format(platform, text);
  if (sp_manifest_find_platform(index, platform, &child, &found, err) < 0)
    return -1;
  *out = (struct sp_wanted){
      .digest = child->digest, .size_bytes = child->size_bytes, .found_for = SP_NO_NODE};
  snprintf(out->media_type, sizeof out->media_type, "%s", child->media_type);
  if (!request->platform)
    note(request,
         "an engine keeps the image of one platform: of the index, '%s' was taken (--platform "
         "takes another)",
         text);
  if (found > 1)
    note(request, "%zu entries of the index serve '%s': the first was taken", found, text);
  return 0;
}

/* The platform that an image's config says; *says false: it is an artifact, or its config does not
 * say. One that is missing or wrong does not either: that the image is not whole is found later. */
static int read_platform(const struct sp_closure_request *request,
                         const struct sp_manifest *manifest, struct sp_platform *out, bool *says,
                         struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf config;
  SP_AUTO_JSON json_t *facts = NULL;
  struct sp_err why = SP_ERR_INIT;
  const struct sp_desc *desc = &manifest->blobs[0];
  const struct sp_retry_policy policy = {.retry_for_ms = request->retry_for_ms,
                                         .cancel = request->cancel};
  sp_buf_init(&config, SP_MAX_SMALL_BLOB_BYTES);
  *says = false;
  if (!sp_image_config_is_type(sp_span_str(desc->media_type)))
    return 0;
  if (sp_small_blob_read(request->store, &desc->digest, desc->size_bytes, &policy, &config, &why) <
          0 ||
      sp_image_config_read(sp_buf_span(&config), &facts, &why) < 0) {
    if (!sp_trouble_is_of_place(&why))
      return 0;
    sp_err_copy(err, &why);
    return -1;
  }
  const char *text = json_string_value(json_object_get(facts, "platform"));
  *says = text && sp_platform_parse(sp_span_str(text), out, &why) == 0 &&
          strcmp(out->os, "unknown") != 0 && strcmp(out->architecture, "unknown") != 0;
  return 0;
}

/* An image that is no part of an index serves the platform if its config says so; many configs
 * leave out the variant. */
static int check_only_platform(const struct sp_closure_request *request,
                               const struct sp_manifest *manifest, struct sp_err *err)
{
  struct sp_platform have;
  struct sp_platform want = *request->platform;
  bool says;
  char have_text[SP_PLATFORM_TEXT_MAX];
  char want_text[SP_PLATFORM_TEXT_MAX];
  sp_platform_format(&want, want_text);
  if (read_platform(request, manifest, &have, &says, err) < 0)
    return -1;
  if (!says) {
    note(request, "the image does not say which platform it is of: it was taken as it is");
    return 0;
  }
  if (!have.variant[0])
    want.variant[0] = '\0';
  if (sp_platform_matches(&have, &want))
    return 0;
  sp_platform_format(&have, have_text);
  return sp_fail(err, SP_E_NOT_FOUND,
                 "the image is of the platform '%s' only: there is none of '%s'", have_text,
                 want_text);
}

/* If a platform is asked for and `root` is an index, makes the platform's entry the root. A
 * manifest that nobody asked a platform of is not fetched for that: it may cost a pull. */
static int narrow(const struct sp_closure_request *request, struct sp_wanted *root,
                  struct sp_err *err)
{
  const struct sp_platform *platform =
      request->platform ? request->platform : request->index_platform;
  if (!platform || (!request->platform && sp_media_is_manifest(sp_span_str(root->media_type))))
    return 0;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  if (sp_store_get_manifest(request->store, &root->digest, &bytes, err) < 0 ||
      sp_manifest_parse(sp_buf_span(&bytes.bytes), type_of(&bytes, root), &parsed, err) < 0)
    return -1;
  if (parsed.is_index)
    return choose_platform(request, platform, &parsed, root, err);
  return request->platform ? check_only_platform(request, &parsed, err) : 0;
}

static int find_root(const struct sp_closure_request *request, struct sp_wanted *root,
                     struct sp_err *err)
{
  *root = (struct sp_wanted){
      .digest = request->digest, .size_bytes = SP_SIZE_UNKNOWN, .found_for = SP_NO_NODE};
  if (root->digest.alg == SP_DIGEST_NONE) {
    struct sp_named named;
    if (sp_store_resolve(request->store, request->tag, &named, err) < 0)
      return -1;
    root->digest = named.digest;
    snprintf(root->media_type, sizeof root->media_type, "%s", named.media_type);
  }
  return narrow(request, root, err);
}

/* Foreign layers are copied where the source has them; which ones it lacks is known before
 * anything is written. */
static int check_foreign(const struct sp_closure_request *request, struct sp_image *image,
                         struct sp_err *err)
{
  for (size_t i = 0; i < image->blob_count; i++) {
    struct sp_image_blob *blob = &image->blobs[i];
    if (!blob->is_foreign)
      continue;
    struct sp_blob_state state;
    if (sp_store_check_blob(request->store, &blob->digest, blob->size_bytes, SP_PROOF_CLAIMED,
                            &state, err) < 0)
      return -1;
    blob->is_lacking = state.state == SP_BLOB_ABSENT;
  }
  return 0;
}

int sp_closure_read(const struct sp_closure_request *request, struct sp_image *image,
                    struct sp_digest *root, struct sp_err *err)
{
  *root = (struct sp_digest){0};
  struct sp_wanted wanted;
  if (find_root(request, &wanted, err) < 0)
    return -1;
  *root = wanted.digest;
  SP_AUTO_WANTED struct sp_wanted_list list = {0};
  if (sp_wanted_add(&list, &wanted, err) < 0 || sp_closure_fetch(request, &list, image, err) < 0)
    return -1;
  if (request->with_referrers && sp_referrers_read(request, image, err) < 0)
    return -1;
  if (check_foreign(request, image, err) < 0)
    return -1;
  return sp_image_seal(image, err);
}
