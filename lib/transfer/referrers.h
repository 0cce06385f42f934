/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to an image without being named by it: OCI referrers (by the API, or by the index
 * under the fallback tag where a registry has none) and cosign's tags. At the source, for reading;
 * writing them to a destination is fallback.h and tags.h.
 *
 * OCI distribution-spec 1.1 "Listing Referrers" and "Referrers Tag Schema".
 */
#ifndef SP_TRANSFER_REFERRERS_H
#define SP_TRANSFER_REFERRERS_H

#include "transfer/closure.h"

/* Looks up what refers to each manifest of image, fetches it with its own closure, and so on for
 * what was found, SP_MAX_GRAPH_DEPTH deep at most. BuildKit's attestations are ordinary children
 * and are there already. Fails as sp_closure_read does; "there are none" and "there is no such API"
 * are no failures. */
SP_MUST_CHECK int sp_referrers_read(const struct sp_closure_request *request,
                                    struct sp_image *image, struct sp_err *err);

/* Reads the index under the fallback tag of `subject`: its descriptors are appended to list and its
 * bytes go to *index. *found false: there is none.
 */
SP_MUST_CHECK int sp_referrers_read_fallback(struct sp_store *store,
                                             const struct sp_digest *subject,
                                             struct sp_manifest_bytes *index,
                                             struct sp_referrers *list, bool *found,
                                             struct sp_err *err);

#endif
