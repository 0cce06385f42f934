/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/prove.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/pool.h"
#include "store/relay.h"
#include "transfer/crew.h"
#include "transfer/report.h"
#include "transfer/sharing.h"
#include "transfer/survey.h"
#include "transfer/trouble.h"

#define REFRESH_THREADS 32

struct refresh {
  struct sp_run *run;
  int64_t before_ms;
};

/* What was there is not, for the reason in `err`: the next round sends it again. */
static void lose(struct sp_run *run, size_t place, const struct sp_image_blob *blob,
                 struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&blob->digest, text);
  sp_err_context(err, "%s '%s' at '%s'", _(sp_image_blob_what(blob)), text,
                 sp_run_store(run, place)->name);
  sp_run_want_again(run, place, err);
}

static void refresh_task(void *ctx, size_t i)
{
  struct refresh *refresh = ctx;
  struct sp_run *run = refresh->run;
  size_t place = i % run->facts.place_count;
  size_t number = i / run->facts.place_count;
  struct sp_blob_fact *fact = &run->facts.places[place].blobs[number];
  if (fact->seen_ms >= refresh->before_ms || !sp_run_is_open(run, place))
    return;
  const struct sp_image_blob *blob = &run->image.blobs[number];
  struct sp_err err = SP_ERR_INIT;
  if (sp_survey_touch(sp_run_store(run, place), blob, fact, &err) < 0) {
    sp_run_fail_place(run, place, &err);
    return;
  }
  if (fact->have == SP_HAVE_PRESENT)
    sp_sharing_note_blob(run, place, number);
  else if (fact->have == SP_HAVE_ABSENT)
    sp_fail(&err, SP_E_BLOB_UNKNOWN,
            "it was there and is gone: is garbage collection running there?");
  else if (fact->have == SP_HAVE_DAMAGED)
    sp_fail(&err, SP_E_DIGEST, "it was good and is damaged now");
  if (err.code != SP_OK)
    lose(run, place, blob, &err);
}

/* -- blobs that have to be read to the end: those of which a store could only claim that it has
 * them (it ignores Range), or all of them, if the job wants that */

/* It has wrong bytes, as was to be feared. Sending it once more is not for whoever only copies: the
 * registry may keep what it has, and each image with this blob would try. */
static void call_rotten(struct sp_run *run, size_t place, const struct sp_image_blob *blob)
{
  sp_run_damage(run, place, &blob->digest, sp_image_blob_what(blob), SP_FINDING_WRONG,
                _("it has wrong bytes there (safeport verify --read --repair sends it again)"));
}

struct reading {
  struct sp_run *run;
  size_t *items; /* place * blob_count + blob */
};

static void read_task(void *ctx, size_t i, size_t ring_bytes)
{
  struct reading *reading = ctx;
  struct sp_run *run = reading->run;
  size_t place = reading->items[i] / run->image.blob_count;
  size_t number = reading->items[i] % run->image.blob_count;
  const struct sp_image_blob *blob = &run->image.blobs[number];
  struct sp_blob_fact *fact = &run->facts.places[place].blobs[number];
  if (!sp_run_is_open(run, place))
    return;
  struct sp_relay relay = {.source = sp_run_store(run, place),
                           .digest = blob->digest,
                           .size_bytes = blob->size_bytes,
                           .ring_bytes = ring_bytes,
                           .retry_for_ms = run->job->retry.retry_for_ms,
                           .cancel = run->job->cancel};
  struct sp_err err = SP_ERR_INIT;
  if (sp_relay_run(&relay, &err) == 0) {
    fact->proof = SP_PROOF_READ;
    fact->seen_ms = sp_clock_mono_ms();
    sp_sharing_note_blob(run, place, number);
    sp_run_was_read(run, place, &blob->digest, true);
    return;
  }
  fact->was_damaged = true;
  bool is_missing = err.code == SP_E_NOT_FOUND;
  if (!is_missing && !sp_trouble_is_damage(&err)) {
    sp_run_fail_place(run, place, &err);
    return;
  }
  if (!is_missing && fact->doubt != SP_DOUBT_NONE && !run->job->destinations[place].read_back) {
    call_rotten(run, place, blob);
    return;
  }
  if (is_missing)
    sp_fail(&err, SP_E_BLOB_UNKNOWN, "it is claimed to be there and is not");
  else
    sp_fail(&err, SP_E_DIGEST, "it has wrong bytes");
  lose(run, place, blob, &err);
}

/* How well this blob has to be known. */
static enum sp_proof enough(const struct sp_run *run, size_t place, const struct sp_blob_fact *fact)
{
  bool is_to_read = run->job->destinations[place].read_back || fact->doubt != SP_DOUBT_NONE;
  return is_to_read ? SP_PROOF_READ : SP_PROOF_TOUCHED;
}

static void read_unproven(struct sp_run *run)
{
  size_t all = run->image.blob_count * run->facts.place_count;
  SP_AUTO_FREE size_t *items = calloc(all + 1, sizeof *items);
  SP_AUTO_FREE uint64_t *sizes = calloc(all + 1, sizeof *sizes);
  struct sp_err err = SP_ERR_INIT;
  if (!items || !sizes) {
    sp_fail(&err, SP_E_NOMEM, "out of memory");
    sp_run_fail(run, &err);
    return;
  }
  size_t count = 0;
  for (size_t i = 0; i < all; i++) {
    size_t place = i / run->image.blob_count;
    const struct sp_image_blob *blob = &run->image.blobs[i % run->image.blob_count];
    const struct sp_blob_fact *fact = &run->facts.places[place].blobs[i % run->image.blob_count];
    if (fact->have != SP_HAVE_PRESENT || fact->proof >= enough(run, place, fact) ||
        !sp_run_is_open(run, place))
      continue;
    if (fact->doubt == SP_DOUBT_BAD && !run->job->destinations[place].read_back) {
      call_rotten(run, place, blob);
      continue;
    }
    items[count] = i;
    sizes[count++] = blob->size_bytes;
  }
  struct reading reading = {.run = run, .items = items};
  if (count > 0 && sp_crew_run(sizes, count, read_task, &reading, &err) < 0)
    sp_run_fail(run, &err);
}

void sp_prove_refresh(struct sp_run *run, int64_t now_ms)
{
  struct refresh refresh = {.run = run, .before_ms = now_ms - SP_PROVE_MAX_AGE_MS};
  sp_pool_run(run->image.blob_count * run->facts.place_count, REFRESH_THREADS, refresh_task,
              &refresh);
  read_unproven(run);
}

enum sp_proof sp_prove_level(const struct sp_image *image, const struct sp_place_facts *place)
{
  if (image->node_count == 0)
    return SP_PROOF_NONE;
  for (size_t i = 0; i < image->node_count; i++) {
    if (!place->nodes[i].is_read_back)
      return SP_PROOF_NONE;
  }
  enum sp_proof least = image->blob_count ? SP_PROOF_READ : SP_PROOF_TOUCHED;
  for (size_t i = 0; i < image->blob_count; i++) {
    if (place->blobs[i].have != SP_HAVE_PRESENT)
      return SP_PROOF_NONE;
    if (place->blobs[i].proof < least)
      least = place->blobs[i].proof;
  }
  return least;
}
