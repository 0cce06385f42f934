/* SPDX-License-Identifier: Apache-2.0 */
/* Consumer 0 of the ring is the hash, consumers 1..n are the ends. One *reading* is one ring: bytes
 * 0..size of the source, over however many connections that takes. Wrong bytes end a reading; a
 * second one begins with a new ring and new writers.
 *
 * Invariant: no end is finished, nor sees the last byte, before the hash of all bytes was right.
 *
 * Who is slow: a ring ties all ends to the pace of the slowest, so their rates say nothing. What
 * tells is the share of time in which an end has something to do: they all move the same bytes, so
 * one that is idle for three quarters of the time would be four times as fast. */
#include "store/relay.h"

#include <assert.h>
#include <errno.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/retry.h"

#define DEFAULT_RING_BYTES (512u * SP_KIB)
#define DEFAULT_SLOW_AFTER_MS 5000
#define SAMPLES 25            /* looks at the ends before one is called slow */
#define PROGRESS_EVERY_MS 250 /* a few times a second */
#define HASH_PIECE_BYTES \
  (64u * SP_KIB)   /* so that the producer gets room before the ring is done \
                    */
#define READINGS 2 /* wrong bytes are read again once */

/* An end of the relay during a reading. */
struct lane {
  struct sp_relay_end *end;
  struct sp_writer *writer; /* NULL: none, or closed */
  bool live;                /* still to be served */
  unsigned full;            /* samples in which it held up the source */
  unsigned idle;            /* samples in which it had nothing to do */
};

struct run {
  struct sp_relay *relay;
  struct lane *lanes;
  struct sp_ring *ring;
  struct sp_reader *reader;
  struct sp_hasher *hasher;
  bool approved;
  struct sp_retry_wait wait;
  uint64_t broke_off_at; /* what was written when the source failed last */
  bool has_failed;       /* it failed in this reading */
  bool has_gone_on;      /* ...and came further then */
  uint64_t read_before;  /* bytes of earlier readings */
  unsigned samples;
  int64_t next_sample_ms;
  int64_t next_progress_ms;
};

static size_t consumer_of(size_t lane)
{
  return lane + 1;
}

/* -- errors: where it was, in front of what it was */

static struct sp_err *reason(struct sp_err *err)
{
  if (err->code == SP_OK)
    sp_fail(err, SP_E_INTERNAL, "the store gave up without a reason");
  return err;
}

static int explain_source(const struct run *run, struct sp_err *err)
{
  char digest[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&run->relay->digest, digest);
  return sp_err_context(reason(err), "cannot read blob %s from '%s'", digest,
                        run->relay->source->name);
}

static void explain_end(const struct run *run, struct sp_relay_end *end)
{
  char digest[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&run->relay->digest, digest);
  sp_err_context(reason(&end->err), "cannot write blob %s to '%s'", digest, end->store->name);
}

/* -- ends */

/* The end is over by its own fault, which end->err tells. Its writer is closed later: cancelling an
 * upload at a store in trouble may take long, and others wait. */
static void fail_lane(struct run *run, size_t i)
{
  struct lane *lane = &run->lanes[i];
  sp_ring_detach(run->ring, consumer_of(i), &lane->end->err);
  sp_ring_consume(run->ring, consumer_of(i), 0); /* it may have failed with bytes in its hands */
  explain_end(run, lane->end);
  lane->end->result = SP_RELAY_FAILED;
  lane->live = false;
}

static void close_lane(struct lane *lane)
{
  if (lane->writer)
    lane->writer->ops->close(lane->writer);
  lane->writer = NULL;
  lane->live = false;
}

static bool is_any_live(const struct run *run)
{
  for (size_t i = 0; i < run->relay->end_count; i++)
    if (run->lanes[i].live)
      return true;
  return false;
}

/* Moves what a blocking end may have now. Answers whether it moved something. */
static bool pump_lane(struct run *run, size_t i)
{
  struct lane *lane = &run->lanes[i];
  if (!lane->writer->ops->pump)
    return false;
  uint64_t before = sp_ring_consumed(run->ring, consumer_of(i));
  if (lane->writer->ops->pump(lane->writer, &lane->end->err) < 0)
    fail_lane(run, i);
  return sp_ring_consumed(run->ring, consumer_of(i)) != before;
}

static void finish_lane(struct run *run, size_t i)
{
  struct lane *lane = &run->lanes[i];
  if (lane->writer->ops->finish(lane->writer, &lane->end->err) < 0) {
    fail_lane(run, i);
    return;
  }
  lane->end->result = SP_RELAY_DONE;
  close_lane(lane);
}

/* An end that detached itself without saying why has an answer that came early: finish tells it. */
static void ask_lane(struct run *run, size_t i)
{
  struct lane *lane = &run->lanes[i];
  if (lane->end->err.code == SP_OK && !lane->writer->ops->pump &&
      lane->writer->ops->finish(lane->writer, &lane->end->err) == 0)
    sp_fail(&lane->end->err, SP_E_PROTOCOL, "it took less than the whole blob");
  fail_lane(run, i);
}

/* One end, one step. Answers whether something happened. */
static bool drive_lane(struct run *run, size_t i)
{
  struct lane *lane = &run->lanes[i];
  if (!lane->live)
    return false;
  if (!sp_ring_is_attached(run->ring, consumer_of(i), &lane->end->err)) {
    ask_lane(run, i);
    return true;
  }
  bool moved = pump_lane(run, i);
  uint64_t consumed = sp_ring_consumed(run->ring, consumer_of(i));
  uint64_t resumed = lane->end->resumed_bytes;
  lane->end->sent_bytes = consumed > resumed ? consumed - resumed : 0;
  if (!lane->live || !run->approved || consumed != run->relay->size_bytes)
    return moved;
  finish_lane(run, i);
  return true;
}

static bool drive_lanes(struct run *run)
{
  bool moved = false;
  for (size_t i = 0; i < run->relay->end_count; i++)
    moved |= drive_lane(run, i);
  return moved;
}

/* -- the slow end */

static void reset_samples(struct run *run)
{
  run->samples = 0;
  for (size_t i = 0; i < run->relay->end_count; i++)
    run->lanes[i].full = run->lanes[i].idle = 0;
}

/* Answers whether any end holds up the source. */
static bool take_sample(struct run *run)
{
  uint64_t written = sp_ring_written(run->ring);
  size_t cap = sp_ring_capacity(run->ring);
  bool any_full = false;
  for (size_t i = 0; i < run->relay->end_count; i++) {
    struct lane *lane = &run->lanes[i];
    uint64_t lag = written - sp_ring_consumed(run->ring, consumer_of(i));
    if (!lane->live)
      continue;
    bool idle = sp_ring_is_idle(run->ring, consumer_of(i));
    bool full = !idle && lag >= cap / 4; /* the source is let in again at half a ring */
    lane->idle += idle;
    lane->full += full;
    any_full |= full;
  }
  run->samples++;
  return any_full && written < run->relay->size_bytes;
}

static bool is_any_idle(const struct run *run)
{
  for (size_t i = 0; i < run->relay->end_count; i++)
    if (run->lanes[i].live && run->lanes[i].idle * 4 >= run->samples * 3)
      return true;
  return false;
}

static void detach_slow(struct run *run)
{
  for (size_t i = 0; i < run->relay->end_count && is_any_idle(run); i++) {
    struct lane *lane = &run->lanes[i];
    if (!lane->live || lane->full < run->samples)
      continue;
    sp_log(SP_LOG_INFO, "'%s' is slow and gets this blob later", lane->end->store->name);
    sp_ring_detach(run->ring, consumer_of(i), NULL);
    lane->live = false;
  }
}

static int64_t sample_every_ms(const struct run *run)
{
  int64_t after_ms =
      run->relay->slow_after_ms > 0 ? run->relay->slow_after_ms : DEFAULT_SLOW_AFTER_MS;
  return after_ms > SAMPLES ? after_ms / SAMPLES : 1;
}

static void watch_pace(struct run *run, int64_t now_ms)
{
  if (now_ms < run->next_sample_ms)
    return;
  run->next_sample_ms = now_ms + sample_every_ms(run);
  bool held_up = take_sample(run);
  if (held_up && run->samples >= SAMPLES)
    detach_slow(run);
  if (!held_up || run->samples >= SAMPLES)
    reset_samples(run);
}

static void tell_progress(struct run *run, int64_t now_ms)
{
  struct sp_relay *relay = run->relay;
  uint64_t written = sp_ring_written(run->ring);
  relay->read_bytes = run->read_before + written;
  if (!relay->progress || now_ms < run->next_progress_ms)
    return;
  run->next_progress_ms = now_ms + PROGRESS_EVERY_MS;
  relay->progress(relay->progress_ctx, relay, written);
}

/* -- the source */

static void close_reader(struct run *run)
{
  if (run->reader)
    run->reader->ops->close(run->reader);
  run->reader = NULL;
}

/* Opens the source where the ring ends. */
static int open_source(struct run *run, struct sp_err *err)
{
  struct sp_relay *relay = run->relay;
  if (sp_store_open_read(relay->source, &relay->digest, relay->size_bytes,
                         sp_ring_written(run->ring), &run->reader, err) < 0)
    return -1;
  if (sp_ring_input_state(run->ring, NULL) == SP_RING_FAILED)
    sp_ring_reopen(run->ring);
  struct sp_err why = SP_ERR_INIT;
  if (run->reader->ops->start && run->reader->ops->start(run->reader, run->ring, &why) < 0)
    sp_ring_close_input(run->ring, &why); /* a failure like any other of a connection */
  return 0;
}

/* Is what it did only what a line does? Bytes that are short end at the same place each time; where
 * another connection brought more, it was not for want of bytes that the first one ended. */
static bool is_of_line(const struct run *run, const struct sp_err *why)
{
  return why->code != SP_E_NETWORK || why->sys == ECONNRESET || run->has_gone_on;
}

/* It ended early, again and again: is it short, or is it the line? The source is asked, unless it
 * was plainly the line. (A registry with a warm cache promises the length of what its disk has
 * lost, and cuts the answer: that is damage, though the promise was right.) */
static void judge_early_end(struct run *run, struct sp_err *why)
{
  struct sp_relay *relay = run->relay;
  struct sp_blob_state state;
  struct sp_err ignored = SP_ERR_INIT;
  if (is_of_line(run, why) ||
      sp_store_check_blob(relay->source, &relay->digest, relay->size_bytes, SP_PROOF_TOUCHED,
                          &state, &ignored) < 0 ||
      state.state == SP_BLOB_PRESENT)
    return;
  relay->is_short = true;
  (void)sp_fail(why, SP_E_DIGEST, "only %llu of its %llu bytes are there",
                (unsigned long long)sp_ring_written(run->ring),
                (unsigned long long)relay->size_bytes);
  (void)!explain_source(run, why);
}

/* The source broke off with *why: goes on at the same byte when that can help. */
static int resume_source(struct run *run, struct sp_err *why, struct sp_err *err)
{
  struct sp_retry_policy policy = {run->relay->retry_for_ms, run->relay->cancel};
  uint64_t written = sp_ring_written(run->ring);
  close_reader(run);
  explain_source(run, why);
  if (written - run->broke_off_at >= HASH_PIECE_BYTES)
    run->wait = SP_RETRY_WAIT_INIT; /* it had worked again in between */
  run->has_gone_on = run->has_gone_on || (run->has_failed && written > run->broke_off_at);
  run->has_failed = true;
  run->broke_off_at = written;
  while (sp_retry_wait(&run->wait, &policy, why)) {
    sp_err_clear(why);
    if (open_source(run, why) == 0)
      return 0;
  }
  judge_early_end(run, why);
  sp_err_copy(err, why);
  return -1;
}

/* Answers 1 if something moved, 0 if not, -1 if the source failed for good. */
static int drive_source(struct run *run, struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  enum sp_ring_input input = sp_ring_input_state(run->ring, &why);
  uint64_t written = sp_ring_written(run->ring);
  if (input == SP_RING_FAILED && why.code == SP_E_DIGEST) {
    sp_err_copy(err, &why);
    return explain_source(run, err);
  }
  /* Complete, or broken off behind the last byte: the hash decides. */
  if (input == SP_RING_COMPLETE || (input == SP_RING_FAILED && written == run->relay->size_bytes))
    return 0;
  if (input == SP_RING_FAILED)
    return resume_source(run, &why, err) < 0 ? -1 : 1;
  if (!run->reader->ops->pump)
    return 0;
  if (run->reader->ops->pump(run->reader, run->ring, &why) < 0)
    sp_ring_close_input(run->ring, &why);
  return sp_ring_input_state(run->ring, NULL) != SP_RING_OPEN ||
         sp_ring_written(run->ring) != written;
}

/* -- the hash */

/* Hashes what there is, a ring's worth at most: the others are to be looked after as well. Answers
 * whether there was something. */
static bool drive_hash(struct run *run)
{
  size_t done = 0;
  const char *bytes;
  bool end;
  bool aborted;
  while (done < sp_ring_capacity(run->ring)) {
    size_t n = sp_ring_peek(run->ring, 0, &bytes, &end, &aborted);
    if (n == 0)
      break;
    if (n > HASH_PIECE_BYTES)
      n = HASH_PIECE_BYTES;
    sp_hasher_update(run->hasher, bytes, n);
    sp_ring_consume(run->ring, 0, n);
    done += n;
  }
  return done > 0;
}

static int wrong_bytes(const struct run *run, const struct sp_digest *have, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(have, text);
  sp_fail(err, SP_E_DIGEST, "it sent other bytes, whose digest is %s", text);
  return explain_source(run, err);
}

/* Compares when all bytes were hashed and the source said that there are no more. */
static int judge_hash(struct run *run, struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  struct sp_digest have;
  if (run->approved || sp_ring_consumed(run->ring, 0) != run->relay->size_bytes)
    return 0;
  enum sp_ring_input input = sp_ring_input_state(run->ring, &why);
  if (input == SP_RING_OPEN || (input == SP_RING_FAILED && why.code == SP_E_DIGEST))
    return 0; /* drive_source reports the latter */
  sp_hasher_finish(run->hasher, &have);
  if (!sp_digest_eq(&have, &run->relay->digest))
    return wrong_bytes(run, &have, err);
  sp_ring_approve(run->ring);
  run->approved = true;
  return 0;
}

/* -- a reading */

/* Is everything done, or nobody left to do it for? */
static bool is_over(const struct run *run)
{
  bool wanted = run->relay->end_count > 0 ? is_any_live(run) : !run->approved;
  return !wanted;
}

static int pump(struct run *run, struct sp_err *err)
{
  uint64_t seen = 0;
  while (!is_over(run)) {
    if (sp_cancel_check(run->relay->cancel, err) < 0)
      return -1;
    int moved = drive_source(run, err);
    if (moved < 0)
      return -1;
    bool hashed = drive_hash(run);
    if (judge_hash(run, err) < 0)
      return -1;
    bool sent = drive_lanes(run);
    int64_t now_ms = sp_clock_mono_ms();
    watch_pace(run, now_ms);
    tell_progress(run, now_ms);
    if (!moved && !hashed && !sent && !is_over(run))
      seen = sp_ring_wait(run->ring, seen, sample_every_ms(run));
  }
  return 0;
}

static void begin_lanes(struct run *run)
{
  for (size_t i = 0; i < run->relay->end_count; i++) {
    struct lane *lane = &run->lanes[i];
    struct sp_relay_end *end = lane->end;
    if (end->result == SP_RELAY_FAILED)
      continue; /* in the first reading */
    int64_t now_ms = sp_clock_mono_ms();
    lane->live = sp_store_begin_write(end->store, &run->relay->digest, run->relay->size_bytes,
                                      &lane->writer, &end->err) == 0;
    if (lane->live) {
      end->resumed_bytes = lane->writer->resumed_bytes;
      continue;
    }
    end->result = SP_RELAY_FAILED;
    end->failing_since_ms = now_ms;
  }
}

static void start_lanes(struct run *run)
{
  for (size_t i = 0; i < run->relay->end_count; i++) {
    struct lane *lane = &run->lanes[i];
    if (!lane->live)
      sp_ring_detach(run->ring, consumer_of(i), NULL);
    else if (lane->writer->ops->start(lane->writer, run->ring, consumer_of(i), &lane->end->err) < 0)
      fail_lane(run, i);
  }
}

static int begin_reading(struct run *run, struct sp_err *err)
{
  struct sp_relay *relay = run->relay;
  size_t ring_bytes = relay->ring_bytes > 0 ? relay->ring_bytes : DEFAULT_RING_BYTES;
  run->approved = false;
  run->wait = SP_RETRY_WAIT_INIT;
  run->broke_off_at = 0;
  run->has_failed = false;
  run->has_gone_on = false;
  reset_samples(run);
  if (sp_hasher_new(relay->digest.alg, &run->hasher, err) < 0 ||
      sp_ring_new(relay->size_bytes, ring_bytes, relay->end_count + 1, &run->ring, err) < 0)
    return -1;
  sp_ring_set_exempt(run->ring, 0);
  begin_lanes(run);
  start_lanes(run);
  return is_over(run) ? 0 : open_source(run, err);
}

static void end_reading(struct run *run)
{
  if (run->ring && !run->approved)
    sp_ring_abort(run->ring);
  close_reader(run);
  for (size_t i = 0; i < run->relay->end_count; i++)
    close_lane(&run->lanes[i]);
  if (run->ring) {
    run->next_progress_ms = 0;
    tell_progress(run, sp_clock_mono_ms());
    run->read_before += sp_ring_written(run->ring);
  }
  sp_ring_free(sp_steal(&run->ring));
  sp_hasher_free(sp_steal(&run->hasher));
}

static int read_once(struct run *run, struct sp_err *err)
{
  int rc = begin_reading(run, err);
  if (rc == 0)
    rc = pump(run, err);
  end_reading(run);
  return rc;
}

int sp_relay_run(struct sp_relay *relay, struct sp_err *err)
{
  assert(relay->end_count <= SP_MAX_DESTINATIONS);
  SP_AUTO_FREE struct lane *lanes = calloc(relay->end_count + 1, sizeof *lanes);
  if (!lanes)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < relay->end_count; i++) {
    struct sp_relay_end *end = &relay->ends[i];
    *end =
        (struct sp_relay_end){.store = end->store, .result = SP_RELAY_DETACHED, .err = SP_ERR_INIT};
    lanes[i].end = end;
  }
  relay->read_bytes = 0;
  relay->wrong_readings = 0;
  relay->is_short = false;
  struct run run = {.relay = relay, .lanes = lanes};
  struct sp_err failure = SP_ERR_INIT;
  for (int reading = 1; read_once(&run, &failure) < 0; reading++) {
    relay->wrong_readings += failure.code == SP_E_DIGEST;
    if (failure.code != SP_E_DIGEST || relay->is_short || reading == READINGS) {
      sp_err_copy(err, &failure);
      return -1;
    }
    sp_log(SP_LOG_WARN, _("%s; reading it again"), failure.msg);
    sp_err_clear(&failure);
  }
  return 0;
}
