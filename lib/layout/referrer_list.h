/* SPDX-License-Identifier: Apache-2.0 */
/* Who refers to a manifest of a layout: found by reading every manifest that index.json names, each
 * once. A table of one state of index.json remembers who did, so that a listing costs what it finds
 * and not what the layout holds.
 *
 * Not here: what a listing says of a referrer (layout/referrer.h). Threads: any.
 */
#ifndef SP_LAYOUT_REFERRER_LIST_H
#define SP_LAYOUT_REFERRER_LIST_H

#include "layout/layout_dir.h"

struct sp_referrer_list; /* the table; empty until somebody asks */

/* One without a table. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_referrer_list_new(struct sp_referrer_list **out, struct sp_err *err);
/* Frees it and its table. */
void sp_referrer_list_free(struct sp_referrer_list *list);

/* sp_store_list_referrers of a layout. An entry whose file is missing, has other bytes or is no
 * manifest that we read is left out, logged once and tried again by each listing: nobody knows
 * whose referrer it was, and what is whole is to be had in spite of it.
 * Fails: SP_E_INVALID, SP_E_LIMIT (index.json); SP_E_IO; SP_E_NOMEM. */
SP_MUST_CHECK int sp_referrer_list_get(const struct sp_layout_dir *dir,
                                       const struct sp_digest *subject, struct sp_referrers *out,
                                       struct sp_err *err);

#endif
