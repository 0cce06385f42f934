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
};

void sp_pulls_init(struct sp_pulls *pulls);
void sp_pulls_clear(struct sp_pulls *pulls);
/* Takes over what an answer says, if it says something. */
void sp_pulls_note(struct sp_pulls *pulls, const struct sp_headers *headers);
/* False if the registry never said. */
bool sp_pulls_get(struct sp_pulls *pulls, uint64_t *limit, uint64_t *remaining, uint64_t *window_s);

#endif
