/* SPDX-License-Identifier: Apache-2.0 */
/* What a running job tells its watcher. Called from the job's threads, one call at a time; must not
 * block for long. */
#ifndef SAFEPORT_PROGRESS_H
#define SAFEPORT_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sp_step { SP_STEP_SURVEY, SP_STEP_PLAN, SP_STEP_MOVE, SP_STEP_PUBLISH, SP_STEP_PROVE };

enum sp_event_kind {
  SP_EVENT_STEP,       /* a step began: `step` */
  SP_EVENT_PLAN,       /* per destination: blobs_total and bytes_total that it lacks; its name */
  SP_EVENT_BLOB_BEGIN, /* a blob starts moving (destination = -1: to all that lack it) */
  SP_EVENT_BLOB_BYTES, /* bytes of it that arrived so far */
  SP_EVENT_BLOB_END,   /* ok or not */
  SP_EVENT_MANIFEST,   /* a manifest is there and was read back */
  SP_EVENT_TAG,        /* `text` is the tag that was set, or was right already */
  SP_EVENT_RETRY,      /* something is tried again: `text` says what and why */
  SP_EVENT_NOTE,       /* something worth a line: `text` */
};

struct sp_event {
  enum sp_event_kind kind;
  enum sp_step step;
  int destination;      /* index in the job, or -1 */
  const char *digest;   /* of the blob or manifest, or NULL */
  const char *text;     /* or NULL */
  uint64_t bytes_done;  /* of this blob at this destination */
  uint64_t bytes_total; /* of this blob, or of the plan */
  uint64_t blobs_total; /* of the plan */
  bool ok;
};

typedef void sp_progress(void *ctx, const struct sp_event *event);

#endif
