/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of safeport on this host: when, which command, what came of each image at each place, and
 * every write to a place. What `safeport log` shows.
 *
 * Texts are copied; a message is cut at SP_ERR_MSG_MAX. Text from a server is kept as it came:
 * escape it before a terminal sees it. Threads: any.
 */
#ifndef SP_JOURNAL_RUNS_H
#define SP_JOURNAL_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"
#include "oci/digest.h"

struct sp_run {
  int64_t id;          /* counts up from 1 on this host */
  char *command;       /* "sync", "verify", ... */
  char *subject;       /* what it was about: names or places, as they were written; "" if all */
  int64_t started_s;   /* unix seconds */
  int64_t ended_s;     /* 0: still running, or killed */
  int exit_status;     /* -1 while ended_s is 0 */
  uint64_t images;     /* sp_runs_tell_image, all */
  uint64_t failed;     /* of them, those with an error */
  uint64_t writes;     /* sp_runs_tell_write, all */
  uint64_t bytes_sent; /* of them */
};

/* What came of one image at one place. */
struct sp_run_image {
  const char *image;  /* "ghcr.io/o/app:v1", or its name in safeport.yaml */
  const char *place;  /* where: "docker.io/u/app" */
  const char *result; /* one word for people and programs: "in-step", "copied", "proven", ... */
  struct sp_digest digest;  /* alg SP_DIGEST_NONE: none was found */
  const struct sp_err *why; /* NULL or code SP_OK: it did not fail */
};

enum sp_write_kind {
  SP_WRITE_BLOB,
  SP_WRITE_MOUNT, /* a blob, from a sibling */
  SP_WRITE_MANIFEST,
  SP_WRITE_TAG,
  SP_WRITE_RECORD, /* journal/record.h */
};
const char *sp_write_kind_name(enum sp_write_kind kind); /* "blob", "mount", ... */

/* One write that a place acknowledged. */
struct sp_run_write {
  enum sp_write_kind kind;
  int64_t at_s;
  const char *place;
  const char *tag;         /* of SP_WRITE_TAG; NULL or "" else */
  struct sp_digest digest; /* what was written, or what the tag names now */
  struct sp_digest before; /* what the tag named before; SP_DIGEST_NONE: nothing, or not known */
  uint64_t size_bytes;     /* sent; 0 for a mount or a tag */
};

/* A run begins; written at once, so that one that is killed leaves a trace. *id is 0 where that
 * could not be done; what is told of run 0 is forgotten. */
SP_MUST_CHECK int sp_runs_begin(struct sp_journal *journal, const char *command,
                                const char *subject, int64_t at_s, int64_t *id, struct sp_err *err);
SP_MUST_CHECK int sp_runs_tell_image(struct sp_journal *journal, int64_t id,
                                     const struct sp_run_image *image, struct sp_err *err);
SP_MUST_CHECK int sp_runs_tell_write(struct sp_journal *journal, int64_t id,
                                     const struct sp_run_write *write, struct sp_err *err);
/* It ended; flushes. */
SP_MUST_CHECK int sp_runs_end(struct sp_journal *journal, int64_t id, int exit_status, int64_t at_s,
                              struct sp_err *err);

/* Runs, newest first, at most `limit`. `*out` is the caller's: sp_runs_free. */
SP_MUST_CHECK int sp_runs_list(struct sp_journal *journal, size_t limit, struct sp_run **out,
                               size_t *count, struct sp_err *err);
void sp_runs_free(struct sp_run *runs, size_t count);
/* One run. `*out` is the caller's: sp_runs_free(out, 1). Fails: SP_E_NOT_FOUND. */
SP_MUST_CHECK int sp_runs_get(struct sp_journal *journal, int64_t id, struct sp_run **out,
                              struct sp_err *err);
/* Calls back for each image, then for each write of a run, in the order in which they were told;
 * what is passed is borrowed for the call, and the journal may not be used in it. A callback's -1
 * ends the walk and is its answer; either may be NULL. */
struct sp_run_visitor {
  int (*image)(void *ctx, const struct sp_run_image *image, struct sp_err *err);
  int (*write)(void *ctx, const struct sp_run_write *write, struct sp_err *err);
  void *ctx;
};
SP_MUST_CHECK int sp_runs_walk(struct sp_journal *journal, int64_t id,
                               const struct sp_run_visitor *visitor, struct sp_err *err);

#endif
