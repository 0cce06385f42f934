/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of a running job, gathered from its events: bytes and blobs moved, running blobs,
 * rates, time left. Knows nothing of terminals and reads no clock: "now" is given.
 *
 * Life cycle: TALLY_INIT, tally_add for each event. Threads: none of its own.
 */
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "safeport/progress.h"

#define TALLY_PLACES_MAX 32  /* destinations of one job */
#define TALLY_RUNNING_MAX 64 /* blobs on their way that get a line; more are only counted */

/* Bytes per second, smoothed over about three seconds. */
struct tally_rate {
  int64_t at_ms;
  uint64_t bytes;
  double per_s;
  bool started, measured;
};

/* A blob on its way to one destination. */
struct tally_blob {
  bool is_used;
  char digest[24]; /* "sha256:0123456789ab" */
  int place;       /* -1: to all that lack it */
  uint64_t done_bytes, total_bytes;
  struct tally_rate rate;
};

struct tally_place {
  uint64_t total_bytes, total_blobs; /* by the plan */
  uint64_t ended_bytes, ended_blobs; /* of blobs that arrived */
};

struct tally {
  enum sp_step step;
  bool has_moved; /* the step that moves blobs was seen: the plan was its */
  struct tally_place places[TALLY_PLACES_MAX];
  int place_count; /* highest destination seen + 1 */
  struct tally_blob running[TALLY_RUNNING_MAX];
  struct tally_rate rate;
  unsigned retries;
  uint64_t tags, ended_blobs, ended_bytes; /* over everything, planned or not */
};
#define TALLY_INIT ((struct tally){.step = SP_STEP_SURVEY})

void tally_add(struct tally *tally, const struct sp_event *event, int64_t now_ms);
/* Moves the rates on; to be called now and then. */
void tally_measure(struct tally *tally, int64_t now_ms);

/* Over all destinations (of a verification: over both sides). */
struct tally_sum {
  uint64_t done_bytes, total_bytes, done_blobs, total_blobs;
};
struct tally_sum tally_sum(const struct tally *tally);
/* Bytes that arrived, those of blobs on their way included. Of a run over many images: it has no
 * plan to measure them against. */
uint64_t tally_moved_bytes(const struct tally *tally);
/* Seconds until `left` bytes are moved at this rate; -1 if nobody can say. */
int64_t tally_seconds_left(const struct tally_rate *rate, uint64_t left_bytes);

#endif
