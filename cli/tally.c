/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tally.h"

#include <stdio.h>
#include <string.h>

#define RATE_EVERY_MS 200   /* shorter intervals measure noise */
#define RATE_SMOOTH_MS 3000 /* how long a rate remembers */

static void rate_update(struct tally_rate *rate, uint64_t bytes, int64_t now_ms)
{
  if (!rate->started) {
    *rate = (struct tally_rate){.at_ms = now_ms, .bytes = bytes, .started = true};
    return;
  }
  int64_t passed_ms = now_ms - rate->at_ms;
  if (passed_ms < RATE_EVERY_MS)
    return;
  /* A blob that is sent again begins anew: that is no negative rate. */
  uint64_t moved = bytes > rate->bytes ? bytes - rate->bytes : 0;
  double now_per_s = (double)moved * 1000.0 / (double)passed_ms;
  double weight = (double)passed_ms / (double)(passed_ms + RATE_SMOOTH_MS);
  rate->per_s = rate->measured ? rate->per_s + weight * (now_per_s - rate->per_s) : now_per_s;
  rate->measured = true;
  rate->at_ms = now_ms;
  rate->bytes = bytes;
}

static struct tally_place *place_of(struct tally *tally, int destination)
{
  if (destination < 0 || destination >= TALLY_PLACES_MAX)
    return NULL;
  if (destination >= tally->place_count)
    tally->place_count = destination + 1;
  return &tally->places[destination];
}

static void shorten(char out[24], const char *digest)
{
  snprintf(out, 24, "%.19s", digest ? digest : "");
}

static struct tally_blob *find_blob(struct tally *tally, const char *digest, int place, bool make)
{
  char name[24];
  shorten(name, digest);
  struct tally_blob *unused = NULL;
  for (size_t i = 0; i < TALLY_RUNNING_MAX; i++) {
    struct tally_blob *blob = &tally->running[i];
    if (blob->is_used && blob->place == place && strcmp(blob->digest, name) == 0)
      return blob;
    if (!blob->is_used && !unused)
      unused = blob;
  }
  if (!make || !unused)
    return NULL;
  *unused = (struct tally_blob){.is_used = true, .place = place};
  memcpy(unused->digest, name, sizeof name);
  return unused;
}

static void blob_moves(struct tally *tally, const struct sp_event *event, int64_t now_ms)
{
  place_of(tally, event->destination);
  struct tally_blob *blob = find_blob(tally, event->digest, event->destination, true);
  if (!blob)
    return;
  blob->done_bytes = event->bytes_done;
  if (event->bytes_total > 0)
    blob->total_bytes = event->bytes_total;
  rate_update(&blob->rate, blob->done_bytes, now_ms);
}

static void blob_ends(struct tally *tally, const struct sp_event *event)
{
  struct tally_blob *blob = find_blob(tally, event->digest, event->destination, false);
  uint64_t bytes = event->bytes_total;
  if (blob && bytes == 0)
    bytes = blob->total_bytes;
  if (blob)
    blob->is_used = false;
  tally->ended_blobs++;
  tally->ended_bytes += event->bytes_done;
  struct tally_place *place = place_of(tally, event->destination);
  if (!place || !event->ok)
    return;
  place->ended_bytes += bytes;
  place->ended_blobs++;
}

void tally_add(struct tally *tally, const struct sp_event *event, int64_t now_ms)
{
  struct tally_place *place;
  switch (event->kind) {
  case SP_EVENT_STEP:
    tally->step = event->step;
    tally->has_moved |= event->step == SP_STEP_MOVE;
    return;
  case SP_EVENT_PLAN:
    place = place_of(tally, event->destination);
    if (place) {
      place->total_bytes = event->bytes_total;
      place->total_blobs = event->blobs_total;
    }
    return;
  case SP_EVENT_BLOB_BEGIN:
    if (event->destination >= 0) /* else its lines come with its bytes, one per destination */
      blob_moves(tally, event, now_ms);
    return;
  case SP_EVENT_BLOB_BYTES:
    blob_moves(tally, event, now_ms);
    return;
  case SP_EVENT_BLOB_END:
    blob_ends(tally, event);
    return;
  case SP_EVENT_RETRY:
    tally->retries++;
    return;
  case SP_EVENT_TAG:
    tally->tags++;
    return;
  case SP_EVENT_MANIFEST:
  case SP_EVENT_NOTE:
    return;
  }
}

void tally_measure(struct tally *tally, int64_t now_ms)
{
  for (size_t i = 0; i < TALLY_RUNNING_MAX; i++) {
    struct tally_blob *blob = &tally->running[i];
    if (blob->is_used)
      rate_update(&blob->rate, blob->done_bytes, now_ms);
  }
  rate_update(&tally->rate, tally_moved_bytes(tally), now_ms);
}

static uint64_t running_bytes(const struct tally *tally)
{
  uint64_t bytes = 0;
  for (size_t i = 0; i < TALLY_RUNNING_MAX; i++) {
    if (tally->running[i].is_used && tally->running[i].place >= 0)
      bytes += tally->running[i].done_bytes;
  }
  return bytes;
}

uint64_t tally_moved_bytes(const struct tally *tally)
{
  return tally->ended_bytes + running_bytes(tally);
}

struct tally_sum tally_sum(const struct tally *tally)
{
  struct tally_sum sum = {0};
  for (int i = 0; i < tally->place_count; i++) {
    sum.total_bytes += tally->places[i].total_bytes;
    sum.total_blobs += tally->places[i].total_blobs;
    sum.done_bytes += tally->places[i].ended_bytes;
    sum.done_blobs += tally->places[i].ended_blobs;
  }
  sum.done_bytes += running_bytes(tally);
  /* What is sent again is counted again: never show more than all. */
  if (sum.done_bytes > sum.total_bytes)
    sum.done_bytes = sum.total_bytes;
  return sum;
}

int64_t tally_seconds_left(const struct tally_rate *rate, uint64_t left_bytes)
{
  if (!rate->measured || rate->per_s < 1.0)
    return -1;
  double seconds = (double)left_bytes / rate->per_s;
  return seconds < 1e9 ? (int64_t)(seconds + 0.999) : -1;
}
