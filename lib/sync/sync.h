/* SPDX-License-Identifier: Apache-2.0 */
/* The standing job: many images, each from its primary to its backups, through a window.
 *
 * An image is opened, surveyed, brought up to date and closed before it leaves the window; at most
 * `jobs` of them are in it at once, and what they know together is capped (transfer/holdings.h). So
 * memory does not grow with the number of images, and a kill at 90 % has published 90 %.
 *
 * Nothing here can delete: the layer has no such call. What it may not do because a safety rule
 * says no (a primary that lost what it had, a fixed tag that changed) it reports.
 *
 * How the work is shared out, for one image: side.h lists tags; past.h is what earlier runs knew
 * (journal and record); tags.h pins every tag to its digests; decide.h is the pure decision per tag
 * and backup; copies.h runs the copies through transfer/, fixed tags first, `latest` last;
 * history.h keeps the digest that a moving tag leaves; told.h is the result for the user; window.c
 * steers images, image.c one of them.
 */
#ifndef SP_SYNC_SYNC_H
#define SP_SYNC_SYNC_H

#include "base/cancel.h"
#include "journal/journal.h"
#include "policy/selection.h"
#include "safeport/sync.h"
#include "store/pull_reserve.h"
#include "store/retry.h"
#include "store/store.h"
#include "transfer/image.h"

/* How it is known that there is such an image. */
enum sp_sync_origin {
  SP_ORIGIN_NAMED,    /* somebody wrote its name */
  SP_ORIGIN_LISTED,   /* its registry lists it: there may be nothing in it yet */
  SP_ORIGIN_UNLISTED, /* earlier runs knew it, and its registry lists it no more: gone, or the list
                         is not whole */
};

struct sp_pull_reserve; /* store/pull_reserve.h */

struct sp_sync_rules {
  enum sp_sync_origin origin;
  const struct sp_selection *tags;     /* borrowed */
  const struct sp_selection *only;     /* borrowed; NULL: all of `tags`. Else the tags that were
                                          named with the image: no others are looked at */
  const struct sp_pattern_list *fixed; /* borrowed; NULL: as policy/tag_kind.h says */
  bool with_referrers;
  int64_t referrers_every_s;
  uint32_t keep_history; /* digests of a moving tag that keep a history tag. 0: none is made. sync
                            makes them; those beyond are prune's, for nothing here can delete */
};

/* An image that was opened. */
struct sp_sync_entry {
  struct sp_sync_rules rules;
  struct sp_store *primary; /* owned by who opened it until sync has it; then sync's */
  struct sp_store *backups[SP_MAX_DESTINATIONS]; /* the same */
  size_t backup_count;
};

/* The images of a run, by number; for verify/ too. Called from several threads. */
struct sp_sync_images {
  size_t count;
  /* Its name, borrowed. */
  const char *(*name)(void *ctx, size_t number);
  /* Opens its places; one that cannot be opened is a store that fails (api/broken.h). What it
   * answers is put into the run's reserve of pulls afterwards, but for the view of a restore: its
   * stores are for `open` to put there. Fails: nothing was opened. */
  int (*open)(void *ctx, size_t number, struct sp_pull_reserve *reserve, struct sp_sync_entry *out,
              struct sp_err *err);
  sp_pulls_ask *pulls; /* NULL: nobody counts */
  void *ctx;
};

/* Tags that were copied together to a backup, for they name one digest. All borrowed. */
struct sp_sync_copied {
  const struct sp_digest *digest;
  const char *const *tags;
  size_t tag_count;
  const struct sp_image *image; /* as far as it could be read */
};

struct sp_sync {
  struct sp_sync_images images;
  struct sp_journal *journal; /* borrowed */
  int64_t run_id;             /* of sp_runs_begin */
  const char *state_dir; /* where the images' locks are, and manifests that cost pulls are kept;
                            NULL: nowhere */
  bool record;           /* write the record artifact */
  int64_t max_proof_age_s;
  uint32_t max_loss_percent;
  const char *const *accept; /* as in struct sp_sync_options */
  size_t accept_count;
  bool accept_loss;
  unsigned jobs; /* 1..SP_MAX_WORKERS */
  bool dry_run, wait;
  /* The other way round, backups -> primary (restore): `primary` is a view of what backups have,
   * of which nothing is remembered; no history tags, no record. A tag that names another image at a
   * destination stays (unless accepted), and every byte is read back before a tag is set. */
  bool restores;
  struct sp_retry_policy retry;
  const struct sp_cancel *cancel;
  /* An image has ended. One call at a time. `closing` comes before, while its stores are still open
   * (or NULL). */
  void (*closing)(void *ctx, size_t number, struct sp_sync_image *image);
  /* The copying of some tags of an image has ended, well or not. From any thread (or NULL). */
  void (*copied)(void *ctx, size_t number, const struct sp_sync_copied *copied);
  void (*done)(void *ctx, const struct sp_sync_image *image);
  void *ctx;
  sp_progress *progress; /* or NULL */
  void *progress_ctx;
};

/* Runs it and fills totals, all but `started`, `seconds` and exit_status by a signal's number.
 * Cannot fail otherwise than through them. */
void sp_sync_run(const struct sp_sync *sync, struct sp_sync_totals *totals);

#endif
