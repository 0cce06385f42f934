/* SPDX-License-Identifier: Apache-2.0 */
/* verify over the images of safeport.yaml. (Of one named pair: safeport/job.h.)
 *
 * What was found comes image by image, as a report of kind SP_REPORT_VERIFY: `source` is the name
 * of the image, place 0 the primary, the others its backups. It is borrowed for the call: memory
 * does not grow with the number of images. The sums and the exit status come at the end.
 */
#ifndef SAFEPORT_VERIFY_H
#define SAFEPORT_VERIFY_H

#include "safeport/images.h"
#include "safeport/progress.h"
#include "safeport/report.h"
#include "safeport/session.h"

enum sp_verify_level {
  SP_VERIFY_TOUCHED, /* every manifest hashed, the last byte of every blob fetched */
  SP_VERIFY_CLAIMED, /* the backups are only asked whether they have it */
  SP_VERIFY_READ,    /* every byte hashed */
};

struct sp_verify_images_options {
  struct sp_wanted_images of; /* each with a tag or without ("app:latest"): that tag alone, or all
                                 that the file selects */
  enum sp_verify_level level;
  unsigned percent;  /* of READ: only this share of each place's bytes, least recently read first,
                        the rest is touched. 0 and 100: all */
  int64_t max_age_s; /* leave what is known to be proven at that level since; 0: look at all */
  bool repair;       /* send again what is missing or damaged at a backup */
  bool wait;         /* at the reserve of pulls, for the next window */
  unsigned jobs;     /* images at once; 0 = as the file says */
  /* An image has ended. One call at a time, from any thread; borrowed. */
  void (*image)(void *ctx, const struct sp_report *report);
  void *ctx;
  sp_progress *progress; /* or NULL */
  void *progress_ctx;
};

/* Sums over all images. */
struct sp_verify_totals {
  uint64_t images, images_failed;         /* failed: not wholly proven */
  uint64_t tags, tags_good, tags_skipped; /* over all places; skipped by max_age_s, and good */
  uint64_t blobs, blobs_read, bytes_read; /* looked at; of them read to the end */
  uint64_t damaged, repaired;             /* findings that are left; that were put right */
  int64_t goes_on_at_s; /* pulls are held in reserve: when the rest can be proven; 0: none waits */
  struct sp_err err;    /* of the whole run; SP_OK if none */
  char started[32];     /* RFC 3339 */
  double seconds;
  int exit_status; /* 0: all proven; 1: something is missing or different; 5: wrong bytes; ... */
};

/* Verifies. 0 whatever was found: totals->exit_status says what it came to.
 * Fails: SP_E_USAGE (no such image, no or a wrong safeport.yaml); SP_E_NOMEM. */
SP_MUST_CHECK int sp_verify_images(struct sp_session *session,
                                   const struct sp_verify_images_options *options,
                                   struct sp_verify_totals *totals, struct sp_err *err);

/* The sums as one JSON object (malloc'ed, no newline). Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_verify_totals_format_json(const struct sp_verify_totals *totals, char **out,
                                               struct sp_err *err);

#endif
