/* SPDX-License-Identifier: Apache-2.0 */
/* Where a tag stands at a backup: facts in, a word out. Pure. */
#ifndef SP_SYNC_STANDING_H
#define SP_SYNC_STANDING_H

#include "oci/digest.h"
#include "safeport/status.h"

struct sp_standing_facts {
  bool is_extra;  /* not selected at the primary */
  bool is_gone;   /* is_extra, because the primary lost it: as much at stake as a selected one */
  bool is_missed; /* is_gone, and it should be here (sp_gone_is_missing) */
  bool is_lost;   /* the primary lists it no more; `primary` is what it named last */
  bool is_fixed;
  bool is_known;            /* the backup could be asked */
  struct sp_digest primary; /* alg NONE: the primary could not say */
  struct sp_digest backup;  /* alg NONE: it is not there */
  bool lacks_signatures;    /* cosign's tags, that the primary lists */
  bool is_damaged;          /* known of the backup's digest */
  int64_t proven_s;         /* the same; 0 = never */
  int64_t now_s, max_proof_age_s;
};
enum sp_standing sp_standing_of(const struct sp_standing_facts *facts);
/* Is this as it should be? */
bool sp_standing_is_good(enum sp_standing standing);

#endif
