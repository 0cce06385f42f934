/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds: one read for all ends that are left. After the first round those are the ends that were
 * detached as too slow, and those whose failure may pass; the latter make everybody wait as
 * store/retry.h says. A round in which nobody got on counts as a failure, so this ends. */
#include "transfer/sending.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "store/relay.h"
#include "transfer/look.h"
#include "transfer/report.h"
#include "transfer/survey.h"

struct sending {
  struct sp_run *run;
  const struct sp_image_blob *blob;
  size_t number; /* of the blob */
  size_t ring_bytes;
  struct sp_relay_end *ends; /* owned */
  size_t *places;            /* owned; of each end */
  size_t count;
  bool is_repeat;       /* the blob was read before */
  bool distrusts_local; /* a read from a destination did not work out */
  bool has_resent;      /* an end called our bytes wrong once, after we had hashed them */
  int64_t told_ms;      /* when the watcher last heard of bytes */
};

/* -- telling */

static void tell(const struct sending *s, enum sp_event_kind kind, int place, uint64_t bytes,
                 bool ok)
{
  struct sp_event event = {.kind = kind,
                           .destination = place,
                           .bytes_done = bytes,
                           .bytes_total = s->blob->size_bytes,
                           .ok = ok};
  sp_watch_tell(&s->run->watch, &event, &s->blob->digest);
}

static void on_progress(void *ctx, const struct sp_relay *relay, uint64_t read_bytes)
{
  struct sending *s = ctx;
  (void)read_bytes;
  int64_t now_ms = sp_clock_mono_ms();
  if (now_ms - s->told_ms < SP_WATCH_BYTES_EVERY_MS)
    return;
  s->told_ms = now_ms;
  for (size_t i = 0; i < relay->end_count; i++)
    tell(s, SP_EVENT_BLOB_BYTES, (int)s->places[i], relay->ends[i].sent_bytes, true);
}

/* -- one read */

/* Where a second read comes from: a destination on this host that has the blob, else the source. */
static struct sp_store *origin(const struct sending *s, bool *is_local)
{
  *is_local = false;
  if (!s->is_repeat || s->distrusts_local)
    return s->run->job->source;
  for (size_t place = 0; place < s->run->facts.place_count; place++) {
    struct sp_store *store = sp_run_store(s->run, place);
    bool is_mine = false; /* other places' facts about this blob are settled, ends' are ours */
    for (size_t i = 0; i < s->count; i++)
      is_mine = is_mine || s->places[i] == place;
    if (is_mine || !store->is_local || atomic_load(&s->run->is_out[place]))
      continue;
    if (s->run->facts.places[place].blobs[s->number].have != SP_HAVE_PRESENT)
      continue;
    *is_local = true;
    return store;
  }
  return s->run->job->source;
}

static int relay_from(struct sending *s, struct sp_store *store, struct sp_err *err)
{
  for (size_t i = 0; i < s->count; i++) {
    s->ends[i].err = SP_ERR_INIT;
    s->ends[i].sent_bytes = 0;
    s->ends[i].failing_since_ms = 0;
    s->ends[i].result = SP_RELAY_DETACHED;
  }
  struct sp_relay relay = {.source = store,
                           .digest = s->blob->digest,
                           .size_bytes = s->blob->size_bytes,
                           .ends = s->ends,
                           .end_count = s->count,
                           .ring_bytes = s->ring_bytes,
                           .retry_for_ms = s->run->job->retry.retry_for_ms,
                           .cancel = s->run->job->cancel,
                           .progress = on_progress,
                           .progress_ctx = s};
  int failed = sp_relay_run(&relay, err);
  SP_LOCK_SCOPE(&s->run->lock);
  if (store == s->run->job->source) {
    s->run->report->bytes_read += relay.read_bytes;
    s->run->report->repeated_reads += s->is_repeat;
  }
  for (size_t i = 0; i < s->count; i++)
    s->run->report->places[s->places[i]].bytes_sent += s->ends[i].sent_bytes;
  return failed;
}

/* A foreign layer that the source does not have is nobody's mistake: says so. */
static int explain_foreign(const struct sending *s, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&s->blob->digest, text);
  const char *source = s->run->job->source->name;
  if (err->code == SP_E_NOT_FOUND && s->blob->is_foreign)
    return sp_fail(err, SP_E_NOT_FOUND,
                   "incomplete: layer '%s' is not stored at '%s' (nondistributable)", text, source);
  return -1;
}

static int read_once(struct sending *s, struct sp_err *err)
{
  bool is_local;
  struct sp_store *store = origin(s, &is_local);
  struct sp_err failure = SP_ERR_INIT;
  int failed = relay_from(s, store, &failure);
  if (failed && is_local && failure.code != SP_E_INTERRUPTED) {
    s->distrusts_local = true;
    sp_err_clear(&failure);
    failed = relay_from(s, s->run->job->source, &failure);
  }
  s->is_repeat = true;
  if (!failed)
    return 0;
  sp_err_copy(err, &failure);
  return err->code == SP_E_INTERRUPTED ? -1 : explain_foreign(s, err);
}

/* -- what came of it */

/* A blob that was sent is not good there: the next round sends it again; what is bad after that
 * stays bad. */
static void settle_bad(struct sending *s, size_t place, bool is_first, enum sp_have have)
{
  struct sp_err err = SP_ERR_INIT;
  if (is_first || have == SP_HAVE_ABSENT) {
    char text[SP_DIGEST_TEXT_MAX];
    sp_digest_format(&s->blob->digest, text);
    sp_fail(&err, have == SP_HAVE_ABSENT ? SP_E_BLOB_UNKNOWN : SP_E_DIGEST,
            "'%s' was taken by '%s', which then did not have it whole", text,
            sp_run_store(s->run, place)->name);
    sp_run_want_again(s->run, place, &err);
    return;
  }
  const char *of_registry =
      _("the registry took a new upload and still has bad bytes: its operator must remove the "
        "blob's file (.../blobs/<algorithm>/<2 hex>/<hex>/data on a CNCF distribution registry) "
        "and restart it; then run this again");
  sp_run_damage(s->run, place, &s->blob->digest, sp_image_blob_what(s->blob), SP_FINDING_KEPT_BAD,
                sp_run_remedy(s->run, place, of_registry));
}

/* Looks at what was sent; `whole`: at every byte of it. */
static int look(const struct sending *s, size_t place, bool whole, struct sp_blob_fact *seen,
                struct sp_err *err)
{
  struct sp_store *store = sp_run_store(s->run, place);
  if (!whole)
    return sp_survey_touch(store, s->blob, seen, err);
  struct sp_look look = {.store = store,
                         .blob = s->blob,
                         .want = SP_PROOF_READ,
                         .ring_bytes = s->ring_bytes,
                         .retry_for_ms = s->run->job->retry.retry_for_ms,
                         .cancel = s->run->job->cancel};
  if (sp_look_at_blob(&look, err) < 0)
    return -1;
  seen->have = look.have;
  seen->proof = look.proof;
  seen->seen_ms = sp_clock_mono_ms();
  return 0;
}

/* The destination says that it has the blob. That is looked at, whatever its size: a registry may
 * answer 201 and keep bad bytes that another of its repositories left. A local place has written
 * and hashed the file itself. Read to the end is what an earlier writer sent in part (its registry
 * may go by a hash that it made then), what is in doubt, and what was bad in the first round. */
static void settle_done(struct sending *s, size_t place, bool is_resumed)
{
  struct sp_blob_fact *fact = &s->run->facts.places[place].blobs[s->number];
  struct sp_store *store = sp_run_store(s->run, place);
  bool was_damaged = fact->was_damaged;
  bool is_in_doubt = fact->doubt != SP_DOUBT_NONE;
  *fact = (struct sp_blob_fact){.have = SP_HAVE_PRESENT,
                                .proof = SP_PROOF_TOUCHED,
                                .doubt = fact->doubt,
                                .was_damaged = was_damaged,
                                .is_sent = true,
                                .seen_ms = sp_clock_mono_ms()};
  tell(s, SP_EVENT_BLOB_END, (int)place, s->blob->size_bytes, true);
  if (store->is_local && !was_damaged && !is_resumed && !is_in_doubt)
    return;
  struct sp_err err = SP_ERR_INIT;
  struct sp_blob_fact seen = *fact;
  bool whole = is_resumed || is_in_doubt || (was_damaged && s->run->round > 0);
  if (look(s, place, whole, &seen, &err) < 0) {
    sp_run_fail_place(s->run, place, &err);
    return;
  }
  bool is_good = seen.have == SP_HAVE_PRESENT;
  if (was_damaged || is_resumed || is_in_doubt || !is_good)
    *fact = seen; /* else what we sent ourselves stays touched, also where Range is ignored */
  fact->was_damaged = was_damaged || !is_good;
  if (!is_good)
    settle_bad(s, place, !was_damaged && !is_in_doubt, seen.have);
  else if (seen.proof == SP_PROOF_READ)
    sp_run_was_read(s->run, place, &s->blob->digest, true);
}

static void settle_failed(struct sending *s, size_t place, const struct sp_err *err)
{
  tell(s, SP_EVENT_BLOB_END, (int)place, 0, false);
  sp_run_fail_place(s->run, place, err);
}

/* Has the store tried to begin for as long as anybody is to try? */
static bool is_tried_out(const struct sending *s, const struct sp_relay_end *end)
{
  return end->failing_since_ms > 0 &&
         sp_clock_mono_ms() - end->failing_since_ms >= s->run->job->retry.retry_for_ms;
}

/* May the end's failure pass? We hashed what we sent: one "wrong digest" from there is noise on the
 * line, a second is not. */
static bool may_pass(struct sending *s, const struct sp_relay_end *end)
{
  if (end->err.code != SP_E_DIGEST)
    return sp_code_is_retryable(end->err.code) && !is_tried_out(s, end);
  bool is_first = !s->has_resent;
  s->has_resent = true;
  return is_first;
}

/* All bytes went, and then no answer came: they may be there, which is cheaper to ask than to send.
 */
static void ask_for_unanswered(const struct sending *s, size_t place, struct sp_relay_end *end)
{
  if (end->result != SP_RELAY_FAILED || end->err.code != SP_E_NETWORK ||
      end->err.http_status != 0 || end->sent_bytes < s->blob->size_bytes)
    return;
  struct sp_blob_fact seen = {0};
  struct sp_err ignored = SP_ERR_INIT;
  int64_t began_ms = sp_clock_mono_ms();
  if (look(s, place, false, &seen, &ignored) < 0)
    end->failing_since_ms = began_ms; /* the store has asked for as long as anybody is to try */
  else if (seen.have == SP_HAVE_PRESENT)
    end->result = SP_RELAY_DONE;
}

/* Sorts the ends out; those that get another try stay, in their order. Answers true if an end has
 * the blob now. */
static bool settle(struct sending *s)
{
  bool got_on = false;
  size_t kept = 0;
  for (size_t i = 0; i < s->count; i++) {
    struct sp_relay_end *end = &s->ends[i];
    size_t place = s->places[i];
    ask_for_unanswered(s, place, end);
    if (end->result == SP_RELAY_DONE) {
      settle_done(s, place, end->resumed_bytes > 0);
      got_on = true;
      continue;
    }
    if (!sp_run_is_open(s->run, place))
      continue;
    if (end->result == SP_RELAY_FAILED && !may_pass(s, end)) {
      settle_failed(s, place, &end->err);
      continue;
    }
    if (kept != i)
      s->ends[kept] = *end;
    s->places[kept++] = place;
  }
  s->count = kept;
  return got_on;
}

/* Patience is over: ends that failed have failed; those that were only slow may go on. */
static void give_up(struct sending *s, const struct sp_err *why, bool got_on)
{
  size_t kept = 0;
  for (size_t i = 0; i < s->count; i++) {
    struct sp_relay_end *end = &s->ends[i];
    bool is_slow = end->result == SP_RELAY_DETACHED;
    if (is_slow && !got_on)
      sp_err_copy(&end->err, why);
    if (is_slow && got_on) {
      if (kept != i)
        s->ends[kept] = *end;
      s->places[kept++] = s->places[i];
      continue;
    }
    settle_failed(s, s->places[i], &end->err);
  }
  s->count = kept;
}

/* Before another round: waits if somebody failed. Leaves the ends that take part. */
static void wait_for_another(struct sending *s, struct sp_retry_wait *wait, bool got_on)
{
  struct sp_err why = SP_ERR_INIT;
  for (size_t i = 0; i < s->count; i++) {
    if (s->ends[i].result == SP_RELAY_FAILED)
      sp_err_copy(&why, &s->ends[i].err);
  }
  if (why.code == SP_OK && got_on)
    return;
  if (why.code == SP_OK)
    sp_fail(&why, SP_E_NETWORK, "too slow beside the other destinations");
  if (!sp_code_is_retryable(why.code))
    why.code = SP_E_NETWORK; /* "wrong digest", for the first time: see may_pass */
  sp_watch_say(&s->run->watch, SP_EVENT_RETRY, (int)s->places[0], why.msg);
  struct sp_retry_policy policy = {s->run->job->retry.retry_for_ms, s->run->job->cancel};
  if (sp_retry_wait(wait, &policy, &why))
    return;
  if (why.code == SP_E_INTERRUPTED)
    sp_run_fail(s->run, &why);
  else
    give_up(s, &why, got_on);
}

static void send_all(struct sending *s)
{
  struct sp_retry_wait wait = SP_RETRY_WAIT_INIT;
  while (s->count > 0 && !sp_run_is_stopped(s->run)) {
    struct sp_err err = SP_ERR_INIT;
    if (read_once(s, &err) < 0) {
      sp_run_fail(s->run, &err);
      return;
    }
    bool got_on = settle(s);
    if (s->count > 0)
      wait_for_another(s, &wait, got_on);
  }
}

/* Places by name, so that those of one registry stand together and all relays take the slots of two
 * registries in the same order: else one could hold A and wait for B, another B and wait for A. */
static void sort_places(const struct sp_run *run, size_t *places, size_t count)
{
  for (size_t i = 1; i < count; i++) {
    size_t place = places[i];
    const char *name = sp_run_store(run, place)->name;
    size_t at = i;
    for (; at > 0 && strcmp(sp_run_store(run, places[at - 1])->name, name) > 0; at--)
      places[at] = places[at - 1];
    places[at] = place;
  }
}

void sp_sending_run(struct sp_run *run, size_t blob, const size_t *places, size_t count,
                    size_t ring_bytes)
{
  SP_AUTO_FREE struct sp_relay_end *ends = calloc(count, sizeof *ends);
  SP_AUTO_FREE size_t *numbers = calloc(count, sizeof *numbers);
  if (!ends || !numbers) {
    struct sp_err err = SP_ERR_INIT;
    sp_fail(&err, SP_E_NOMEM, "out of memory");
    sp_run_fail(run, &err);
    return;
  }
  memcpy(numbers, places, count * sizeof *numbers);
  sort_places(run, numbers, count);
  for (size_t i = 0; i < count; i++)
    ends[i].store = sp_run_store(run, numbers[i]);
  struct sending s = {.run = run,
                      .blob = &run->image.blobs[blob],
                      .number = blob,
                      .ring_bytes = ring_bytes,
                      .ends = ends,
                      .places = numbers,
                      .count = count};
  tell(&s, SP_EVENT_BLOB_BEGIN, -1, 0, true);
  send_all(&s);
}
