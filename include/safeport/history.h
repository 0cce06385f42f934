/* SPDX-License-Identifier: Apache-2.0 */
/* What this host did: runs of safeport from its journal, newest first, and for one of them what
 * came of each image and every write. Reads the state directory; makes and changes nothing in it.
 *
 * Text is UTF-8 as far as servers sent such, and may hold what a server sent: escape it before a
 * terminal sees it.
 */
#ifndef SAFEPORT_HISTORY_H
#define SAFEPORT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "safeport/err.h"

/* What came of one image at one place. */
struct sp_history_image {
  char *image;       /* as the run named it */
  char *place;       /* "docker.io/u/app" */
  char *result;      /* one word: "in-step", "copied", ... */
  char *digest;      /* "" if none was found */
  struct sp_err err; /* code and message; SP_OK if it did not fail */
};

/* One write that a place acknowledged. */
struct sp_history_write {
  char *kind; /* "blob", "mount", "manifest", "tag", "record" */
  char *at;   /* RFC 3339 */
  char *place;
  char *tag;           /* "" if it is not of a tag */
  char *digest;        /* that was written, or that the tag names now */
  char *digest_before; /* that the tag named before; "" if it named none, or that is not known */
  uint64_t size_bytes;
};

struct sp_history_run {
  int64_t id;
  char *command;   /* "sync", ... */
  char *subject;   /* what it was about; "" if all */
  char *started;   /* RFC 3339 */
  char *ended;     /* NULL: still running, or killed */
  int exit_status; /* -1 while there is none */
  uint64_t image_count, failed_count, write_count, bytes_sent;
  struct sp_history_image *images; /* of one run that was asked for; older than 90 days they are */
  size_t images_known;             /* gone, and only the counts above are left */
  struct sp_history_write *writes;
  size_t writes_known;
};

struct sp_history {
  struct sp_history_run *runs; /* newest first */
  size_t run_count;
  bool has_details; /* one run, with its images and writes */
};

/* run = 0: the newest `limit` runs. Else that run, with all that it did.
 *   state_dir   where the journal is; NULL: the usual place
 * Fails: SP_E_NOT_FOUND  there is no such run
 *        SP_E_USAGE      no state directory can be found
 *        SP_E_REFUSED    it is not ours alone
 *        SP_E_IO         the journal is damaged, a newer safeport's, or cannot be read */
SP_MUST_CHECK int sp_history_read(const char *state_dir, int64_t run, size_t limit,
                                  struct sp_history **out, struct sp_err *err);
void sp_history_free(struct sp_history *history);
/* The same facts as one JSON document (malloc'ed, ends with a newline). Keys are stable. Fails:
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_history_format_json(const struct sp_history *history, char **out,
                                         struct sp_err *err);

#endif
