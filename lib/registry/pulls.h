/* SPDX-License-Identifier: Apache-2.0 */
/* How many pulls are left, as a registry last said: ratelimit-limit and ratelimit-remaining
 * ("100;w=21600": 100 in 21 600 s; protocol.md 3.7). Threads: any. */
#ifndef SP_REGISTRY_PULLS_H
#define SP_REGISTRY_PULLS_H

#include <pthread.h>
#include <stdint.h>

#include "http/headers.h"

struct sp_pulls {
  pthread_mutex_t lock;
  bool is_known;
  uint64_t limit, remaining, window_s;
  int64_t said_ms; /* monotonic */
};

void sp_pulls_init(struct sp_pulls *pulls);
void sp_pulls_clear(struct sp_pulls *pulls);
/* Takes over what an answer says, if it says something. */
void sp_pulls_note(struct sp_pulls *pulls, const struct sp_headers *headers);
/* The window of an answer that says that no pull is left in it; -1: it does not say so. */
int64_t sp_pulls_spent_ms(const struct sp_headers *headers);
/* False if the registry never said. A window that has passed since it said so is a new one, of
 * which nothing is used. */
bool sp_pulls_get(struct sp_pulls *pulls, uint64_t *limit, uint64_t *remaining, uint64_t *window_s);

#endif
