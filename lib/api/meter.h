/* SPDX-License-Identifier: Apache-2.0 */
/* What registries say of pulls, for store/pull_reserve.h: that layer knows no registries. */
#ifndef SP_API_METER_H
#define SP_API_METER_H

#include "api/session.h"
#include "config/config.h"
#include "store/pull_reserve.h"

/* What the store's registry said last, and the reserve that the file has for it; `config` NULL, or
 * without a word of that registry: the usual one. An sp_pulls_ask but for the type of its context.
 */
bool sp_meter_ask(const struct sp_config *config, const struct sp_store *store,
                  struct sp_pulls_said *out);

/* The reserve of a job over places that no safeport.yaml speaks of. sp_pull_reserve_clear, after
 * its stores were closed. wait   at the reserve, wait for the next window; ends with the session's
 * wish to stop */
void sp_meter_init(struct sp_pull_reserve *reserve, const struct sp_session *session, bool wait);
/* Puts the reserve around an opened place, if it is at a registry. Fails: SP_E_NOMEM; the place is
 * closed then. */
SP_MUST_CHECK int sp_meter_wrap(struct sp_pull_reserve *reserve, struct sp_opened *opened,
                                struct sp_err *err);

#endif
