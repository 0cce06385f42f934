/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/fallback.h"

#include <stdlib.h>

#include "base/pool.h"
#include "oci/index.h"
#include "oci/media_type.h"
#include "oci/reference.h"
#include "transfer/heal.h"
#include "transfer/referrers.h"
#include "transfer/report.h"
#include "transfer/trouble.h"

#define FALLBACK_THREADS 8

/* The edges of one subject. */
struct group {
  const struct sp_referrer_edge *edges;
  size_t count;
};

struct fallback {
  struct sp_run *run;
  size_t place;
  struct sp_store *store;
  struct group *groups;
};

static const struct sp_digest *subject_of(const struct fallback *f, const struct group *group)
{
  return &f->run->image.nodes[group->edges[0].subject].manifest.digest;
}

/* -- does the destination list them itself? */

static bool is_listed(const struct sp_referrers *list, const struct sp_digest *digest)
{
  for (size_t i = 0; i < list->count; i++) {
    if (sp_digest_eq(&list->items[i].digest, digest))
      return true;
  }
  return false;
}

static bool lists_all(const struct sp_referrers *list, const struct group *group)
{
  for (size_t i = 0; i < group->count; i++) {
    if (!is_listed(list, &group->edges[i].digest))
      return false;
  }
  return true;
}

/* What the answers to this run's puts say: all handled, or one not, or nothing. */
static bool was_answered(const struct fallback *f, const struct group *group, bool *handled)
{
  *handled = true;
  for (size_t i = 0; i < group->count; i++) {
    size_t node = sp_image_find_node(&f->run->image, &group->edges[i].digest);
    const struct sp_node_fact *fact = &f->run->facts.places[f->place].nodes[node];
    if (!fact->is_answered)
      return false;
    *handled = *handled && fact->is_handled;
  }
  return true;
}

/* A registry that got its list after the manifests were there learns of them by another put. */
static int put_again(const struct fallback *f, const struct group *group, bool *handled,
                     struct sp_err *err)
{
  *handled = true;
  for (size_t i = 0; i < group->count; i++) {
    size_t node = sp_image_find_node(&f->run->image, &group->edges[i].digest);
    bool is_handled = false;
    if (sp_store_put_manifest(f->store, &f->run->image.nodes[node].manifest, &is_handled, err) < 0)
      return -1;
    *handled = *handled && is_handled;
  }
  return 0;
}

/* A list may name what does not name the subject itself; no registry can know of that. */
static bool all_name_subject(const struct fallback *f, const struct group *group)
{
  for (size_t i = 0; i < group->count; i++) {
    size_t node = sp_image_find_node(&f->run->image, &group->edges[i].digest);
    if (!sp_digest_eq(&f->run->image.nodes[node].subject, subject_of(f, group)))
      return false;
  }
  return true;
}

static int is_handled_there(const struct fallback *f, const struct group *group, bool *handled,
                            struct sp_err *err)
{
  *handled = false;
  if (!all_name_subject(f, group))
    return 0;
  if (was_answered(f, group, handled))
    return 0;
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  struct sp_err failure = SP_ERR_INIT;
  if (sp_store_list_referrers(f->store, subject_of(f, group), &list, &failure) == 0) {
    *handled = lists_all(&list, group);
    return *handled ? 0 : put_again(f, group, handled, err);
  }
  *handled = false;
  if (failure.code == SP_E_UNSUPPORTED || failure.code == SP_E_NOT_FOUND)
    return 0;
  sp_err_copy(err, &failure);
  return -1;
}

/* -- the index under the tag */

static const struct sp_fallback_index *source_index(const struct sp_image *image, size_t subject)
{
  for (size_t i = 0; i < image->fallback_count; i++) {
    if (image->fallbacks[i].subject == subject)
      return &image->fallbacks[i];
  }
  return NULL;
}

/* Makes index (at the destination, or empty) hold the group too. */
static int merge(struct sp_span there, const struct group *group, bool *changed, struct sp_buf *out,
                 struct sp_err *err)
{
  SP_AUTO_INDEX struct sp_index *index = NULL;
  if ((there.len ? sp_index_parse(there, &index, err) : sp_index_new(&index, err)) < 0)
    return -1;
  *changed = false;
  for (size_t i = 0; i < group->count; i++) {
    bool added;
    if (sp_index_add_raw(index, group->edges[i].raw, &added, err) < 0)
      return -1;
    *changed = *changed || added;
  }
  return *changed ? sp_index_format(index, out, err) : 0;
}

/* Has the source's index these entries and no others? */
static int is_exactly(const struct sp_fallback_index *source, const struct group *group,
                      bool *exactly, struct sp_err *err)
{
  SP_AUTO_INDEX struct sp_index *index = NULL;
  if (sp_index_parse(sp_buf_span(&source->manifest.bytes), &index, err) < 0)
    return -1;
  *exactly = sp_index_count(index) == group->count;
  return 0;
}

static int put_and_read_back(struct sp_store *store, const struct sp_manifest_bytes *index,
                             struct sp_err *err)
{
  bool handled;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes back;
  sp_manifest_bytes_init(&back);
  if (sp_store_put_manifest(store, index, &handled, err) < 0)
    return -1;
  return sp_store_get_manifest(store, &index->digest, &back, err);
}

/* Puts an index by digest, reads it back, and only then makes the tag name it. */
static int write_index(const struct fallback *f, const char *tag,
                       const struct sp_manifest_bytes *index, struct sp_err *err)
{
  size_t done;
  struct sp_err failure = SP_ERR_INIT;
  int failed = put_and_read_back(f->store, index, &failure);
  if (failed && !sp_trouble_is_of_place(&failure)) {
    sp_heal_manifest(f->store, index, f->run->job->cancel);
    sp_err_clear(&failure);
    failed = put_and_read_back(f->store, index, &failure);
  }
  if (failed) {
    sp_err_copy(err, &failure);
    if (!sp_trouble_is_of_place(&failure))
      sp_fail(err, SP_E_DIGEST, "the index was taken and is kept bad: %s", failure.msg);
    return -1;
  }
  return sp_store_set_tags(f->store, &tag, 1, index, &done, err);
}

static int write_merged(const struct fallback *f, const char *tag, struct sp_buf *bytes,
                        struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes index;
  sp_manifest_bytes_init(&index);
  snprintf(index.media_type, sizeof index.media_type, "%s", SP_MEDIA_OCI_INDEX);
  if (sp_buf_append_span(&index.bytes, sp_buf_span(bytes), err) < 0 ||
      sp_digest_of(SP_DIGEST_SHA256, index.bytes.data, index.bytes.len, &index.digest, err) < 0)
    return -1;
  return write_index(f, tag, &index, err);
}

/* What is under the tag now. A list that cannot be served is written anew: its entries of others
 * are lost, but nobody could read them. */
static int read_there(const struct fallback *f, const struct group *group,
                      struct sp_manifest_bytes *there, struct sp_referrers *list, bool *found,
                      struct sp_err *err)
{
  struct sp_err failure = SP_ERR_INIT;
  if (sp_referrers_read_fallback(f->store, subject_of(f, group), there, list, found, &failure) == 0)
    return 0;
  if (!sp_trouble_is_damage(&failure)) {
    sp_err_copy(err, &failure);
    return -1;
  }
  SP_LOCK_SCOPE(&f->run->lock);
  sp_report_add_note(f->run->report, "written anew, because it could not be read: %s", failure.msg);
  return 0;
}

static int publish_tag(const struct fallback *f, const struct group *group, struct sp_err *err)
{
  char tag[SP_MAX_TAG + 1];
  sp_ref_referrers_tag(subject_of(f, group), tag);
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes there;
  sp_manifest_bytes_init(&there);
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  bool found = false;
  if (read_there(f, group, &there, &list, &found, err) < 0)
    return -1;
  const struct sp_fallback_index *source = source_index(&f->run->image, group->edges[0].subject);
  if (!found && source) {
    bool exactly;
    if (is_exactly(source, group, &exactly, err) < 0)
      return -1;
    if (exactly)
      return write_index(f, tag, &source->manifest, err);
  }
  SP_AUTO_BUF struct sp_buf merged;
  sp_buf_init(&merged, SP_MAX_MANIFEST_BYTES);
  bool changed;
  if (merge(found ? sp_buf_span(&there.bytes) : SP_SPAN(NULL, 0), group, &changed, &merged, err) <
      0)
    return -1;
  return changed ? write_merged(f, tag, &merged, err) : 0;
}

/* -- all subjects */

static void group_task(void *ctx, size_t i)
{
  struct fallback *f = ctx;
  if (!sp_run_is_open(f->run, f->place))
    return;
  const struct group *group = &f->groups[i];
  struct sp_err err = SP_ERR_INIT;
  bool handled;
  if (is_handled_there(f, group, &handled, &err) == 0 &&
      (handled || publish_tag(f, group, &err) == 0))
    return;
  sp_err_context(&err, "cannot publish a list of referrers");
  sp_run_fail_place(f->run, f->place, &err);
}

static size_t find_groups(const struct sp_image *image, struct group *groups)
{
  size_t count = 0;
  for (size_t i = 0; i < image->edge_count; i++) {
    if (i == 0 || image->edges[i].subject != image->edges[i - 1].subject)
      groups[count++] = (struct group){.edges = &image->edges[i]};
    groups[count - 1].count++;
  }
  return count;
}

void sp_fallback_publish(struct sp_run *run, size_t place)
{
  const struct sp_image *image = &run->image;
  if (image->edge_count == 0)
    return;
  SP_AUTO_FREE struct group *groups = calloc(image->edge_count, sizeof *groups);
  if (!groups) {
    struct sp_err err = SP_ERR_INIT;
    sp_fail(&err, SP_E_NOMEM, "out of memory");
    sp_run_fail(run, &err);
    return;
  }
  size_t count = find_groups(image, groups);
  struct fallback fallback = {
      .run = run, .place = place, .store = sp_run_store(run, place), .groups = groups};
  sp_pool_run(count, FALLBACK_THREADS, group_task, &fallback);
}
