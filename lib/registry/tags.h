/* SPDX-License-Identifier: Apache-2.0 */
/* The slot list_tags of a registry store. OCI distribution-spec 1.1 "Listing Tags". */
#ifndef SP_REGISTRY_TAGS_H
#define SP_REGISTRY_TAGS_H

#include "store/store.h"

/* One page of the registry's. A tag that is none is left out, with a line in the log. */
SP_MUST_CHECK int sp_tags_list(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                               struct sp_err *err);

/* Reads the body of one page into `out`, which is empty; `name` is the repository's, for messages.
 * Fails: SP_E_PROTOCOL (no JSON, or no list in it); SP_E_LIMIT (SP_MAX_TAGS); SP_E_NOMEM. */
SP_MUST_CHECK int sp_tags_parse(struct sp_span body, const char *name, struct sp_tag_page *out,
                                struct sp_err *err);

#endif
