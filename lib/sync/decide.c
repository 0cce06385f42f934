/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/decide.h"

#include "journal/known.h"

static bool differs(const struct sp_digest *known, const struct sp_digest *now)
{
  return known->alg != SP_DIGEST_NONE && !sp_digest_eq(known, now);
}

bool sp_sync_is_fresh(int64_t proven_s, int64_t now_s, int64_t max_proof_age_s)
{
  int64_t age_s = now_s > proven_s ? now_s - proven_s : 0;
  return sp_known_is_proof_date(proven_s, now_s) && age_s < max_proof_age_s;
}

enum sp_sync_action sp_sync_decide(const struct sp_tag_state *state)
{
  bool is_there = state->backup.alg != SP_DIGEST_NONE;
  if (is_there && sp_digest_eq(&state->backup, &state->primary)) {
    if (state->is_damaged)
      return SP_ACTION_TELL;
    return sp_sync_is_fresh(state->proven_s, state->now_s, state->max_proof_age_s)
               ? SP_ACTION_KEEP
               : SP_ACTION_PROVE;
  }
  if (state->is_accepted)
    return SP_ACTION_SET;
  if (state->may_not_move)
    return is_there ? SP_ACTION_REFUSE : SP_ACTION_SET;
  if (!state->is_fixed)
    return SP_ACTION_SET;
  bool has_changed =
      differs(&state->before, &state->primary) || differs(&state->backup_last, &state->primary);
  return is_there || has_changed ? SP_ACTION_REFUSE : SP_ACTION_SET;
}

bool sp_sync_is_loss_bearable(uint64_t known, uint64_t now, uint32_t max_loss_percent)
{
  uint64_t lost = known > now ? known - now : 0;
  return lost * 100 <= known * max_loss_percent && (lost == 0 || now > 0);
}
