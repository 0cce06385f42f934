/* SPDX-License-Identifier: Apache-2.0 */
/* `docker-daemon:` places: the engine of this user, found, greeted, and made a store of. */
#ifndef SP_API_DAEMON_H
#define SP_API_DAEMON_H

#include "api/session.h"
#include "archive/archive.h"
#include "engine/engine.h"

/* Opens the place in the engine that the environment names (engine/endpoint.h). To be planned for,
 * the engine is only asked whether it is there. Fails: as sp_endpoint_find, sp_engine_open and
 * sp_engine_source_open_take. */
SP_MUST_CHECK int sp_daemon_open(const struct sp_place *place, enum sp_open_mode mode,
                                 const struct sp_engine_settings *engine,
                                 const struct sp_archive_settings *archive, struct sp_store **out,
                                 struct sp_err *err);

#endif
