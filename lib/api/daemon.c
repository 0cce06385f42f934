/* SPDX-License-Identifier: Apache-2.0 */
#include "api/daemon.h"

#include "engine/destination.h"
#include "engine/source.h"
#include "store/memory.h"

int sp_daemon_open(const struct sp_place *place, enum sp_open_mode mode,
                   const struct sp_engine_settings *engine,
                   const struct sp_archive_settings *archive, struct sp_store **out,
                   struct sp_err *err)
{
  struct sp_endpoint endpoint;
  struct sp_platform platform = {0};
  SP_AUTO_ENGINE struct sp_engine *opened = NULL;
  if (sp_endpoint_find(&endpoint, err) < 0 || sp_engine_open(engine, &endpoint, &opened, err) < 0)
    return -1;
  if (mode != SP_OPEN_READ && sp_engine_get_platform(opened, &platform, err) < 0)
    return -1;
  switch (mode) {
  case SP_OPEN_READ:
    return sp_engine_source_open_take(sp_steal(&opened), &place->ref, archive, out, err);
  case SP_OPEN_WRITE:
    return sp_engine_destination_open_take(sp_steal(&opened), archive, &platform, out, err);
  case SP_OPEN_PLAN:
    if (sp_memory_new(archive->name, out, err) < 0)
      return -1;
    (*out)->takes = platform;
    return 0;
  }
  return sp_fail(err, SP_E_INTERNAL, "no such mode");
}
