/* SPDX-License-Identifier: Apache-2.0 */
/* One flat list of questions over all destinations, dealt in turn, so that a slow destination does
 * not hold up the others' questions. */
#include "transfer/survey.h"

#include "base/clock.h"
#include "base/pool.h"
#include "transfer/sharing.h"
#include "transfer/trouble.h"

#define SURVEY_THREADS 32

struct survey {
  struct sp_run *run;
  size_t place_count;
  size_t first; /* number of the first task */
};

int sp_survey_touch(struct sp_store *store, const struct sp_image_blob *blob,
                    struct sp_blob_fact *fact, struct sp_err *err)
{
  static const enum sp_have haves[] = {[SP_BLOB_ABSENT] = SP_HAVE_ABSENT,
                                       [SP_BLOB_PRESENT] = SP_HAVE_PRESENT,
                                       [SP_BLOB_DAMAGED] = SP_HAVE_DAMAGED};
  struct sp_err failure = SP_ERR_INIT;
  struct sp_blob_state state = {0};
  if (sp_store_check_blob(store, &blob->digest, blob->size_bytes, SP_PROOF_TOUCHED, &state,
                          &failure) < 0) {
    if (!sp_trouble_is_damage(&failure)) {
      sp_err_copy(err, &failure);
      return -1;
    }
    state = (struct sp_blob_state){.state = SP_BLOB_DAMAGED};
  }
  fact->have = haves[state.state];
  fact->proof = state.state == SP_BLOB_PRESENT ? state.proof : SP_PROOF_NONE;
  fact->is_at_hand = state.is_at_hand;
  fact->was_damaged = fact->was_damaged || state.state == SP_BLOB_DAMAGED;
  fact->seen_ms = sp_clock_mono_ms();
  return 0;
}

/* A place where nothing was has nothing of this image, unless another job brought it. Of a dry run
 * the plan is all that comes: it asks. */
static bool is_bare(const struct sp_run *run, size_t place)
{
  return run->job->destinations[place].is_empty && !run->job->dry_run;
}

/* In a bare place what is large is asked for when it is about to be sent (move.c). */
static int ask_blob(struct sp_run *run, size_t place, size_t number, struct sp_err *err)
{
  struct sp_blob_fact *fact = &run->facts.places[place].blobs[number];
  if (sp_sharing_find_blob(run, place, number))
    return 0;
  if (is_bare(run, place)) {
    fact->have = SP_HAVE_ABSENT;
    return 0;
  }
  if (sp_survey_touch(sp_run_store(run, place), &run->image.blobs[number], fact, err) < 0)
    return -1;
  sp_sharing_note_blob(run, place, number);
  return 0;
}

static int ask_node(struct sp_run *run, size_t place, size_t number, struct sp_err *err)
{
  struct sp_store *store = sp_run_store(run, place);
  const struct sp_node *node = &run->image.nodes[number];
  struct sp_node_fact *fact = &run->facts.places[place].nodes[number];
  if (sp_sharing_find_node(run, place, number))
    return 0;
  if (is_bare(run, place)) {
    fact->have = SP_HAVE_ABSENT;
    return 0;
  }
  struct sp_named named;
  struct sp_err failure = SP_ERR_INIT;
  if (sp_store_stat_manifest(store, &node->manifest.digest, &named, &failure) == 0)
    fact->have = SP_HAVE_PRESENT;
  else if (failure.code == SP_E_NOT_FOUND)
    fact->have = SP_HAVE_ABSENT;
  else if (sp_trouble_is_damage(&failure))
    fact->have = SP_HAVE_DAMAGED;
  else {
    sp_err_copy(err, &failure);
    return -1;
  }
  return 0;
}

/* A tag that cannot be served (docker-registry 2.8 after a crash: an empty link) is not known, and
 * will be written. */
static int ask_tag(struct sp_store *store, struct sp_tag_fact *fact, struct sp_err *err)
{
  if (fact->is_known)
    return 0;
  struct sp_named named;
  struct sp_err failure = SP_ERR_INIT;
  if (sp_store_resolve(store, fact->name, &named, &failure) == 0)
    fact->now = named.digest;
  else if (sp_trouble_is_of_place(&failure)) {
    sp_err_copy(err, &failure);
    return -1;
  }
  fact->is_known = failure.code == SP_OK || failure.code == SP_E_NOT_FOUND;
  return 0;
}

static int ask(struct sp_run *run, size_t place, size_t item, struct sp_err *err)
{
  const struct sp_image *image = &run->image;
  struct sp_place_facts *facts = &run->facts.places[place];
  struct sp_store *store = sp_run_store(run, place);
  if (item < image->blob_count)
    return ask_blob(run, place, item, err);
  item -= image->blob_count;
  if (item < image->node_count)
    return ask_node(run, place, item, err);
  item -= image->node_count;
  if (item < image->side_tag_count)
    return ask_tag(store, &facts->side_tags[item], err);
  item -= image->side_tag_count;
  return item < facts->tag_count ? ask_tag(store, &facts->tags[item], err) : 0;
}

static void survey_task(void *ctx, size_t i)
{
  struct survey *survey = ctx;
  i += survey->first;
  size_t place = i % survey->place_count;
  if (!sp_run_is_open(survey->run, place))
    return;
  struct sp_err err = SP_ERR_INIT;
  if (ask(survey->run, place, i / survey->place_count, &err) < 0)
    sp_run_fail_place(survey->run, place, &err);
}

void sp_survey_run(struct sp_run *run)
{
  const struct sp_image *image = &run->image;
  size_t most_tags = 0;
  for (size_t i = 0; i < run->facts.place_count; i++) {
    if (run->facts.places[i].tag_count > most_tags)
      most_tags = run->facts.places[i].tag_count;
  }
  struct survey survey = {.run = run, .place_count = run->facts.place_count};
  size_t items = image->blob_count + image->node_count + image->side_tag_count + most_tags;
  /* One question to each place first: one that is down is asked once, not 32 times at once. */
  sp_pool_run(survey.place_count, SURVEY_THREADS, survey_task, &survey);
  if (items < 2)
    return;
  survey.first = survey.place_count;
  sp_pool_run((items - 1) * survey.place_count, SURVEY_THREADS, survey_task, &survey);
}
