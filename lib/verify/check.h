/* SPDX-License-Identifier: Apache-2.0 */
/* One image at work: what the steps of its verification share, and the order they come in.
 *
 * Threads: the steps run one after the other; within prove.h several threads read all of it, and
 * write to sites and report under the lock.
 */
#ifndef SP_VERIFY_CHECK_H
#define SP_VERIFY_CHECK_H

#include "sync/image.h"
#include "transfer/watch.h"
#include "verify/site.h"
#include "verify/verify.h"

struct sp_check {
  const struct sp_verify *verify; /* borrowed, as is watch */
  struct sp_watch *watch;
  struct sp_pull_reserve *reserve; /* borrowed */
  struct sp_work work;      /* the beginning, as sync makes it; told->err: why the primary is out */
  bool is_loss_bearable;    /* what the primary lost is no damage of it */
  struct sp_report *report; /* owned until it is taken */
  pthread_mutex_t lock;     /* guards report, sites and the sums */
  struct sp_site sites[1 + SP_MAX_DESTINATIONS]; /* [0]: the primary */
  size_t site_count;
  int64_t since_s; /* what was proven at the level since then is not looked at; INT64_MAX: all is */
  uint64_t blobs, blobs_read, bytes_read, repaired;
};

/* Verifies image `number`. Whatever happens is in *report, which is the caller's; NULL only without
 * memory. The sums are in check. Blocks until done. */
void sp_check_run(struct sp_check *check, const struct sp_verify *verify, struct sp_watch *watch,
                  struct sp_holdings *holdings, struct sp_outages *outages,
                  struct sp_pull_reserve *reserve, size_t number, int64_t now_s,
                  struct sp_report **report);

/* The place is out, unless the failure is the run's (interrupted, no memory), or only some
 * manifests wait for another window of pulls. */
void sp_check_fail_site(struct sp_check *check, struct sp_site *site, const struct sp_err *err);
/* May anything more be asked of this site? Not after a wish to stop. */
bool sp_check_is_open(const struct sp_check *check, const struct sp_site *site);
/* Does the place of the site list this tag? */
bool sp_check_lists(const struct sp_check *check, const struct sp_site *site, const char *tag);
/* A finding in a copy, told. */
void sp_check_find(struct sp_check *check, struct sp_site *site, struct sp_copy *copy,
                   const struct sp_digest *digest, const char *what, const char *finding);

#endif
