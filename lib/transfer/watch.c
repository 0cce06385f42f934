/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/watch.h"

#include "base/scope.h"

void sp_watch_init(struct sp_watch *watch, sp_progress *progress, void *ctx)
{
  *watch = (struct sp_watch){.progress = progress, .ctx = ctx, .step = SP_STEP_SURVEY};
  pthread_mutex_init(&watch->mutex, NULL);
}

void sp_watch_clear(struct sp_watch *watch)
{
  pthread_mutex_destroy(&watch->mutex);
}

void sp_watch_tell(struct sp_watch *watch, struct sp_event *event, const struct sp_digest *digest)
{
  if (!watch->progress)
    return;
  char text[SP_DIGEST_TEXT_MAX];
  if (digest) {
    sp_digest_format(digest, text);
    event->digest = text;
  }
  {
    SP_LOCK_SCOPE(&watch->mutex);
    event->step = watch->step;
    watch->progress(watch->ctx, event);
  }
  if (digest)
    event->digest = NULL;
}

void sp_watch_step(struct sp_watch *watch, enum sp_step step)
{
  pthread_mutex_lock(&watch->mutex);
  watch->step = step;
  pthread_mutex_unlock(&watch->mutex);
  struct sp_event event = {.kind = SP_EVENT_STEP, .destination = -1, .ok = true};
  sp_watch_tell(watch, &event, NULL);
}

void sp_watch_say(struct sp_watch *watch, enum sp_event_kind kind, int destination,
                  const char *text)
{
  struct sp_event event = {.kind = kind, .destination = destination, .text = text};
  sp_watch_tell(watch, &event, NULL);
}
