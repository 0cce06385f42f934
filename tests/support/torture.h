/* SPDX-License-Identifier: Apache-2.0 */
/* Included before everything in the build of `make torture` (-include): each allocation that the
 * library writes down itself is counted, and the one that $TORTURE_AT names fails. Tests allocate
 * without being counted, because __FILE__ tells them apart; so do other libraries.
 *
 * A context is the whole stack of calls that led to an allocation, as far as it lies in this
 * program. What a loop allocates a thousand times has one context.
 *
 *   TORTURE_AT=n        the nth allocation of the process fails
 *   TORTURE_AT=L:C:k    the kth of context C, an allocation of line L
 *   TORTURE_COUNT=FILE  at exit: how many there were; then, one on a line, the name L:C:k of each
 *                       context's 1st, 2nd, 4th, 8th ... allocation
 *   TORTURE_FAILED=FILE is made when the allocation that was named fails
 *   TORTURE_TEST=NAME   only this test runs
 *
 * TORTURE_AFTER allocations behind the failed one, the process ends: leaks are looked for, and what
 * was to be seen has been seen.
 *
 * Works under ASan, which a shim by LD_PRELOAD does not. Threads: any.
 */
#ifndef SP_TORTURE_H
#define SP_TORTURE_H

#include <errno.h>
#include <execinfo.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TORTURE_SHARED __attribute__((weak))

enum { TORTURE_CONTEXTS = 1 << 16, TORTURE_DEPTH = 128, TORTURE_AFTER = 20000 };

/* What has been seen of one context. A context that finds no place is an abort, not a silence. */
struct torture_context {
  uint64_t name; /* 0: nobody's yet */
  unsigned long count;
  int line;
};

TORTURE_SHARED atomic_ulong torture_count;
TORTURE_SHARED atomic_ulong torture_failed_at; /* 0: none has failed yet */
TORTURE_SHARED pid_t torture_pid;
TORTURE_SHARED pthread_mutex_t torture_lock = PTHREAD_MUTEX_INITIALIZER;
TORTURE_SHARED struct torture_context torture_contexts[TORTURE_CONTEXTS];

/* The bounds of this program's code; made by the linker. */
extern const char __executable_start, etext;
/* Of cmocka and of ASan. */
extern void cmocka_set_test_filter(const char *pattern) TORTURE_SHARED;
extern void __lsan_do_leak_check(void) TORTURE_SHARED;

void torture_report(void);
void torture_begin(void);
bool torture_is_counted(const char *file);
uint64_t torture_context(void);
unsigned long torture_occurrence(uint64_t context, int line);
bool torture_is_of_line(const char *at, int line);
bool torture_is_named(const char *at, unsigned long n, int line, uint64_t context);
void torture_tell(void);
bool torture_fails(const char *file, int line);
void *torture_malloc(size_t n, const char *file, int line);
void *torture_calloc(size_t n, size_t m, const char *file, int line);
void *torture_realloc(void *p, size_t n, const char *file, int line);
void *torture_reallocarray(void *p, size_t n, size_t m, const char *file, int line);
char *torture_strdup(const char *text, const char *file, int line);
char *torture_strndup(const char *text, size_t n, const char *file, int line);
int torture_vasprintf(char **out, const char *format, va_list args, const char *file, int line);

TORTURE_SHARED void torture_report(void)
{
  const char *path = getenv("TORTURE_COUNT");
  FILE *file = path && getpid() == torture_pid ? fopen(path, "w") : NULL;
  if (!file)
    return;
  fprintf(file, "%lu\n", (unsigned long)torture_count);
  for (int i = 0; i < TORTURE_CONTEXTS; i++) {
    struct torture_context *c = &torture_contexts[i];
    for (unsigned long k = 1; k <= c->count; k *= 2)
      fprintf(file, "%d:%016" PRIx64 ":%lu\n", c->line, c->name, k);
  }
  fclose(file);
}

TORTURE_SHARED __attribute__((constructor)) void torture_begin(void)
{
  if (getenv("TORTURE_TEST") && cmocka_set_test_filter)
    cmocka_set_test_filter(getenv("TORTURE_TEST"));
}

TORTURE_SHARED bool torture_is_counted(const char *file)
{
  return (strstr(file, "lib/") || strstr(file, "cli/")) && !strstr(file, "tests/");
}

/* FNV-1a over the return addresses in this program, but for those in this function and its caller,
 * torture_fails, which differ with what is asked. */
TORTURE_SHARED __attribute__((noinline)) uint64_t torture_context(void)
{
  void *frames[TORTURE_DEPTH];
  int depth = backtrace(frames, TORTURE_DEPTH);
  int ours = 0;
  uint64_t hash = 0xcbf29ce484222325u;
  for (int i = 0; i < depth; i++) {
    const char *at = frames[i];
    if (at < &__executable_start || at >= &etext || ++ours <= 2)
      continue;
    hash = (hash ^ (uint64_t)(at - &__executable_start)) * 0x100000001b3u;
  }
  return hash | 1;
}

/* Counts one more of the context: 1 for its first. */
TORTURE_SHARED unsigned long torture_occurrence(uint64_t context, int line)
{
  pthread_mutex_lock(&torture_lock);
  struct torture_context *c = &torture_contexts[context % TORTURE_CONTEXTS];
  for (int i = 0; c->name != 0 && c->name != context; i++) {
    if (i == TORTURE_CONTEXTS)
      abort();
    c = c + 1 == torture_contexts + TORTURE_CONTEXTS ? torture_contexts : c + 1;
  }
  c->name = context;
  c->line = line;
  unsigned long count = ++c->count;
  pthread_mutex_unlock(&torture_lock);
  return count;
}

/* Does `at` name an allocation of this line, by its context? */
TORTURE_SHARED bool torture_is_of_line(const char *at, int line)
{
  char *end = NULL;
  return strtol(at, &end, 10) == line && *end == ':';
}

/* Is the nth allocation, of this context (0: not asked for), the one that `at` names? */
TORTURE_SHARED bool torture_is_named(const char *at, unsigned long n, int line, uint64_t context)
{
  char *end = strchr(at, ':');
  if (!end)
    return strtoul(at, NULL, 10) == n;
  return context != 0 && context == strtoull(end + 1, &end, 16) &&
         torture_occurrence(context, line) == strtoul(end + 1, NULL, 10);
}

/* Says that the allocation that was named came, and failed. */
TORTURE_SHARED void torture_tell(void)
{
  const char *path = getenv("TORTURE_FAILED");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (file)
    fclose(file);
}

TORTURE_SHARED __attribute__((noinline)) bool torture_fails(const char *file, int line)
{
  if (!torture_is_counted(file))
    return false;
  unsigned long n = atomic_fetch_add(&torture_count, 1) + 1;
  if (n == 1) {
    torture_pid = getpid();
    atexit(torture_report);
  }
  const char *at = getenv("TORTURE_AT");
  bool is_counting = !at && getenv("TORTURE_COUNT");
  uint64_t context = is_counting || (at && torture_is_of_line(at, line)) ? torture_context() : 0;
  if (is_counting)
    torture_occurrence(context, line);
  if (torture_failed_at && n > torture_failed_at + TORTURE_AFTER) {
    __lsan_do_leak_check();
    _exit(0);
  }
  if (!at || torture_failed_at || !torture_is_named(at, n, line, context))
    return false;
  torture_failed_at = n;
  torture_tell();
  errno = ENOMEM;
  return true;
}

TORTURE_SHARED void *torture_malloc(size_t n, const char *file, int line)
{
  return torture_fails(file, line) ? NULL : malloc(n);
}
TORTURE_SHARED void *torture_calloc(size_t n, size_t m, const char *file, int line)
{
  return torture_fails(file, line) ? NULL : calloc(n, m);
}
TORTURE_SHARED void *torture_realloc(void *p, size_t n, const char *file, int line)
{
  return torture_fails(file, line) ? NULL : realloc(p, n);
}
TORTURE_SHARED void *torture_reallocarray(void *p, size_t n, size_t m, const char *file, int line)
{
  return torture_fails(file, line) ? NULL : reallocarray(p, n, m);
}
TORTURE_SHARED char *torture_strdup(const char *text, const char *file, int line)
{
  return torture_fails(file, line) ? NULL : strdup(text);
}
TORTURE_SHARED char *torture_strndup(const char *text, size_t n, const char *file, int line)
{
  return torture_fails(file, line) ? NULL : strndup(text, n);
}
TORTURE_SHARED int torture_vasprintf(char **out, const char *format, va_list args, const char *file,
                                     int line)
{
  return torture_fails(file, line) ? -1 : vasprintf(out, format, args);
}

#define malloc(n) torture_malloc((n), __FILE__, __LINE__)
#define calloc(n, m) torture_calloc((n), (m), __FILE__, __LINE__)
#define realloc(p, n) torture_realloc((p), (n), __FILE__, __LINE__)
#define reallocarray(p, n, m) torture_reallocarray((p), (n), (m), __FILE__, __LINE__)
#define strdup(text) torture_strdup((text), __FILE__, __LINE__)
#define strndup(text, n) torture_strndup((text), (n), __FILE__, __LINE__)
#define vasprintf(out, format, args) torture_vasprintf((out), (format), (args), __FILE__, __LINE__)

#endif
