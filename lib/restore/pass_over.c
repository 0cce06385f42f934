/* SPDX-License-Identifier: Apache-2.0 */
#include "restore/view.h"
#include "transfer/trouble.h"

static int kind_of(const struct sp_err *why)
{
  if (why->code == SP_E_NOT_FOUND)
    return SP_PASSED_MISSING;
  return sp_trouble_is_damage(why) ? SP_PASSED_DAMAGED : SP_PASSED_UNREAD;
}

void sp_view_pass_over(void *to, size_t copy, const struct sp_digest *digest,
                       const struct sp_err *why)
{
  struct sp_view *view = to;
  SP_LOCK_SCOPE(&view->lock);
  size_t number = view->order[copy];
  for (size_t i = 0; i < view->passed_over_count; i++) {
    const struct sp_passed_over *known = &view->passed_over[i];
    if (known->copy == number && sp_digest_eq(&known->digest, digest))
      return;
  }
  if (view->passed_over_count == SP_PASSED_OVER_MAX)
    return;
  struct sp_passed_over *passed = &view->passed_over[view->passed_over_count++];
  *passed = (struct sp_passed_over){.copy = number, .digest = *digest, .why = kind_of(why)};
  passed->is_damage = passed->why == SP_PASSED_DAMAGED;
}
