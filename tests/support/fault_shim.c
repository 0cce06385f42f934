/* SPDX-License-Identifier: Apache-2.0 */
/* LD_PRELOAD shim: counts calls and makes the nth of a kind fail, or kills the process there (kill
 * -9).
 *
 *   SP_SHIM="write:17=ENOSPC;fsync:3=EIO;rename:1=KILL"   kind:n=what; n counts from 1 in the whole
 * process SP_SHIM_COUNT=FILE                                     at exit, one line "kind count" per
 * kind
 *
 * Kinds: open write fsync rename link unlink mkdir malloc connect send recv, `file` (all of
 * open..mkdir that write) and `net` (connect, send, recv). ENOSPC, EIO, EACCES, EMFILE, EINTR,
 * ENOMEM, ECONNRESET, KILL, TERM (the call goes on). `malloc` counts only calls that come from the
 * program itself, not from libraries.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
  K_OPEN,
  K_WRITE,
  K_FSYNC,
  K_RENAME,
  K_LINK,
  K_UNLINK,
  K_MKDIR,
  K_MALLOC,
  K_CONNECT,
  K_SEND,
  K_RECV,
  K_FILE,
  K_NET,
  K_COUNT
};
static const char *const kind_names[K_COUNT] = {"open",   "write", "fsync",  "rename",  "link",
                                                "unlink", "mkdir", "malloc", "connect", "send",
                                                "recv",   "file",  "net"};
static const struct {
  const char *name;
  int value;
} actions[] = {{"ENOSPC", ENOSPC},         {"EIO", EIO},     {"EACCES", EACCES},
               {"EMFILE", EMFILE},         {"EINTR", EINTR}, {"ENOMEM", ENOMEM},
               {"ECONNRESET", ECONNRESET}, {"KILL", -1},     {"TERM", -2}};

#define RULES_MAX 8
static struct {
  enum kind kind;
  unsigned long nth;
  int action;
} rules[RULES_MAX];
static int rule_count;
static atomic_ulong counts[K_COUNT];
static atomic_int state; /* 0 not read, 1 being read, 2 ready */
static uintptr_t text_low, text_high;

static int find_program(struct dl_phdr_info *info, size_t size, void *ctx)
{
  (void)size;
  (void)ctx;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
      text_low = info->dlpi_addr + p->p_vaddr;
      text_high = text_low + p->p_memsz;
    }
  }
  return 1; /* the first is the program */
}

static void add_rule(const char *text)
{
  char kind[16], action[16];
  unsigned long nth;
  if (rule_count == RULES_MAX || sscanf(text, "%15[a-z]:%lu=%15[A-Z]", kind, &nth, action) != 3)
    return;
  for (int k = 0; k < K_COUNT; k++)
    if (strcmp(kind, kind_names[k]) == 0)
      for (size_t a = 0; a < sizeof actions / sizeof *actions; a++)
        if (strcmp(action, actions[a].name) == 0) {
          rules[rule_count].kind = (enum kind)k;
          rules[rule_count].nth = nth;
          rules[rule_count++].action = actions[a].value;
        }
}

static void read_rules(void)
{
  int expected = 0;
  if (!atomic_compare_exchange_strong(&state, &expected, 1))
    return;
  dl_iterate_phdr(find_program, NULL);
  const char *text = getenv("SP_SHIM");
  while (text && *text) {
    add_rule(text);
    text = strchr(text, ';');
    text = text ? text + 1 : NULL;
  }
  atomic_store(&state, 2);
}

/* Counts one call; true if it must fail (errno is set). */
static bool hit_one(enum kind kind)
{
  unsigned long n = atomic_fetch_add(&counts[kind], 1) + 1;
  for (int i = 0; i < rule_count; i++)
    if (rules[i].kind == kind && rules[i].nth == n) {
      if (rules[i].action == -1) {
        raise(SIGKILL);
        for (;;)
          pause();
      }
      if (rules[i].action == -2) {
        kill(getpid(), SIGTERM);
        return false; /* the call itself goes on */
      }
      errno = rules[i].action;
      return true;
    }
  return false;
}
static bool hit(enum kind kind)
{
  if (atomic_load(&state) != 2)
    read_rules();
  if (atomic_load(&state) != 2)
    return false;
  enum kind group = kind <= K_MKDIR ? K_FILE : kind == K_MALLOC ? K_MALLOC : K_NET;
  bool fail = hit_one(kind);
  return (group != kind && hit_one(group)) || fail;
}

__attribute__((destructor)) static void report(void)
{
  const char *path = getenv("SP_SHIM_COUNT");
  if (!path)
    return;
  FILE *f = fopen(path, "w");
  if (!f)
    return;
  for (int k = 0; k < K_COUNT; k++)
    fprintf(f, "%s %lu\n", kind_names[k], (unsigned long)counts[k]);
  fclose(f);
}

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) \
  real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define OPEN_BODY(name, call) \
  REAL(name); \
  mode_t mode = 0; \
  if (flags & (O_CREAT | O_TMPFILE)) { \
    va_list ap; \
    va_start(ap, flags); \
    mode = va_arg(ap, mode_t); \
    va_end(ap); \
  } \
  if ((flags & O_ACCMODE) != O_RDONLY && hit(K_OPEN)) \
    return -1; \
  return call
int open(const char *path, int flags, ...)
{
  OPEN_BODY(open, real(path, flags, mode));
}
int open64(const char *path, int flags, ...)
{
  OPEN_BODY(open64, real(path, flags, mode));
}
int openat(int dir, const char *path, int flags, ...)
{
  OPEN_BODY(openat, real(dir, path, flags, mode));
}
int openat64(int dir, const char *path, int flags, ...)
{
  OPEN_BODY(openat64, real(dir, path, flags, mode));
}

#define PASS(kind, type, name, params, args) \
  type name params \
  { \
    REAL(name); \
    if (hit(kind)) \
      return -1; \
    return real args; \
  }
/* Only files count as writes: pipes, sockets and terminals are the program's talk. */
static bool is_file(int fd)
{
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}
ssize_t write(int fd, const void *bytes, size_t n)
{
  REAL(write);
  if (is_file(fd) && hit(K_WRITE))
    return -1;
  return real(fd, bytes, n);
}
PASS(K_WRITE, ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
PASS(K_WRITE, ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at))
PASS(K_FSYNC, int, fsync, (int fd), (fd))
PASS(K_FSYNC, int, fdatasync, (int fd), (fd))
PASS(K_RENAME, int, rename, (const char *a, const char *b), (a, b))
PASS(K_RENAME, int, renameat, (int d, const char *a, int e, const char *b), (d, a, e, b))
PASS(K_RENAME, int, renameat2, (int d, const char *a, int e, const char *b, unsigned f),
     (d, a, e, b, f))
PASS(K_LINK, int, link, (const char *a, const char *b), (a, b))
PASS(K_LINK, int, linkat, (int d, const char *a, int e, const char *b, int f), (d, a, e, b, f))
PASS(K_UNLINK, int, unlink, (const char *a), (a))
PASS(K_UNLINK, int, unlinkat, (int d, const char *a, int f), (d, a, f))
PASS(K_MKDIR, int, mkdir, (const char *a, mode_t m), (a, m))
PASS(K_MKDIR, int, mkdirat, (int d, const char *a, mode_t m), (d, a, m))
/* Only the network counts: libcurl wakes its own loop through a socket pair. */
static bool is_network(int fd)
{
  int domain = 0;
  socklen_t n = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain != AF_UNIX;
}
#define PASS_NETWORK(kind, type, name, params, args) \
  type name params \
  { \
    REAL(name); \
    if (is_network(fd) && hit(kind)) \
      return -1; \
    return real args; \
  }
PASS_NETWORK(K_CONNECT, int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
PASS_NETWORK(K_SEND, ssize_t, send, (int fd, const void *p, size_t n, int f), (fd, p, n, f))
PASS_NETWORK(K_RECV, ssize_t, recv, (int fd, void *p, size_t n, int f), (fd, p, n, f))

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static bool from_program(const void *caller)
{
  return atomic_load(&state) == 2 && (uintptr_t)caller >= text_low && (uintptr_t)caller < text_high;
}
void *malloc(size_t n)
{
  if (from_program(__builtin_return_address(0)) && hit(K_MALLOC))
    return NULL;
  return __libc_malloc(n);
}
void *calloc(size_t n, size_t m)
{
  if (from_program(__builtin_return_address(0)) && hit(K_MALLOC))
    return NULL;
  return __libc_calloc(n, m);
}
void *realloc(void *p, size_t n)
{
  if (from_program(__builtin_return_address(0)) && hit(K_MALLOC))
    return NULL;
  return __libc_realloc(p, n);
}
__attribute__((constructor)) static void start(void)
{
  read_rules();
}
