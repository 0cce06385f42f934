/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be done about what was found of one image, as notes: each names a command that ends
 * what it speaks of, or says that there is none.
 */
#ifndef SP_VERIFY_ADVICE_H
#define SP_VERIFY_ADVICE_H

#include "verify/check.h"

/* Adds the notes to the report. Of what the primary does not have whole, and no copy that was
 * proven has, the backups are asked: one HEAD for each digest and backup. */
void sp_advice_add(struct sp_check *check);

/* The options with which a verify looks at the copy and repairs it. Static. */
const char *sp_advice_repair_options(const struct sp_check *check, const struct sp_copy *copy);

#endif
