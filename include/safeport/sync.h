/* SPDX-License-Identifier: Apache-2.0 */
/* sync: brings the backups of many images up to date, and what it tells.
 *
 * Results come image by image, as each ends, and are borrowed for the call: memory does not grow
 * with the number of images. The sums and the exit status come at the end.
 */
#ifndef SAFEPORT_SYNC_H
#define SAFEPORT_SYNC_H

#include "safeport/images.h"
#include "safeport/progress.h"
#include "safeport/session.h"

enum sp_sync_result {
  SP_SYNC_IN_STEP,      /* names the primary's digest, and its proof is young enough */
  SP_SYNC_PROVEN,       /* was in step; looked at again, and whole */
  SP_SYNC_COPIED,       /* names the primary's digest now */
  SP_SYNC_PLANNED,      /* --dry-run: would be copied */
  SP_SYNC_TO_PROVE,     /* --dry-run: in step; would be looked at again */
  SP_SYNC_NOT_FOLLOWED, /* a fixed tag that changed at the primary: tampered with, or rebuilt; or,
                           `is_replaced`, that somebody replaced at the backup */
  SP_SYNC_UNPROVEN, /* left as it is: pulls are held in reserve, or the other side throttles us */
  SP_SYNC_HELD,     /* not moved: the primary lost too much to be believed */
  SP_SYNC_REFUSED,  /* restore: the tag names another image there, and stays as it is */
  SP_SYNC_DAMAGED, /* in step, and known to be damaged there in a way that only reading shows, which
                      is verify's work: it was left as it is (exit 5) */
  SP_SYNC_FAILED,
  SP_SYNC_RESULT_COUNT
};
const char *sp_sync_result_name(enum sp_sync_result result); /* "in_step": stable, for --json */

/* One tag at one backup that is not simply in step. */
struct sp_sync_tag {
  char *name;
  enum sp_sync_result result;
  char *digest;        /* at the primary */
  char *digest_before; /* at the backup; "" if it was not there */
  char *history_tag;   /* that keeps digest_before there now; NULL if none was needed */
  struct sp_err *err;  /* why it failed, or is unproven; NULL else, and without memory */
  bool is_replaced;    /* NOT_FOLLOWED: the primary names what it did, the backup does not */
};

struct sp_sync_damage {
  char *digest, *what, *finding; /* as in struct sp_report_damage */
};

struct sp_sync_place {
  char *name;
  struct sp_err err;                     /* the first failure there; code SP_OK if there was none */
  uint64_t counts[SP_SYNC_RESULT_COUNT]; /* of tags */
  uint64_t blobs_sent, blobs_mounted, bytes_sent, manifests_put;
  uint64_t blobs_to_send, bytes_to_send, requests_planned, pulls_planned; /* --dry-run */
  bool has_pulls_left;
  uint64_t pulls_left, pulls_reserved; /* reserved: of the limit, never used by us */
  struct sp_sync_tag *tags;            /* not those in step; at most SP_SYNC_TAGS_TOLD_MAX */
  size_t tag_count;
  struct sp_sync_damage *damage;
  size_t damage_count;
};
#define SP_SYNC_TAGS_TOLD_MAX 1000 /* of one image at one backup; counts has all */

struct sp_sync_image {
  char *name;        /* in safeport.yaml; of a namespace with the repository: "acme/web" */
  char *primary;     /* the place */
  struct sp_err err; /* why nothing could be done for it (locked, primary failed); SP_OK else */
  uint64_t selected; /* tags at the primary that are to be backed up */
  uint64_t lost;     /* tags that the primary had, and does not list any more */
  bool is_held;      /* it lost so much that nothing of this image was written (exit 6) */
  char **lost_tags;  /* the first of them, SP_SYNC_LOST_TOLD_MAX at most */
  size_t lost_tag_count;
  struct sp_sync_place *places; /* backups, in the order of the file */
  size_t place_count;
  char **notes;
  size_t note_count;
};
#define SP_SYNC_LOST_TOLD_MAX 20

/* Sums over all images. */
struct sp_sync_totals {
  uint64_t images, images_failed, images_changed;
  uint64_t counts[SP_SYNC_RESULT_COUNT];
  uint64_t lost, images_held;
  uint64_t blobs_sent, bytes_sent, bytes_read;
  uint64_t bytes_to_send, requests_planned, pulls_planned;
  int64_t goes_on_at_s; /* when the pull window lets the rest go on; 0: nothing waits for that */
  struct sp_err err;    /* of the whole run (interrupted, local disk); SP_OK if none */
  char started[32];     /* RFC 3339 */
  double seconds;
  bool dry_run;
  int exit_status;
};

struct sp_sync_options {
  struct sp_wanted_images of;
  const char *const *accept; /* tags ("v1.2.3", "app:v1.2.3") whose change at the primary is meant;
                                "*" for all */
  size_t accept_count;
  bool accept_loss; /* what the primary lost is meant, however much it is */
  unsigned jobs;    /* images at once; 0 = as the file says */
  bool dry_run;
  bool wait; /* for locks, and for the next pull window */
  /* An image has ended. One call at a time, from any thread; borrowed. */
  void (*image)(void *ctx, const struct sp_sync_image *image);
  void *ctx;
  sp_progress *progress; /* or NULL */
  void *progress_ctx;
};

/* Syncs. 0 whatever happened to the images: totals->exit_status says what it came to.
 * Fails: SP_E_USAGE (no such image, also in `accept`; no or a wrong safeport.yaml); SP_E_NOMEM. */
SP_MUST_CHECK int sp_sync(struct sp_session *session, const struct sp_sync_options *options,
                          struct sp_sync_totals *totals, struct sp_err *err);

/* One image, or the sums, as one JSON object (malloc'ed, no newline). Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_sync_image_format_json(const struct sp_sync_image *image, char **out,
                                            struct sp_err *err);
SP_MUST_CHECK int sp_sync_totals_format_json(const struct sp_sync_totals *totals, char **out,
                                             struct sp_err *err);

#endif
