/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of tags by what became of them, in words: "3 copied, 40 in step". Pure. */
#ifndef CLI_SYNC_COUNTS_H
#define CLI_SYNC_COUNTS_H

#include "safeport/sync.h"

#define SYNC_COUNTS_MAX 512
void sync_counts_format(const uint64_t counts[SP_SYNC_RESULT_COUNT], char out[SYNC_COUNTS_MAX]);
/* Those of a place; or that it was not looked at. */
void sync_counts_format_place(const struct sp_sync_image *image, const struct sp_sync_place *place,
                              char out[SYNC_COUNTS_MAX]);
/* Something failed before anything was seen of this place: nothing may be said of what it has. */
bool sync_counts_are_unknown(const struct sp_sync_image *image, const struct sp_sync_place *place);

#endif
