/* SPDX-License-Identifier: Apache-2.0 */
/* What each manifest of a layout refers to, remembered: a digest names the same bytes for ever, so
 * that a listing of referrers reads each manifest once and not once per listing.
 *
 * Only memory of this process; what it does not know is read. Threads: any.
 */
#ifndef SP_LAYOUT_SUBJECTS_H
#define SP_LAYOUT_SUBJECTS_H

#include <stdbool.h>

#include "oci/digest.h"

struct sp_subjects;

SP_MUST_CHECK int sp_subjects_new(struct sp_subjects **out, struct sp_err *err);
void sp_subjects_free(struct sp_subjects *subjects);
/* What this manifest is known to refer to; alg NONE: to nothing. False: nobody knows. */
bool sp_subjects_get(struct sp_subjects *subjects, const struct sp_digest *manifest,
                     struct sp_digest *subject);
/* Remembers what a manifest, whose bytes were hashed, refers to; NULL: to nothing. Forgets it if
 * there is no memory or too much was remembered. */
void sp_subjects_note(struct sp_subjects *subjects, const struct sp_digest *manifest,
                      const struct sp_digest *subject);
/* Its file cannot be used now, which rules nothing out. Answers true when that is news. */
bool sp_subjects_note_unusable(struct sp_subjects *subjects, const struct sp_digest *manifest);

#endif
