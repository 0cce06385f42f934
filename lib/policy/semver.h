/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of semver 2.0.0: `v`? major.minor.patch (-pre-release)? (+build)?. Pure.
 *
 * The numbers are at most 2^53-1 (as npm has it); build metadata counts for nothing. Ranges are in
 * semver_range.h. */
#ifndef SP_POLICY_SEMVER_H
#define SP_POLICY_SEMVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define SP_SEMVER_NUMBER_MAX ((UINT64_C(1) << 53) - 1)

struct sp_semver {
  uint64_t number[3]; /* major, minor, patch */
  struct sp_span pre; /* "rc.1"; empty = a release; borrowed from the text */
};

/* Reads a whole text; false if it is no version. */
bool sp_semver_parse(struct sp_span text, struct sp_semver *out);
/* Precedence (semver 2.0.0, 11): < 0, 0, > 0. */
int sp_semver_compare(const struct sp_semver *a, const struct sp_semver *b);

/* The pieces that ranges are read with as well. Each cuts what it found off the beginning of *rest
 * and answers false, with *rest untouched, if there is none. */

/* A number without leading zeros. */
bool sp_semver_take_number(struct sp_span *rest, uint64_t *out);
/* "-pre-release" and "+build", either or both or none; false if one is malformed. */
bool sp_semver_take_suffix(struct sp_span *rest, struct sp_span *pre);

#endif
