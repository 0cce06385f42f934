/* SPDX-License-Identifier: Apache-2.0 */
/* Which tags a listing shows: "v1.0" exactly this one, "glob:v*" (`*` any characters, `?` one).
 * Pure.
 */
#ifndef SP_API_TAG_FILTER_H
#define SP_API_TAG_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "safeport/err.h"

/* Fails: SP_E_USAGE (longer than SP_MAX_PATTERN_BYTES, empty, or of a kind that is not known). */
SP_MUST_CHECK int sp_tag_filter_check(const char *filter, struct sp_err *err);
/* Does one of them match? Without any, every tag does. Costs at most filter x tag steps. */
bool sp_tag_filter_matches(const char *const *filters, size_t count, const char *tag);

#endif
