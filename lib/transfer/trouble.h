/* SPDX-License-Identifier: Apache-2.0 */
/* What an error of a store is about: one object there, or the place as a whole. Pure. */
#ifndef SP_TRANSFER_TROUBLE_H
#define SP_TRANSFER_TROUBLE_H

#include <stdbool.h>

#include "safeport/err.h"

/* Says that object after object would fail in the same way: credentials, unreachable, refused,
 * throttled, full, a gateway without its registry (502 to 504), anything that we cannot place. */
bool sp_trouble_is_of_place(const struct sp_err *err);
/* Says that the object is there and cannot be served: a lasting 500 (docker-registry 2.8 with a
 * truncated manifest or an empty tag link), or other bytes. */
bool sp_trouble_is_damage(const struct sp_err *err);

#endif
