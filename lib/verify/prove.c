/* SPDX-License-Identifier: Apache-2.0 */
/* Structure first: it says which blobs there are, and only then can be chosen what is read. Both
 * over all sites at once, so that a slow place does not keep the others waiting; blobs through one
 * crew, so that the memory of rings is bounded for the whole image. */
#include "verify/prove.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/pool.h"
#include "transfer/crew.h"
#include "transfer/look.h"
#include "transfer/report.h"
#include "transfer/trouble.h"
#include "verify/sample.h"
#include "verify/tell.h"

#define CLOSURES_AT_ONCE 8
#define HEADS_AT_ONCE 16
#define TOUCHES_AT_ONCE 32

/* Something to be done at a site: a copy or a blob by number. */
struct item {
  struct sp_site *site;
  size_t number;
  int64_t proven_s; /* of a copy: when, at the level that is asked for; 0: never, or not known */
};

struct items {
  struct sp_check *check;
  struct item *list;
  size_t count;
};

static void fail_run(struct sp_check *check, const struct sp_err *err)
{
  sp_check_fail_site(check, &check->sites[0], err);
}

/* -- structure */

struct reading {
  struct sp_check *check;
  struct sp_site *site;
  struct sp_copy *copy;
};

static bool on_bad_manifest(void *ctx, const struct sp_digest *digest, const char *what,
                            const struct sp_err *err)
{
  struct reading *reading = ctx;
  sp_check_find(reading->check, reading->site, reading->copy, digest, what,
                err->code == SP_E_NOT_FOUND ? SP_FINDING_MISSING : SP_FINDING_WRONG);
  return true;
}

static void read_copy(struct sp_check *check, struct sp_site *site, struct sp_copy *copy)
{
  struct reading reading = {.check = check, .site = site, .copy = copy};
  bool has_no_list = false;
  const struct sp_closure_request request = {.store = site->store,
                                             .digest = copy->digest,
                                             .with_referrers = check->work.rules.with_referrers,
                                             .view = &site->view,
                                             .cancel = check->verify->sync.cancel,
                                             .report = check->report,
                                             .report_lock = &check->lock,
                                             .bad = on_bad_manifest,
                                             .bad_ctx = &reading,
                                             .has_no_list = &has_no_list};
  SP_AUTO_IMAGE struct sp_image image;
  sp_image_init(&image);
  struct sp_digest root;
  struct sp_err err = SP_ERR_INIT;
  int failed = sp_closure_read(&request, &image, &root, &err);
  if (!failed) {
    SP_LOCK_SCOPE(&check->lock);
    failed = sp_site_set_outline(site, copy, &image, &err);
  }
  if (!failed)
    return;
  if (has_no_list || (err.code != SP_E_NOT_FOUND && !sp_trouble_is_damage(&err))) {
    sp_check_fail_site(check, site, &err);
    return;
  }
  /* Its manifests were found good, or told one by one: this is about what belongs to it without
   * being named by it, as a list of referrers, and the error says which. */
  on_bad_manifest(&reading, &copy->digest, "image", &err);
  SP_LOCK_SCOPE(&check->lock);
  sp_report_add_note(check->report, "%s", err.msg);
}

/* Level claimed: the primary says what there must be, and the backup is asked by HEAD. Where the
 * primary cannot say it, the backup's own manifests have to. */
static void ask_for_copy(struct sp_check *check, struct sp_site *site, struct sp_copy *copy)
{
  const struct sp_site *primary = &check->sites[0];
  const struct sp_copy *original = sp_site_find_copy(primary, &copy->digest);
  struct sp_err err = SP_ERR_INIT;
  if (!original || !original->is_known) {
    if (sp_copy_is_meant(copy))
      read_copy(check, site, copy);
    return;
  }
  {
    SP_LOCK_SCOPE(&check->lock);
    if (sp_site_borrow_outline(site, copy, primary, original, &err) < 0)
      copy->is_known = false;
  }
  for (size_t i = 0; err.code == SP_OK && i < copy->node_count; i++) {
    struct sp_named named;
    if (sp_store_stat_manifest(site->store, &copy->nodes[i].digest, &named, &err) == 0)
      continue;
    if (sp_trouble_is_of_place(&err))
      break;
    sp_check_find(check, site, copy, &copy->nodes[i].digest, "manifest",
                  err.code == SP_E_NOT_FOUND ? SP_FINDING_MISSING : SP_FINDING_WRONG);
    sp_err_clear(&err);
  }
  if (err.code != SP_OK)
    sp_check_fail_site(check, site, &err);
}

/* -- blobs */

/* Since when each blob is there: as long as the first image that has it. */
static void recall_images(struct sp_site *site)
{
  for (size_t i = 0; i < site->copy_count; i++) {
    const struct sp_copy *copy = &site->copies[i];
    const struct sp_known_digest *known = sp_known_find_digest(site->known, &copy->digest);
    int64_t known_s = known ? known->first_seen_s : 0;
    for (size_t k = 0; known_s > 0 && k < copy->blob_count; k++) {
      struct sp_site_blob *blob = &site->blobs[copy->blobs[k]];
      if (blob->known_s == 0 || known_s < blob->known_s)
        blob->known_s = known_s;
    }
  }
}

/* When this place's blobs were last read, as the journal knows. */
static int recall(struct sp_check *check, struct sp_site *site, struct sp_err *err)
{
  SP_AUTO_FREE struct sp_digest *digests = calloc(site->blob_count + 1, sizeof *digests);
  SP_AUTO_FREE int64_t *read_s = calloc(site->blob_count + 1, sizeof *read_s);
  if (!digests || !read_s)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < site->blob_count; i++)
    digests[i] = site->blobs[i].blob.digest;
  if (sp_known_read_blobs(check->verify->sync.journal, site->known_as, digests, site->blob_count,
                          read_s, err) < 0)
    return -1;
  for (size_t i = 0; i < site->blob_count; i++)
    site->blobs[i].read_s = read_s[i];
  recall_images(site);
  return 0;
}

/* What is known to have wrong bytes, or in doubt, is read whatever was asked for: a touch would
 * call it whole. */
static void choose_damaged(struct sp_site *site)
{
  for (size_t i = 0; i < site->blob_count; i++) {
    struct sp_site_blob *blob = &site->blobs[i];
    if (sp_rot_state(site->rot, &blob->blob.digest) != SP_ROT_NONE)
      blob->is_to_read = true;
  }
  for (size_t i = 0; i < site->copy_count; i++) {
    const struct sp_copy *copy = &site->copies[i];
    bool is_suspect = sp_known_needs_read(sp_known_find_digest(site->known, &copy->digest));
    for (size_t k = 0; is_suspect && k < copy->blob_count; k++)
      site->blobs[copy->blobs[k]].is_to_read = true;
  }
}

static int choose(struct sp_check *check, struct sp_err *err)
{
  uint64_t seed = (uint64_t)check->work.now_s * 1000 + (uint64_t)sp_clock_mono_ms() % 1000;
  for (size_t s = 0; check->verify->level == SP_PROOF_READ && s < check->site_count; s++) {
    struct sp_site *site = &check->sites[s];
    if (recall(check, site, err) < 0 ||
        sp_sample_choose(site->blobs, site->blob_count, check->verify->percent, check->since_s,
                         seed, err) < 0)
      return -1;
  }
  for (size_t s = 0; s < check->site_count; s++)
    choose_damaged(&check->sites[s]);
  return 0;
}

static void tell_watch(struct sp_check *check, const struct sp_site *site,
                       const struct sp_look *look)
{
  struct sp_event event = {.kind = SP_EVENT_BLOB_END,
                           .destination = (int)(site - check->sites),
                           .bytes_done = look->read_bytes,
                           .bytes_total = look->blob->size_bytes,
                           .ok = look->finding == NULL};
  sp_watch_tell(check->watch, &event, &look->blob->digest);
}

static void note_look(struct sp_check *check, struct sp_site *site, struct sp_site_blob *blob,
                      const struct sp_look *look)
{
  SP_LOCK_SCOPE(&check->lock);
  blob->have = look->have;
  blob->proof = look->proof;
  blob->finding = look->finding;
  check->blobs++;
  check->blobs_read += look->want == SP_PROOF_READ;
  check->bytes_read += look->read_bytes;
  if (look->is_line_flaky)
    sp_report_note_flaky(check->report, site->store->name);
  if (look->have != SP_HAVE_PRESENT || look->proof != SP_PROOF_READ)
    return;
  struct sp_err lost = SP_ERR_INIT; /* what the journal has no memory for is read again */
  blob->read_s = sp_rot_date_proof(site->rot, sp_clock_wall_s());
  if (sp_known_tell_blob(check->verify->sync.journal, site->known_as, &blob->blob.digest,
                         blob->read_s, &lost) < 0)
    sp_report_add_note(check->report, "%s", lost.msg);
}

static void look_at(struct sp_check *check, struct sp_site *site, struct sp_site_blob *blob,
                    size_t ring_bytes)
{
  const struct sp_sync *sync = &check->verify->sync;
  enum sp_proof least =
      check->verify->level == SP_PROOF_CLAIMED ? SP_PROOF_CLAIMED : SP_PROOF_TOUCHED;
  struct sp_look look = {.store = site->store,
                         .blob = &blob->blob,
                         .want = blob->is_to_read ? SP_PROOF_READ : least,
                         .ring_bytes = ring_bytes,
                         .retry_for_ms = sync->retry.retry_for_ms,
                         .cancel = sync->cancel};
  struct sp_err err = SP_ERR_INIT;
  if (!sp_check_is_open(check, site))
    return;
  int failed = sp_look_at_blob(&look, &err);
  if (!failed && blob->read_s >= check->since_s && look.proof == SP_PROOF_TOUCHED)
    look.proof = SP_PROOF_READ; /* it was read since then, and is still there */
  if (failed)
    sp_check_fail_site(check, site, &err);
  else
    note_look(check, site, blob, &look);
  tell_watch(check, site, &look);
}

static bool is_to_look_at(const struct sp_site_blob *blob)
{
  return blob->have == SP_HAVE_UNKNOWN && !blob->finding;
}

static void touch_task(void *ctx, size_t i)
{
  struct items *items = ctx;
  struct item *item = &items->list[i];
  look_at(items->check, item->site, &item->site->blobs[item->number], 0);
}

static void touch_blobs_of(struct sp_check *check, struct sp_site *site, const struct sp_copy *copy)
{
  SP_AUTO_FREE struct item *list = calloc(copy->blob_count + 1, sizeof *list);
  struct items items = {.check = check, .list = list};
  for (size_t i = 0; list && i < copy->blob_count; i++) {
    if (is_to_look_at(&site->blobs[copy->blobs[i]]))
      list[items.count++] = (struct item){.site = site, .number = copy->blobs[i]};
  }
  sp_pool_run(items.count, TOUCHES_AT_ONCE, touch_task, &items);
}

static void read_task(void *ctx, size_t i, size_t ring_bytes)
{
  struct items *items = ctx;
  struct item *item = &items->list[i];
  look_at(items->check, item->site, &item->site->blobs[item->number], ring_bytes);
}

/* Lists the blobs of all sites that are (not) to be read. */
static void list_blobs(struct items *items, bool is_to_read, uint64_t *sizes)
{
  struct sp_check *check = items->check;
  items->count = 0;
  for (size_t s = 0; s < check->site_count; s++) {
    struct sp_site *site = &check->sites[s];
    for (size_t i = 0; i < site->blob_count; i++) {
      if (site->blobs[i].is_to_read != is_to_read || !is_to_look_at(&site->blobs[i]))
        continue;
      sizes[items->count] = site->blobs[i].blob.size_bytes;
      items->list[items->count++] = (struct item){.site = site, .number = i};
    }
  }
}

static int prove_blobs(struct sp_check *check, struct sp_err *err)
{
  size_t count = 0;
  for (size_t s = 0; s < check->site_count; s++)
    count += check->sites[s].blob_count;
  SP_AUTO_FREE struct item *list = calloc(count + 1, sizeof *list);
  SP_AUTO_FREE uint64_t *sizes = calloc(count + 1, sizeof *sizes);
  if (!list || !sizes)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  struct items items = {.check = check, .list = list};
  list_blobs(&items, false, sizes);
  sp_pool_run(items.count, TOUCHES_AT_ONCE, touch_task, &items);
  list_blobs(&items, true, sizes);
  return items.count > 0 ? sp_crew_run(sizes, items.count, read_task, &items, err) : 0;
}

/* -- copies */

static void copy_task(void *ctx, size_t i)
{
  struct items *items = ctx;
  struct item *item = &items->list[i];
  struct sp_check *check = items->check;
  struct sp_copy *copy = &item->site->copies[item->number];
  if (copy->is_skipped || copy->is_absent || !sp_check_is_open(check, item->site))
    return;
  if (check->verify->level == SP_PROOF_CLAIMED && item->site != &check->sites[0])
    ask_for_copy(check, item->site, copy);
  else
    read_copy(check, item->site, copy);
}

/* At a registry that counts pulls: what was begun is ended before another is, also of other images,
 * and remembered at once. Of a share, what is read is chosen when all is known. */
static void counted_task(void *ctx, size_t i)
{
  struct items *items = ctx;
  const struct item *item = &items->list[i];
  struct sp_check *check = items->check;
  struct sp_copy *copy = &item->site->copies[item->number];
  {
    SP_LOCK_SCOPE(&check->reserve->turn);
    copy_task(ctx, i);
  }
  if (!copy->is_known || check->verify->level != SP_PROOF_TOUCHED)
    return;
  choose_damaged(item->site);
  touch_blobs_of(check, item->site, copy);
  sp_tell_copy(check, item->site, copy);
}

static int64_t proven_s(const struct sp_check *check, const struct sp_site *site,
                        const struct sp_copy *copy)
{
  const struct sp_known_digest *known = sp_known_find_digest(site->known, &copy->digest);
  if (!known)
    return 0;
  return check->verify->level == SP_PROOF_READ || known->read_s > known->touched_s
             ? known->read_s
             : known->touched_s;
}

/* What was proven least recently comes first: where pulls end the run, the next one gets further.
 * Else one of each site in turn: places are asked side by side. */
static int by_age(const void *a, const void *b)
{
  const struct item *x = a, *y = b;
  if (x->proven_s != y->proven_s)
    return x->proven_s < y->proven_s ? -1 : 1;
  if (x->number != y->number)
    return x->number < y->number ? -1 : 1;
  return x->site < y->site ? -1 : x->site > y->site;
}

static void list_copies(struct items *items, struct sp_site *site)
{
  for (size_t i = 0; i < site->copy_count; i++)
    items->list[items->count++] = (struct item){
        .site = site, .number = i, .proven_s = proven_s(items->check, site, &site->copies[i])};
}

/* Copies of the sites from `first` to before `end`; those whose registry counts pulls come after
 * the others, one by one, each to its end. */
static void read_structure(struct sp_check *check, size_t first, size_t end)
{
  size_t count = 0;
  for (size_t s = first; s < end; s++)
    count += check->sites[s].copy_count;
  SP_AUTO_FREE struct item *list = calloc(count + 1, sizeof *list);
  struct items items = {.check = check, .list = list};
  if (!list) {
    struct sp_err err = SP_ERR_INIT;
    (void)sp_fail(&err, SP_E_NOMEM, "out of memory");
    fail_run(check, &err);
    return;
  }
  bool is_asking = check->verify->level == SP_PROOF_CLAIMED && first > 0;
  for (int is_counted = 0; is_counted < 2; is_counted++) {
    items.count = 0;
    for (size_t s = first; s < end; s++) {
      if (sp_pull_reserve_counts(check->reserve, check->sites[s].store) == is_counted)
        list_copies(&items, &check->sites[s]);
    }
    qsort(list, items.count, sizeof *list, by_age);
    if (is_counted && !is_asking)
      sp_pool_run(items.count, 1, counted_task, &items);
    else
      sp_pool_run(items.count, is_asking ? HEADS_AT_ONCE : CLOSURES_AT_ONCE, copy_task, &items);
  }
}

void sp_prove_run(struct sp_check *check)
{
  struct sp_err err = SP_ERR_INIT;
  if (check->verify->level == SP_PROOF_CLAIMED) {
    read_structure(check, 0, 1);
    read_structure(check, 1, check->site_count);
  } else {
    read_structure(check, 0, check->site_count);
  }
  if (choose(check, &err) < 0 || prove_blobs(check, &err) < 0)
    fail_run(check, &err);
}

void sp_prove_again(struct sp_check *check, struct sp_site *site, struct sp_copy *copy)
{
  sp_site_forget_findings(site, copy);
  read_copy(check, site, copy);
  for (size_t i = 0; i < copy->blob_count; i++) {
    struct sp_site_blob *blob = &site->blobs[copy->blobs[i]];
    if (blob->have == SP_HAVE_PRESENT)
      continue;
    blob->is_to_read = true;
    look_at(check, site, blob, 0);
  }
}
