/* SPDX-License-Identifier: Apache-2.0 */
/* A name below a directory descriptor is reached one component at a time with O_NOFOLLOW, so that
 * nobody who can plant a link leads us elsewhere (S13, S31). A path from AT_FDCWD is the user's own
 * and its directories may be links. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/random.h"
#include "base/text.h"

#define READ_CHUNK 16384
#define TEMP_TRIES 100

static enum sp_code code_of(int sys)
{
  if (sys == ENOENT)
    return SP_E_NOT_FOUND;
  return sys == ELOOP ? SP_E_INVALID : SP_E_IO; /* ELOOP: a link where we follow none */
}

/* -- reading */

static int open_regular(int dir_fd, const char *name, int *fd, struct stat *facts,
                        struct sp_err *err)
{
  /* O_NONBLOCK: opening a FIFO that somebody planted must not wait. */
  SP_AUTO_CLOSE int opened =
      openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
  if (opened < 0)
    return sp_fail_sys(err, code_of(errno), errno, "cannot open '%s'", name);
  if (fstat(opened, facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot look at '%s'", name);
  if (!S_ISREG(facts->st_mode))
    return sp_fail(err, SP_E_INVALID, "cannot read '%s': not a regular file", name);
  *fd = sp_steal_fd(&opened);
  return 0;
}

static int read_to_end(int fd, const char *name, struct sp_buf *out, struct sp_err *err)
{
  char chunk[READ_CHUNK];
  for (;;) {
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return sp_fail_sys(err, SP_E_IO, errno, "cannot read '%s'", name);
    if (n == 0)
      return 0;
    if (sp_buf_append(out, chunk, (size_t)n, err) < 0)
      return sp_err_context(err, "cannot read '%s'", name);
  }
}

int sp_file_read(int dir_fd, const char *name, struct sp_buf *out, struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  struct stat facts;
  if (open_regular(dir_fd, name, &fd, &facts, err) < 0)
    return -1;
  size_t before = out->len;
  /* Known to be too large: say so without reading a terabyte of holes. */
  if ((uint64_t)facts.st_size > out->max_bytes - before)
    return sp_fail(err, SP_E_LIMIT, "cannot read '%s': larger than the limit of %zu bytes", name,
                   out->max_bytes);
  if (read_to_end(fd, name, out, err) < 0) {
    sp_buf_truncate(out, before);
    return -1;
  }
  return 0;
}

/* -- writing */

int sp_file_create_temp(int dir_fd, mode_t mode, char name[SP_FILE_TEMP_NAME_MAX], int *fd,
                        struct sp_err *err)
{
  int sys = EEXIST;
  for (int i = 0; i < TEMP_TRIES && sys == EEXIST; i++) {
    snprintf(name, SP_FILE_TEMP_NAME_MAX, SP_FILE_TEMP_PREFIX "%016llx",
             (unsigned long long)sp_random_u64());
    int made = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (made >= 0) {
      *fd = made;
      return 0;
    }
    sys = errno;
  }
  return sp_fail_sys(err, SP_E_IO, sys, "cannot create a temporary file");
}

int sp_file_write_all(int fd, const void *bytes, size_t len, struct sp_err *err)
{
  const char *p = bytes;
  while (len > 0) {
    ssize_t n = write(fd, p, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return sp_fail_sys(err, SP_E_IO, n < 0 ? errno : EIO, "cannot write");
    p += n;
    len -= (size_t)n;
  }
  return 0;
}

int sp_file_sync(int fd, struct sp_err *err)
{
  if (fsync(fd) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot bring a file to disk");
  return 0;
}

int sp_file_sync_dir(int dir_fd, struct sp_err *err)
{
  SP_AUTO_CLOSE int here = -1;
  int fd = dir_fd;
  if (dir_fd == AT_FDCWD) {
    here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (here < 0)
      return sp_fail_sys(err, SP_E_IO, errno, "cannot open the current directory");
    fd = here;
  }
  if (fsync(fd) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot bring a directory to disk");
  return 0;
}

/* Writes and syncs an open temporary file, closes it, and gives it its name. */
static int fill_and_rename(int dir_fd, const char *temp, int *fd, const char *name,
                           struct sp_span bytes, struct sp_err *err)
{
  if (sp_file_write_all(*fd, bytes.ptr, bytes.len, err) < 0 || sp_file_sync(*fd, err) < 0)
    return -1;
  /* Some file systems report a write that failed only now. */
  if (close(sp_steal_fd(fd)) < 0 && errno != EINTR)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot close the new file");
  if (renameat(dir_fd, temp, dir_fd, name) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot rename the new file");
  return 0;
}

static int replace_in(int dir_fd, const char *name, mode_t mode, struct sp_span bytes,
                      struct sp_err *err)
{
  char temp[SP_FILE_TEMP_NAME_MAX];
  SP_AUTO_CLOSE int fd = -1;
  if (sp_file_create_temp(dir_fd, mode, temp, &fd, err) < 0)
    return -1;
  if (fill_and_rename(dir_fd, temp, &fd, name, bytes, err) < 0) {
    unlinkat(dir_fd, temp, 0);
    return -1;
  }
  return sp_file_sync_dir(dir_fd, err);
}

int sp_file_replace(int dir_fd, const char *name, mode_t mode, struct sp_span bytes,
                    struct sp_err *err)
{
  const char *slash = strrchr(name, '/');
  if (!slash) {
    if (replace_in(dir_fd, name, mode, bytes, err) < 0)
      return sp_err_context(err, "cannot write '%s'", name);
    return 0;
  }
  /* The directory to be synced is the one that holds the name. */
  SP_AUTO_FREE char *parent = NULL;
  SP_AUTO_CLOSE int parent_fd = -1;
  size_t parent_len = slash == name ? 1 : (size_t)(slash - name);
  if (sp_text_dup_span(&parent, SP_SPAN(name, parent_len), err) < 0)
    return -1;
  if (sp_file_open_dir(dir_fd, parent, &parent_fd, err) < 0 ||
      replace_in(parent_fd, slash + 1, mode, bytes, err) < 0)
    return sp_err_context(err, "cannot write '%s'", name);
  return 0;
}

/* -- directories */

/* The next component of *path, which moves on; false at the end. Empty components and "." are
 * skipped. */
static bool next_component(const char **path, struct sp_span *out)
{
  for (;;) {
    *path += strspn(*path, "/");
    *out = SP_SPAN(*path, strcspn(*path, "/"));
    *path += out->len;
    if (out->len == 0)
      return false;
    if (!sp_span_eq_str(*out, "."))
      return true;
  }
}

static bool has_dot_dot(const char *path)
{
  struct sp_span component;
  while (next_component(&path, &component)) {
    if (sp_span_eq_str(component, ".."))
      return true;
  }
  return false;
}

/* Where a walk begins, how its steps are opened, and whether missing levels are made. */
struct walk {
  int fd; /* the level reached; owned */
  int open_flags;
  bool make;
  mode_t mode;
};

static int walk_begin(struct walk *walk, int dir_fd, const char *path, struct sp_err *err)
{
  const char *start = path[0] == '/' ? "/" : ".";
  walk->open_flags = O_PATH | O_DIRECTORY | O_CLOEXEC; /* a level above may be unreadable */
  if (dir_fd != AT_FDCWD) {
    walk->open_flags |= O_NOFOLLOW;
    if (path[0] == '/' || has_dot_dot(path))
      return sp_fail(err, SP_E_USAGE, "cannot use '%s': it leads out of its directory", path);
  }
  if (walk->make && has_dot_dot(path))
    return sp_fail(err, SP_E_USAGE, "cannot make '%s': a path may not contain '..'", path);
  walk->fd = openat(dir_fd, start, walk->open_flags);
  if (walk->fd < 0)
    return sp_fail_sys(err, code_of(errno), errno, "cannot open the directory above '%s'", path);
  return 0;
}

/* Makes one level, durably: a directory whose name is lost takes all below with it. */
static int make_level(const struct walk *walk, const char *name, struct sp_err *err)
{
  if (mkdirat(walk->fd, name, walk->mode) < 0) {
    if (errno == EEXIST)
      return 0;
    return sp_fail_sys(err, SP_E_IO, errno, "cannot make directory '%s'", name);
  }
  SP_AUTO_CLOSE int fd = openat(walk->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot open the directory above '%s'", name);
  return sp_file_sync_dir(fd, err);
}

static int walk_step(struct walk *walk, struct sp_span component, struct sp_err *err)
{
  char name[256]; /* NAME_MAX + 1 */
  if (component.len >= sizeof name)
    return sp_fail_sys(err, SP_E_IO, ENAMETOOLONG, "cannot open a directory");
  snprintf(name, sizeof name, "%.*s", (int)component.len, component.ptr);
  if (walk->make && make_level(walk, name, err) < 0)
    return -1;
  int next = openat(walk->fd, name, walk->open_flags);
  if (next < 0)
    return sp_fail_sys(err, code_of(errno), errno, "cannot open directory '%s'", name);
  close(walk->fd);
  walk->fd = next;
  return 0;
}

static int walk_path(struct walk *walk, int dir_fd, const char *path, struct sp_err *err)
{
  if (walk_begin(walk, dir_fd, path, err) < 0)
    return -1;
  struct sp_span component;
  const char *rest = path;
  while (next_component(&rest, &component)) {
    if (walk_step(walk, component, err) < 0)
      return sp_err_context(err, "cannot open '%s'", path);
  }
  return 0;
}

int sp_file_make_dirs(int dir_fd, const char *path, mode_t mode, struct sp_err *err)
{
  struct walk walk = {.fd = -1, .make = true, .mode = mode};
  int result = walk_path(&walk, dir_fd, path, err);
  sp_scope_close_(&walk.fd);
  return result;
}

int sp_file_open_dir(int dir_fd, const char *path, int *fd, struct sp_err *err)
{
  struct walk walk = {.fd = -1};
  if (path[0] == '\0')
    return sp_fail(err, SP_E_USAGE, "cannot open a directory without a name");
  int result = walk_path(&walk, dir_fd, path, err);
  SP_AUTO_CLOSE int reached = walk.fd;
  if (result < 0)
    return -1;
  *fd = openat(reached, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*fd < 0)
    return sp_fail_sys(err, code_of(errno), errno, "cannot open '%s'", path);
  return 0;
}

/* -- keeping the newest */

struct aged {
  struct timespec mtime;
  char name[NAME_MAX + 1];
};

struct aged_list {
  struct aged *items;
  size_t count, cap;
};

static void close_listing(DIR **listing)
{
  if (*listing)
    closedir(*listing);
}

static void add_aged(struct aged_list *list, int dir_fd, const char *name)
{
  struct stat facts;
  if (strncmp(name, SP_FILE_TEMP_PREFIX, strlen(SP_FILE_TEMP_PREFIX)) == 0 ||
      fstatat(dir_fd, name, &facts, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(facts.st_mode))
    return;
  if (list->count == list->cap) {
    size_t cap = list->cap ? 2 * list->cap : 64;
    struct aged *items = reallocarray(list->items, cap, sizeof *items);
    if (!items)
      return;
    list->items = items;
    list->cap = cap;
  }
  struct aged *aged = &list->items[list->count++];
  aged->mtime = facts.st_mtim;
  snprintf(aged->name, sizeof aged->name, "%s", name);
}

static int by_age(const void *a, const void *b)
{
  const struct timespec *x = &((const struct aged *)a)->mtime;
  const struct timespec *y = &((const struct aged *)b)->mtime;
  if (x->tv_sec != y->tv_sec)
    return x->tv_sec < y->tv_sec ? -1 : 1;
  return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

void sp_file_keep_newest(int dir_fd, size_t most)
{
  SP_AUTO_CLOSE int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  SP_CLEANUP(close_listing) DIR *listing = fd < 0 ? NULL : fdopendir(fd);
  struct aged_list list = {0};
  const struct dirent *entry;
  size_t count = 0;
  if (!listing)
    return;
  fd = -1; /* the listing's now */
  while (count <= most && (entry = readdir(listing)))
    count += entry->d_name[0] != '.';
  if (count <= most)
    return;
  rewinddir(listing);
  while ((entry = readdir(listing)))
    add_aged(&list, dir_fd, entry->d_name);
  SP_AUTO_FREE struct aged *items = list.items;
  if (items)
    qsort(items, list.count, sizeof *items, by_age);
  for (size_t i = 0; i + most - most / 8 < list.count; i++)
    unlinkat(dir_fd, items[i].name, 0);
}
