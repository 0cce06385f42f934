/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor by which a manifest with a subject is listed (OCI distribution-spec 1.1 "Listing
 * Referrers"): its artifactType (of the config where it has none of its own) and its annotations.
 */
#ifndef SP_LAYOUT_REFERRER_H
#define SP_LAYOUT_REFERRER_H

#include <jansson.h>

#include "oci/manifest.h"
#include "store/store.h"

/* Makes it from the manifest's bytes and what was parsed of them. `*raw` is the caller's
 * (json_decref). Fails: SP_E_INVALID (annotations are no object), SP_E_NOMEM. */
SP_MUST_CHECK int sp_referrer_describe(const struct sp_manifest_bytes *bytes,
                                       const struct sp_manifest *manifest, struct sp_desc *desc,
                                       json_t **raw, struct sp_err *err);

#endif
