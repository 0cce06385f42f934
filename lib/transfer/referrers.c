/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds: all manifests that were not asked about yet are asked about, four questions each (the
 * list, and three cosign tags); the trees that turn up are fetched and are the next round. These
 * look-ups are nothing but round trips, so they run side by side: as many at once as keep the
 * threads busy, and not all of a round, because an answer has room for a message. */
#include "transfer/referrers.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/pool.h"
#include "oci/media_type.h"
#include "oci/reference.h"
#include "transfer/report.h"

#define LOOKUP_THREADS 16
#define ASKED_AT_ONCE 128 /* manifests: 1 MiB of answers */

static const char *const cosign_suffixes[] = {".sig", ".att", ".sbom"};
#define COSIGN_COUNT (sizeof cosign_suffixes / sizeof cosign_suffixes[0])
_Static_assert(COSIGN_COUNT == SP_COSIGN_TAGS, "the header says how many there are");
#define QUESTIONS (1 + COSIGN_COUNT) /* of each manifest: the list comes first */

struct answer {
  struct sp_err err;
  bool found;
  bool is_of_api;                    /* question 0: err is the API's */
  struct sp_referrers list;          /* question 0 */
  struct sp_manifest_bytes fallback; /* question 0: where the list came from, if from there */
  struct sp_named named;             /* cosign tags */
};

struct round {
  const struct sp_closure_request *request;
  const struct sp_image *image;
  size_t first, subjects; /* nodes from first on, so many, are asked about */
  struct answer *answers;
  atomic_bool *is_without_api; /* as in struct sp_source_view */
};

/* -- asking */

static int read_entries(struct sp_span bytes, struct sp_referrers *list, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  json_t *entries;
  if (sp_json_parse(bytes, &doc, err) < 0 || sp_json_get_array(doc, "manifests", &entries, err) < 0)
    return -1;
  if (json_array_size(entries) > SP_MAX_DESCRIPTORS)
    return sp_fail(err, SP_E_LIMIT, "the index of referrers has more than %d entries",
                   SP_MAX_DESCRIPTORS);
  size_t i;
  json_t *entry;
  json_array_foreach(entries, i, entry)
  {
    struct sp_desc desc;
    if (sp_desc_from_json(entry, &desc, err) < 0 || sp_referrers_add(list, &desc, entry, err) < 0)
      return -1;
  }
  return 0;
}

int sp_referrers_read_fallback(struct sp_store *store, const struct sp_digest *subject,
                               struct sp_manifest_bytes *index, struct sp_referrers *list,
                               bool *found, struct sp_err *err)
{
  char tag[SP_MAX_TAG + 1];
  sp_ref_referrers_tag(subject, tag);
  *found = false;
  struct sp_named named;
  struct sp_err failure = SP_ERR_INIT;
  if (sp_store_resolve(store, tag, &named, &failure) < 0 ||
      sp_store_get_manifest(store, &named.digest, index, &failure) < 0) {
    if (failure.code == SP_E_NOT_FOUND)
      return 0;
    sp_err_copy(err, &failure);
    return -1;
  }
  if (read_entries(sp_buf_span(&index->bytes), list, &failure) < 0) {
    sp_err_copy(err, &failure);
    return sp_err_context(err, "tag '%s' of '%s' is no index of referrers", tag, store->name);
  }
  if (index->media_type[0] == '\0')
    snprintf(index->media_type, sizeof index->media_type, "%s", SP_MEDIA_OCI_INDEX);
  *found = true;
  return 0;
}

static int by_text(const void *key, const void *item)
{
  return strcmp(key, *(const char *const *)item);
}

/* Not if the source's list of tags is known and the tag is not in it. */
static bool may_be_there(const struct round *round, const char *tag)
{
  const struct sp_source_view *view = round->request->view;
  return !view || (view->tag_count > 0 &&
                   bsearch(tag, view->tags, view->tag_count, sizeof *view->tags, by_text));
}

static void ask_list(struct round *round, const struct sp_digest *subject, struct answer *out)
{
  struct sp_store *store = round->request->store;
  if (!atomic_load(round->is_without_api)) {
    if (sp_store_list_referrers(store, subject, &out->list, &out->err) == 0) {
      out->found = true;
      return;
    }
    if (out->err.code == SP_E_NOT_FOUND)
      sp_err_clear(&out->err);
    if (out->err.code != SP_E_UNSUPPORTED) {
      out->is_of_api = out->err.code != SP_OK;
      return;
    }
    sp_err_clear(&out->err);
    sp_referrers_clear(&out->list);
    atomic_store(round->is_without_api, true);
  }
  bool found;
  char tag[SP_MAX_TAG + 1];
  sp_ref_referrers_tag(subject, tag);
  if (may_be_there(round, tag) && sp_referrers_read_fallback(store, subject, &out->fallback,
                                                             &out->list, &found, &out->err) == 0)
    out->found = found;
}

static void cosign_tag(const struct sp_digest *subject, size_t suffix, char out[SP_MAX_TAG + 1])
{
  char base[SP_MAX_TAG + 1];
  sp_ref_referrers_tag(subject, base);
  snprintf(out, SP_MAX_TAG + 1, "%.*s%s", SP_MAX_TAG - 5, base, cosign_suffixes[suffix]);
}

static void ask_tag(struct round *round, const struct sp_digest *subject, size_t suffix,
                    struct answer *out)
{
  char tag[SP_MAX_TAG + 1];
  cosign_tag(subject, suffix, tag);
  if (!may_be_there(round, tag))
    return;
  out->found = sp_store_resolve(round->request->store, tag, &out->named, &out->err) == 0;
  if (!out->found && out->err.code == SP_E_NOT_FOUND)
    sp_err_clear(&out->err);
}

static void ask_task(void *ctx, size_t i)
{
  struct round *round = ctx;
  struct answer *out = &round->answers[i];
  const struct sp_node *node = &round->image->nodes[round->first + i / QUESTIONS];
  if (sp_cancel_check(round->request->cancel, &out->err) < 0)
    return;
  if (i % QUESTIONS == 0)
    ask_list(round, &node->manifest.digest, out);
  else
    ask_tag(round, &node->manifest.digest, i % QUESTIONS - 1, out);
}

/* -- noting */

static int note_list(struct sp_image *image, size_t subject, struct answer *answer,
                     struct sp_wanted_list *wanted, struct sp_err *err)
{
  for (size_t i = 0; i < answer->list.count; i++) {
    const struct sp_desc *desc = &answer->list.items[i];
    struct sp_wanted referrer = {.digest = desc->digest,
                                 .size_bytes = SP_SIZE_UNKNOWN,
                                 .is_referrer = true,
                                 .found_for = subject};
    snprintf(referrer.media_type, sizeof referrer.media_type, "%s", desc->media_type);
    if (sp_image_add_edge(image, subject, &desc->digest, answer->list.raw[i], err) < 0 ||
        sp_wanted_add(wanted, &referrer, err) < 0)
      return -1;
  }
  sp_referrers_clear(&answer->list);
  if (answer->fallback.bytes.len > 0)
    return sp_image_add_fallback_take(image, subject, &answer->fallback, err);
  return 0;
}

static int note_tag(size_t subject, const struct answer *answer, struct sp_wanted_list *wanted,
                    struct sp_err *err)
{
  struct sp_wanted referrer = {.digest = answer->named.digest,
                               .size_bytes = SP_SIZE_UNKNOWN,
                               .is_referrer = true,
                               .found_for = subject};
  snprintf(referrer.media_type, sizeof referrer.media_type, "%s", answer->named.media_type);
  return sp_wanted_add(wanted, &referrer, err);
}

/* Fetched trees have their numbers now: the cosign tags of this round can name them. A tag whose
 * manifest went missing between was noted when it was fetched. */
static int add_side_tags(const struct round *round, size_t count, struct sp_image *image,
                         struct sp_err *err)
{
  for (size_t i = 0; i < count; i++) {
    const struct answer *answer = &round->answers[i];
    if (i % QUESTIONS == 0 || !answer->found)
      continue;
    size_t node = sp_image_find_node(image, &answer->named.digest);
    if (node == SP_NO_NODE)
      continue;
    size_t subject = round->first + i / QUESTIONS;
    char tag[SP_MAX_TAG + 1];
    cosign_tag(&image->nodes[subject].manifest.digest, i % QUESTIONS - 1, tag);
    if (sp_image_add_side_tag(image, tag, node, err) < 0)
      return -1;
  }
  return 0;
}

static int note_answers(const struct round *round, size_t count, struct sp_image *image,
                        struct sp_wanted_list *wanted, struct sp_err *err)
{
  for (size_t i = 0; i < count; i++) {
    struct answer *answer = &round->answers[i];
    size_t subject = round->first + i / QUESTIONS;
    if (answer->err.code != SP_OK) {
      if (round->request->has_no_list)
        *round->request->has_no_list = answer->is_of_api && answer->err.code == SP_E_SERVER;
      sp_err_copy(err, &answer->err);
      return sp_err_context(err, "cannot look up referrers");
    }
    if (!answer->found)
      continue;
    int failed = i % QUESTIONS == 0 ? note_list(image, subject, answer, wanted, err)
                                    : note_tag(subject, answer, wanted, err);
    if (failed)
      return -1;
  }
  return 0;
}

static void clear_answers(struct answer *answers, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    sp_referrers_clear(&answers[i].list);
    sp_manifest_bytes_clear(&answers[i].fallback);
  }
}

/* A part of a round. */
static int ask(struct round *round, struct sp_image *image, struct sp_err *err)
{
  size_t count = round->subjects * QUESTIONS;
  SP_AUTO_FREE struct answer *answers = calloc(count, sizeof *answers);
  if (!answers)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < count; i++) {
    answers[i].err = SP_ERR_INIT;
    sp_manifest_bytes_init(&answers[i].fallback);
  }
  round->answers = answers;
  sp_pool_run(count, LOOKUP_THREADS, ask_task, round);
  SP_AUTO_WANTED struct sp_wanted_list wanted = {0};
  int failed = note_answers(round, count, image, &wanted, err) < 0 ||
               sp_closure_fetch(round->request, &wanted, image, err) < 0 ||
               add_side_tags(round, count, image, err) < 0;
  clear_answers(answers, count);
  return failed ? -1 : 0;
}

/* Over all nodes that there are now, from `first` on, which is behind them then. */
static int run_round(struct round *round, struct sp_image *image, struct sp_err *err)
{
  size_t end = image->node_count;
  while (round->first < end) {
    size_t left = end - round->first;
    round->subjects = left < ASKED_AT_ONCE ? left : ASKED_AT_ONCE;
    if (ask(round, image, err) < 0)
      return -1;
    round->first += round->subjects;
  }
  return 0;
}

int sp_referrers_read(const struct sp_closure_request *request, struct sp_image *image,
                      struct sp_err *err)
{
  atomic_bool unknown = false;
  atomic_bool *is_without_api = request->view ? &request->view->is_without_api : &unknown;
  struct round round = {.request = request, .image = image, .is_without_api = is_without_api};
  for (int depth = 0; round.first < image->node_count; depth++) {
    if (depth > SP_MAX_GRAPH_DEPTH)
      return sp_fail(err, SP_E_LIMIT, "referrers of referrers are nested deeper than %d at '%s'",
                     SP_MAX_GRAPH_DEPTH, request->store->name);
    if (run_round(&round, image, err) < 0)
      return -1;
  }
  return 0;
}

/* -- one manifest only */

void sp_company_clear(struct sp_company *company)
{
  sp_referrers_clear(&company->list);
}

static int look_for_tags(struct round *round, const struct sp_digest *subject,
                         struct sp_company *out, struct sp_err *err)
{
  for (size_t i = 0; i < COSIGN_COUNT; i++) {
    struct answer answer = {.err = SP_ERR_INIT};
    ask_tag(round, subject, i, &answer);
    if (answer.err.code != SP_OK) {
      sp_err_copy(err, &answer.err);
      return -1;
    }
    out->cosign[i].named = answer.named;
    if (answer.found)
      cosign_tag(subject, i, out->cosign[i].tag);
  }
  return 0;
}

int sp_referrers_look(struct sp_store *store, const struct sp_digest *subject,
                      struct sp_company *out, struct sp_err *err)
{
  const struct sp_closure_request request = {.store = store};
  atomic_bool is_without_api = false;
  struct round round = {.request = &request, .is_without_api = &is_without_api};
  struct answer answer = {.err = SP_ERR_INIT};
  sp_manifest_bytes_init(&answer.fallback);
  ask_list(&round, subject, &answer);
  out->list = answer.list;
  sp_manifest_bytes_clear(&answer.fallback);
  if (answer.err.code == SP_OK)
    return look_for_tags(&round, subject, out, err);
  sp_err_copy(err, &answer.err);
  return sp_err_context(err, "cannot look up referrers");
}
