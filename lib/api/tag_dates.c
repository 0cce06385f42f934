/* SPDX-License-Identifier: Apache-2.0 */
/* Two rounds, each side by side: what do the tags name (HEADs), then what do the images say, each
 * digest once. */
#include "api/tag_dates.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/text.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "store/small_blob.h"

#define THREADS 8

struct dating {
  struct sp_store *store;
  const struct sp_retry_policy *policy;
  struct sp_tag_date *dates;
  const size_t *firsts; /* second round: numbers of dates whose digests are asked for */
  pthread_mutex_t lock; /* guards what follows */
  struct sp_err err;    /* the first failure that is one */
};

/* Of one image only, or of all that is asked? */
static bool is_of_image(enum sp_code code)
{
  static const enum sp_code codes[] = {SP_E_NOT_FOUND, SP_E_DIGEST, SP_E_INVALID, SP_E_UNSUPPORTED,
                                       SP_E_LIMIT};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    if (codes[i] == code)
      return true;
  }
  return false;
}

static void note_failure(struct dating *dating, const char *tag, const struct sp_err *err)
{
  if (is_of_image(err->code)) {
    sp_log(SP_LOG_INFO, "tag '%s' has no date: %s", tag, err->msg);
    return;
  }
  SP_LOCK_SCOPE(&dating->lock);
  if (dating->err.code == SP_OK)
    sp_err_copy(&dating->err, err);
}

static bool has_failed(struct dating *dating)
{
  SP_LOCK_SCOPE(&dating->lock);
  return dating->err.code != SP_OK;
}

static void resolve_task(void *ctx, size_t i)
{
  struct dating *dating = ctx;
  struct sp_tag_date *date = &dating->dates[i];
  struct sp_err err = SP_ERR_INIT;
  struct sp_named named;
  if (has_failed(dating))
    return;
  if (sp_store_resolve(dating->store, date->tag, &named, &err) < 0) {
    note_failure(dating, date->tag, &err);
    return;
  }
  date->digest = named.digest;
  sp_digest_format(&named.digest, date->digest_text);
}

/* -- one image */

static bool take_date(struct sp_tag_date *date, const char *text)
{
  if (!text || sp_clock_parse_rfc3339(text, &date->created_s) < 0)
    return false;
  sp_text_escape(date->created, sizeof date->created, sp_span_str(text));
  return true;
}

static bool take_annotation(struct sp_tag_date *date, struct sp_span manifest)
{
  static const char name[] = "org.opencontainers.image.created";
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_JSON json_t *doc = NULL;
  if (sp_json_parse(manifest, &doc, &ignored) < 0)
    return false;
  const json_t *annotations = json_object_get(doc, "annotations");
  return take_date(date, json_string_value(json_object_get(annotations, name)));
}

static int take_config(const struct dating *dating, const struct sp_desc *config,
                       struct sp_tag_date *date, struct sp_err *err)
{
  if (!sp_image_config_is_type(sp_span_str(config->media_type)))
    return 0;
  SP_AUTO_BUF struct sp_buf bytes;
  sp_buf_init(&bytes, SP_MAX_SMALL_BLOB_BYTES);
  SP_AUTO_JSON json_t *facts = NULL;
  if (sp_small_blob_read(dating->store, &config->digest, config->size_bytes, dating->policy, &bytes,
                         err) < 0 ||
      sp_image_config_read(sp_buf_span(&bytes), &facts, err) < 0)
    return -1;
  (void)take_date(date, json_string_value(json_object_get(facts, "created")));
  return 0;
}

/* The date of a manifest; of an index without one, `*child` is where to look next. */
static int take_manifest(const struct dating *dating, const struct sp_digest *digest,
                         struct sp_tag_date *date, struct sp_digest *child, struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  SP_AUTO_MANIFEST struct sp_manifest manifest = {0};
  child->alg = SP_DIGEST_NONE;
  if (sp_store_get_manifest(dating->store, digest, &bytes, err) < 0 ||
      sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type), &manifest, err) <
          0)
    return -1;
  if (take_annotation(date, sp_buf_span(&bytes.bytes)))
    return 0;
  if (!manifest.is_index)
    return take_config(dating, &manifest.blobs[0], date, err);
  if (manifest.child_count > 0)
    *child = manifest.children[0].digest;
  return 0;
}

static void read_task(void *ctx, size_t i)
{
  struct dating *dating = ctx;
  struct sp_tag_date *date = &dating->dates[dating->firsts[i]];
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest child, none;
  if (has_failed(dating))
    return;
  if (take_manifest(dating, &date->digest, date, &child, &err) < 0 ||
      (child.alg != SP_DIGEST_NONE && take_manifest(dating, &child, date, &none, &err) < 0))
    note_failure(dating, date->tag, &err);
}

/* -- all of them */

static int compare_digests(const void *a, const void *b, void *ctx)
{
  const struct sp_tag_date *dates = ctx;
  return memcmp(&dates[*(const size_t *)a].digest, &dates[*(const size_t *)b].digest,
                sizeof dates->digest);
}

/* Orders numbers so that equal digests stand together; answers how many are the first of theirs,
 * and those in `firsts`. */
static size_t find_firsts(struct sp_tag_date *dates, size_t count, size_t *order, size_t *firsts)
{
  size_t found = 0;
  for (size_t i = 0; i < count; i++)
    order[i] = i;
  qsort_r(order, count, sizeof *order, compare_digests, dates);
  for (size_t i = 0; i < count; i++) {
    const struct sp_digest *digest = &dates[order[i]].digest;
    if (digest->alg != SP_DIGEST_NONE &&
        (i == 0 || !sp_digest_eq(digest, &dates[order[i - 1]].digest)))
      firsts[found++] = order[i];
  }
  return found;
}

static void copy_to_others(struct sp_tag_date *dates, size_t count, const size_t *order)
{
  for (size_t i = 1; i < count; i++) {
    const struct sp_tag_date *before = &dates[order[i - 1]];
    struct sp_tag_date *date = &dates[order[i]];
    if (!sp_digest_eq(&date->digest, &before->digest))
      continue;
    memcpy(date->created, before->created, sizeof date->created);
    date->created_s = before->created_s;
  }
}

int sp_tag_dates_read(struct sp_store *store, const struct sp_retry_policy *policy,
                      struct sp_tag_date *dates, size_t count, struct sp_err *err)
{
  SP_AUTO_FREE size_t *order = calloc(count + 1, sizeof *order);
  SP_AUTO_FREE size_t *firsts = calloc(count + 1, sizeof *firsts);
  if (!order || !firsts)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu dates", count);
  struct dating dating = {.store = store, .policy = policy, .dates = dates, .firsts = firsts};
  dating.err = SP_ERR_INIT;
  pthread_mutex_init(&dating.lock, NULL);
  for (size_t i = 0; i < count; i++)
    dates[i] = (struct sp_tag_date){.tag = dates[i].tag, .created_s = INT64_MIN};
  sp_pool_run(count, THREADS, resolve_task, &dating);
  sp_pool_run(find_firsts(dates, count, order, firsts), THREADS, read_task, &dating);
  copy_to_others(dates, count, order);
  pthread_mutex_destroy(&dating.lock);
  if (dating.err.code == SP_OK)
    return 0;
  sp_err_copy(err, &dating.err);
  return sp_err_context(err, "cannot read the dates of the tags");
}
