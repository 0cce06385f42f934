/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of an archive without a manifest that could be published: each becomes a blob of the
 * source. An uncompressed one is compressed (or known from an earlier time), a compressed one stays
 * as it is; either way its diffID is verified, unless it was when it became known. */
#ifndef SP_ARCHIVE_SOURCE_LAYER_H
#define SP_ARCHIVE_SOURCE_LAYER_H

#include "archive/source.h"

/* Finds or makes the blob of the layer in `member` whose diffID is to be diff_id; *desc says what
 * it is. Called with the source's lock held. Fails: SP_E_DIGEST (another diffID), SP_E_LIMIT (a
 * bomb), SP_E_IO, SP_E_INTERRUPTED. */
SP_MUST_CHECK int sp_source_layer_add(struct sp_source *source, const struct sp_tar_member *member,
                                      const struct sp_digest *diff_id, struct sp_desc *desc,
                                      struct sp_err *err);
/* Compresses a KNOWN blob, which becomes a PACKED one; *blob as sp_source_find. Called with the
 * lock held. Fails: as above; SP_E_DIGEST too if what was remembered was wrong (it is forgotten).
 */
SP_MUST_CHECK int sp_source_layer_pack(struct sp_source *source, struct sp_source_blob *blob,
                                       struct sp_err *err);

#endif
