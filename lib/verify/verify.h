/* SPDX-License-Identifier: Apache-2.0 */
/* Proving many images: the copies that every selected tag names, at the primary and at each backup,
 * whole, and the same on both sides; and, if asked, sending again what is damaged at a backup.
 *
 * Begins as sync does (sync/image.h) and goes through a window too: an image is surveyed, proven,
 * told and forgotten, `jobs` of them at once, so memory does not grow with their number.
 *
 * How the work is shared out, for one image: check.h is the image at work and steers; site.h is one
 * place with its copies (a copy: the image that a digest names) and its blobs, each once; prove.h
 * looks at all of them; sample.h is the pure choice of what is read; differ.h compares the sites;
 * repair.h sends again; tell.h tells the journal and the user; window.c steers images, and
 * rotation.h says with which to begin.
 */
#ifndef SP_VERIFY_VERIFY_H
#define SP_VERIFY_VERIFY_H

#include "safeport/verify.h"
#include "sync/sync.h"

struct sp_verify {
  /* Of this: images, journal, run_id, max_loss_percent, jobs, wait (for pulls only), retry,
   * cancel. No state_dir: a
   * manifest that is kept on this host proves nothing of the primary. */
  struct sp_sync sync;
  const char *lock_dir; /* repair: where the images' locks are (sync/lock.h); NULL: nowhere */
  enum sp_proof level;  /* CLAIMED, TOUCHED or READ */
  unsigned percent;     /* 1..100: READ reads this share of the bytes of each place only, what
                           was read least recently first; the rest is touched */
  int64_t max_age_s;    /* what was proven at `level` since then is not looked at; 0: all is */
  bool repair;
  void (*done)(void *ctx, const struct sp_report *report); /* one call at a time */
  void *ctx;
  sp_progress *progress; /* or NULL */
  void *progress_ctx;
};

/* Runs it and fills totals, all but `started` and `seconds`. Cannot fail otherwise than through
 * them. */
void sp_verify_run(const struct sp_verify *verify, struct sp_verify_totals *totals);

#endif
