/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upload_memory.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

static struct sp_upload_memory *memory_of(const struct sp_repository *repository)
{
  return repository->remote->uploads;
}

/* Asks the registry about the session at `location`. */
static int ask(struct sp_upload *upload, const char *location, uint64_t offset, uint64_t size_bytes,
               uint64_t *has, struct sp_err *err)
{
  if (sp_url_parse(sp_span_str(location), &upload->location, err) < 0 ||
      sp_http_site_check_upload(upload->repository->remote->http_site, &upload->location, err) <
          0 ||
      sp_upload_ask(upload, has, err) < 0)
    return -1;
  if (*has < offset || *has > size_bytes)
    return sp_fail(err, SP_E_SERVER, "the registry holds another part of the blob than was kept");
  return 0;
}

/* Is the session lost? An answer of the registry says so, or what it would be asked at; a line that
 * is down does not. */
static bool is_lost(const struct sp_err *err)
{
  return err->code == SP_E_SERVER || err->code == SP_E_NOT_FOUND || err->code == SP_E_PROTOCOL ||
         err->code == SP_E_REFUSED;
}

bool sp_upload_resume(struct sp_repository *repository, const struct sp_digest *digest,
                      uint64_t size_bytes, struct sp_upload *upload, uint64_t *offset)
{
  struct sp_upload_memory *memory = memory_of(repository);
  SP_AUTO_FREE char *location = NULL;
  struct sp_err why = SP_ERR_INIT;
  uint64_t kept = 0;
  uint64_t has = 0;
  *upload = (struct sp_upload){.repository = repository, .is_inherited = true};
  if (!memory)
    return false;
  memory->find(memory, repository->full_name, digest, size_bytes, &location, &kept);
  if (!location || sp_remote_open(repository->remote, &why) < 0)
    return false;
  if (ask(upload, location, kept, size_bytes, &has, &why) == 0) {
    *offset = has;
    sp_log(SP_LOG_INFO, "an upload to '%s' goes on at byte %" PRIu64 " of %" PRIu64,
           repository->full_name, *offset, size_bytes);
    return true;
  }
  sp_log(SP_LOG_INFO, "an upload to '%s' begins anew: %s", repository->full_name, why.msg);
  if (is_lost(&why))
    sp_upload_forget(upload, digest);
  sp_upload_clear(upload);
  return false;
}

bool sp_upload_keep(const struct sp_upload *upload, const struct sp_digest *digest,
                    uint64_t size_bytes, uint64_t offset)
{
  struct sp_upload_memory *memory = memory_of(upload->repository);
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf location;
  sp_buf_init(&location, SP_MAX_URL_BYTES);
  return memory && sp_url_format(&upload->location, &location, &ignored) == 0 &&
         memory->keep(memory, upload->repository->full_name, digest, size_bytes, offset,
                      location.data);
}

void sp_upload_forget(const struct sp_upload *upload, const struct sp_digest *digest)
{
  struct sp_upload_memory *memory = memory_of(upload->repository);
  if (memory)
    memory->forget(memory, upload->repository->full_name, digest);
}
