/* SPDX-License-Identifier: Apache-2.0 */
/* A change is a function from text to text, done again on what is there now as long as somebody
 * else was quicker. */
#include "registry/credential_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/flock.h"
#include "base/json.h"
#include "base/json_edit.h"
#include "base/limits.h"
#include "base/text.h"
#include "registry/auth_file.h"
#include "registry/credential_helper.h"
#include "registry/host.h"

#define SECTION "auths"
#define LOCK_WAIT_MS 60000 /* a change takes milliseconds: a minute is a hang */
#define TRIES_MAX 20       /* somebody who changes the file all the time */

void sp_credential_spot_clear(struct sp_credential_spot *spot)
{
  free(spot->path);
  *spot = SP_CREDENTIAL_SPOT_INIT;
}

/* -- the file */

/* The file behind a path, open for a change. */
struct target {
  const char *path; /* as named, for messages */
  char *real;       /* behind links */
  int dir_fd;       /* of the directory that holds it; locked */
  const char *name; /* in that directory; inside `real` */
};

static void target_clear(struct target *target)
{
  if (target->dir_fd >= 0)
    close(target->dir_fd);
  free(target->real);
}
SP_DEFINE_AUTO_CLEAR(struct target, target_clear)

/* "dir" of "dir/name"; "." of "name". */
static int parent_of(const char *path, char **out, struct sp_err *err)
{
  const char *slash = strrchr(path, '/');
  if (!slash)
    return sp_text_dup(out, ".", err);
  size_t len = slash == path ? 1 : (size_t)(slash - path);
  return sp_text_dup_span(out, SP_SPAN(path, len), err);
}

/* The real path of a file that may not be there yet; its directory is made. */
static int resolve(struct target *target, struct sp_err *err)
{
  target->real = realpath(target->path, NULL);
  if (target->real)
    return 0;
  struct stat facts;
  if (errno != ENOENT)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot write '%s'", target->path);
  if (lstat(target->path, &facts) == 0)
    return sp_fail(err, SP_E_IO, "cannot write '%s': it is a link to a file that does not exist",
                   target->path);
  SP_AUTO_FREE char *parent = NULL;
  if (parent_of(target->path, &parent, err) < 0 ||
      sp_file_make_dirs(AT_FDCWD, parent, 0700, err) < 0)
    return sp_err_context(err, "cannot write '%s'", target->path);
  return sp_text_dup(&target->real, target->path, err);
}

static int target_open(struct target *target, const struct sp_cancel *cancel, struct sp_err *err)
{
  SP_AUTO_FREE char *parent = NULL;
  if (resolve(target, err) < 0 || parent_of(target->real, &parent, err) < 0)
    return -1;
  const char *slash = strrchr(target->real, '/');
  target->name = slash ? slash + 1 : target->real;
  if (sp_file_open_dir(AT_FDCWD, parent, &target->dir_fd, err) < 0)
    return sp_err_context(err, "cannot write '%s'", target->path);
  bool taken;
  struct sp_err why = SP_ERR_INIT;
  if (sp_flock_wait(target->dir_fd, LOCK_WAIT_MS, cancel, &taken, &why) < 0) {
    if (why.code != SP_E_INTERRUPTED)
      return 0; /* a file system without locks: the look before the rename is what is left */
    sp_err_copy(err, &why);
    return -1;
  }
  if (taken)
    return 0;
  return sp_fail(err, SP_E_LOCKED,
                 "cannot write '%s': another process has held its directory's lock for %d "
                 "seconds: wait for it, or end it",
                 target->path, LOCK_WAIT_MS / 1000);
}

static struct stat look_at(const struct target *target)
{
  struct stat facts = {0};
  if (fstatat(target->dir_fd, target->name, &facts, AT_SYMLINK_NOFOLLOW) < 0)
    facts = (struct stat){0};
  return facts;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
  return a->st_ino == b->st_ino && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
         a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* -- the change */

struct change {
  const char *host;
  struct sp_span value; /* of the host's entry; empty: there is to be none */
  bool had_any;         /* out: there was an entry that held something */
};

/* Takes one entry out of `text`. */
static int drop_entry(struct sp_buf *text, const char *key, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf rest;
  sp_buf_init_secret(&rest, SP_MAX_CONFIG_FILE_BYTES);
  if (sp_json_edit_remove(&rest, sp_buf_span(text), SECTION, key, err) < 0)
    return -1;
  struct sp_buf swap = *text;
  *text = rest;
  rest = swap;
  return 0;
}

/* Takes out the host's entries, but for `keep` (may be NULL). */
static int drop_entries(struct sp_buf *text, struct change *change, const char *keep,
                        struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  json_t *auths;
  if (text->len == 0)
    return 0;
  if (sp_json_parse(sp_buf_span(text), &doc, err) < 0 ||
      sp_json_get_object(doc, SECTION, &auths, err) < 0)
    return -1;
  const char *key;
  json_t *value;
  json_object_foreach(auths, key, value)
  {
    if (sp_host_fit_key(change->host, NULL, sp_span_str(key)) == 0)
      continue;
    change->had_any |= json_object_size(value) > 0;
    if (keep && strcmp(key, keep) == 0)
      continue;
    if (drop_entry(text, key, err) < 0)
      return -1;
  }
  return 0;
}

static int apply(struct change *change, const struct sp_buf *before, struct sp_buf *after,
                 struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init_secret(&text, SP_MAX_CONFIG_FILE_BYTES);
  const char *key = change->value.len ? sp_host_key(change->host) : NULL;
  change->had_any = false;
  if (sp_buf_append_span(&text, sp_buf_span(before), err) < 0 ||
      drop_entries(&text, change, key, err) < 0)
    return -1;
  if (!key)
    return sp_buf_append_span(after, sp_buf_span(&text), err);
  return sp_json_edit_set(after, sp_buf_span(&text), SECTION, key, change->value, err);
}

/* The new file is ours; root gives it back to whose it was. */
static int replace(const struct target *target, const struct stat *was, struct sp_span text,
                   struct sp_err *err)
{
  if (sp_file_replace(target->dir_fd, target->name, 0600, text, err) < 0)
    return sp_err_context(err, "cannot write '%s'", target->path);
  bool was_anothers = was->st_ino != 0 && (was->st_uid != geteuid() || was->st_gid != getegid());
  if (!was_anothers || geteuid() != 0 ||
      fchownat(target->dir_fd, target->name, was->st_uid, was->st_gid, AT_SYMLINK_NOFOLLOW) == 0)
    return 0;
  return sp_fail_sys(err, SP_E_IO, errno, "cannot give '%s' back to its owner", target->path);
}

/* One try; *done false: the file changed meanwhile. */
static int try_change(const struct target *target, struct change *change, bool *done,
                      struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf before, after;
  sp_buf_init_secret(&before, SP_MAX_CONFIG_FILE_BYTES);
  sp_buf_init_secret(&after, SP_MAX_CONFIG_FILE_BYTES);
  struct sp_err why = SP_ERR_INIT;
  bool exists;
  const struct stat was = look_at(target);
  if (sp_auth_file_read(target->real, &before, &exists, err) < 0)
    return -1;
  if (apply(change, &before, &after, &why) < 0)
    return sp_auth_file_fail(target->path, &why, err);
  *done = true;
  if (sp_span_eq(sp_buf_span(&before), sp_buf_span(&after)))
    return 0;
  const struct stat is = look_at(target);
  *done = is_same(&was, &is);
  return *done ? replace(target, &was, sp_buf_span(&after), err) : 0;
}

static int change_file(const struct sp_credential_store *store, const char *path,
                       struct change *change, struct sp_err *err)
{
  SP_CLEANUP(target_clear_auto_) struct target target = {.path = path, .dir_fd = -1};
  if (target_open(&target, store->cancel, err) < 0)
    return -1;
  for (int i = 0; i < TRIES_MAX; i++) {
    bool done;
    if (try_change(&target, change, &done, err) < 0)
      return -1;
    if (done)
      return 0;
  }
  return sp_fail(err, SP_E_LOCKED, "cannot write '%s': another program keeps changing it", path);
}

/* -- where */

/* Finds the file, and the helper that it names for the host. *exists: the file is there. */
static int find_spot(const struct sp_credential_store *store, struct sp_credential_spot *spot,
                     bool *exists, struct sp_err *err)
{
  SP_AUTO_AUTH_FILES struct sp_auth_files files = {0};
  if (sp_auth_files_init(&files, store->auth_file, err) < 0)
    return -1;
  if (files.count == 0)
    return sp_fail(err, SP_E_USAGE,
                   "there is no place for credentials: set HOME or DOCKER_CONFIG, or say which "
                   "with --authfile");
  if (sp_text_dup(&spot->path, files.items[0].path, err) < 0)
    return -1;
  spot->source = files.items[0].source;
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init_secret(&text, SP_MAX_CONFIG_FILE_BYTES);
  if (sp_auth_file_read(spot->path, &text, exists, err) < 0)
    return -1;
  if (text.len == 0)
    return 0;
  struct sp_err why = SP_ERR_INIT;
  if (sp_docker_config_find_helper(sp_buf_span(&text), store->host, spot->helper, &why) < 0)
    return sp_auth_file_fail(spot->path, &why, err);
  return 0;
}

/* {"auth":"base64 of user:password"} */
static int make_entry(const struct sp_credential *credential, struct sp_buf *out,
                      struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf pair;
  sp_buf_init_secret(&pair, SP_MAX_TOKEN_BYTES);
  if (sp_buf_appendf(&pair, err, "%s:", credential->user) < 0 ||
      sp_buf_append_span(&pair, sp_secret_reveal(&credential->password), err) < 0 ||
      sp_buf_append_str(out, "{\n\t\t\t\"auth\": \"", err) < 0 ||
      sp_text_base64_encode(out, sp_buf_span(&pair), err) < 0)
    return -1;
  return sp_buf_append_str(out, "\"\n\t\t}", err);
}

static bool is_same_secret(const struct sp_secret *a, const struct sp_secret *b)
{
  return sp_span_eq(sp_secret_reveal(a), sp_secret_reveal(b));
}

/* Gives the helper what it is to keep, and asks for it: some end well and keep nothing (gcloud's
 * does), and then somebody else would be logged in, or nobody. */
static int give_to_helper(const struct sp_helper *helper, const struct sp_credential *credential,
                          struct sp_err *err)
{
  SP_AUTO_CREDENTIAL struct sp_credential kept = SP_CREDENTIAL_INIT;
  if (sp_helper_store(helper, credential, err) < 0 || sp_helper_get(helper, &kept, err) < 0)
    return -1;
  if (strcmp(kept.user, credential->user) == 0 &&
      is_same_secret(&kept.password, &credential->password))
    return 0;
  return sp_fail(err, SP_E_AUTH,
                 "docker-credential-%s did not keep the credentials that it was given: use another "
                 "helper, or none for '%s' (\"credHelpers\": {\"%s\": \"\"})",
                 helper->name, helper->host, helper->host);
}

int sp_credential_store(const struct sp_credential_store *store,
                        const struct sp_credential *credential, struct sp_credential_spot *spot,
                        struct sp_err *err)
{
  SP_AUTO_CREDENTIAL_SPOT struct sp_credential_spot here = SP_CREDENTIAL_SPOT_INIT;
  SP_AUTO_BUF struct sp_buf entry;
  sp_buf_init_secret(&entry, 2 * SP_MAX_TOKEN_BYTES);
  bool exists;
  if (find_spot(store, &here, &exists, err) < 0 || make_entry(credential, &entry, err) < 0)
    return -1;
  struct change change = {.host = store->host, .value = sp_buf_span(&entry)};
  const struct sp_helper helper = {
      .name = here.helper, .host = store->host, .cancel = store->cancel};
  if (here.helper[0]) {
    if (give_to_helper(&helper, credential, err) < 0)
      return sp_err_context(err, "'%s'", here.path);
    change.value = SP_SPAN_LIT("{}"); /* docker's marker: the helper knows more */
  }
  if (change_file(store, here.path, &change, err) < 0)
    return -1;
  *spot = here;
  here = SP_CREDENTIAL_SPOT_INIT;
  return 0;
}

int sp_credential_erase(const struct sp_credential_store *store, struct sp_credential_spot *spot,
                        bool *was_there, struct sp_err *err)
{
  SP_AUTO_CREDENTIAL_SPOT struct sp_credential_spot here = SP_CREDENTIAL_SPOT_INIT;
  bool exists;
  bool was_kept = false;
  if (find_spot(store, &here, &exists, err) < 0)
    return -1;
  const struct sp_helper helper = {
      .name = here.helper, .host = store->host, .cancel = store->cancel};
  if (here.helper[0] && sp_helper_erase(&helper, &was_kept, err) < 0)
    return sp_err_context(err, "'%s'", here.path);
  struct change change = {.host = store->host};
  if (exists && change_file(store, here.path, &change, err) < 0)
    return -1;
  *was_there = was_kept || change.had_any;
  *spot = here;
  here = SP_CREDENTIAL_SPOT_INIT;
  return 0;
}
