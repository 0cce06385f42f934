/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations do not wait for each other here. Within one, a stage (see struct sp_node) is done
 * before the next begins, and its manifests go side by side.
 *
 * Whether a manifest is there is decided by reading it, never by the answer to a put: a put that
 * failed may have worked, and one that worked may have kept other bytes. */
#include "transfer/publish.h"

#include "base/i18n.h"
#include "base/pool.h"
#include "transfer/heal.h"
#include "transfer/report.h"
#include "transfer/sharing.h"
#include "transfer/trouble.h"

#define PUBLISH_THREADS 32 /* over all destinations */
#define PUTS_MAX 2

struct stage {
  struct sp_run *run;
  size_t place;
  size_t first; /* in image.order */
};

static void tell_there(struct sp_run *run, size_t place, const struct sp_node *node)
{
  sp_run_was_read(run, place, &node->manifest.digest, true);
  struct sp_event event = {.kind = SP_EVENT_MANIFEST, .destination = (int)place, .ok = true};
  sp_watch_tell(&run->watch, &event, &node->manifest.digest);
}

enum seen { SEEN_GOOD, SEEN_ABSENT, SEEN_BAD, SEEN_FAILED };

static int look(struct sp_store *store, const struct sp_node *node, struct sp_err *failure)
{
  struct sp_named named;
  sp_err_clear(failure);
  return sp_store_stat_manifest(store, &node->manifest.digest, &named, failure);
}

/* Reads it back by digest; the store hashes it. */
static enum seen read_back(const struct sp_run *run, size_t place, const struct sp_node *node,
                           struct sp_err *err)
{
  struct sp_store *store = sp_run_store(run, place);
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  struct sp_err failure = SP_ERR_INIT;
  if (sp_store_get_manifest(store, &node->manifest.digest, &bytes, &failure) == 0 ||
      (failure.code == SP_E_THROTTLED && run->job->needs_no_pulls &&
       look(store, node, &failure) == 0))
    return SEEN_GOOD;
  sp_err_copy(err, &failure);
  if (failure.code == SP_E_NOT_FOUND)
    return SEEN_ABSENT;
  return sp_trouble_is_damage(&failure) ? SEEN_BAD : SEEN_FAILED;
}

/* Puts it. Answers false if it is settled that the destination cannot go on; a failure that leaves
 * open what happened (a lost answer) is for the read-back to decide. */
static bool put(struct sp_run *run, size_t place, const struct sp_node *node,
                struct sp_node_fact *fact, struct sp_err *err)
{
  bool handled = false;
  if (sp_store_put_manifest(sp_run_store(run, place), &node->manifest, &handled, err) == 0) {
    fact->is_put = true;
    fact->is_answered = true;
    fact->is_handled = handled;
    return true;
  }
  if (err->code == SP_E_BLOB_UNKNOWN) {
    sp_run_want_again(run, place, err);
    return false;
  }
  if (sp_code_is_retryable(err->code))
    return true;
  sp_run_fail_place(run, place, err);
  return false;
}

static void call_poisoned(struct sp_run *run, size_t place, const struct sp_node *node,
                          enum seen seen)
{
  bool is_missing = seen == SEEN_ABSENT;
  const char *of_registry =
      is_missing ? _("the registry took it and does not have it (is its cache stale?): restart it "
                     "and run this again; no tag was moved there")
                 : _("the registry took it and serves other bytes or an error: its operator must "
                     "remove the manifest's file (.../blobs/<algorithm>/<2 hex>/<hex>/data on a "
                     "CNCF distribution registry); no tag was moved there");
  sp_run_damage(run, place, &node->manifest.digest, sp_node_what(node),
                is_missing ? SP_FINDING_MISSING : SP_FINDING_KEPT_BAD,
                sp_run_remedy(run, place, of_registry));
}

/* Puts and reads back, twice at most. */
static void put_until_there(struct sp_run *run, size_t place, const struct sp_node *node,
                            struct sp_node_fact *fact)
{
  enum seen seen = SEEN_ABSENT;
  struct sp_err put_err = SP_ERR_INIT;
  struct sp_err get_err = SP_ERR_INIT;
  for (int tries = 0; tries < PUTS_MAX && sp_run_is_open(run, place); tries++) {
    sp_err_clear(&put_err);
    if (!put(run, place, node, fact, &put_err))
      return;
    seen = read_back(run, place, node, &get_err);
    fact->is_read_back = seen == SEEN_GOOD;
    if (fact->is_read_back) {
      fact->is_put = true;
      tell_there(run, place, node);
      return;
    }
    if (seen == SEEN_FAILED) {
      sp_run_fail_place(run, place, &get_err);
      return;
    }
    if (put_err.code != SP_OK)
      break; /* the store has tried it again and again */
    if (tries == 0)
      sp_heal_manifest(sp_run_store(run, place), &node->manifest, run->job->cancel);
  }
  if (!sp_run_is_open(run, place))
    return;
  if (put_err.code != SP_OK)
    sp_run_fail_place(run, place, &put_err);
  else
    call_poisoned(run, place, node, seen);
}

static void publish_node(struct sp_run *run, size_t place, size_t number)
{
  const struct sp_node *node = &run->image.nodes[number];
  struct sp_node_fact *fact = &run->facts.places[place].nodes[number];
  if (fact->is_read_back) {
    tell_there(run, place, node);
    return;
  }
  if (fact->have == SP_HAVE_PRESENT) {
    struct sp_err err = SP_ERR_INIT;
    enum seen seen = read_back(run, place, node, &err);
    if (seen == SEEN_FAILED) {
      sp_run_fail_place(run, place, &err);
      return;
    }
    fact->is_read_back = seen == SEEN_GOOD;
    if (fact->is_read_back) {
      tell_there(run, place, node);
      return;
    }
  }
  put_until_there(run, place, node, fact);
}

static void stage_task(void *ctx, size_t i)
{
  struct stage *stage = ctx;
  size_t number = stage->run->image.order[stage->first + i];
  if (!sp_run_is_open(stage->run, stage->place))
    return;
  publish_node(stage->run, stage->place, number);
  sp_sharing_note_node(stage->run, stage->place, number);
}

/* How many manifests from `first` on are of the same stage. */
static size_t stage_length(const struct sp_image *image, size_t first)
{
  unsigned stage = image->nodes[image->order[first]].stage;
  size_t n = 1;
  while (first + n < image->node_count && image->nodes[image->order[first + n]].stage == stage)
    n++;
  return n;
}

static void place_task(void *ctx, size_t place)
{
  struct sp_run *run = ctx;
  size_t threads = PUBLISH_THREADS / run->facts.place_count;
  for (size_t first = 0; first < run->image.node_count && sp_run_is_open(run, place);) {
    struct stage stage = {.run = run, .place = place, .first = first};
    size_t n = stage_length(&run->image, first);
    sp_pool_run(n, threads ? threads : 1, stage_task, &stage);
    first += n;
  }
}

void sp_publish_run(struct sp_run *run)
{
  sp_pool_run(run->facts.place_count, run->facts.place_count, place_task, run);
}
