/* SPDX-License-Identifier: Apache-2.0 */
/* Up to SP_MAX_TAGS tags, each once, in the order in which they came: about 15 bytes for each
 * beside its text. Life cycle: sp_tag_set_init, adds, sp_tag_set_clear. Threads: none of its own.
 */
#ifndef SP_API_TAG_SET_H
#define SP_API_TAG_SET_H

#include "base/buf.h"

struct sp_tag_set {
  struct sp_buf text_; /* the tags, each with its terminator */
  uint32_t *at_;       /* where each begins; room for half as many as there are slots */
  uint32_t *slots_;    /* hash table of numbers + 1; 0 is free */
  size_t slot_count_;  /* a power of two, or 0 */
  uint64_t seed_;
  size_t count;
};

void sp_tag_set_init(struct sp_tag_set *set);
void sp_tag_set_clear(struct sp_tag_set *set);
/* Adds; `*is_new` is false if it was there. Fails: SP_E_LIMIT (SP_MAX_TAGS), SP_E_NOMEM. */
SP_MUST_CHECK int sp_tag_set_add(struct sp_tag_set *set, const char *tag, bool *is_new,
                                 struct sp_err *err);
/* Tag i (< count); borrowed until the next add. */
const char *sp_tag_set_get(const struct sp_tag_set *set, size_t i);

SP_DEFINE_AUTO_CLEAR(struct sp_tag_set, sp_tag_set_clear)

#endif
