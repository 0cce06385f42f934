/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness for jitter and for unique names (not for keys). Threads: any. */
#ifndef SP_BASE_RANDOM_H
#define SP_BASE_RANDOM_H

#include <stdint.h>

/* 64 random bits, from getrandom(2) seeding a per-process generator. */
uint64_t sp_random_u64(void);
/* A number in [0, bound); bound > 0. */
uint64_t sp_random_below(uint64_t bound);

#endif
