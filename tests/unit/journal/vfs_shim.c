/* SPDX-License-Identifier: Apache-2.0 */
#include "vfs_shim.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static sqlite3_vfs *below;
static sqlite3_vfs shim;
static bool armed, failing, stays_failing;
static unsigned long calls, fail_at;
static int fail_with;

/* A file of ours: SQLite's own follows it in memory. */
struct file {
  sqlite3_file base;
  sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *file)
{
  return ((struct file *)file)->real;
}

/* The result that this change must have; SQLITE_OK: let it happen. */
static int next_result(void)
{
  if (!armed)
    return SQLITE_OK;
  if (++calls == fail_at) {
    if (fail_with == VFS_KILL)
      raise(SIGKILL);
    failing = stays_failing;
    return fail_with;
  }
  return failing ? fail_with : SQLITE_OK;
}

static int do_close(sqlite3_file *file)
{
  int result = real_of(file)->pMethods ? real_of(file)->pMethods->xClose(real_of(file)) : SQLITE_OK;
  free(real_of(file));
  return result;
}
static int do_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
  return real_of(file)->pMethods->xRead(real_of(file), bytes, n, at);
}
static int do_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
  if (armed && calls + 1 == fail_at) /* a part of it went out before */
    (void)real_of(file)->pMethods->xWrite(real_of(file), bytes, n / 2, at);
  int result = next_result();
  return result ? result : real_of(file)->pMethods->xWrite(real_of(file), bytes, n, at);
}
static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  int result = next_result();
  return result ? result : real_of(file)->pMethods->xTruncate(real_of(file), size);
}
static int do_sync(sqlite3_file *file, int flags)
{
  int result = next_result();
  return result ? result : real_of(file)->pMethods->xSync(real_of(file), flags);
}
static int do_size(sqlite3_file *file, sqlite3_int64 *size)
{
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
static int do_lock(sqlite3_file *file, int level)
{
  return real_of(file)->pMethods->xLock(real_of(file), level);
}
static int do_unlock(sqlite3_file *file, int level)
{
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
static int do_check(sqlite3_file *file, int *out)
{
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}
static int do_control(sqlite3_file *file, int op, void *arg)
{
  return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}
static int do_sector(sqlite3_file *file)
{
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}
static int do_traits(sqlite3_file *file)
{
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = do_close,
    .xRead = do_read,
    .xWrite = do_write,
    .xTruncate = do_truncate,
    .xSync = do_sync,
    .xFileSize = do_size,
    .xLock = do_lock,
    .xUnlock = do_unlock,
    .xCheckReservedLock = do_check,
    .xFileControl = do_control,
    .xSectorSize = do_sector,
    .xDeviceCharacteristics = do_traits,
};

static int do_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                   int *out_flags)
{
  struct file *made = (struct file *)file;
  (void)vfs;
  made->base.pMethods = NULL;
  int result = flags & SQLITE_OPEN_CREATE ? next_result() : SQLITE_OK;
  if (result != SQLITE_OK)
    return result;
  made->real = calloc(1, (size_t)below->szOsFile);
  if (!made->real)
    return SQLITE_NOMEM;
  result = below->xOpen(below, name, made->real, flags, out_flags);
  made->base.pMethods = &methods; /* so that it is closed, and its memory freed, in any case */
  return result;
}

static int do_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
  (void)vfs;
  int result = next_result();
  return result ? result : below->xDelete(below, name, sync_dir);
}

void vfs_shim_install(void)
{
  below = sqlite3_vfs_find(NULL);
  shim = *below;
  shim.zName = "shim";
  shim.szOsFile = sizeof(struct file);
  shim.xOpen = do_open;
  shim.xDelete = do_delete;
  if (sqlite3_vfs_register(&shim, 1) != SQLITE_OK)
    abort();
}

void vfs_shim_arm(unsigned long nth, int result, bool stays)
{
  armed = true;
  failing = false;
  stays_failing = stays;
  calls = 0;
  fail_at = nth;
  fail_with = result;
}

void vfs_shim_disarm(void)
{
  armed = failing = false;
}

unsigned long vfs_shim_calls(void)
{
  return calls;
}

bool vfs_shim_has_failed(void)
{
  return fail_at > 0 && calls >= fail_at;
}
