/* SPDX-License-Identifier: Apache-2.0 */
/* One mutex and one condition for all lanes. A shut gate and a wish to stop are looked for in short
 * naps: nobody signals the passing of time.
 *
 * Many requests are on their way when a registry says "too many", and all of them come back with
 * that answer: it halves the width once, until the answers of that time have passed
 * (HALVE_EVERY_MS). */
#include "http/gate.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/scope.h"

#define WIDTH_FIRST 8        /* also as far as it grows where round trips are short */
#define LONG_ROUND_TRIP_MS 4 /* over this, more requests at once help */
#define NAP_MS 100           /* how late a wish to stop may be seen */
#define HALVE_EVERY_MS 1000
#define PAUSE_MAX_MS 86400000 /* what is asked beyond a day is not believed */
#define PARTIES_MAX 128 /* entries remembered; workers times lanes. One more is just not known */

struct party {
  const void *who; /* NULL: free */
  enum sp_lane lane;
};

struct sp_gate {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int inside[SP_LANE_COUNT];
  int width;
  int64_t round_trip_ms; /* smoothed over about 8 answers, times 8; -1: none seen */
  int64_t shut_until_ms; /* monotonic */
  int64_t pause_ms;      /* that was asked for then */
  int64_t shut_since_ms; /* when it was first shut with no good answer since; 0: it was not */
  int64_t patience_ms;
  int64_t halved_ms;
  struct party parties[PARTIES_MAX]; /* one for each time that a party is inside */
};

int sp_gate_new(struct sp_gate **out, struct sp_err *err)
{
  pthread_condattr_t attr;
  struct sp_gate *gate = calloc(1, sizeof *gate);
  if (!gate)
    return sp_fail(err, SP_E_NOMEM, "cannot make a gate: out of memory");
  gate->width = WIDTH_FIRST;
  gate->patience_ms = SP_RETRY_AFTER_MAX_MS;
  gate->round_trip_ms = -1;
  gate->halved_ms = -HALVE_EVERY_MS;
  pthread_mutex_init(&gate->lock, NULL);
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&gate->changed, &attr);
  pthread_condattr_destroy(&attr);
  *out = gate;
  return 0;
}

void sp_gate_free(struct sp_gate *gate)
{
  if (!gate)
    return;
  pthread_cond_destroy(&gate->changed);
  pthread_mutex_destroy(&gate->lock);
  free(gate);
}

/* Waits for a change, at most `ms`. With the lock held. */
static void nap(struct sp_gate *gate, int64_t ms)
{
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  at.tv_nsec += ms * 1000000;
  at.tv_sec += at.tv_nsec / 1000000000;
  at.tv_nsec %= 1000000000;
  pthread_cond_timedwait(&gate->changed, &gate->lock, &at);
}

static struct party *find_party(struct sp_gate *gate, const void *who, enum sp_lane lane)
{
  for (size_t i = 0; i < PARTIES_MAX; i++)
    if (gate->parties[i].who == who && (!who || gate->parties[i].lane == lane))
      return &gate->parties[i];
  return NULL;
}

static bool has_room(struct sp_gate *gate, enum sp_lane lane, const void *who)
{
  return gate->inside[lane] < gate->width || (who && find_party(gate, who, lane));
}

static void add_party(struct sp_gate *gate, enum sp_lane lane, const void *who)
{
  struct party *entry = who ? find_party(gate, NULL, lane) : NULL;
  if (entry)
    *entry = (struct party){.who = who, .lane = lane};
}

static void remove_party(struct sp_gate *gate, enum sp_lane lane, const void *who)
{
  struct party *entry = who ? find_party(gate, who, lane) : NULL;
  if (entry)
    entry->who = NULL;
}

/* May one still wait? Many wait together, one answer shuts the gate for all of them again: without
 * an end to that the waits would add up. With the lock held. */
static int check_patience(const struct sp_gate *gate, int64_t now_ms, int64_t until_ms,
                          struct sp_err *err)
{
  bool is_shut = gate->shut_until_ms > now_ms && gate->shut_since_ms > 0;
  int64_t left_ms = gate->shut_until_ms - now_ms;
  if (left_ms > 0 && gate->pause_ms > gate->patience_ms) {
    sp_fail(err, SP_E_THROTTLED, "it has asked for a pause, of which %lld s are left",
            (long long)(left_ms / 1000 + 1));
    err->retry_after_ms = left_ms;
    return -1;
  }
  if (is_shut && now_ms - gate->shut_since_ms >= gate->patience_ms)
    return sp_fail(err, SP_E_THROTTLED,
                   "it has asked for a pause again and again, for more than %lld s",
                   (long long)(gate->patience_ms / 1000));
  if (now_ms >= until_ms || gate->shut_until_ms > until_ms)
    return sp_fail(err, SP_E_THROTTLED, "too many requests wait for it");
  return 0;
}

static int enter(struct sp_gate *gate, enum sp_lane lane, const void *party, int64_t until_ms,
                 const struct sp_cancel *cancel, struct sp_err *err)
{
  SP_LOCK_SCOPE(&gate->lock);
  for (;;) {
    if (sp_cancel_check(cancel, err) != 0)
      return -1;
    int64_t now_ms = sp_clock_mono_ms();
    int64_t shut_ms = gate->shut_until_ms - now_ms;
    if (shut_ms <= 0 && has_room(gate, lane, party))
      break;
    if (check_patience(gate, now_ms, until_ms, err) != 0)
      return -1;
    nap(gate, shut_ms > 0 && shut_ms < NAP_MS ? shut_ms : NAP_MS);
  }
  gate->inside[lane]++;
  add_party(gate, lane, party);
  return 0;
}

int sp_gate_enter(struct sp_gate *gate, enum sp_lane lane, const void *party,
                  const struct sp_cancel *cancel, struct sp_err *err)
{
  return enter(gate, lane, party, INT64_MAX, cancel, err);
}

int sp_gate_enter_soon(struct sp_gate *gate, enum sp_lane lane, int64_t wait_ms, struct sp_err *err)
{
  return enter(gate, lane, NULL, sp_clock_mono_ms() + wait_ms, NULL, err);
}

void sp_gate_set_patience(struct sp_gate *gate, int64_t patience_ms)
{
  SP_LOCK_SCOPE(&gate->lock);
  gate->patience_ms = patience_ms;
}

static void slow_down(struct sp_gate *gate, int64_t retry_after_ms)
{
  int64_t now = sp_clock_mono_ms();
  if (now - gate->halved_ms >= HALVE_EVERY_MS && now >= gate->shut_until_ms) {
    gate->width = gate->width > 1 ? gate->width / 2 : 1;
    gate->halved_ms = now;
  }
  if (retry_after_ms < 0)
    return;
  if (retry_after_ms > PAUSE_MAX_MS)
    retry_after_ms = PAUSE_MAX_MS;
  if (retry_after_ms > 0 && gate->shut_since_ms == 0)
    gate->shut_since_ms = now;
  if (now + retry_after_ms > gate->shut_until_ms) {
    gate->shut_until_ms = now + retry_after_ms;
    gate->pause_ms = retry_after_ms;
  }
}

static void note_round_trip(struct sp_gate *gate, int64_t ms)
{
  if (ms < 0)
    return;
  gate->round_trip_ms =
      gate->round_trip_ms < 0 ? ms * 8 : gate->round_trip_ms - gate->round_trip_ms / 8 + ms;
}

static void speed_up(struct sp_gate *gate)
{
  gate->shut_since_ms = 0;
  bool is_long = gate->round_trip_ms > LONG_ROUND_TRIP_MS * 8;
  if (gate->width < (is_long ? (int)SP_MAX_CONNECTIONS : WIDTH_FIRST))
    gate->width++;
}

void sp_gate_leave(struct sp_gate *gate, enum sp_lane lane, const void *party,
                   const struct sp_gate_report *report)
{
  SP_LOCK_SCOPE(&gate->lock);
  gate->inside[lane]--;
  remove_party(gate, lane, party);
  if (report->http_status == 429 || report->http_status == 503) {
    slow_down(gate, report->retry_after_ms);
  } else if (report->http_status >= 100 && report->http_status < 500) {
    note_round_trip(gate, report->first_byte_ms);
    speed_up(gate);
  }
  pthread_cond_broadcast(&gate->changed);
}

int sp_gate_width(struct sp_gate *gate)
{
  SP_LOCK_SCOPE(&gate->lock);
  return gate->width;
}
