/* SPDX-License-Identifier: Apache-2.0 */
/* Sending again what is missing or damaged at a backup, from the primary or from another backup
 * that has it good, and reading it back. It adds only: what is good is not sent, a tag that names
 * something else is left to sync, a tag that sync would refuse is not set (a fixed one that changed
 * at the primary; what the copy lacks that it names is sent all the same), and nothing is taken
 * from a primary that lost more than can be believed. The primary is never written to.
 */
#ifndef SP_VERIFY_REPAIR_H
#define SP_VERIFY_REPAIR_H

#include "verify/check.h"

/* Repairs what can be, and looks again. What is still bad then is told as "kept bad", with what the
 * place's operator must do. */
void sp_repair_run(struct sp_check *check);

#endif
