/* SPDX-License-Identifier: Apache-2.0 */
/* What must be true of a place in which "old" (tags old, latest) was published once and the
 * publication of "new" (tags new, latest) was then disturbed in any way. */
#ifndef SP_TESTS_LAYOUT_AFTERMATH_H
#define SP_TESTS_LAYOUT_AFTERMATH_H

#include "fixture.h"

/* Every name says the truth (I6); "old" is whole; the tags are all old or all new, and what they
 * name is whole. If somebody was told that it was done, they are new. */
void aftermath_check(const struct fx_place *place, bool was_told_done);
/* Publishes "new" again, two hours later: it is there, and nothing temporary is left. had_old:
 * "old" is to be whole as well. */
void aftermath_check_next_run(const struct fx_place *place, bool had_old);

#endif
