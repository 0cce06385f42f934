/* SPDX-License-Identifier: Apache-2.0 */
/* Media types of manifests (OCI image-spec media-types.md; docker manifest v2-2). Blobs may have
 * any. */
#ifndef SP_OCI_MEDIA_TYPE_H
#define SP_OCI_MEDIA_TYPE_H

#include <stdbool.h>

#include "base/span.h"

#define SP_MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define SP_MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define SP_MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define SP_MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"

/* The Accept header of every GET and HEAD of a manifest: all four, always. */
#define SP_MEDIA_ACCEPT \
  SP_MEDIA_OCI_INDEX ", " SP_MEDIA_OCI_MANIFEST ", " SP_MEDIA_DOCKER_LIST \
                     ", " SP_MEDIA_DOCKER_MANIFEST

/* All answer for the type without parameters; case does not matter. */
bool sp_media_is_index(struct sp_span media_type);
bool sp_media_is_manifest(struct sp_span media_type);         /* an image manifest, not an index */
bool sp_media_is_schema1(struct sp_span media_type);          /* gone; refused with a clear text */
bool sp_media_is_nondistributable(struct sp_span media_type); /* foreign layers */
/* "type/subtype" of a Content-Type, without parameters and blanks; empty if it is no media type
 * (RFC 6838 names). */
struct sp_span sp_media_strip(struct sp_span content_type);

#endif
