/* SPDX-License-Identifier: Apache-2.0 */
/* The tags of an image that are backed up, each pinned to the digest that it names on either side,
 * and what is to be done about it.
 *
 * One HEAD per tag and side, all at once: a backup also for what it does not list, unless it is
 * blank (unlisted.h). What follows the selected tags (cosign's tags) is added by followers.h.
 */
#ifndef SP_SYNC_TAGS_H
#define SP_SYNC_TAGS_H

#include "store/store.h"
#include "sync/decide.h"

struct sp_work;

struct sp_tag_at {
  struct sp_digest now;  /* alg NONE: it is not there, or cannot be read */
  struct sp_digest last; /* of one that is there and cannot be read: what it named, as far as is
                            known; alg NONE else */
  bool is_known;         /* false: the backup could not say; nothing is done */
  enum sp_sync_action action;
  enum sp_proof proven; /* by this run */
};

struct sp_pinned {
  char *name; /* owned: what it was found in may be read anew (sp_work_ask_records) */
  int rank;   /* sp_ref_tag_rank: 0 first */
  bool is_fixed;
  bool is_index; /* at the primary, unless it said that it is none */
  bool is_side;  /* a cosign tag whose subject is in step */
  bool is_past;  /* `primary` is what it named last, or NONE: it is not asked for there */
  bool is_lost;  /* is_past, because the primary lists it no more */
  bool is_gone;  /* is_past; its loss was borne, or meant. Only what backups have is at stake */
  bool is_meant; /* is_gone, and it was meant to go: nobody misses it where no backup has it */
  struct sp_digest primary; /* alg NONE: it could not be read */
  bool has_no_list;     /* what refers to it could not be asked: what is new of that did not come */
  struct sp_err *why;   /* that it could not, either; owned; NULL else, and without memory */
  bool has_moved;       /* while it was copied: `primary` is what it names since */
  struct sp_tag_at *at; /* one for each backup; owned */
};

struct sp_tags {
  struct sp_pinned *items; /* selected ones by name, then the side tags */
  size_t count, cap;
  size_t selected_count;
};

/* Selects from the primary's list and looks for tags that it had and does not list any more. What
 * `include` names and is not there is noted.
 * *is_bearable: as in losses.h. Where none is selected and none was lost, unless that is accepted
 * (accept_loss), or a namespace lists an empty repository:
 * Fails: SP_E_REFUSED (backups have such tags, and nobody knows that they are gone);
 * SP_E_NOT_FOUND (the file or the name is wrong); SP_E_NOMEM. */
SP_MUST_CHECK int sp_tags_select(struct sp_work *work, bool *is_bearable, struct sp_err *err);
/* Adds a tag that follows a selected one. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_tags_add_side(struct sp_work *work, const char *name, struct sp_err *err);
/* Adds a tag that the primary is not asked for (status): `digest` is what it named there last, alg
 * NONE if it is not selected there. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_tags_add_past(struct sp_work *work, const char *name,
                                   const struct sp_digest *digest, struct sp_err *err);
/* Asks both sides what the tags from number `first` on name, and decides. Failures are told. Blocks
 * until all are known. */
void sp_tags_pin(struct sp_work *work, size_t first);
/* Is it a tag that would be followed to this backup only if somebody says that its change is meant?
 * After sp_tags_pin. */
bool sp_tags_is_refused(const struct sp_pinned *tag, size_t backup);
/* Of one that is refused: did somebody replace it at the backup? The primary names what it did when
 * it was last looked at, so did the backup, and what that has now the primary never named, as far
 * as is known. Blocks on the journal. */
bool sp_tags_is_replaced(const struct sp_work *work, const struct sp_pinned *tag, size_t backup);
/* Is what it names at the primary more than the primary's word, as soon as the copies are done: it
 * moves, it was copied to a backup or is in step there, or is what was known before? What nobody
 * ever got is nothing that a fixed tag could be held to: a HEAD may have been wrong for a moment,
 * or a push broken that was pushed again. */
bool sp_tags_is_had(const struct sp_work *work, const struct sp_pinned *tag);
/* What it names there, or named last: what it leaves if it is set. alg NONE: nothing, as far as is
 * known. */
const struct sp_digest *sp_tags_left(const struct sp_tag_at *at);
/* A restore is about to set it where it names what it does not decide about: does it still name
 * what it did when it was looked at? (Whoever syncs may write over what came to a backup since, and
 * whoever forces over all.) Fails: SP_E_REFUSED (somebody pushed there); as sp_store_resolve. */
SP_MUST_CHECK int sp_tags_require_unmoved(const struct sp_work *work, const struct sp_pinned *tag,
                                          size_t backup, struct sp_err *err);
/* What it was before: at the primary when we last looked, however long ago, or where nobody knows
 * that, at a backup that has something else. alg NONE: nothing is known. After sp_tags_pin. */
struct sp_digest sp_tags_before(const struct sp_work *work, const struct sp_pinned *tag);
void sp_tags_clear(struct sp_tags *tags);

#endif
