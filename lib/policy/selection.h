/* SPDX-License-Identifier: Apache-2.0 */
/* Which tags of a repository are backed up: `tags:` of safeport.yaml.
 *
 *   tags: {include: [latest, "glob:v*", git-sha], exclude: ["glob:*-rc*"], newest: 20, since: 90d}
 *
 * - include: patterns, any of which is enough; absent = all tags.
 * - exclude: wins over include, exact names too.
 * - newest and since thin out what patterns brought in; what `include` names exactly is always
 *   selected. With both, one of them is enough (as with retention rules: a quiet project does not
 *   end with one image).
 * - newest: N counts for each pattern by itself, so that a flood of commits never pushes releases
 *   out. A tag stays that is among the N newest of any pattern that it matches.
 * - Newness is the order of versions where all tags of the pattern are versions (semver 2.0.0),
 * else the time at which a tag was first seen. What cannot be ordered is not dropped: a tag of
 * unknown age stays, and so do those that share the age at the cut. (Listings come in no order that
 * means anything.)
 * - since is measured back from the newest first-seen time in the repository, or from now where
 * that is earlier: a repository without pushes for a year is not emptied, and a clock that jumped
 *   selects nothing away. Unknown age = selected.
 * - Digest tags and Safeport's own tags (tag_kind.h) are never selected, unless `include` names one
 *   exactly; "safeport-record" never.
 *
 * Referrers and cosign's tags are not tags to select: they follow their subject (transfer/).
 *
 * Pure: no clock, no I/O. Threads: a selection is read-only once made.
 */
#ifndef SP_POLICY_SELECTION_H
#define SP_POLICY_SELECTION_H

#include <stdint.h>

#include "policy/pattern.h"

#define SP_TIME_UNKNOWN INT64_MIN /* nobody knows when this tag was first seen */

struct sp_selection {
  struct sp_pattern_list include; /* empty = all tags */
  struct sp_pattern_list exclude;
  uint32_t newest; /* 0 = no limit */
  int64_t since_s; /* 0 = no limit */
};
/* Frees the lists; {0} again: all tags. */
void sp_selection_clear(struct sp_selection *selection);

/* Do the patterns alone select this tag (before newest and since)? For a listing that is looked at
 * as it comes. */
bool sp_selection_matches(const struct sp_selection *selection, const char *tag);
/* Has it newest or since? If not, sp_selection_matches is the whole answer, and no ages are
 * needed. */
bool sp_selection_thins(const struct sp_selection *selection);

struct sp_tag_age {
  const char *name;     /* borrowed; in any order, each once */
  int64_t first_seen_s; /* unix time, or SP_TIME_UNKNOWN */
};

/* Decides over a whole listing.
 *
 *   tags       borrowed   count of them
 *   now_s                 unix time
 *   selected   out        count answers, in the order of tags
 *   undecided  out        how many were selected only because their age is not known (to be told);
 *                         may be NULL
 *
 * Time is count x patterns, plus a sort; memory a few words a tag.
 * Fails: SP_E_NOMEM.
 */
SP_MUST_CHECK int sp_selection_apply(const struct sp_selection *selection,
                                     const struct sp_tag_age *tags, size_t count, int64_t now_s,
                                     bool *selected, size_t *undecided, struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_selection, sp_selection_clear)

#endif
