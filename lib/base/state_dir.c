/* SPDX-License-Identifier: Apache-2.0 */
#include "base/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/scope.h"
#include "base/text.h"

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

/* Where it is looked for, first to last. */
static const struct {
  const char *variable;
  const char *below;
  bool may_be_relative; /* the others are to be ignored then (XDG Base Directory Specification) */
} places[] = {
    {"SAFEPORT_STATE", "", true},
    {"STATE_DIRECTORY", "", false},
    {"XDG_STATE_HOME", "/safeport", false},
    {"HOME", "/.local/state/safeport", false},
};

int sp_state_dir_find(char **path, struct sp_err *err)
{
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    const char *value = getenv(places[i].variable);
    if (value && (value[0] == '/' || (value[0] != '\0' && places[i].may_be_relative)))
      return sp_text_format(path, err, "%s%s", value, places[i].below);
  }
  if (geteuid() == 0)
    return sp_text_dup(path, "/var/lib/safeport", err);
  return sp_fail(err, SP_E_USAGE,
                 "no place for the state of safeport: set SAFEPORT_STATE (neither XDG_STATE_HOME "
                 "nor HOME is set)");
}

/* A mode that lets others read is the umask's or systemd's doing and is put right; one that let
 * them write says that what is in there may be theirs. */
static int make_private(int fd, const char *path, struct sp_err *err)
{
  struct stat facts;
  if (fstat(fd, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot look at '%s'", path);
  if (facts.st_uid != geteuid())
    return sp_fail(err, SP_E_REFUSED,
                   "cannot keep state in '%s': it belongs to another user: chown it, or set "
                   "SAFEPORT_STATE to a directory of your own",
                   path);
  if (facts.st_mode & OTHERS_WRITE)
    return sp_fail(err, SP_E_REFUSED,
                   "cannot keep state in '%s': others may write to it: run chmod 700 on it", path);
  if ((facts.st_mode & 077) && fchmod(fd, 0700) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot close '%s' to others", path);
  return 0;
}

int sp_state_dir_open(const char *path, int *fd, struct sp_err *err)
{
  SP_AUTO_CLOSE int opened = -1;
  struct sp_err missing = SP_ERR_INIT;
  /* What is there is not made: on a read-only file system it can still be read. */
  if (sp_file_open_dir(AT_FDCWD, path, &opened, &missing) < 0 &&
      (sp_file_make_dirs(AT_FDCWD, path, 0700, err) < 0 ||
       sp_file_open_dir(AT_FDCWD, path, &opened, err) < 0))
    return sp_err_context(err, "cannot open the state directory '%s'", path);
  if (make_private(opened, path, err) < 0)
    return -1;
  *fd = sp_steal_fd(&opened);
  return 0;
}

int sp_state_dir_open_below(const char *name, int *fd, struct sp_err *err)
{
  SP_AUTO_FREE char *path = NULL;
  SP_AUTO_CLOSE int state_fd = -1;
  if (sp_state_dir_find(&path, err) < 0 || sp_state_dir_open(path, &state_fd, err) < 0 ||
      sp_file_make_dirs(state_fd, name, 0700, err) < 0)
    return -1;
  return sp_file_open_dir(state_fd, name, fd, err);
}
