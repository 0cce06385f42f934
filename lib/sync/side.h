/* SPDX-License-Identifier: Apache-2.0 */
/* One side of an image: a repository with the list of its tags.
 *
 * Only the names; what they point to is tags.h. Life cycle: sp_side_list, sp_side_clear. Threads:
 * read-only once listed.
 */
#ifndef SP_SYNC_SIDE_H
#define SP_SYNC_SIDE_H

#include "base/cancel.h"
#include "store/store.h"

struct sp_side {
  struct sp_store *store; /* borrowed */
  char **tags;            /* sorted by strcmp, each once */
  size_t tag_count;
  bool is_there;     /* false: the store knows no such repository (which may only mean no tag) */
  bool is_listed;    /* it answered; false: nothing is known of what is there */
  bool lacks_record; /* it was asked for its record before (ahead.h), and had none */
};

/* Fetches all pages. A repository that is not there is an empty side, no failure.
 * Fails, with no tag in the list: SP_E_LIMIT (SP_MAX_TAGS, SP_MAX_TAG_PAGES), SP_E_INTERRUPTED, the
 * store's. */
SP_MUST_CHECK int sp_side_list(struct sp_side *side, struct sp_store *store,
                               const struct sp_cancel *cancel, struct sp_err *err);
void sp_side_clear(struct sp_side *side);
bool sp_side_has(const struct sp_side *side, const char *tag);
/* Has any of these sides the tag? */
bool sp_side_any_has(const struct sp_side *sides, size_t count, const char *tag);

SP_DEFINE_AUTO_CLEAR(struct sp_side, sp_side_clear)

#endif
