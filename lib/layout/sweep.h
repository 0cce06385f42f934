/* SPDX-License-Identifier: Apache-2.0 */
/* Removes temporary files that a killed run of ours left behind. Nothing else is ever touched. */
#ifndef SP_LAYOUT_SWEEP_H
#define SP_LAYOUT_SWEEP_H

#include <stdint.h>

#define SP_SWEEP_AGE_S 60 /* younger ones may be a writer's that has not locked its file yet */

/* Removes from dir_fd every regular file whose name begins with SP_FILE_TEMP_PREFIX, that is older
 * than SP_SWEEP_AGE_S at `now_s` (unix seconds) and that nobody has locked: a living writer holds
 * flock(2) on its file. What cannot be removed stays for the next run: it cannot fail. */
void sp_sweep_dir(int dir_fd, int64_t now_s);

#endif
