/* SPDX-License-Identifier: Apache-2.0 */
/* In which order the images of a run are taken. Where pulls ended the run before this one, it goes
 * on with the images that were not reached then: else the first of the file would use up each
 * window, and the last never be proven. (Within an image: prove.h.)
 */
#ifndef SP_VERIFY_ROTATION_H
#define SP_VERIFY_ROTATION_H

#include "verify/verify.h"

/* The number of the image to begin with; those before it come last. 0 where nothing is known.
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_rotation_find(const struct sp_verify *verify, size_t *first,
                                   struct sp_err *err);

#endif
