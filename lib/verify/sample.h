/* SPDX-License-Identifier: Apache-2.0 */
/* Which blobs of a place are read when only a share of it is: those that were read least recently.
 * Pure. */
#ifndef SP_VERIFY_SAMPLE_H
#define SP_VERIFY_SAMPLE_H

#include "verify/site.h"

/* Chooses blobs until their sizes are `percent` of all there are (at least one blob, if there is
 * one), in the order of read_s: so 100 / percent runs read every blob, and none is read again
 * before all were, but in the run that reads the last of them. Those never read, and those read in
 * the same second, come in an order that seed decides: a host without memory chooses others each
 * time. percent       1..100 not_since_s   what was read then or later is not read again;
 * INT64_MAX: no such time Sets is_to_read. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_sample_choose(struct sp_site_blob *blobs, size_t count, unsigned percent,
                                   int64_t not_since_s, uint64_t seed, struct sp_err *err);

#endif
