/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls are money: where a registry counts them (it says so in its answers), a manifest is fetched
 * only while more than the reserve is left in its window. At the reserve the fetch fails with
 * SP_E_THROTTLED, and what was to be proven by it stays unproven: no tag moves. So it is with a
 * registry that refuses and says how long: its time is remembered. Where the reserve is the whole
 * limit (as of a limit of 0) no window will help: the fetch fails with SP_E_UNSUPPORTED, and nobody
 * waits.
 *
 * The count is ours: what the registry said last, less what was begun since, until its window has
 * passed. What a registry does before it has said anything cannot be counted, so its first fetch
 * goes alone, and what is under way when it first speaks counts as not yet in its number. Nothing
 * here knows registries: who opened the stores answers what they said (sp_pulls_ask).
 *
 * A fetch waits for nobody but with sp_pull_reserve_wait.
 *
 * Life cycle: sp_pull_reserve_init, any number of wraps, _clear after all of those were closed.
 * Threads: any.
 */
#ifndef SP_STORE_PULL_RESERVE_H
#define SP_STORE_PULL_RESERVE_H

#include <pthread.h>

#include "base/cancel.h"
#include "store/store.h"

#define SP_METERED_REGISTRIES_MAX 8

/* What a registry that counts pulls said of them. */
struct sp_pulls_said {
  uint64_t limit, left, window_s;
  unsigned reserve_percent; /* of the limit: what we leave to others */
};
/* How many of the limit are never used. Pure. */
uint64_t sp_pulls_reserved(const struct sp_pulls_said *said);
/* Answers what the registry of a store said last; false: it never did, and counts none. Called from
 * several threads. */
typedef bool sp_pulls_ask(void *ctx, const struct sp_store *store, struct sp_pulls_said *out);

struct sp_pull_reserve {
  const struct sp_cancel *waiting; /* borrowed; see sp_pull_reserve_wait */
  bool waits;
  sp_pulls_ask *ask; /* NULL: nobody counts */
  void *ctx;
  pthread_mutex_t lock;
  pthread_mutex_t turn; /* for who needs many pulls for one thing: held from its first to its last,
                           or many get a part each, and nobody the whole */
  pthread_cond_t answered; /* a registry's first fetch is over */
  struct {
    char registry[256];
    uint64_t left;
    uint64_t under_way; /* fetches that were begun and are not over */
    int64_t until_ms;   /* monotonic: the window has passed; 0: it never spoke */
    bool has_answered;  /* an operation on a manifest was over: if it counts, it has said so */
  } items[SP_METERED_REGISTRIES_MAX];
  size_t count;
  int64_t held_s; /* the longest wait for a registry that is at its reserve, or refused; 0: none */
};

void sp_pull_reserve_init(struct sp_pull_reserve *reserve, sp_pulls_ask *ask, void *ctx);
void sp_pull_reserve_clear(struct sp_pull_reserve *reserve);
/* Is the store at a registry that counts? As far as it has said so. */
bool sp_pull_reserve_counts(const struct sp_pull_reserve *reserve, const struct sp_store *store);
/* From now on a fetch at the reserve does not fail: it waits for the next window, until `cancel`
 * (borrowed; may be NULL) is asked to stop. So does one that was refused with a time. */
void sp_pull_reserve_wait(struct sp_pull_reserve *reserve, const struct sp_cancel *cancel);
/* Seconds until all registries may go on that are at their reserve; 0: none is. Forgets it. */
int64_t sp_pull_reserve_take_held_s(struct sp_pull_reserve *reserve);
/* Puts the reserve around a store (taken; closed on failure). Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_pull_reserve_wrap_take(struct sp_pull_reserve *reserve, struct sp_store *inner,
                                            struct sp_store **out, struct sp_err *err);

#endif
