/* SPDX-License-Identifier: Apache-2.0 */
/* A page per value is wasteful and right: the kernel's marks (dump, lock) are per page, and a
 * process has a handful of secrets. */
#include "base/guarded.h"

#include <sys/mman.h>

char *sp_guarded_new(size_t len)
{
  void *page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    return NULL;
  /* Both are hardening: without the privilege the secret still works. */
  (void)madvise(page, len, MADV_DONTDUMP);
  (void)mlock(page, len);
  return page;
}

void sp_guarded_free(char *bytes, size_t len)
{
  if (!bytes)
    return;
  explicit_bzero(bytes, len);
  munmap(bytes, len);
}
