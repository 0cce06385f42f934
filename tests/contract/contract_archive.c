/* SPDX-License-Identifier: Apache-2.0 */
/* An archive that is written, also behind the retry wrapper, and read again once it is closed. */
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "contract.h"
#include "store/retry.h"

struct place {
  char dir[64];
  char path[96];
};

static const struct sp_archive_settings settings = {.name = "oci-archive:contract",
                                                    .kind = SP_ARCHIVE_OCI,
                                                    .compression = SP_COMPRESSION_DEFAULT_INIT};

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
  (void)facts;
  (void)kind;
  (void)where;
  return remove(path);
}

static int make_place(void *ctx, struct sp_store **out, struct sp_err *err)
{
  struct place *place = ctx;
  const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(place->dir, sizeof place->dir, "%s/safeport-contract-XXXXXX", base);
  if (!mkdtemp(place->dir))
    return sp_fail(err, SP_E_IO, "cannot make '%s'", place->dir);
  setenv("SAFEPORT_STATE", place->dir, 1);
  snprintf(place->path, sizeof place->path, "%s/image.tar", place->dir);
  return sp_archive_create_file(place->path, &settings, out, err);
}

static int reopen_place(void *ctx, struct sp_store **out, struct sp_err *err)
{
  const struct place *place = ctx;
  return sp_archive_open(place->path, &settings, out, err);
}

static void remove_place(void *ctx)
{
  struct place *place = ctx;
  nftw(place->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int make_retry(void *ctx, struct sp_store **out, struct sp_err *err)
{
  static const struct sp_retry_policy policy = {.retry_for_ms = 1000};
  SP_AUTO_STORE struct sp_store *inner = NULL;
  if (make_place(ctx, &inner, err) < 0 || sp_retry_wrap_take(inner, &policy, out, err) < 0)
    return -1;
  inner = NULL; /* taken */
  return 0;
}

static struct place place;

int main(void)
{
  const struct contract_factory factories[] = {
      {.name = "oci-archive",
       .cannot = CONTRACT_TRUSTS_APPROVAL,
       .ctx = &place,
       .make = make_place,
       .reopen = reopen_place,
       .after = remove_place},
      {.name = "retry around oci-archive",
       .cannot = CONTRACT_TRUSTS_APPROVAL,
       .ctx = &place,
       .make = make_retry,
       .after = remove_place},
  };
  return contract_run(factories, sizeof factories / sizeof factories[0]);
}
