/* SPDX-License-Identifier: Apache-2.0 */
/* What a running job shows on stderr: on a terminal a block that is redrawn a few times a second
 * (of one image a line per blob and destination, with rate and time left; of many images one line),
 * elsewhere a line every ten seconds at most, and nothing if quiet.
 *
 * Not here: the result (output.h). Threads: any.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "safeport/err.h"
#include "safeport/progress.h"

struct progress;

struct progress_settings {
  const char *command; /* "push": what the log of a CI system folds the progress away under */
  bool quiet;          /* nothing at all */
  bool verbose;        /* notes and repetitions get a line of their own */
};

SP_MUST_CHECK int progress_new(const struct progress_settings *settings, struct progress **out,
                               struct sp_err *err);
void progress_free(struct progress *progress);
/* The job is about many images, of which this is told. */
enum progress_many { PROGRESS_SENT = 1, PROGRESS_READ };
void progress_of_many(struct progress *progress, enum progress_many many);
/* Takes the block off the screen, and holds it back while something else is printed there; nor is a
 * part of a CI system's log folded away meanwhile. */
void progress_pause(struct progress *progress);
/* Goes on. Of many images: with so many more that are done. */
void progress_resume(struct progress *progress, size_t images_done);
/* Takes the block off the screen; nothing is drawn afterwards. */
void progress_end(struct progress *progress);

/* The watcher of a job (sp_progress). ctx is the struct progress. */
void progress_event(void *ctx, const struct sp_event *event);
/* The log of a session: a line above the block; a warning is one for the CI system too (ci.h). ctx
 * is the struct progress. */
void progress_log(void *ctx, int level, const char *line);

#endif
