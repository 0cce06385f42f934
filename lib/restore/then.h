/* SPDX-License-Identifier: Apache-2.0 */
/* What a tag named at a time in the past (`restore --at`): what the last sync before it had seen
 * the primary name. Only known beginnings and ends answer; where nobody saw the end of what a tag
 * named, nobody knows what it named afterwards. Pure.
 *
 * The names of history tags are no answer: a tag that leaves a digest that has another name, or is
 * in its history already, leaves none. They only tell what can be had instead. */
#ifndef SP_RESTORE_THEN_H
#define SP_RESTORE_THEN_H

#include "journal/record.h"

struct sp_then {
  struct sp_digest digest; /* that the tag named, or had named last; alg NONE: nobody knows */
  int64_t since_s;
  bool is_gone; /* it was not there any more */
  bool is_last; /* nothing later is known: so it holds only if no backup says otherwise */
};

/* Keeps in `told` the doubt that the record leaves of that time, if it does, and is the first. */
bool sp_then_is_in_doubt(struct sp_record *told, const struct sp_record *record, int64_t at_s);
/* What `told` (records, and what the tags name now) and this host's journal know.
 *   ended  borrowed, or NULL   the journal's state of the tag at at_s, if that has ended since */
struct sp_then sp_then_find(const struct sp_record *told, const struct sp_known_tag *ended,
                            const char *tag, int64_t at_s);
/* The first history tag in `tags` (any tags of one backup, in any order) that `tag` left after
 * at_s. Borrowed; NULL if there is none.
 *   left_s  out   when; untouched if there is none */
const char *sp_then_left_next(char *const *tags, size_t count, const char *tag, int64_t at_s,
                              int64_t *left_s);

#endif
