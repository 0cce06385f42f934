/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/standing.h"

#include "sync/decide.h"

const char *sp_standing_name(enum sp_standing standing)
{
  static const char *const names[SP_STANDING_COUNT] = {
      [SP_STANDING_IN_STEP] = "in_step",   [SP_STANDING_UNPROVEN] = "unproven",
      [SP_STANDING_DAMAGED] = "damaged",   [SP_STANDING_BEHIND] = "behind",
      [SP_STANDING_CHANGED] = "changed",   [SP_STANDING_MISSING] = "missing",
      [SP_STANDING_EXTRA] = "extra",       [SP_STANDING_ABSENT] = "absent",
      [SP_STANDING_UNSIGNED] = "unsigned", [SP_STANDING_LOST] = "lost",
      [SP_STANDING_UNKNOWN] = "unknown"};
  return names[standing];
}

bool sp_standing_is_good(enum sp_standing standing)
{
  return standing == SP_STANDING_IN_STEP || standing == SP_STANDING_EXTRA ||
         standing == SP_STANDING_ABSENT;
}

static bool is_fresh(const struct sp_standing_facts *facts)
{
  return sp_sync_is_fresh(facts->proven_s, facts->now_s, facts->max_proof_age_s);
}

static enum sp_standing of_extra(const struct sp_standing_facts *facts)
{
  if (facts->backup.alg == SP_DIGEST_NONE)
    return facts->is_missed ? SP_STANDING_MISSING : SP_STANDING_ABSENT;
  return facts->is_gone && !is_fresh(facts) ? SP_STANDING_UNPROVEN : SP_STANDING_EXTRA;
}

enum sp_standing sp_standing_of(const struct sp_standing_facts *facts)
{
  bool is_there = facts->backup.alg != SP_DIGEST_NONE;
  if (!facts->is_known)
    return SP_STANDING_UNKNOWN;
  if (is_there && facts->is_damaged)
    return SP_STANDING_DAMAGED;
  if (facts->is_extra)
    return of_extra(facts);
  if (facts->primary.alg == SP_DIGEST_NONE)
    return SP_STANDING_UNKNOWN;
  if (!is_there)
    return SP_STANDING_MISSING;
  if (!sp_digest_eq(&facts->backup, &facts->primary))
    return facts->is_fixed ? SP_STANDING_CHANGED : SP_STANDING_BEHIND;
  if (facts->is_lost)
    return SP_STANDING_LOST;
  if (facts->lacks_signatures)
    return SP_STANDING_UNSIGNED;
  return is_fresh(facts) ? SP_STANDING_IN_STEP : SP_STANDING_UNPROVEN;
}
