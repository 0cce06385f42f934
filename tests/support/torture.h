/* SPDX-License-Identifier: Apache-2.0 */
/* Included before everything in the build of `make torture` (-include): each allocation that the
 * library writes down itself is counted, and the one that $TORTURE_AT names fails. Tests allocate
 * without being counted, because __FILE__ tells them apart; so do other libraries.
 *
 *   TORTURE_AT=n        the nth allocation of the process fails
 *   TORTURE_COUNT=FILE  how many there were is written there at exit
 *
 * Works under ASan, which a shim by LD_PRELOAD does not. Threads: any.
 */
#ifndef SP_TORTURE_H
#define SP_TORTURE_H

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TORTURE_SHARED __attribute__((weak))

TORTURE_SHARED atomic_ulong torture_count;
TORTURE_SHARED pid_t torture_pid;

void torture_report(void);
bool torture_fails(const char *file);
void *torture_malloc(size_t n, const char *file);
void *torture_calloc(size_t n, size_t m, const char *file);
void *torture_realloc(void *p, size_t n, const char *file);
void *torture_reallocarray(void *p, size_t n, size_t m, const char *file);
char *torture_strdup(const char *text, const char *file);
char *torture_strndup(const char *text, size_t n, const char *file);
int torture_vasprintf(char **out, const char *format, va_list args, const char *file);

TORTURE_SHARED void torture_report(void)
{
  const char *path = getenv("TORTURE_COUNT");
  FILE *file = path && getpid() == torture_pid ? fopen(path, "w") : NULL;
  if (!file)
    return;
  fprintf(file, "%lu\n", (unsigned long)torture_count);
  fclose(file);
}

TORTURE_SHARED bool torture_fails(const char *file)
{
  if (!strstr(file, "lib/") && !strstr(file, "cli/"))
    return false;
  if (strstr(file, "tests/"))
    return false;
  unsigned long n = atomic_fetch_add(&torture_count, 1) + 1;
  if (n == 1) {
    torture_pid = getpid();
    atexit(torture_report);
  }
  const char *at = getenv("TORTURE_AT");
  if (!at || strtoul(at, NULL, 10) != n)
    return false;
  errno = ENOMEM;
  return true;
}

TORTURE_SHARED void *torture_malloc(size_t n, const char *file)
{
  return torture_fails(file) ? NULL : malloc(n);
}
TORTURE_SHARED void *torture_calloc(size_t n, size_t m, const char *file)
{
  return torture_fails(file) ? NULL : calloc(n, m);
}
TORTURE_SHARED void *torture_realloc(void *p, size_t n, const char *file)
{
  return torture_fails(file) ? NULL : realloc(p, n);
}
TORTURE_SHARED void *torture_reallocarray(void *p, size_t n, size_t m, const char *file)
{
  return torture_fails(file) ? NULL : reallocarray(p, n, m);
}
TORTURE_SHARED char *torture_strdup(const char *text, const char *file)
{
  return torture_fails(file) ? NULL : strdup(text);
}
TORTURE_SHARED char *torture_strndup(const char *text, size_t n, const char *file)
{
  return torture_fails(file) ? NULL : strndup(text, n);
}
TORTURE_SHARED int torture_vasprintf(char **out, const char *format, va_list args, const char *file)
{
  return torture_fails(file) ? -1 : vasprintf(out, format, args);
}

#define malloc(n) torture_malloc((n), __FILE__)
#define calloc(n, m) torture_calloc((n), (m), __FILE__)
#define realloc(p, n) torture_realloc((p), (n), __FILE__)
#define reallocarray(p, n, m) torture_reallocarray((p), (n), (m), __FILE__)
#define strdup(text) torture_strdup((text), __FILE__)
#define strndup(text, n) torture_strndup((text), (n), __FILE__)
#define vasprintf(out, format, args) torture_vasprintf((out), (format), (args), __FILE__)

#endif
