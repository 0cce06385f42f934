/* SPDX-License-Identifier: Apache-2.0 */
/* The layout in a directory, a repository of a vault, and wrappers as commands put them around. */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "contract.h"
#include "layout/vault.h"
#include "store/readonly.h"
#include "store/retry.h"

struct place {
  const char *repository; /* NULL: a layout */
  char dir[64];
};

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
  (void)facts;
  (void)kind;
  (void)where;
  return remove(path);
}

static int open_place(void *ctx, struct sp_store **out, struct sp_err *err)
{
  struct place *place = ctx;
  if (place->repository)
    return sp_vault_open(place->dir, place->repository, SP_LAYOUT_WRITE, NULL, out, err);
  return sp_layout_open(place->dir, "oci:contract", SP_LAYOUT_WRITE, NULL, out, err);
}

static int make_place(void *ctx, struct sp_store **out, struct sp_err *err)
{
  struct place *place = ctx;
  const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(place->dir, sizeof place->dir, "%s/safeport-contract-XXXXXX", base);
  if (!mkdtemp(place->dir))
    return sp_fail(err, SP_E_IO, "cannot make '%s'", place->dir);
  return open_place(ctx, out, err);
}

static void remove_place(void *ctx)
{
  struct place *place = ctx;
  nftw(place->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int make_readonly(void *ctx, struct sp_store **out, struct sp_err *err)
{
  SP_AUTO_STORE struct sp_store *inner = NULL;
  if (make_place(ctx, &inner, err) < 0 || sp_readonly_wrap_take(inner, out, err) < 0)
    return -1;
  inner = NULL; /* taken */
  return 0;
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

static struct place layout;
static struct place vault = {.repository = "ghcr.io/o/contract"};

int main(void)
{
  const struct contract_factory factories[] = {
      {.name = "layout",
       .cannot = CONTRACT_TRUSTS_APPROVAL,
       .ctx = &layout,
       .make = make_place,
       .reopen = open_place,
       .after = remove_place},
      {.name = "vault",
       .cannot = CONTRACT_TRUSTS_APPROVAL,
       .ctx = &vault,
       .make = make_place,
       .reopen = open_place,
       .after = remove_place},
      {.name = "retry around vault",
       .cannot = CONTRACT_TRUSTS_APPROVAL,
       .ctx = &vault,
       .make = make_retry,
       .after = remove_place},
      {.name = "read-only around layout",
       .cannot = CONTRACT_NO_WRITES | CONTRACT_TRUSTS_APPROVAL,
       .ctx = &layout,
       .make = make_readonly,
       .after = remove_place},
  };
  return contract_run(factories, sizeof factories / sizeof factories[0]);
}
