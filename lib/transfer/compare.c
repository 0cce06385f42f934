/* SPDX-License-Identifier: Apache-2.0 */
/* Each side is read and proven by itself, to the end, whatever is found: a verify lists all damage,
 * not the first. Then the two are compared: the image by its digest (all else follows from that),
 * referrers as sets.
 *
 * A wrong reading is repeated before it counts: by closure.c for manifests, by the relay for blobs.
 */
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/text.h"
#include "transfer/closure.h"
#include "transfer/crew.h"
#include "transfer/job.h"
#include "transfer/look.h"
#include "transfer/prove.h"
#include "transfer/report.h"
#include "transfer/watch.h"

#define TOUCH_THREADS 32
#define SIDES 2
#define SOURCE 0
#define DESTINATION 1

struct side {
  struct comparison *all;
  struct sp_store *store;
  const char *tag;
  struct sp_digest digest; /* asked for */
  struct sp_digest root;   /* found */
  struct sp_image image;
  struct sp_facts facts; /* of one place: itself */
  struct sp_report_place *place;
  bool is_out;
};

struct comparison {
  const struct sp_compare *job;
  struct sp_report *report;
  struct sp_watch watch;
  pthread_mutex_t lock;
  struct side sides[SIDES];
};

static void fail_side(struct side *side, const struct sp_err *err)
{
  SP_LOCK_SCOPE(&side->all->lock);
  bool is_of_run = err->code == SP_E_INTERRUPTED || err->code == SP_E_NOMEM;
  struct sp_err *to = is_of_run ? &side->all->report->err : &side->place->err;
  if (to->code == SP_OK)
    sp_err_copy(to, err);
  side->is_out = true;
}

static bool is_open(struct side *side)
{
  struct sp_err err = SP_ERR_INIT;
  if (sp_cancel_check(side->all->job->cancel, &err) < 0)
    fail_side(side, &err);
  SP_LOCK_SCOPE(&side->all->lock);
  return !side->is_out;
}

static void add_damage(struct side *side, const struct sp_digest *digest, const char *what,
                       const char *finding)
{
  struct sp_err err = SP_ERR_INIT;
  pthread_mutex_lock(&side->all->lock);
  int failed = sp_report_add_damage(side->place, digest, what, finding, &err);
  pthread_mutex_unlock(&side->all->lock);
  if (failed)
    fail_side(side, &err);
}

/* -- structure */

static bool on_bad_manifest(void *ctx, const struct sp_digest *digest, const char *what,
                            const struct sp_err *err)
{
  struct side *side = ctx;
  add_damage(side, digest, what,
             err->code == SP_E_NOT_FOUND ? SP_FINDING_MISSING : SP_FINDING_WRONG);
  return true;
}

static void read_side(void *ctx, size_t i)
{
  struct comparison *all = ctx;
  struct side *side = &all->sides[i];
  struct sp_closure_request request = {.store = side->store,
                                       .tag = side->tag,
                                       .digest = side->digest,
                                       .platform = all->job->platform,
                                       .retry_for_ms = all->job->retry.retry_for_ms,
                                       .with_referrers = all->job->with_referrers,
                                       .cancel = all->job->cancel,
                                       .report = all->report,
                                       .report_lock = &all->lock,
                                       .bad = on_bad_manifest,
                                       .bad_ctx = side};
  struct sp_err err = SP_ERR_INIT;
  if (sp_closure_read(&request, &side->image, &side->root, &err) < 0 ||
      sp_facts_init(&side->facts, &side->image, 1, &err) < 0)
    fail_side(side, &err);
  for (size_t n = 0; n < side->image.node_count && side->facts.place_count > 0; n++)
    side->facts.places[0].nodes[n] =
        (struct sp_node_fact){.have = SP_HAVE_PRESENT, .is_read_back = true};
}

/* -- blobs */

static void note_blob(struct side *side, size_t number, enum sp_have have, enum sp_proof proof,
                      const char *finding)
{
  const struct sp_image_blob *blob = &side->image.blobs[number];
  struct sp_blob_fact *fact = &side->facts.places[0].blobs[number];
  fact->have = have;
  fact->proof = proof;
  struct sp_event event = {.kind = SP_EVENT_BLOB_END,
                           .destination = (int)(side - side->all->sides),
                           .bytes_done = have == SP_HAVE_PRESENT ? blob->size_bytes : 0,
                           .bytes_total = blob->size_bytes,
                           .ok = have == SP_HAVE_PRESENT};
  sp_watch_tell(&side->all->watch, &event, &blob->digest);
  if (finding)
    add_damage(side, &blob->digest, sp_image_blob_what(blob), finding);
}

/* What a read of one blob tells the watcher about. */
struct pace {
  struct side *side;
  const struct sp_image_blob *blob;
};

static void on_progress(void *ctx, const struct sp_relay *relay, uint64_t read_bytes)
{
  const struct pace *pace = ctx;
  (void)relay;
  struct sp_event event = {.kind = SP_EVENT_BLOB_BYTES,
                           .destination = (int)(pace->side - pace->side->all->sides),
                           .bytes_done = read_bytes,
                           .bytes_total = pace->blob->size_bytes,
                           .ok = true};
  sp_watch_tell(&pace->side->all->watch, &event, &pace->blob->digest);
}

static void look_at_blob(struct side *side, size_t number, size_t ring_bytes)
{
  const struct sp_compare *job = side->all->job;
  struct pace pace = {.side = side, .blob = &side->image.blobs[number]};
  struct sp_look look = {.store = side->store,
                         .blob = pace.blob,
                         .want = job->read ? SP_PROOF_READ : SP_PROOF_TOUCHED,
                         .ring_bytes = ring_bytes,
                         .retry_for_ms = job->retry.retry_for_ms,
                         .cancel = job->cancel,
                         .progress = on_progress,
                         .progress_ctx = &pace};
  struct sp_err err = SP_ERR_INIT;
  if (sp_look_at_blob(&look, &err) < 0)
    fail_side(side, &err);
  {
    SP_LOCK_SCOPE(&side->all->lock);
    if (side == &side->all->sides[SOURCE])
      side->all->report->bytes_read += look.read_bytes;
    if (look.is_line_flaky)
      sp_report_note_flaky(side->all->report, side->store->name);
  }
  if (look.have != SP_HAVE_UNKNOWN)
    note_blob(side, number, look.have, look.proof, look.finding);
}

/* Items: blobs of the source, then those of the destination. */
static struct side *side_of(struct comparison *all, size_t *i)
{
  size_t first = all->sides[SOURCE].image.blob_count;
  if (*i < first)
    return &all->sides[SOURCE];
  *i -= first;
  return &all->sides[DESTINATION];
}

static void touch_task(void *ctx, size_t i)
{
  struct side *side = side_of(ctx, &i);
  if (is_open(side))
    look_at_blob(side, i, 0);
}

static void read_task(void *ctx, size_t i, size_t ring_bytes)
{
  struct side *side = side_of(ctx, &i);
  if (is_open(side))
    look_at_blob(side, i, ring_bytes);
}

static void read_all(struct comparison *all, size_t count)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_FREE uint64_t *sizes = calloc(count + 1, sizeof *sizes);
  if (!sizes) {
    sp_fail(&err, SP_E_NOMEM, "out of memory");
    fail_side(&all->sides[SOURCE], &err);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    size_t number = i;
    struct side *side = side_of(all, &number);
    sizes[i] = side->image.blobs[number].size_bytes;
  }
  if (sp_crew_run(sizes, count, read_task, all, &err) < 0)
    fail_side(&all->sides[SOURCE], &err);
}

/* How much there is to prove on a side. */
static void tell_plan(struct side *side)
{
  uint64_t bytes = 0;
  for (size_t i = 0; i < side->image.blob_count; i++)
    bytes += side->image.blobs[i].size_bytes;
  struct sp_event event = {.kind = SP_EVENT_PLAN,
                           .destination = (int)(side - side->all->sides),
                           .blobs_total = side->image.blob_count,
                           .bytes_total = side->all->job->read ? bytes : 0,
                           .ok = true};
  sp_watch_tell(&side->all->watch, &event, NULL);
}

static void prove_blobs(struct comparison *all)
{
  size_t count = 0;
  for (size_t i = 0; i < SIDES; i++) {
    tell_plan(&all->sides[i]);
    count += all->sides[i].image.blob_count;
  }
  if (all->job->read)
    read_all(all, count);
  else
    sp_pool_run(count, TOUCH_THREADS, touch_task, all);
}

/* -- against each other */

static bool is_told(const struct side *side, const struct sp_digest *digest)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  for (size_t i = 0; i < side->place->damage_count; i++) {
    if (strcmp(side->place->damage[i].digest, text) == 0)
      return true;
  }
  return false;
}

/* Is this the top of a referrer's tree whose subject is there, while it is not? Where the subject
 * is damaged, its referrers could not be asked for. */
static bool is_missed(const struct sp_image *here, const struct sp_node *node,
                      const struct sp_image *there)
{
  if (!node->is_referrer || node->found_for == SP_NO_NODE)
    return false;
  const struct sp_node *subject = &here->nodes[node->found_for];
  return sp_image_find_node(there, &subject->manifest.digest) != SP_NO_NODE &&
         sp_image_find_node(there, &node->manifest.digest) == SP_NO_NODE;
}

static void compare_referrers(struct comparison *all)
{
  const struct sp_image *here = &all->sides[SOURCE].image;
  const struct sp_image *there = &all->sides[DESTINATION].image;
  for (size_t i = 0; i < here->node_count; i++) {
    const struct sp_digest *digest = &here->nodes[i].manifest.digest;
    if (is_missed(here, &here->nodes[i], there) && !is_told(&all->sides[DESTINATION], digest))
      add_damage(&all->sides[DESTINATION], digest, "referrer", SP_FINDING_MISSING);
  }
  size_t extra = 0;
  for (size_t i = 0; i < there->node_count; i++)
    extra += is_missed(there, &there->nodes[i], here);
  if (extra > 0)
    sp_report_add_note(all->report, "'%s' has %zu referrers that the source does not have",
                       all->sides[DESTINATION].store->name, extra);
}

static void compare_sides(struct comparison *all)
{
  struct side *there = &all->sides[DESTINATION];
  const struct sp_digest *root = &all->sides[SOURCE].root;
  if (root->alg == SP_DIGEST_NONE)
    return;
  if (there->root.alg == SP_DIGEST_NONE) {
    if (there->place->err.code == SP_E_NOT_FOUND)
      add_damage(there, root, "image", SP_FINDING_MISSING);
    return;
  }
  if (!sp_digest_eq(root, &there->root))
    add_damage(there, &there->root, "image", SP_FINDING_DIFFERENT);
  else if (!all->sides[SOURCE].is_out && !there->is_out)
    compare_referrers(all);
}

/* -- report */

static void report_side(struct side *side)
{
  const struct sp_image *image = &side->image;
  struct sp_report_place *out = side->place;
  out->proof = sp_proof_name(SP_PROOF_NONE);
  out->blobs_total = image->blob_count;
  out->manifests_total = out->manifests_present = image->node_count;
  if (side->facts.place_count == 0)
    return;
  for (size_t i = 0; i < image->blob_count; i++)
    out->blobs_present += side->facts.places[0].blobs[i].have == SP_HAVE_PRESENT;
  if (!side->is_out && out->damage_count == 0)
    out->proof = sp_proof_name(sp_prove_level(image, &side->facts.places[0]));
}

static void report_image(struct comparison *all)
{
  const struct side *source = &all->sides[SOURCE];
  struct sp_report *report = all->report;
  struct sp_err err = SP_ERR_INIT;
  char text[SP_DIGEST_TEXT_MAX];
  report->size_bytes = sp_image_size(&source->image);
  report->referrers = sp_image_referrer_count(&source->image);
  if (source->root.alg == SP_DIGEST_NONE)
    return;
  sp_digest_format(&source->root, text);
  int failed = sp_text_dup(&report->digest, text, &err);
  if (!failed && source->image.node_count > 0)
    failed = sp_text_dup(&report->media_type, source->image.nodes[0].manifest.media_type, &err);
  if (failed && report->err.code == SP_OK)
    sp_err_copy(&report->err, &err);
}

static void init_side(struct comparison *all, size_t i, struct sp_store *store, const char *tag,
                      const struct sp_digest *digest)
{
  struct side *side = &all->sides[i];
  *side = (struct side){
      .all = all, .store = store, .tag = tag, .digest = *digest, .place = &all->report->places[i]};
  sp_image_init(&side->image);
}

void sp_compare_run(const struct sp_compare *compare, struct sp_report *report)
{
  struct comparison all = {.job = compare, .report = report};
  pthread_mutex_init(&all.lock, NULL);
  sp_watch_init(&all.watch, compare->progress, compare->progress_ctx);
  init_side(&all, SOURCE, compare->source, compare->source_tag, &compare->source_digest);
  init_side(&all, DESTINATION, compare->destination, compare->destination_tag,
            &compare->destination_digest);
  sp_watch_step(&all.watch, SP_STEP_SURVEY);
  sp_pool_run(SIDES, SIDES, read_side, &all);
  report_image(&all);
  sp_watch_step(&all.watch, SP_STEP_PROVE);
  prove_blobs(&all);
  compare_sides(&all);
  for (size_t i = 0; i < SIDES; i++) {
    report_side(&all.sides[i]);
    sp_facts_clear(&all.sides[i].facts);
    sp_image_clear(&all.sides[i].image);
  }
  sp_watch_clear(&all.watch);
  pthread_mutex_destroy(&all.lock);
}
