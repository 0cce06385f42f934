/* SPDX-License-Identifier: Apache-2.0 */
/* Which children of the indexes that are backed up does something at the primary refer to? Cosign
 * and others sign the image of each platform, too, under a tag that names the child and not the
 * index.
 *
 * Only where the primary lists such a tag whose subject no selected tag names, indexes are looked
 * into: as they are kept on this host or lie in a vault, which costs nothing. Only where such a tag
 * may be news, registries are asked for those that are not, once per host, and none that counts
 * pulls. What cannot be had so is found when the index is proven again.
 */
#ifndef SP_SYNC_CHILDREN_H
#define SP_SYNC_CHILDREN_H

#include "sync/work.h"

/* Finds them: work->children. After sp_tags_pin. Blocks on the disk, and on registries as above.
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_children_find(struct sp_work *work, struct sp_err *err);
/* Those of one index; borrowed. */
const struct sp_child *sp_children_of(const struct sp_work *work, const struct sp_digest *index,
                                      size_t *count);

#endif
