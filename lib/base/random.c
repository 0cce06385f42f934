/* SPDX-License-Identifier: Apache-2.0 */
/* splitmix64: its state is a counter, so that threads share it with one atomic addition. The
 * process id is mixed in: a fork would otherwise repeat its parent's numbers. */
#include "base/random.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define GAMMA 0x9E3779B97F4A7C15u

static _Atomic uint64_t counter;
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static uint64_t mix(uint64_t z)
{
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static void seed(void)
{
  uint64_t s;
  if (getrandom(&s, sizeof s, 0) != (ssize_t)sizeof s) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    s = (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
  }
  atomic_store(&counter, s);
}

uint64_t sp_random_u64(void)
{
  pthread_once(&seeded, seed);
  uint64_t z = atomic_fetch_add_explicit(&counter, GAMMA, memory_order_relaxed);
  return mix(z ^ mix((uint64_t)getpid()));
}

uint64_t sp_random_below(uint64_t bound)
{
  assert(bound > 0);
  /* Below this number the remainders are not equally likely. */
  uint64_t first_fair = (0 - bound) % bound;
  uint64_t x = sp_random_u64();
  while (x < first_fair)
    x = sp_random_u64();
  return x % bound;
}
