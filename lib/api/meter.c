/* SPDX-License-Identifier: Apache-2.0 */
#include "api/meter.h"

#include <string.h>

/* What safeport.yaml has where it says nothing of a registry. */
#define DEFAULT_RESERVE_PERCENT 20

bool sp_meter_ask(const struct sp_config *config, const struct sp_store *store,
                  struct sp_pulls_said *out)
{
  if (!sp_registry_pulls_left(store, &out->limit, &out->left, &out->window_s))
    return false;
  char host[SP_MAX_HOST + 1];
  snprintf(host, sizeof host, "%.*s", (int)strcspn(store->name, "/"), store->name);
  const struct sp_config_registry *registry = config ? sp_config_registry(config, host) : NULL;
  out->reserve_percent = registry ? registry->pull_reserve_percent : DEFAULT_RESERVE_PERCENT;
  return true;
}

static bool ask(void *ctx, const struct sp_store *store, struct sp_pulls_said *out)
{
  (void)ctx;
  return sp_meter_ask(NULL, store, out);
}

void sp_meter_init(struct sp_pull_reserve *reserve, const struct sp_session *session, bool wait)
{
  sp_pull_reserve_init(reserve, ask, NULL);
  if (wait)
    sp_pull_reserve_wait(reserve, sp_session_cancel(session));
}

int sp_meter_wrap(struct sp_pull_reserve *reserve, struct sp_opened *opened, struct sp_err *err)
{
  if (!opened->registry)
    return 0;
  struct sp_store *inner = opened->store;
  *opened = (struct sp_opened){.registry = opened->registry};
  if (sp_pull_reserve_wrap_take(reserve, inner, &opened->store, err) == 0)
    return 0;
  opened->registry = NULL;
  return -1;
}
