/* SPDX-License-Identifier: Apache-2.0 */
/* The store around an open layout directory: what sp_layout_open and sp_vault_open hand out. Each
 * slot of the interface is one call of the nouns beside it. Threads: as store/store.h says.
 */
#ifndef SP_LAYOUT_LAYOUT_STORE_H
#define SP_LAYOUT_LAYOUT_STORE_H

#include "layout/layout_dir.h"

/* Takes dir (made ready); on failure it stays the caller's. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_layout_store_new_take(struct sp_layout_dir *dir, struct sp_store **out,
                                           struct sp_err *err);

#endif
