/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/tags.h"

#include <stdlib.h>

#include "base/pool.h"
#include "transfer/fallback.h"
#include "transfer/plan.h"
#include "transfer/report.h"
#include "transfer/trouble.h"

#define TRIES_MAX 2

static void tell_set(struct sp_run *run, size_t place, const char *tag)
{
  struct sp_event event = {
      .kind = SP_EVENT_TAG, .destination = (int)place, .text = tag, .ok = true};
  sp_watch_tell(&run->watch, &event, &run->image.nodes[0].manifest.digest);
}

/* -- cosign's tags */

static void note_kept(struct sp_run *run, size_t place, const char *tag)
{
  SP_LOCK_SCOPE(&run->lock);
  sp_report_add_note(run->report, "'%s:%s' names something else there and stays as it is",
                     sp_run_store(run, place)->name, tag);
}

/* After the caller did what it has to do before a tag leaves what it names. */
static int set_side_tag(struct sp_run *run, size_t place, const struct sp_tag_fact *fact,
                        const struct sp_manifest_bytes *manifest, struct sp_err *err)
{
  const struct sp_transfer *job = run->job;
  size_t done;
  if (fact->now.alg != SP_DIGEST_NONE && job->before_side_tag &&
      job->before_side_tag(job->ctx, place, fact->name, &manifest->digest, err) < 0)
    return -1;
  return sp_store_set_tags(sp_run_store(run, place), &fact->name, 1, manifest, &done, err);
}

static void side_place_task(void *ctx, size_t place)
{
  struct sp_run *run = ctx;
  if (sp_run_is_open(run, place))
    sp_fallback_publish(run, place);
  for (size_t i = 0; i < run->image.side_tag_count && sp_run_is_open(run, place); i++) {
    const struct sp_side_tag *tag = &run->image.side_tags[i];
    const struct sp_manifest_bytes *manifest = &run->image.nodes[tag->node].manifest;
    const struct sp_tag_fact *fact = &run->facts.places[place].side_tags[i];
    if (sp_plan_is_tag_right(fact, &manifest->digest))
      continue;
    if (run->job->keep_side_tags && fact->now.alg != SP_DIGEST_NONE) {
      note_kept(run, place, tag->name);
      continue;
    }
    struct sp_err err = SP_ERR_INIT;
    if (set_side_tag(run, place, fact, manifest, &err) < 0)
      sp_run_fail_place(run, place, &err);
  }
}

void sp_tags_publish_side(struct sp_run *run)
{
  if (run->image.edge_count > 0 || run->image.side_tag_count > 0)
    sp_pool_run(run->facts.place_count, run->facts.place_count, side_place_task, run);
}

/* -- wanted tags */

struct setting {
  struct sp_run *run;
  size_t place;
  struct sp_store *store;
  const struct sp_manifest_bytes *root;
  const char **names; /* those to write, in order */
  size_t *numbers;    /* of each, in facts and report */
  size_t count;
};

static void note(struct setting *s, size_t i, enum sp_tag_result result)
{
  s->run->report->places[s->place].tags[s->numbers[i]].result = result;
  if (result == SP_TAG_SET)
    tell_set(s->run, s->place, s->names[i]);
}

/* The write failed; what does the tag name now? */
static enum sp_tag_result look(struct setting *s, size_t i)
{
  const struct sp_tag_fact *fact = &s->run->facts.places[s->place].tags[s->numbers[i]];
  struct sp_named named = {0};
  struct sp_err err = SP_ERR_INIT;
  bool is_there = sp_store_resolve(s->store, s->names[i], &named, &err) == 0;
  if (!is_there && err.code != SP_E_NOT_FOUND)
    return SP_TAG_UNSURE;
  if (is_there && sp_digest_eq(&named.digest, &s->root->digest))
    return SP_TAG_SET;
  bool is_as_before = fact->is_known && (is_there ? sp_digest_eq(&named.digest, &fact->now)
                                                  : fact->now.alg == SP_DIGEST_NONE);
  return is_as_before ? SP_TAG_NOT_SET : SP_TAG_UNSURE;
}

/* Sets from `i` on as far as it goes. Answers how many more are set now; fewer than all: err says
 * why. */
static size_t set_some(struct setting *s, size_t i, struct sp_err *err)
{
  size_t done = 0;
  if (sp_store_set_tags(s->store, s->names + i, s->count - i, s->root, &done, err) == 0)
    done = s->count - i;
  for (size_t k = 0; k < done; k++)
    note(s, i + k, SP_TAG_SET);
  return done;
}

static void set_all(struct setting *s)
{
  size_t i = 0;
  for (int tries = 0; i < s->count;) {
    struct sp_err err = SP_ERR_INIT;
    size_t done = set_some(s, i, &err);
    i += done;
    tries = done ? 1 : tries + 1;
    if (i == s->count)
      return;
    enum sp_tag_result now = look(s, i);
    note(s, i, now);
    if (now == SP_TAG_SET) {
      i++;
      tries = 0;
      continue;
    }
    bool may_help = err.code != SP_E_INTERRUPTED && err.code != SP_E_AUTH;
    if (may_help && tries < TRIES_MAX && !sp_run_is_stopped(s->run))
      continue;
    sp_run_fail_place(s->run, s->place, &err);
    return;
  }
}

/* Splits the tags into those that are right and those to write. */
static void sort_out(struct setting *s)
{
  const struct sp_place_facts *facts = &s->run->facts.places[s->place];
  for (size_t i = 0; i < facts->tag_count; i++) {
    if (sp_plan_is_tag_right(&facts->tags[i], &s->root->digest)) {
      s->run->report->places[s->place].tags[i].result = SP_TAG_ALREADY;
      tell_set(s->run, s->place, facts->tags[i].name);
      continue;
    }
    s->names[s->count] = facts->tags[i].name;
    s->numbers[s->count++] = i;
  }
}

/* Lets the caller do what it has to do before a tag is written. */
static int prepare(const struct setting *s)
{
  const struct sp_transfer *job = s->run->job;
  struct sp_err err = SP_ERR_INIT;
  if (s->count == 0 || !job->before_tags || job->before_tags(job->ctx, s->place, &err) == 0)
    return 0;
  sp_run_fail_place(s->run, s->place, &err);
  return -1;
}

static void place_task(void *ctx, size_t place)
{
  struct sp_run *run = ctx;
  if (!sp_run_is_open(run, place))
    return;
  size_t count = run->facts.places[place].tag_count;
  SP_AUTO_FREE const char **names = calloc(count + 1, sizeof *names);
  SP_AUTO_FREE size_t *numbers = calloc(count + 1, sizeof *numbers);
  if (!names || !numbers) {
    struct sp_err err = SP_ERR_INIT;
    sp_fail(&err, SP_E_NOMEM, "out of memory");
    sp_run_fail(run, &err);
    return;
  }
  struct setting setting = {.run = run,
                            .place = place,
                            .store = sp_run_store(run, place),
                            .root = &run->image.nodes[0].manifest,
                            .names = names,
                            .numbers = numbers};
  sort_out(&setting);
  if (prepare(&setting) == 0)
    set_all(&setting);
}

void sp_tags_publish(struct sp_run *run)
{
  sp_pool_run(run->facts.place_count, run->facts.place_count, place_task, run);
}
