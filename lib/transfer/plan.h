/* SPDX-License-Identifier: Apache-2.0 */
/* The plan: facts in; blobs to send and to mount, manifests to put, tags to set out. A pure
 * function: no store, no clock. What --dry-run prints.
 *
 * Life cycle: sp_plan_make, sp_plan_clear.
 */
#ifndef SP_TRANSFER_PLAN_H
#define SP_TRANSFER_PLAN_H

#include "transfer/facts.h"

/* What the plan must know of a place besides the facts. */
struct sp_plan_traits {
  bool is_out;                              /* failed already: nothing is planned for it */
  bool is_metered;                          /* manifest GETs cost pulls */
  bool is_distrust;                         /* nothing is mounted there: bytes only */
  bool is_seen_again;                       /* a blob that was sent there is looked at */
  bool is_sibling[SP_MAX_DESTINATIONS + 1]; /* of which destination; the last: of the source */
};
#define SP_PLAN_SOURCE SP_MAX_DESTINATIONS /* the source's number among places */

struct sp_plan_blob {
  enum sp_blob_action {
    SP_BLOB_KEEP,        /* it is there */
    SP_BLOB_SEND,        /* bytes */
    SP_BLOB_MOUNT,       /* from `from`, which has it */
    SP_BLOB_MOUNT_LATER, /* from `from`, once it was sent there */
  } action;
  size_t from; /* place number, or SP_PLAN_SOURCE */
};

struct sp_plan_place {
  struct sp_plan_blob *blobs; /* one for each of the image's */
  uint64_t blobs_present, blobs_to_send, blobs_to_mount, bytes_to_send;
  uint64_t manifests_present, manifests_to_put; /* present: is looked at again, not put */
  uint64_t tags_to_set, tags_already;
  uint64_t requests; /* see sp_plan_make */
  uint64_t pulls;
};

struct sp_plan {
  struct sp_plan_place *places;
  size_t place_count;
  uint64_t bytes_to_read; /* from the source: each blob that someone lacks, once */
  bool is_impossible;     /* the source lacks a foreign layer that someone needs: */
  size_t lacking;         /* its number */
};

/* Makes the plan. traits has one for each place of facts.
 *
 * A blob that a place lacks is mounted if it is at hand there (from itself), or if a sibling has it
 * (the source before the others); where
 * several siblings lack it, the first of them is sent the bytes and the others mount it afterwards.
 * A damaged blob, or one in doubt, is always sent: a mount would bring the damage along.
 *
 * Requests that publish, not those of the survey: 2 for a blob that is sent (begin, bytes), one
 * more if it is looked at again (is_seen_again, or it was damaged), 2 for a mount (and its proof),
 * 2 for a manifest that is put (and read back), 1 for one that is there (read), 2 for a tag (and
 * its check), and 2 for each manifest that has referrers (the list there, or the tag in its place).
 * Pulls, at a metered place: one for each manifest.
 *
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_plan_make(const struct sp_image *image, const struct sp_facts *facts,
                               const struct sp_plan_traits *traits, struct sp_plan *out,
                               struct sp_err *err);
/* Fine on a zeroed plan. */
void sp_plan_clear(struct sp_plan *plan);

/* Is the tag right already, as far as is known? */
bool sp_plan_is_tag_right(const struct sp_tag_fact *tag, const struct sp_digest *root);

SP_DEFINE_AUTO_CLEAR(struct sp_plan, sp_plan_clear)
#define SP_AUTO_PLAN SP_CLEANUP(sp_plan_clear_auto_)

#endif
