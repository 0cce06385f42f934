/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/libarchive.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define LIBRARY "libarchive.so.13" /* the ABI that the headers describe */

struct sp_libarchive sp_libarchive;
static bool is_loaded;

static void *find(void *library, const char *name, bool *found)
{
  void *symbol = dlsym(library, name);
  *found = *found && symbol;
  return symbol;
}

static void load(void)
{
  void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return;
  bool found = true;
  struct sp_libarchive table = {
#define SLOT(name) .name = (__typeof__(name) *)find(library, #name, &found),
      SP_LIBARCHIVE_FUNCTIONS(SLOT)
#undef SLOT
  };
  if (!found)
    return;
  sp_libarchive = table;
  is_loaded = true; /* never unloaded */
}

int sp_libarchive_load(struct sp_err *err)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  if (!is_loaded)
    return sp_fail(err, SP_E_IO, "archives need %s: install it (Debian: libarchive13)", LIBRARY);
  return 0;
}
