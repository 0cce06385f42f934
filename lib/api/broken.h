/* SPDX-License-Identifier: Apache-2.0 */
/* A store in place of one that could not be opened: every operation fails as the opening did. So a
 * destination whose directory cannot be made fails like one that fails later, beside the others
 * that go on, and what moves images need not know a second way to fail. */
#ifndef SP_API_BROKEN_H
#define SP_API_BROKEN_H

#include "store/store.h"

/* `name` and `why` are copied. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_broken_new(const char *name, const struct sp_err *why, struct sp_store **out,
                                struct sp_err *err);

#endif
