/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/file_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/text.h"
#include "layout/sweep.h"

struct file_output {
  struct sp_output base; /* first */
  char *path;            /* NULL: standard output */
  const char *leaf;      /* its last component */
  int dir_fd;
  int fd;
  int lock_fd; /* fd's lock, held until the file has its name: nobody sweeps it meanwhile */
  char temp[SP_FILE_TEMP_NAME_MAX]; /* "" when there is none */
};

static bool is_stdout(const char *path)
{
  return strcmp(path, "-") == 0;
}

static const char *leaf_of(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static int open_parent(const char *path, int *fd, struct sp_err *err)
{
  SP_AUTO_FREE char *parent = NULL;
  size_t len = (size_t)(leaf_of(path) - path);
  if (sp_text_dup_span(&parent, len ? SP_SPAN(path, len) : SP_SPAN_LIT("."), err) < 0)
    return -1;
  return sp_file_open_dir(AT_FDCWD, parent, fd, err);
}

int sp_file_output_check(const char *path, struct sp_err *err)
{
  struct stat facts;
  SP_AUTO_CLOSE int dir_fd = -1;
  if (is_stdout(path))
    return isatty(STDOUT_FILENO) ? sp_fail(err, SP_E_USAGE,
                                           "standard output is a terminal: send the archive to a "
                                           "file or a pipe")
                                 : 0;
  if (open_parent(path, &dir_fd, err) < 0)
    return -1;
  if (fstatat(dir_fd, leaf_of(path), &facts, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT && leaf_of(path)[0]
               ? 0
               : sp_fail_sys(err, SP_E_IO, errno, "cannot write '%s'", path);
  if (S_ISREG(facts.st_mode))
    return 0;
  return sp_fail(err, SP_E_REFUSED,
                 "'%s' is there and is no regular file: it will not be replaced ('-' is standard "
                 "output)",
                 path);
}

static int explain(const struct file_output *output, struct sp_err *err)
{
  const char *path = output->path ? output->path : _("standard output");
  if (err->sys == ENOSPC || err->sys == EDQUOT)
    return sp_fail_sys(err, SP_E_IO, err->sys, "disk full at '%s': free some room and run again",
                       path);
  return sp_err_context(err, "cannot write '%s'", path);
}

static int write_output(struct sp_output *base, const void *bytes, size_t n, struct sp_err *err)
{
  const struct file_output *output = (const struct file_output *)base;
  return sp_file_write_all(output->fd, bytes, n, err) < 0 ? explain(output, err) : 0;
}

static int finish_stdout(struct sp_output *base, struct sp_err *err)
{
  (void)base, (void)err;
  return 0;
}

static int name_it(struct file_output *output, struct sp_err *err)
{
  if (sp_file_sync(output->fd, err) < 0)
    return -1;
  /* Some file systems report a write that failed only now. */
  if (close(sp_steal_fd(&output->fd)) < 0 && errno != EINTR)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot close the new file");
  if (renameat(output->dir_fd, output->temp, output->dir_fd, output->leaf) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot rename the new file");
  output->temp[0] = '\0';
  return sp_file_sync_dir(output->dir_fd, err);
}

static int finish_file(struct sp_output *base, struct sp_err *err)
{
  struct file_output *output = (struct file_output *)base;
  return name_it(output, err) < 0 ? explain(output, err) : 0;
}

static void close_output(struct sp_output *base)
{
  struct file_output *output = (struct file_output *)base;
  if (output->path)
    sp_scope_close_(&output->fd);
  if (output->temp[0])
    unlinkat(output->dir_fd, output->temp, 0);
  sp_scope_close_(&output->lock_fd);
  sp_scope_close_(&output->dir_fd);
  free(output->path);
  free(output);
}

static const struct sp_output_ops file_ops = {
    .write = write_output, .finish = finish_file, .close = close_output};
static const struct sp_output_ops stdout_ops = {
    .write = write_output, .finish = finish_stdout, .close = close_output};

/* The file beside the name. One that replaces another has its mode, also while it is written. */
static int make_temp(struct file_output *output, struct sp_err *err)
{
  struct stat old;
  bool replaces = fstatat(output->dir_fd, output->leaf, &old, AT_SYMLINK_NOFOLLOW) == 0;
  mode_t mode = replaces ? old.st_mode & 0777 : 0666;
  if (sp_file_create_temp(output->dir_fd, mode, output->temp, &output->fd, err) < 0)
    return -1;
  if (replaces && fchmod(output->fd, mode) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot set the mode of the new file");
  /* Where there are no locks nobody sweeps. */
  output->lock_fd = fcntl(output->fd, F_DUPFD_CLOEXEC, 3);
  (void)!flock(output->fd, LOCK_EX | LOCK_NB);
  return 0;
}

static int open_file(struct file_output *output, const char *path, struct sp_err *err)
{
  if (is_stdout(path)) {
    output->base.ops = &stdout_ops;
    output->fd = STDOUT_FILENO;
    return 0;
  }
  if (sp_text_dup(&output->path, path, err) < 0)
    return -1;
  output->leaf = leaf_of(output->path);
  if (open_parent(path, &output->dir_fd, err) < 0)
    return explain(output, err);
  sp_sweep_dir(output->dir_fd, sp_clock_wall_s());
  return make_temp(output, err) < 0 ? explain(output, err) : 0;
}

int sp_file_output_open(const char *path, struct sp_output **out, struct sp_err *err)
{
  if (sp_file_output_check(path, err) < 0)
    return -1;
  struct file_output *output = calloc(1, sizeof *output);
  if (!output)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a file");
  output->base.ops = &file_ops;
  output->dir_fd = output->fd = output->lock_fd = -1;
  if (open_file(output, path, err) < 0) {
    close_output(&output->base);
    return -1;
  }
  *out = &output->base;
  return 0;
}
