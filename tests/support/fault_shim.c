/* SPDX-License-Identifier: Apache-2.0 */
/* LD_PRELOAD shim: counts calls and makes the nth of a kind fail, or kills the process there (kill
 * -9); and sets the clock of the day.
 *
 *   SP_SHIM="write:17=ENOSPC;fsync:3=EIO"   kind:n=what; n counts from 1 in the whole process
 *   SP_SHIM_COUNT=FILE                      at exit, one line "kind count" per kind
 *   SP_SHIM_LOG=FILE                        a byte to it when a rule was met
 *   SP_SHIM_CLOCK=+86400 or -86400@20       so many seconds are added (from the 20th reading on)
 *
 * Kinds: open write fsync rename link unlink mkdir malloc connect send recv, `file` (all of
 * open..mkdir that write) and `net` (connect, send, recv); read (of a file; none of the C library's
 * own, so not fread) and fd (whatever else makes a descriptor: socket, accept, eventfd, pipe,
 * epoll, open for reading), which are in no group. ENOSPC, EIO, EACCES, EROFS, EMFILE, EINTR,
 * EAGAIN, ENOMEM, ECONNRESET; SHORT (half of the bytes of a write, read, send or recv); KILL; TERM,
 * INT and STOP (the call goes on); n = 0 is every call. `malloc` counts only calls that come from
 * the program itself, not from libraries.
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
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
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
  K_READ,
  K_FD,
  K_COUNT
};
static const char *const kind_names[K_COUNT] = {"open",   "write", "fsync",  "rename",  "link",
                                                "unlink", "mkdir", "malloc", "connect", "send",
                                                "recv",   "file",  "net",    "read",    "fd"};
static const struct {
  const char *name;
  int value;
} actions[] = {{"ENOSPC", ENOSPC},
               {"EIO", EIO},
               {"EACCES", EACCES},
               {"EMFILE", EMFILE},
               {"EINTR", EINTR},
               {"ENOMEM", ENOMEM},
               {"ECONNRESET", ECONNRESET},
               {"EROFS", EROFS},
               {"EAGAIN", EAGAIN},
               {"KILL", -1},
               {"TERM", -2},
               {"INT", -4},
               {"STOP", -5},
               {"SHORT", -3}};

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

enum outcome { GO_ON, FAIL, SHORTEN };

/* For who asks whether a rule was met: a program that fails for it, or one that had ended before.
 */
static void note_met(void)
{
  static atomic_bool was_noted;
  const char *path = getenv("SP_SHIM_LOG");
  if (!path || atomic_exchange(&was_noted, true))
    return;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd < 0)
    return;
  (void)syscall(SYS_write, fd, "x", 1);
  (void)syscall(SYS_close, fd);
}

static int signal_of(int action)
{
  static const int signals[] = {[1] = SIGKILL, [2] = SIGTERM, [4] = SIGINT, [5] = SIGSTOP};
  return action < 0 ? signals[-action] : 0;
}
/* Counts one call; if it must fail, errno is set. */
static enum outcome hit_one(enum kind kind)
{
  unsigned long n = atomic_fetch_add(&counts[kind], 1) + 1;
  for (int i = 0; i < rule_count; i++)
    if (rules[i].kind == kind && (rules[i].nth == n || rules[i].nth == 0)) {
      note_met();
      int number = signal_of(rules[i].action);
      if (number) {
        kill(getpid(), number);
        while (number == SIGKILL)
          pause();
        return GO_ON;
      }
      if (rules[i].action == -3)
        return SHORTEN;
      errno = rules[i].action;
      return FAIL;
    }
  return GO_ON;
}
static enum outcome hit(enum kind kind)
{
  if (atomic_load(&state) != 2)
    read_rules();
  if (atomic_load(&state) != 2)
    return GO_ON;
  enum kind group = kind <= K_MKDIR ? K_FILE : kind >= K_CONNECT && kind <= K_RECV ? K_NET : kind;
  enum outcome own = hit_one(kind);
  enum outcome of_group = group != kind ? hit_one(group) : GO_ON;
  return own != GO_ON ? own : of_group;
}
static bool fails(enum kind kind)
{
  return hit(kind) == FAIL;
}
/* For calls that take n bytes: false if the call fails, else how many it may take. */
static bool may_take(enum kind kind, size_t *n)
{
  enum outcome outcome = hit(kind);
  if (outcome == SHORTEN)
    *n = *n > 1 ? *n / 2 : *n;
  return outcome != FAIL;
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
  if (fails((flags & O_ACCMODE) != O_RDONLY ? K_OPEN : K_FD)) \
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
    if (fails(kind)) \
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
  return !is_file(fd) || may_take(K_WRITE, &n) ? real(fd, bytes, n) : -1;
}
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
  REAL(pwrite);
  return may_take(K_WRITE, &n) ? real(fd, bytes, n, at) : -1;
}
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
  REAL(pwrite64);
  return may_take(K_WRITE, &n) ? real(fd, bytes, n, at) : -1;
}
ssize_t read(int fd, void *bytes, size_t n)
{
  REAL(read);
  return !is_file(fd) || may_take(K_READ, &n) ? real(fd, bytes, n) : -1;
}
ssize_t pread(int fd, void *bytes, size_t n, off_t at)
{
  REAL(pread);
  return may_take(K_READ, &n) ? real(fd, bytes, n, at) : -1;
}
ssize_t pread64(int fd, void *bytes, size_t n, off64_t at)
{
  REAL(pread64);
  return may_take(K_READ, &n) ? real(fd, bytes, n, at) : -1;
}
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
PASS(K_FD, int, socket, (int d, int t, int p), (d, t, p))
PASS(K_FD, int, socketpair, (int d, int t, int p, int pair[2]), (d, t, p, pair))
PASS(K_FD, int, accept, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
PASS(K_FD, int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int f), (fd, a, n, f))
PASS(K_FD, int, pipe, (int pair[2]), (pair))
PASS(K_FD, int, pipe2, (int pair[2], int f), (pair, f))
PASS(K_FD, int, eventfd, (unsigned n, int f), (n, f))
PASS(K_FD, int, epoll_create1, (int f), (f))
/* Only the network counts: libcurl wakes its own loop through a socket pair. */
static bool is_network(int fd)
{
  int domain = 0;
  socklen_t n = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain != AF_UNIX;
}
int connect(int fd, const struct sockaddr *to, socklen_t n)
{
  REAL(connect);
  return is_network(fd) && fails(K_CONNECT) ? -1 : real(fd, to, n);
}
ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
  REAL(send);
  return !is_network(fd) || may_take(K_SEND, &n) ? real(fd, bytes, n, flags) : -1;
}
ssize_t recv(int fd, void *bytes, size_t n, int flags)
{
  REAL(recv);
  return !is_network(fd) || may_take(K_RECV, &n) ? real(fd, bytes, n, flags) : -1;
}

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static bool from_program(const void *caller)
{
  return atomic_load(&state) == 2 && (uintptr_t)caller >= text_low && (uintptr_t)caller < text_high;
}
#define MUST_FAIL() (from_program(__builtin_return_address(0)) && fails(K_MALLOC))
void *malloc(size_t n)
{
  return MUST_FAIL() ? NULL : __libc_malloc(n);
}
void *calloc(size_t n, size_t m)
{
  return MUST_FAIL() ? NULL : __libc_calloc(n, m);
}
void *realloc(void *p, size_t n)
{
  return MUST_FAIL() ? NULL : __libc_realloc(p, n);
}
/* The C library allocates for these in the program's name. */
void *reallocarray(void *p, size_t n, size_t m)
{
  REAL(reallocarray);
  return MUST_FAIL() ? NULL : real(p, n, m);
}
char *strdup(const char *text)
{
  REAL(strdup);
  return MUST_FAIL() ? NULL : real(text);
}
char *strndup(const char *text, size_t n)
{
  REAL(strndup);
  return MUST_FAIL() ? NULL : real(text, n);
}

/* The clock of the day; the monotonic one goes on as it is. */
static time_t clock_offset(void)
{
  static atomic_ulong readings;
  long seconds = 0;
  unsigned long from = 0;
  const char *text = getenv("SP_SHIM_CLOCK");
  if (!text || sscanf(text, "%ld@%lu", &seconds, &from) < 1)
    return 0;
  return atomic_fetch_add(&readings, 1) + 1 >= from ? seconds : 0;
}
int clock_gettime(clockid_t id, struct timespec *now)
{
  REAL(clock_gettime);
  int failed = real(id, now);
  if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
    now->tv_sec += clock_offset();
  return failed;
}
int gettimeofday(struct timeval *now, void *zone)
{
  REAL(gettimeofday);
  int failed = real(now, zone);
  if (!failed)
    now->tv_sec += clock_offset();
  return failed;
}
time_t time(time_t *out)
{
  REAL(time);
  time_t now = real(NULL) + clock_offset();
  if (out)
    *out = now;
  return now;
}
__attribute__((constructor)) static void start(void)
{
  read_rules();
}
