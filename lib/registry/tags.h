/* SPDX-License-Identifier: Apache-2.0 */
/* The slot list_tags of a registry store. OCI distribution-spec 1.1 "Listing Tags". */
#ifndef SP_REGISTRY_TAGS_H
#define SP_REGISTRY_TAGS_H

#include "store/store.h"

/* One page of the registry's. A tag that is none is left out, with a line in the log. */
SP_MUST_CHECK int sp_tags_list(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                               struct sp_err *err);

#endif
