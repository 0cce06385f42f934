/* SPDX-License-Identifier: Apache-2.0 */
/* The wrapper that refuses every write with SP_E_UNSUPPORTED: what --dry-run and verify open their
 * stores with, so that "sends nothing that writes" is true below the commands and not by their good
 * will. */
#ifndef SP_STORE_READONLY_H
#define SP_STORE_READONLY_H

#include "store/store.h"

/* Wraps (takes) inner; on failure inner stays the caller's. */
SP_MUST_CHECK int sp_readonly_wrap_take(struct sp_store *inner, struct sp_store **out,
                                        struct sp_err *err);

#endif
