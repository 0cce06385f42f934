/* SPDX-License-Identifier: Apache-2.0 */
/* Setting tags, last of all. A tag never moves to something that was not read back. */
#ifndef SP_TRANSFER_TAGS_H
#define SP_TRANSFER_TAGS_H

#include "transfer/run.h"

/* At every open destination at once: lists of referrers (fallback.h) and cosign's tags. */
void sp_tags_publish_side(struct sp_run *run);
/* At every open destination at once, and only if its whole content is proven: the wanted tags,
 * fixed ones first, then moving ones, `latest` last. Tags that are right are not written. The first
 * that cannot be set ends that destination: those after it stay as they are. Results go into the
 * report. */
void sp_tags_publish(struct sp_run *run);

#endif
