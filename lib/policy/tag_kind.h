/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of tag a name is: fixed or moving, an ordinary one or one of Safeport's own. Pure.
 *
 * The order in which tags are published is sp_ref_tag_rank (oci/reference.h); what is fixed by
 * default is taken from there, so that there is one definition.
 */
#ifndef SP_POLICY_TAG_KIND_H
#define SP_POLICY_TAG_KIND_H

#include <stdint.h>

#include "base/limits.h"
#include "policy/pattern.h"

#define SP_RECORD_TAG "safeport-record" /* the record artifact on a backup */

/* May this tag never change its digest? `declared` is the image's `fixed:`; NULL (not said) means
 * sp_ref_tag_rank 0: git shas and versions with three numbers. An empty list means none. */
bool sp_tag_is_fixed(const struct sp_pattern_list *declared, const char *tag);

/* Is it a tag that no listing of images shows: the record, a history tag, or a digest tag
 * ("sha256-<hex>", with or without .sig, .att, .sbom)? */
bool sp_tag_is_special(const char *tag);

/* -- history tags: `safeport-<tag>-<YYYYMMDD>T<HHMMSS>Z`, the digest that a moving tag left */

/* Writes the history tag of `tag` at that time (0 <= unix_s < year 10000). Of a tag longer than
 * SP_HISTORY_BASE_MAX bytes only the beginning goes in. */
#define SP_HISTORY_BASE_MAX (SP_MAX_TAG - 26)
void sp_history_tag_format(const char *tag, int64_t unix_s, char out[SP_MAX_TAG + 1]);
/* Is `history` a history tag? Then *base is the tag that it is of (borrowed from history) and
 * *unix_s its time; both may be NULL. */
bool sp_history_tag_parse(const char *history, struct sp_span *base, int64_t *unix_s);

#endif
