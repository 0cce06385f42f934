/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/vault.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "layout/beneath.h"
#include "layout/layout_store.h"
#include "layout/vault_id.h"
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

/* Whose is what we make there? On a share that maps all users to one (NFS all_squash, CIFS) it is
 * not ours by its number, and yet nobody else's. */
static int find_maker(int root_fd, uid_t *maker, struct sp_err *err)
{
  char probe[SP_FILE_TEMP_NAME_MAX];
  SP_AUTO_CLOSE int fd = -1;
  struct stat facts;
  if (sp_file_create_temp(root_fd, modes.file, probe, &fd, err) < 0)
    return -1;
  (void)!unlinkat(root_fd, probe, 0);
  if (fstat(fd, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot look at a new file");
  *maker = facts.st_uid;
  return 0;
}

/* S31: the owner of the directory decides what is in it, and so does everyone who may write there;
 * a group that shares a vault is the business of who gave it to them. Root may write to any vault,
 * and everybody to root's. */
static int check_owner(int root_fd, const char *root, uid_t owner, struct sp_err *err)
{
  uid_t maker = geteuid();
  if (owner == 0 || owner == maker || maker == 0)
    return 0;
  if (find_maker(root_fd, &maker, err) < 0)
    return -1;
  if (owner == maker)
    return 0;
  return sp_fail(err, SP_E_REFUSED,
                 "'%s' belongs to the user %u, who could change what is put there: use a directory "
                 "of your own (--vault), or run as that user",
                 root, (unsigned)owner);
}

static int check_root(int root_fd, const char *root, enum sp_layout_mode mode, struct sp_err *err)
{
  struct stat facts;
  if (fstat(root_fd, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot look at '%s'", root);
  if (facts.st_mode & S_IWOTH)
    return sp_fail(err, SP_E_REFUSED, "everyone may write to '%s': run chmod o-w on it", root);
  return mode == SP_LAYOUT_READ ? 0 : check_owner(root_fd, root, facts.st_uid, err);
}

static int open_root(const char *root, enum sp_layout_mode mode, int *fd, struct sp_err *err)
{
  SP_AUTO_CLOSE int opened = -1;
  if (sp_layout_dir_open_path(root, mode, modes.dir, &opened, err) < 0 ||
      check_root(opened, root, mode, err) < 0)
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

/* The same name is another place on another disk. Without an id it is known by its name. */
static int set_known_as(struct sp_layout_dir *dir, const char *repository, struct sp_err *err)
{
  char id[SP_VAULT_ID_LEN + 1];
  sp_vault_id_get(dir->root_fd, dir->mode == SP_LAYOUT_WRITE, modes.file, dir->cancel, id);
  return id[0] ? sp_text_format(&dir->known_as, err, "vault:@%s/%s", id, repository) : 0;
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
  if (set_known_as(&dir, repository, err) < 0 || sp_layout_dir_ready(&dir, err) < 0)
    return -1;
  return sp_layout_store_new_take(&dir, out, err);
}
