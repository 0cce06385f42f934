/* SPDX-License-Identifier: Apache-2.0 */
/* What came of one image: to the journal (proofs, and damage that ends older proofs), and into the
 * report, with what is to be done. */
#ifndef SP_VERIFY_TELL_H
#define SP_VERIFY_TELL_H

#include "verify/check.h"

/* Tells what was found of each copy. A journal without memory forgets; no image fails for it. */
void sp_tell_journal(struct sp_check *check);
/* Tells what came of the image at each place, also where nothing could be found: the log's lines.
 */
void sp_tell_results(const struct sp_check *check);
/* The same of one copy, which is on disk then: it has cost pulls. */
void sp_tell_copy(struct sp_check *check, const struct sp_site *site, const struct sp_copy *copy);
/* Fills the report's places: counts, level, damage with the tags that it hurts; and notes. */
void sp_tell_report(struct sp_check *check);

/* Which exit statuses a report's failures ask for (bit N for status N), and whether anything of it
 * succeeded. Pure. */
unsigned sp_tell_classes(const struct sp_report *report);
bool sp_tell_has_success(const struct sp_report *report);

#endif
