/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a job's watcher (safeport/progress.h) what happens: one call at a time, from whichever
 * thread it happened on.
 *
 * Life cycle: sp_watch_init, tells, sp_watch_clear. Threads: any.
 */
#ifndef SP_TRANSFER_WATCH_H
#define SP_TRANSFER_WATCH_H

#include <pthread.h>

#include "oci/digest.h"
#include "safeport/progress.h"

struct sp_watch {
  sp_progress *progress; /* NULL: nobody watches */
  void *ctx;
  pthread_mutex_t mutex;
  enum sp_step step; /* the latest, put into every event */
};

/* How often bytes of one blob are told about. */
#define SP_WATCH_BYTES_EVERY_MS 200

void sp_watch_init(struct sp_watch *watch, sp_progress *progress, void *ctx);
void sp_watch_clear(struct sp_watch *watch);
/* A step begins. */
void sp_watch_step(struct sp_watch *watch, enum sp_step step);
/* Tells *event (borrowed). Its step is filled in here; so is its digest, unless `digest` is
 * NULL. */
void sp_watch_tell(struct sp_watch *watch, struct sp_event *event, const struct sp_digest *digest);
/* Something worth a line (SP_EVENT_NOTE, SP_EVENT_RETRY); destination -1 for the whole job. */
void sp_watch_say(struct sp_watch *watch, enum sp_event_kind kind, int destination,
                  const char *text);

#endif
