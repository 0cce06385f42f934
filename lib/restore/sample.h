/* SPDX-License-Identifier: Apache-2.0 */
/* A sample of what backups hold, for a drill: those first that were read least recently, and among
 * equals as a seed decides. Memory is that of the sample, however much is offered.
 *
 * Pure. Life cycle: sp_sample_init, any number of offers, sp_sample_sort, sp_sample_clear. Threads:
 * none of its own.
 */
#ifndef SP_RESTORE_SAMPLE_H
#define SP_RESTORE_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/scope.h"
#include "safeport/err.h"

#define SP_MAX_SAMPLE 10000

struct sp_sampled {
  size_t image, backup; /* numbers */
  char tag[SP_MAX_TAG + 1];
  int64_t read_s; /* when it was last read there; 0 = never */
  uint64_t lot;   /* of the seed */
};

struct sp_sample {
  uint64_t seed;
  struct sp_sampled *items; /* a heap, the first to go on top, until they are sorted */
  size_t count, most;
};

/* Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_sample_init(struct sp_sample *sample, size_t most, uint64_t seed,
                                 struct sp_err *err);
void sp_sample_clear(struct sp_sample *sample);
void sp_sample_offer(struct sp_sample *sample, size_t image, size_t backup, const char *tag,
                     int64_t read_s);
/* Puts the sample into the order of images, backups and tags. Nothing is offered afterwards. */
void sp_sample_sort(struct sp_sample *sample);

SP_DEFINE_AUTO_CLEAR(struct sp_sample, sp_sample_clear)

#endif
