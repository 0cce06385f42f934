/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.json of an archive that is written: one entry for each image that has a tag. Reading is
 * docker_manifest.h. */
#ifndef SP_ARCHIVE_DOCKER_ENTRY_H
#define SP_ARCHIVE_DOCKER_ENTRY_H

#include "layout/index_view.h"
#include "oci/reference.h"
#include "store/store.h"

/* Appends the document for the tagged images of `view`, whose blobs are members "blobs/ALG/HEX"; of
 * an index, for the image of this host's platform. `ref` says whose tags they are.
 * Fails: SP_E_UNSUPPORTED (an artifact, or an index without this platform), SP_E_NOMEM, and as the
 * store. */
SP_MUST_CHECK int sp_docker_entry_format(struct sp_store *layout, const struct sp_index_view *view,
                                         const struct sp_ref *ref, struct sp_buf *out,
                                         struct sp_err *err);

#endif
