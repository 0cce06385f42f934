/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be restored of one image, as a store: the wanted tags with the digests that are
 * wanted, over all backups that can be reached, the best first (order.h, store/any.h). Sync then
 * brings the destination in step with it (sync/sync.h, `restores`).
 *
 * A tag means what the primary named last, as far as a backup has it: else what the best backup
 * names, with a note. At a time in the past it means what the journal and the backups' records know
 * of that time (then.h), and else nothing.
 *
 * Life cycle: sp_view_init, sp_view_open_take, sp_view_clear when nobody reads the store any more.
 * Threads: one at a time;
 * what is passed over may be noted from any.
 */
#ifndef SP_RESTORE_VIEW_H
#define SP_RESTORE_VIEW_H

#include <pthread.h>

#include "journal/known.h"
#include "store/retry.h"
#include "store/store.h"
#include "transfer/report.h"

struct sp_view_request {
  const char *image;       /* for messages */
  const char *primary;     /* name of the primary's place; NULL: there is none */
  const char *const *tags; /* wanted; tag_count 0 = all of them */
  size_t tag_count;
  int64_t at_s; /* SP_KNOWN_NOW, or unix time */
  struct sp_journal *journal;
  struct sp_retry_policy retry;
  const struct sp_cancel *cancel;
};

/* A copy that did not have a thing, or not whole. */
struct sp_passed_over {
  size_t copy; /* number among those that were given */
  struct sp_digest digest;
  enum {
    SP_PASSED_MISSING,
    SP_PASSED_DAMAGED,
    SP_PASSED_UNREAD
  } why;                               /* UNREAD: it could not say */
  bool is_damage;                      /* of that copy: what it merely never had is none */
  char tags[SP_REPORT_TAGS_MAX_BYTES]; /* that it hurts, as far as that is known */
};
#define SP_PASSED_OVER_MAX 1000 /* of one image; more are not told */

struct sp_view {
  char **notes; /* for people; owned */
  size_t note_count;
  char *copies[SP_MAX_DESTINATIONS];   /* names, by number */
  char *known_as[SP_MAX_DESTINATIONS]; /* sp_store_known_as, by number */
  size_t copy_count;
  size_t order[SP_MAX_DESTINATIONS]; /* numbers of those that were opened, best first */
  size_t open_count;
  struct sp_digest only; /* the digest, if a single tag is restored; alg NONE else */
  struct sp_err missing; /* a wanted tag is nowhere; code SP_OK if none */
  pthread_mutex_t lock;  /* guards what follows */
  struct sp_passed_over *passed_over;
  size_t passed_over_count;
};

void sp_view_init(struct sp_view *view);
/* Opens the view over `copies` (count of them, 1..SP_MAX_DESTINATIONS; owned from now on, also on
 * failure). Blocks on the copies. `*out` (the caller's) borrows the view.
 * Fails: SP_E_NOT_FOUND (no copy has any of the tags, or nobody knows what they named then); if no
 * copy can be listed, as the first of them; SP_E_NOMEM; SP_E_INTERRUPTED. */
SP_MUST_CHECK int sp_view_open_take(struct sp_view *view, const struct sp_view_request *request,
                                    struct sp_store *const *copies, size_t count,
                                    struct sp_store **out, struct sp_err *err);
void sp_view_clear(struct sp_view *view);

/* Notes what a copy could not give, and why; sp_any_settings.passed_over.
 *   to  the struct sp_view */
void sp_view_pass_over(void *to, size_t copy, const struct sp_digest *digest,
                       const struct sp_err *why);

#endif
