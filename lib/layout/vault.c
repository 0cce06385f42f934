/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/vault.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/text.h"
#include "layout/beneath.h"
#include "layout/layout_store.h"
#include "oci/reference.h"

#define POOL "pool"

/* The vault is its owner's: what is in it may be private, and nobody writes blobs twice. */
static const struct sp_layout_modes modes = {.dir = 0700, .file = 0600, .blob = 0400};

/* Where the root is looked for, first to last. */
static const struct {
  const char *variable;
  const char *below;
} places[] = {
    {"SAFEPORT_VAULT", ""},
    {"XDG_DATA_HOME", "/safeport/vault"},
    {"HOME", "/.local/share/safeport/vault"},
};

int sp_vault_find_root(const char *explicit_root, char **out, struct sp_err *err)
{
  if (explicit_root && explicit_root[0] != '\0')
    return sp_text_dup(out, explicit_root, err);
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    const char *value = getenv(places[i].variable);
    /* A relative XDG_DATA_HOME is to be ignored (XDG Base Directory Specification). */
    bool usable = value && value[0] != '\0' && (places[i].below[0] == '\0' || value[0] == '/');
    if (usable)
      return sp_text_format(out, err, "%s%s", value, places[i].below);
  }
  return sp_fail(err, SP_E_USAGE,
                 "no place for the vault: give --vault or set SAFEPORT_VAULT (neither "
                 "XDG_DATA_HOME nor HOME is set)");
}

/* S31: with a directory that everyone may write to, anyone decides what is served from it. */
static int check_root(int root_fd, const char *root, struct sp_err *err)
{
  struct stat facts;
  if (fstat(root_fd, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot look at '%s'", root);
  if (facts.st_mode & S_IWOTH)
    return sp_fail(err, SP_E_REFUSED, "everyone may write to '%s': run chmod o-w on it", root);
  return 0;
}

static int open_root(const char *root, enum sp_layout_mode mode, int *fd, struct sp_err *err)
{
  SP_AUTO_CLOSE int opened = -1;
  if (sp_layout_dir_open_path(root, mode, modes.dir, &opened, err) < 0 ||
      check_root(opened, root, err) < 0)
    return -1;
  *fd = sp_steal_fd(&opened);
  return 0;
}

static int open_repository(struct sp_layout_dir *dir, const char *repository, struct sp_err *err)
{
  char path[sizeof "repos//_" + SP_MAX_REPOSITORY];
  int pool_fd = -1;
  snprintf(path, sizeof path, "repos/%s/_", repository);
  if (dir->mode == SP_LAYOUT_READ)
    return sp_beneath_open_dir(dir->root_fd, path, &dir->fd, err);
  if (sp_beneath_make_dir(dir->root_fd, POOL, modes.dir, &pool_fd, err) < 0)
    return -1;
  close(pool_fd);
  return sp_beneath_make_dir(dir->root_fd, path, modes.dir, &dir->fd, err);
}

int sp_vault_open(const char *root, const char *repository, enum sp_layout_mode mode,
                  const struct sp_cancel *cancel, struct sp_store **out, struct sp_err *err)
{
  SP_AUTO_LAYOUT_DIR struct sp_layout_dir dir = SP_LAYOUT_DIR_INIT;
  char name[sizeof "vault:" + SP_MAX_REPOSITORY];
  if (!sp_ref_is_repository(sp_span_str(repository))) {
    char shown[128];
    sp_text_escape(shown, sizeof shown, sp_span_str(repository));
    return sp_fail(err, SP_E_USAGE, "'%s' is no name of a repository", shown);
  }
  snprintf(name, sizeof name, "vault:%s", repository);
  if (sp_layout_dir_init(&dir, name, mode, &modes, cancel, err) < 0)
    return -1;
  dir.pool = POOL;
  if (open_root(root, mode, &dir.root_fd, err) < 0 || open_repository(&dir, repository, err) < 0)
    return sp_err_context(err, "cannot open '%s' in '%s'", name, root);
  if (sp_layout_dir_ready(&dir, err) < 0)
    return -1;
  return sp_layout_store_new_take(&dir, out, err);
}
