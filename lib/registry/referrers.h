/* SPDX-License-Identifier: Apache-2.0 */
/* The slot list_referrers of a registry store. OCI distribution-spec 1.1 "Listing Referrers". */
#ifndef SP_REGISTRY_REFERRERS_H
#define SP_REGISTRY_REFERRERS_H

#include "store/store.h"

/* All pages. That a registry has no such API is remembered and not asked again. */
SP_MUST_CHECK int sp_referrers_list(struct sp_store *store, const struct sp_digest *digest,
                                    struct sp_referrers *out, struct sp_err *err);

#endif
