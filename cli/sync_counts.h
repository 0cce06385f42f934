/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of tags by what became of them, in words: "3 copied, 40 in step". Pure. */
#ifndef CLI_SYNC_COUNTS_H
#define CLI_SYNC_COUNTS_H

#include "safeport/sync.h"

#define SYNC_COUNTS_MAX 512
void sync_counts_format(const uint64_t counts[SP_SYNC_RESULT_COUNT], char out[SYNC_COUNTS_MAX]);

#endif
