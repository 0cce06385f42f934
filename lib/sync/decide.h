/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be done about one tag at one backup: facts in, an action out. Pure. */
#ifndef SP_SYNC_DECIDE_H
#define SP_SYNC_DECIDE_H

#include <stdint.h>

#include "oci/digest.h"

enum sp_sync_action {
  SP_ACTION_KEEP,   /* in step, and proven not long ago */
  SP_ACTION_PROVE,  /* in step, to be looked at again */
  SP_ACTION_TELL,   /* in step, and known to be damaged; a look that is no reading says nothing */
  SP_ACTION_SET,    /* the backup's tag is to name the primary's digest */
  SP_ACTION_REFUSE, /* a fixed tag that changed at the primary */
};

struct sp_tag_state {
  struct sp_digest primary;     /* that it names there now */
  struct sp_digest backup;      /* that it names there now; alg NONE: it is not there */
  struct sp_digest backup_last; /* that it named there last, if it cannot be read now; NONE else */
  struct sp_digest
      before; /* that it was before, at the primary or another backup; NONE: not known */
  bool is_fixed;
  bool is_accepted;  /* the user says that a change of this fixed tag is meant */
  bool may_not_move; /* at the backup, as if it were fixed and had been something else */
  bool is_damaged;   /* what the backup's tag names has wrong bytes there: only reading can say
                        otherwise, and sync does not read */
  int64_t proven_s;  /* when the primary's digest was last proven at this backup; 0 = never */
  int64_t now_s, max_proof_age_s;
};

/* Decides (DESIGN.md "Many images"). Cannot fail. */
enum sp_sync_action sp_sync_decide(const struct sp_tag_state *state);

/* Is a proof of that time (0: never) young enough? */
bool sp_sync_is_fresh(int64_t proven_s, int64_t now_s, int64_t max_proof_age_s);

/* May the primary be believed, if it has `now` of the `known` tags that it had? (F30: a primary
 * that lost more than max_loss_percent is asked about, not followed.) */
bool sp_sync_is_loss_bearable(uint64_t known, uint64_t now, uint32_t max_loss_percent);

#endif
