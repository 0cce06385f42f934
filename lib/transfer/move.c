/* SPDX-License-Identifier: Apache-2.0 */
/* Three passes: mounts from who has the blob already; the relays; mounts from who was sent it in
 * the second pass. A mount that does not work out is a blob to send: in the second pass with the
 * others, or in one more pass of relays at the end.
 *
 * Where other jobs run beside this one (sharing.h), a blob is claimed before it is brought to a
 * place. What another job is bringing is left for a round of its own, after all that is ours: it is
 * waited for there, with no claim in hand, and then claimed anew. So nobody waits in a circle, and
 * jobs that need the same layers begin with different ones. */
#include "transfer/move.h"

#include <stdlib.h>

#include "base/pool.h"
#include "transfer/crew.h"
#include "transfer/sending.h"
#include "transfer/sharing.h"
#include "transfer/survey.h"

#define MOUNT_THREADS 32

struct move {
  struct sp_run *run;
  const struct sp_plan *plan;
  enum sp_blob_action mounting; /* which mounts this pass does */
  bool may_wait;                /* in this pass of relays, for what other jobs bring */
  bool *lacks;                  /* [place * blob_count + blob]: bytes are needed there */
  size_t *numbers;              /* of the blobs of the present pass of relays */
};

static bool *lacks(const struct move *move, size_t place, size_t blob)
{
  return &move->lacks[place * move->run->image.blob_count + blob];
}

/* -- mounts */

/* Mounts and proves. False: it is not there, and has to be sent. */
static bool mount(struct sp_run *run, size_t place, size_t blob, struct sp_store *from)
{
  const struct sp_image_blob *what = &run->image.blobs[blob];
  struct sp_blob_fact *fact = &run->facts.places[place].blobs[blob];
  struct sp_store *store = sp_run_store(run, place);
  struct sp_err err = SP_ERR_INIT;
  bool mounted = false;
  if (sp_store_mount_blob(store, &what->digest, what->size_bytes, from, &mounted, &err) < 0) {
    /* Some registries answer a mount with an error of their own making: bytes will tell. */
    if (err.code == SP_E_INTERRUPTED)
      sp_run_fail_place(run, place, &err);
    return false;
  }
  if (!mounted)
    return false;
  if (sp_survey_touch(store, what, fact, &err) < 0) {
    sp_run_fail_place(run, place, &err);
    return false;
  }
  fact->is_mounted = fact->have == SP_HAVE_PRESENT;
  sp_sharing_note_blob(run, place, blob);
  return fact->is_mounted;
}

static void mount_task(void *ctx, size_t i)
{
  struct move *move = ctx;
  size_t place = i % move->plan->place_count;
  size_t blob = i / move->plan->place_count;
  const struct sp_plan_blob *plan = &move->plan->places[place].blobs[blob];
  if (plan->action != move->mounting || !sp_run_is_open(move->run, place))
    return;
  bool was_sent = move->mounting == SP_BLOB_MOUNT ||
                  move->run->facts.places[plan->from].blobs[blob].have == SP_HAVE_PRESENT;
  *lacks(move, place, blob) =
      !was_sent || !mount(move->run, place, blob, sp_run_store(move->run, plan->from));
}

static bool has_action(const struct sp_plan *plan, size_t blob_count, enum sp_blob_action action)
{
  for (size_t place = 0; place < plan->place_count; place++) {
    for (size_t blob = 0; blob < blob_count; blob++) {
      if (plan->places[place].blobs[blob].action == action)
        return true;
    }
  }
  return false;
}

static void run_mounts(struct move *move, enum sp_blob_action which)
{
  size_t blob_count = move->run->image.blob_count;
  if (!has_action(move->plan, blob_count, which))
    return;
  move->mounting = which;
  sp_pool_run(blob_count * move->plan->place_count, MOUNT_THREADS, mount_task, move);
}

/* -- relays */

/* A large blob that nobody asked for at the survey (is_empty): a run that was killed may have left
 * it there. */
static bool is_found(struct sp_run *run, size_t place, size_t blob)
{
  const struct sp_image_blob *what = &run->image.blobs[blob];
  struct sp_blob_fact *fact = &run->facts.places[place].blobs[blob];
  if (!run->job->destinations[place].is_empty || run->round > 0 ||
      what->size_bytes <= SP_CREW_LARGE_BYTES)
    return false;
  struct sp_err err = SP_ERR_INIT;
  if (sp_survey_touch(sp_run_store(run, place), what, fact, &err) < 0)
    sp_run_fail_place(run, place, &err);
  return fact->have == SP_HAVE_PRESENT;
}

/* Does the blob have to be sent to the place, by us? *claim is ours then. What another job is
 * bringing stays on the list of what is lacking. */
static bool is_to_send(struct move *move, size_t place, size_t blob, struct sp_claim *claim)
{
  if (!*lacks(move, place, blob))
    return false;
  *lacks(move, place, blob) = false;
  if (!sp_run_is_open(move->run, place))
    return false;
  *claim = sp_sharing_claim(move->run, place, blob);
  *lacks(move, place, blob) = claim->kind == SP_CLAIM_BUSY;
  if (claim->kind != SP_CLAIM_MINE)
    return false;
  if (is_found(move->run, place, blob) ||
      (claim->donor && mount(move->run, place, blob, claim->donor)) ||
      !sp_run_is_open(move->run, place)) {
    sp_sharing_settle(move->run, claim, place, blob);
    return false;
  }
  return true;
}

static void relay_task(void *ctx, size_t i, size_t ring_bytes)
{
  struct move *move = ctx;
  size_t blob = move->numbers[i];
  size_t places[SP_MAX_DESTINATIONS];
  struct sp_claim claims[SP_MAX_DESTINATIONS];
  size_t count = 0;
  for (size_t place = 0; move->may_wait && place < move->plan->place_count; place++) {
    if (*lacks(move, place, blob))
      sp_sharing_wait(move->run, place, blob);
  }
  for (size_t place = 0; place < move->plan->place_count; place++) {
    if (is_to_send(move, place, blob, &claims[count]))
      places[count++] = place;
  }
  if (count > 0)
    sp_sending_run(move->run, blob, places, count, ring_bytes);
  for (size_t k = 0; k < count; k++)
    sp_sharing_settle(move->run, &claims[k], places[k], blob);
}

static bool is_lacked(const struct move *move, size_t blob)
{
  for (size_t place = 0; place < move->plan->place_count; place++) {
    if (*lacks(move, place, blob))
      return true;
  }
  return false;
}

/* Answers how many blobs were lacking. */
static size_t relay_lacking(struct move *move)
{
  const struct sp_image *image = &move->run->image;
  SP_AUTO_FREE uint64_t *sizes = calloc(image->blob_count + 1, sizeof *sizes);
  struct sp_err err = SP_ERR_INIT;
  if (!sizes) {
    sp_fail(&err, SP_E_NOMEM, "out of memory");
    sp_run_fail(move->run, &err);
    return 0;
  }
  size_t count = 0;
  for (size_t blob = 0; blob < image->blob_count; blob++) {
    if (!is_lacked(move, blob))
      continue;
    move->numbers[count] = blob;
    sizes[count++] = image->blobs[blob].size_bytes;
  }
  if (count > 0 && sp_crew_run(sizes, count, relay_task, move, &err) < 0) {
    sp_run_fail(move->run, &err);
    return 0;
  }
  return count;
}

/* First what is free, then what others had in hand: each round waits for somebody who got on. */
static void run_relays(struct move *move)
{
  move->may_wait = false;
  while (relay_lacking(move) > 0)
    move->may_wait = true;
}

void sp_move_run(struct sp_run *run, const struct sp_plan *plan)
{
  size_t blob_count = run->image.blob_count;
  SP_AUTO_FREE bool *needs = calloc(blob_count * plan->place_count + 1, sizeof *needs);
  SP_AUTO_FREE size_t *numbers = calloc(blob_count + 1, sizeof *numbers);
  if (!needs || !numbers) {
    struct sp_err err = SP_ERR_INIT;
    sp_fail(&err, SP_E_NOMEM, "out of memory");
    sp_run_fail(run, &err);
    return;
  }
  struct move move = {.run = run, .plan = plan, .lacks = needs, .numbers = numbers};
  for (size_t place = 0; place < plan->place_count; place++) {
    for (size_t blob = 0; blob < blob_count; blob++)
      *lacks(&move, place, blob) = plan->places[place].blobs[blob].action == SP_BLOB_SEND;
  }
  run_mounts(&move, SP_BLOB_MOUNT);
  run_relays(&move);
  run_mounts(&move, SP_BLOB_MOUNT_LATER);
  run_relays(&move);
}
