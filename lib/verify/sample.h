/* SPDX-License-Identifier: Apache-2.0 */
/* Which blobs of a place are read when only a share of it is: those that wait the longest, since
 * they were read, or since they are there. Pure. */
#ifndef SP_VERIFY_SAMPLE_H
#define SP_VERIFY_SAMPLE_H

#include "verify/site.h"

/* Chooses blobs until their sizes are `percent` of all there are (at least one blob, if there is
 * one): sets is_to_read. It is a queue: what comes stands behind what is there, and what was read
 * behind that. So 100 / percent runs read every blob, whatever came and went meanwhile, unless less
 * is there than was; and of a place that does not change they read none twice, but in the run that
 * reads the last. A clock that was put back delays this by as much.
 *
 * What waits since the same second comes in an order that seed decides, what was never read first;
 * so does everything where nothing was ever read: a host without memory chooses others each time.
 *
 *   percent       1..100
 *   not_since_s   what was read then or later is not read again; INT64_MAX: no such time
 *
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_sample_choose(struct sp_site_blob *blobs, size_t count, unsigned percent,
                                   int64_t not_since_s, uint64_t seed, struct sp_err *err);

#endif
