/* SPDX-License-Identifier: Apache-2.0 */
/* Registries that were found to be down: the first image that could not reach one has tried for as
 * long as --retry-for says, and the other ten thousand do not.
 *
 * A registry is told by the part of a place's name in front of its first '/'. Life cycle:
 * sp_outages_init, sp_outages_clear. Threads: any.
 */
#ifndef SP_SYNC_OUTAGE_H
#define SP_SYNC_OUTAGE_H

#include <pthread.h>
#include <stddef.h>

#include "safeport/err.h"

#define SP_OUTAGES_MAX 32 /* more registries than that are each tried */

struct sp_outages {
  pthread_mutex_t lock;
  struct {
    char registry[256];
    struct sp_err err;
  } items[SP_OUTAGES_MAX];
  size_t count;
};

void sp_outages_init(struct sp_outages *outages);
void sp_outages_clear(struct sp_outages *outages);
/* Notes a failure, if it is that the place's registry cannot be reached. */
void sp_outages_note(struct sp_outages *outages, const char *place, const struct sp_err *err);
/* Fails with what was noted of the place's registry. */
SP_MUST_CHECK int sp_outages_check(struct sp_outages *outages, const char *place,
                                   struct sp_err *err);

#endif
