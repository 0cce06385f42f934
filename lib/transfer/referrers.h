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

/* What belongs to one manifest, not fetched. {0} is none. */
#define SP_COSIGN_TAGS 3 /* signature, attestations, SBOM */
struct sp_company {
  struct sp_referrers list;
  struct sp_company_tag {
    char tag[SP_MAX_TAG + 1]; /* "" if it is not there */
    struct sp_named named;
  } cosign[SP_COSIGN_TAGS];
};
void sp_company_clear(struct sp_company *company);
SP_DEFINE_AUTO_CLEAR(struct sp_company, sp_company_clear)

/* Looks what refers to `subject` directly: the store's own list, or the index under the fallback
 * tag, and cosign's tags. Out is a struct that holds nothing. Costs a request for the list and a
 * HEAD for each tag; where there is a fallback tag, also a manifest GET. */
SP_MUST_CHECK int sp_referrers_look(struct sp_store *store, const struct sp_digest *subject,
                                    struct sp_company *out, struct sp_err *err);

#endif
