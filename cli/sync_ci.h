/* SPDX-License-Identifier: Apache-2.0 */
/* What a CI system is told of an image that was synced or restored: a row for each backup, and the
 * alarms: lost tags, fixed tags that changed, tags that stay, damage. Threads: none of its own. */
#ifndef CLI_SYNC_CI_H
#define CLI_SYNC_CI_H

#include "cli/series.h"
#include "safeport/sync.h"

void sync_ci_tell(struct series *series, const struct sp_sync_image *image);

#endif
