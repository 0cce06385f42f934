/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of semver 2.0.0 and ranges of them in npm's grammar. Pure.
 *
 * A version is `v`? major.minor.patch (-pre-release)? (+build)?. The numbers are at most 2^53-1 (as
 * npm has it); build metadata counts for nothing.
 */
#ifndef SP_POLICY_SEMVER_H
#define SP_POLICY_SEMVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/scope.h"
#include "base/span.h"
#include "safeport/err.h"

struct sp_semver {
  uint64_t number[3]; /* major, minor, patch */
  struct sp_span pre; /* "rc.1"; empty = a release; borrowed from the text */
};

/* Reads a whole text; false if it is no version. */
bool sp_semver_parse(struct sp_span text, struct sp_semver *out);
/* Precedence (semver 2.0.0, 11): < 0, 0, > 0. */
int sp_semver_compare(const struct sp_semver *a, const struct sp_semver *b);

struct sp_semver_range;
/* Compiles a range; the text is copied. Fails: SP_E_USAGE with the place of the mistake;
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_semver_range_parse(struct sp_span text, struct sp_semver_range **out,
                                        struct sp_err *err);
void sp_semver_range_free(struct sp_semver_range *range);
/* Is the version in the range? (npm: a pre-release only where a bound of the same three numbers has
 * one.) */
bool sp_semver_range_has(const struct sp_semver_range *range, const struct sp_semver *version);
SP_DEFINE_AUTO_FREE(struct sp_semver_range, sp_semver_range_free)

#endif
