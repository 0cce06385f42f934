/* SPDX-License-Identifier: Apache-2.0 */
/* The diffIDs in the config of an image (OCI image-spec config.md, "rootfs"): all that an archive's
 * reader needs of it. And the manifest that is made for an image that has none. */
#ifndef SP_ARCHIVE_DIFF_IDS_H
#define SP_ARCHIVE_DIFF_IDS_H

#include <stddef.h>

#include "base/buf.h"
#include "oci/descriptor.h"

struct sp_diff_ids {
  struct sp_digest *items; /* owned; of the layers, in order */
  size_t count;
};

/* Reads them. Fails: SP_E_INVALID (no rootfs of type "layers", something that is no digest),
 * SP_E_LIMIT, SP_E_NOMEM. */
SP_MUST_CHECK int sp_diff_ids_parse(struct sp_span config, struct sp_diff_ids *out,
                                    struct sp_err *err);
void sp_diff_ids_clear(struct sp_diff_ids *ids);

#define SP_MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"

/* Appends the OCI manifest of a config and its layers: the same bytes for the same image, whoever
 * makes it. Of the descriptors only type, digest and size are written. Fails: SP_E_LIMIT,
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_image_manifest_make(const struct sp_desc *config, const struct sp_desc *layers,
                                         size_t layer_count, struct sp_buf *out,
                                         struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_diff_ids, sp_diff_ids_clear)
#define SP_AUTO_DIFF_IDS SP_CLEANUP(sp_diff_ids_clear_auto_)

#endif
