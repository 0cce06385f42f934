/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of versions in npm's grammar, compiled: `^1.2`, `~1.2.3`, `>=1.2 <2`, `1.x`, `*`,
 * `1.2 - 1.4`, `1.x || >=2.5.0`. Blanks mean "and", `||` means "or". Pure; a compiled range is
 * read-only. */
#ifndef SP_POLICY_SEMVER_RANGE_H
#define SP_POLICY_SEMVER_RANGE_H

#include "base/scope.h"
#include "policy/semver.h"
#include "safeport/err.h"

struct sp_semver_range;

/* Compiles; the text is copied. At most SP_MAX_PATTERN bytes.
 * Fails: SP_E_USAGE, with what could not be read; SP_E_NOMEM. */
SP_MUST_CHECK int sp_semver_range_parse(struct sp_span text, struct sp_semver_range **out,
                                        struct sp_err *err);
void sp_semver_range_free(struct sp_semver_range *range);
/* Is the version in the range? A pre-release only where a bound with the same three numbers has one
 * too (npm's rule: "^1.2" does not let 2.0.0-rc.1 in, nor 1.3.0-rc.1). Unlike npm's, a "*" among
 * the alternatives does not take that back for the others. */
bool sp_semver_range_has(const struct sp_semver_range *range, const struct sp_semver *version);

SP_DEFINE_AUTO_FREE(struct sp_semver_range, sp_semver_range_free)

#endif
