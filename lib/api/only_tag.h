/* SPDX-License-Identifier: Apache-2.0 */
/* What a layout that was named without a tag calls its image. Tags of other images' company
 * (signatures, lists of referrers: sp_ref_is_digest_tag) do not count. Threads: none of its own. */
#ifndef SP_API_ONLY_TAG_H
#define SP_API_ONLY_TAG_H

#include "oci/reference.h"
#include "store/store.h"

/* The one tag of `store`. `name` and `remedy` are for the complaint: the place as it was written,
 * and what to write instead. Fails: SP_E_USAGE (none, or more than one), and as
 * sp_store_list_tags. */
SP_MUST_CHECK int sp_only_tag(struct sp_store *store, const char *name, const char *remedy,
                              char out[SP_MAX_TAG + 1], struct sp_err *err);

#endif
