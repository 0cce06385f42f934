/* SPDX-License-Identifier: Apache-2.0 */
/* Holdings: what the jobs of one process know together of the places that they fill: digest -> who
 * has it.
 *
 * Many images with the same layers go to the same repositories, or to repositories of one registry.
 * Each of their jobs notes here what it saw or sent, so that the next asks and sends nothing, and
 * mounts what another repository of the registry got. A blob on its way is *claimed*, so that two
 * jobs never send it at once: who finds it claimed does something else first, then waits.
 *
 * Nothing here is proof by itself: every fact has the level and the time at which it was seen, and
 * prove.h looks again when that is too long ago. The table is capped: when it is full it forgets
 * what nobody is working on, which costs questions and nothing else. So memory does not grow with
 * the number of images.
 *
 * Waiting is safe because nobody waits while it holds a claim (transfer/move.c).
 *
 * Life cycle: sp_holdings_new, places come (add_take) and leave, sp_holdings_free. Threads: any.
 */
#ifndef SP_TRANSFER_HOLDINGS_H
#define SP_TRANSFER_HOLDINGS_H

#include "base/cancel.h"
#include "store/store.h"

#define SP_HOLDINGS_FACTS_MAX 32768 /* about 7 MiB; 64 images have some thousand */
#define SP_HOLDINGS_PLACES_MAX 1024 /* stores kept open to mount from */

struct sp_holdings;

SP_MUST_CHECK int sp_holdings_new(struct sp_holdings **out, struct sp_err *err);
/* Closes the stores that it took. All places must have been left. NULL is nothing. */
void sp_holdings_free(struct sp_holdings *holdings);

/* Takes a store in (owned from now on, also on failure) as a place. It stays open after it was
 * left, to be mounted from, until SP_HOLDINGS_PLACES_MAX newer ones have come.
 *   place   out   its number, valid until sp_holdings_leave
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_holdings_add_take(struct sp_holdings *holdings, struct sp_store *store,
                                       size_t *place, struct sp_err *err);
/* No job of the place runs any more, and its number is not used again. */
void sp_holdings_leave(struct sp_holdings *holdings, size_t place);

/* What is known to be at a place. */
struct sp_holding {
  enum sp_proof proof; /* NONE: nothing is known */
  int64_t seen_ms;     /* monotonic clock */
};
struct sp_holding sp_holdings_find(struct sp_holdings *holdings, size_t place,
                                   const struct sp_digest *digest);
/* A blob or manifest was seen there. */
void sp_holdings_note(struct sp_holdings *holdings, size_t place, const struct sp_digest *digest,
                      const struct sp_holding *holding);
/* Nothing that was noted of this place is believed any more (its content got lost). */
void sp_holdings_forget(struct sp_holdings *holdings, size_t place);

struct sp_claim {
  enum sp_claim_kind {
    SP_CLAIM_MINE, /* the caller brings it there, and settles */
    SP_CLAIM_HERE, /* it is there: `holding` */
    SP_CLAIM_BUSY, /* another job brings it, there or to a repository of the same registry */
  } kind;
  struct sp_holding holding;
  struct sp_store *donor; /* MINE: a sibling that has it, to be mounted from; kept open until the
                             claim is settled. NULL: none */
  size_t donor_place_;
};
/* Asks to bring a blob to a place. */
struct sp_claim sp_holdings_claim(struct sp_holdings *holdings, size_t place,
                                  const struct sp_digest *digest);
/* Ends a claim of kind MINE: what is known of the blob now (proof NONE: it is not there). */
void sp_holdings_settle(struct sp_holdings *holdings, const struct sp_claim *claim, size_t place,
                        const struct sp_digest *digest, const struct sp_holding *holding);
/* Waits until nobody is bringing the blob there, or until the wish to stop. The caller holds no
 * claim. */
void sp_holdings_wait(struct sp_holdings *holdings, size_t place, const struct sp_digest *digest,
                      const struct sp_cancel *cancel);

SP_DEFINE_AUTO_FREE(struct sp_holdings, sp_holdings_free)
#define SP_AUTO_HOLDINGS SP_CLEANUP(sp_holdings_free_auto_)

#endif
