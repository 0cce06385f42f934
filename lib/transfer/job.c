/* SPDX-License-Identifier: Apache-2.0 */
/* The five steps, in order. Nothing is written before the source is wholly known and planned for;
 * no tag is written before the content is everywhere where it is going to be. */
#include "transfer/job.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "transfer/closure.h"
#include "transfer/move.h"
#include "transfer/plan.h"
#include "transfer/prove.h"
#include "transfer/publish.h"
#include "transfer/report.h"
#include "transfer/run.h"
#include "transfer/sharing.h"
#include "transfer/survey.h"
#include "transfer/tags.h"

/* -- source */

static void report_image(struct sp_run *run, const struct sp_digest *root)
{
  struct sp_report *report = run->report;
  struct sp_err err = SP_ERR_INIT;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(root, text);
  int failed = sp_text_dup(&report->digest, text, &err);
  if (!failed && run->image.node_count > 0)
    failed = sp_text_dup(&report->media_type, run->image.nodes[0].manifest.media_type, &err);
  if (failed)
    sp_run_fail(run, &err);
  report->size_bytes = sp_image_size(&run->image);
  report->referrers = sp_image_referrer_count(&run->image);
}

static void read_source(struct sp_run *run)
{
  const struct sp_transfer *job = run->job;
  struct sp_closure_request request = {.store = job->source,
                                       .tag = job->tag,
                                       .digest = job->digest,
                                       .platform = job->platform,
                                       .index_platform = job->index_platform,
                                       .retry_for_ms = job->retry.retry_for_ms,
                                       .with_referrers = job->with_referrers,
                                       .view = job->view,
                                       .cancel = job->cancel,
                                       .report = run->report};
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest root;
  if (sp_closure_read(&request, &run->image, &root, &err) < 0)
    sp_run_fail(run, &err);
  if (root.alg != SP_DIGEST_NONE)
    report_image(run, &root);
}

/* The source's tag may have moved meanwhile: what was published is what it named at first. */
static void look_at_source_again(struct sp_run *run)
{
  const struct sp_transfer *job = run->job;
  if (!job->tag || job->digest.alg != SP_DIGEST_NONE || job->platform || job->index_platform ||
      sp_run_is_stopped(run))
    return;
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  if (sp_store_resolve(job->source, job->tag, &named, &err) < 0 ||
      sp_digest_eq(&named.digest, &run->image.nodes[0].manifest.digest))
    return;
  sp_report_add_note(run->report,
                     "tag '%s' moved at the source during the run: published %s, the new one "
                     "follows with the next run",
                     job->tag, run->report->digest);
}

/* -- facts */

/* Lists every tag in the report from the start, as not set. */
static void list_tags(struct sp_run *run, size_t place, struct sp_err *err)
{
  const struct sp_transfer_destination *to = &run->job->destinations[place];
  struct sp_place_facts *facts = &run->facts.places[place];
  int failed = sp_facts_set_tags(facts, to->tags, to->tags_now, to->tag_count, err);
  for (size_t i = 0; !failed && i < facts->tag_count; i++)
    failed = sp_report_add_tag(&run->report->places[place], facts->tags[i].name, err);
  if (failed)
    sp_run_fail(run, err);
}

static void note_doubts(struct sp_run *run, size_t place)
{
  const struct sp_transfer *job = run->job;
  for (size_t i = 0; job->doubt && i < run->image.blob_count; i++)
    run->facts.places[place].blobs[i].doubt =
        job->doubt(job->ctx, place, &run->image.blobs[i].digest);
}

static void make_facts(struct sp_run *run)
{
  struct sp_err err = SP_ERR_INIT;
  size_t count = run->job->destination_count;
  if (sp_facts_init(&run->facts, &run->image, count, &err) < 0) {
    sp_run_fail(run, &err);
    return;
  }
  for (size_t place = 0; place < count; place++) {
    list_tags(run, place, &err);
    note_doubts(run, place);
  }
}

static void report_survey(struct sp_run *run)
{
  struct sp_err err = SP_ERR_INIT;
  for (size_t place = 0; place < run->facts.place_count; place++) {
    struct sp_place_facts *facts = &run->facts.places[place];
    for (size_t i = 0; i < facts->tag_count; i++) {
      struct sp_report_tag *tag = &run->report->places[place].tags[i];
      if (facts->tags[i].is_known && sp_report_set_before(tag, &facts->tags[i].now, &err) < 0)
        sp_run_fail(run, &err);
    }
  }
}

/* -- plan */

static int make_plan(struct sp_run *run, struct sp_plan *plan, struct sp_err *err)
{
  size_t count = run->facts.place_count;
  SP_AUTO_FREE struct sp_plan_traits *traits = calloc(count + 1, sizeof *traits);
  if (!traits)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < count; i++) {
    const struct sp_store *store = sp_run_store(run, i);
    traits[i].is_out = atomic_load(&run->is_out[i]);
    traits[i].is_metered = store->is_metered ||
                           (run->job->reserve && sp_pull_reserve_counts(run->job->reserve, store));
    traits[i].is_distrust = run->round > 0;
    traits[i].is_seen_again = !store->is_local;
    for (size_t k = 0; k < count; k++)
      traits[i].is_sibling[k] = k != i && sp_store_is_sibling(store, sp_run_store(run, k));
    traits[i].is_sibling[SP_PLAN_SOURCE] = sp_store_is_sibling(store, run->job->source);
  }
  return sp_plan_make(&run->image, &run->facts, traits, plan, err);
}

static void report_plan(struct sp_run *run, const struct sp_plan *plan)
{
  for (size_t i = 0; i < plan->place_count; i++) {
    const struct sp_plan_place *from = &plan->places[i];
    struct sp_report_place *to = &run->report->places[i];
    to->blobs_total = run->image.blob_count;
    to->manifests_total = run->image.node_count;
    to->blobs_present = from->blobs_present;
    to->manifests_present = from->manifests_present;
    to->blobs_to_send = from->blobs_to_send;
    to->bytes_to_send = from->bytes_to_send;
    to->requests_planned = from->requests;
    to->pulls_planned = from->pulls;
    struct sp_event event = {.kind = SP_EVENT_PLAN,
                             .destination = (int)i,
                             .blobs_total = from->blobs_to_send,
                             .bytes_total = from->bytes_to_send,
                             .ok = true};
    if (!atomic_load(&run->is_out[i]))
      sp_watch_tell(&run->watch, &event, NULL);
  }
}

static void fail_lacking(struct sp_run *run, const struct sp_plan *plan)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&run->image.blobs[plan->lacking].digest, text);
  struct sp_err err = SP_ERR_INIT;
  sp_fail(&err, SP_E_NOT_FOUND, "incomplete: layer '%s' is not stored at '%s' (nondistributable)",
          text, run->job->source->name);
  sp_run_fail(run, &err);
}

/* Plans from the facts of now; false: there is nothing to go on with. */
static bool plan_round(struct sp_run *run, struct sp_plan *plan)
{
  struct sp_err err = SP_ERR_INIT;
  if (make_plan(run, plan, &err) < 0) {
    sp_run_fail(run, &err);
    return false;
  }
  if (run->round == 0)
    report_plan(run, plan);
  if (plan->is_impossible)
    fail_lacking(run, plan);
  return !sp_run_is_stopped(run);
}

/* -- content */

/* Prepares another round for the destinations that want it. False if there is none. */
static bool begin_again(struct sp_run *run)
{
  bool any = false;
  for (size_t i = 0; i < run->facts.place_count; i++) {
    if (!atomic_exchange(&run->is_again[i], false))
      continue;
    sp_facts_forget(&run->facts.places[i], &run->image);
    sp_sharing_forget(run, i);
    any = true;
  }
  run->round += any;
  return any && !sp_run_is_stopped(run);
}

static void publish_content(struct sp_run *run)
{
  do { /* in the last round nobody can want another */
    SP_AUTO_PLAN struct sp_plan plan = {0};
    if (!plan_round(run, &plan))
      return;
    sp_watch_step(&run->watch, SP_STEP_MOVE);
    sp_move_run(run, &plan);
    sp_watch_step(&run->watch, SP_STEP_PUBLISH);
    sp_publish_run(run);
    sp_prove_refresh(run, sp_clock_mono_ms());
  } while (begin_again(run));
}

/* -- tags */

/* What is not proven gets no tag, whatever went wrong before. */
static void require_proof(struct sp_run *run)
{
  for (size_t i = 0; i < run->facts.place_count; i++) {
    if (!sp_run_is_open(run, i) ||
        sp_prove_level(&run->image, &run->facts.places[i]) >= SP_PROOF_TOUCHED)
      continue;
    struct sp_err err = SP_ERR_INIT;
    sp_fail(&err, SP_E_INTERNAL, "the copy at '%s' is not proven: no tag was moved there",
            sp_run_store(run, i)->name);
    sp_run_fail_place(run, i, &err);
  }
}

/* With atomic, one failure keeps every tag where it is. */
static bool is_held_back(struct sp_run *run)
{
  if (!run->job->atomic)
    return false;
  for (size_t i = 0; i < run->facts.place_count; i++) {
    if (!atomic_load(&run->is_out[i]))
      continue;
    sp_report_add_note(run->report, "no tag was moved anywhere, because '%s' failed (--atomic)",
                       sp_run_store(run, i)->name);
    return true;
  }
  return false;
}

/* The tags of referrers are tags too: what holds back or lacks proof gets none of them. */
static void publish_tags(struct sp_run *run)
{
  sp_watch_step(&run->watch, SP_STEP_PROVE);
  require_proof(run);
  if (sp_run_is_stopped(run) || is_held_back(run))
    return;
  sp_tags_publish_side(run);
  if (!sp_run_is_stopped(run) && !is_held_back(run))
    sp_tags_publish(run);
}

static void report_dry_run(struct sp_run *run)
{
  for (size_t place = 0; place < run->facts.place_count; place++) {
    const struct sp_place_facts *facts = &run->facts.places[place];
    for (size_t i = 0; i < facts->tag_count && !atomic_load(&run->is_out[place]); i++) {
      bool is_right = sp_plan_is_tag_right(&facts->tags[i], &run->image.nodes[0].manifest.digest);
      run->report->places[place].tags[i].result = is_right ? SP_TAG_ALREADY : SP_TAG_PLANNED;
    }
  }
}

/* -- end */

static void report_place(struct sp_run *run, size_t place)
{
  const struct sp_place_facts *facts = &run->facts.places[place];
  struct sp_report_place *out = &run->report->places[place];
  out->blobs_present = out->blobs_sent = out->blobs_mounted = 0;
  for (size_t i = 0; i < run->image.blob_count; i++) {
    const struct sp_blob_fact *fact = &facts->blobs[i];
    out->blobs_sent += fact->is_sent;
    out->blobs_mounted += fact->is_mounted;
    out->blobs_present += fact->have == SP_HAVE_PRESENT && !fact->is_sent && !fact->is_mounted;
  }
  out->manifests_present = out->manifests_put = 0;
  for (size_t i = 0; i < run->image.node_count; i++) {
    out->manifests_put += facts->nodes[i].is_put;
    out->manifests_present += facts->nodes[i].have == SP_HAVE_PRESENT && !facts->nodes[i].is_put;
  }
  out->proof = sp_proof_name(sp_prove_level(&run->image, facts));
}

static void run_steps(struct sp_run *run)
{
  sp_watch_step(&run->watch, SP_STEP_SURVEY);
  read_source(run);
  make_facts(run);
  if (sp_run_is_stopped(run))
    return;
  sp_survey_run(run);
  report_survey(run);
  sp_watch_step(&run->watch, SP_STEP_PLAN);
  if (run->job->dry_run) {
    SP_AUTO_PLAN struct sp_plan plan = {0};
    if (plan_round(run, &plan))
      report_dry_run(run);
    return;
  }
  publish_content(run);
  if (!sp_run_is_stopped(run))
    publish_tags(run);
  look_at_source_again(run);
}

void sp_transfer_run(const struct sp_transfer *transfer, struct sp_report *report)
{
  struct sp_run run;
  sp_run_init(&run, transfer, report);
  report->dry_run = transfer->dry_run;
  for (size_t i = 0; i < report->place_count; i++)
    report->places[i].proof = sp_proof_name(SP_PROOF_NONE);
  run_steps(&run);
  for (size_t i = 0; i < run.facts.place_count; i++)
    report_place(&run, i);
  if (transfer->ended)
    transfer->ended(transfer->ctx, &run.image);
  sp_run_clear(&run);
}
