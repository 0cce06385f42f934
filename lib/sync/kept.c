/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/kept.h"

#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/text.h"
#include "store/wrapper.h"

#define FILE_MAX_BYTES (SP_MAX_MANIFEST_BYTES + SP_MAX_MEDIA_TYPE + 1)
#define NAME_MAX_BYTES 192

struct kept {
  struct sp_wrapper wrapper; /* first */
  struct sp_store_ops ops;   /* the wrapper's, but for manifests */
  const char *dir;
  const struct sp_pull_reserve *reserve;
};

/* "manifests/sha256/ab/abcd..." */
static void name_of(const struct sp_digest *digest, char out[NAME_MAX_BYTES])
{
  char hex[SP_DIGEST_HEX_MAX];
  sp_digest_format_hex(digest, hex);
  snprintf(out, NAME_MAX_BYTES, "manifests/%s/%.2s/%s", sp_digest_alg_name(digest->alg), hex, hex);
}

/* Answers true if it is kept, and right. */
static bool take_kept(int dir_fd, const struct sp_digest *digest, struct sp_manifest_bytes *out)
{
  char name[NAME_MAX_BYTES];
  SP_AUTO_BUF struct sp_buf file;
  struct sp_err ignored = SP_ERR_INIT;
  sp_buf_init(&file, FILE_MAX_BYTES);
  name_of(digest, name);
  if (sp_file_read(dir_fd, name, &file, &ignored) < 0)
    return false;
  const char *text = sp_buf_str(&file);
  size_t type_len = strcspn(text, "\n");
  if (type_len > SP_MAX_MEDIA_TYPE || type_len >= file.len)
    return false;
  const char *bytes = text + type_len + 1;
  size_t len = file.len - type_len - 1;
  sp_buf_reset(&out->bytes);
  if (sp_digest_check(digest, bytes, len, &ignored) < 0 ||
      sp_buf_append(&out->bytes, bytes, len, &ignored) < 0)
    return false;
  out->digest = *digest;
  snprintf(out->media_type, sizeof out->media_type, "%.*s", (int)type_len, text);
  (void)!utimensat(dir_fd, name, NULL, AT_SYMLINK_NOFOLLOW); /* its last use: sp_kept_trim */
  return true;
}

static int write_kept(int dir_fd, const struct sp_manifest_bytes *manifest, struct sp_err *err)
{
  char name[NAME_MAX_BYTES], folder[NAME_MAX_BYTES];
  SP_AUTO_BUF struct sp_buf file;
  sp_buf_init(&file, FILE_MAX_BYTES);
  name_of(&manifest->digest, name);
  snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(name, '/') - name), name);
  if (sp_buf_append_str(&file, manifest->media_type, err) < 0 ||
      sp_buf_append_str(&file, "\n", err) < 0 ||
      sp_buf_append_span(&file, sp_buf_span(&manifest->bytes), err) < 0 ||
      sp_file_make_dirs(dir_fd, folder, 0700, err) < 0)
    return -1;
  return sp_file_replace(dir_fd, name, 0600, sp_buf_span(&file), err);
}

static bool is_counted(const struct kept *kept)
{
  return sp_pull_reserve_counts(kept->reserve, kept->wrapper.store.inner);
}

static bool open_dir(const struct kept *kept, int *dir_fd)
{
  struct sp_err ignored = SP_ERR_INIT;
  return kept->dir && sp_file_open_dir(AT_FDCWD, kept->dir, dir_fd, &ignored) == 0;
}

/* The directory, if this store keeps anything now. */
static bool open_kept(const struct kept *kept, int *dir_fd)
{
  return is_counted(kept) && open_dir(kept, dir_fd);
}

static void keep(int dir_fd, const struct sp_manifest_bytes *manifest)
{
  struct sp_err trouble = SP_ERR_INIT;
  if (sp_digest_check(&manifest->digest, sp_buf_str(&manifest->bytes), manifest->bytes.len,
                      &trouble) < 0 ||
      write_kept(dir_fd, manifest, &trouble) < 0)
    sp_log(SP_LOG_INFO, "cannot keep a manifest: %s", trouble.msg);
}

static int get_manifest(struct sp_store *store, const struct sp_digest *digest,
                        struct sp_manifest_bytes *out, struct sp_err *err)
{
  SP_AUTO_CLOSE int dir_fd = -1;
  bool is_open = open_kept((struct kept *)store, &dir_fd);
  if (is_open && take_kept(dir_fd, digest, out))
    return 0;
  if (store->inner->ops->get_manifest(store->inner, digest, out, err) < 0)
    return -1;
  out->digest = *digest;
  if (is_open)
    keep(dir_fd, out);
  return 0;
}

static int put_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                        bool *subject_handled, struct sp_err *err)
{
  SP_AUTO_CLOSE int dir_fd = -1;
  if (store->inner->ops->put_manifest(store->inner, manifest, subject_handled, err) < 0)
    return -1;
  if (open_kept((struct kept *)store, &dir_fd))
    keep(dir_fd, manifest);
  return 0;
}

/* The one that is in the stack of this store; NULL: none is. */
static const struct kept *find_kept(const struct sp_store *store)
{
  while (store && store->ops->put_manifest != put_manifest)
    store = store->inner;
  return (const struct kept *)store;
}

int sp_kept_get(struct sp_store *store, const struct sp_digest *digest,
                struct sp_manifest_bytes *out, struct sp_err *err)
{
  const struct kept *kept = find_kept(store);
  SP_AUTO_CLOSE int dir_fd = -1;
  if (!kept || !open_kept(kept, &dir_fd))
    return sp_store_get_manifest(store, digest, out, err);
  if (take_kept(dir_fd, digest, out))
    return 0;
  if (sp_store_get_manifest(store, digest, out, err) < 0)
    return -1;
  keep(dir_fd, out);
  return 0;
}

bool sp_kept_get_free(struct sp_store *store, const struct sp_digest *digest, bool may_ask,
                      struct sp_manifest_bytes *out)
{
  const struct kept *kept = find_kept(store);
  SP_AUTO_CLOSE int dir_fd = -1;
  struct sp_err ignored = SP_ERR_INIT;
  if (!kept)
    return false; /* nobody knows whether it counts */
  bool is_open = !store->is_local && open_dir(kept, &dir_fd);
  if (is_open && take_kept(dir_fd, digest, out))
    return true;
  bool is_free = store->is_local || (may_ask && !store->is_metered && !is_counted(kept));
  if (!is_free || sp_store_get_manifest(store, digest, out, &ignored) < 0)
    return false;
  if (is_open)
    keep(dir_fd, out);
  return true;
}

uint64_t sp_kept_pulls(struct sp_store *store, const struct sp_digest *digest)
{
  SP_AUTO_CLOSE int dir_fd = -1;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  sp_manifest_bytes_init(&manifest);
  if (!store->is_metered)
    return 0;
  const struct kept *kept = find_kept(store);
  return !kept || !open_kept(kept, &dir_fd) || !take_kept(dir_fd, digest, &manifest);
}

static int around(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err)
{
  (void)wrapper;
  return sp_call_run(call, err);
}

static void kept_free(struct sp_wrapper *wrapper)
{
  free(wrapper);
}

static const struct sp_wrapper_ops kept_ops = {.around = around, .free = kept_free};

int sp_kept_wrap_take(struct sp_store *inner, const char *dir,
                      const struct sp_pull_reserve *reserve, bool is_backup, struct sp_store **out,
                      struct sp_err *err)
{
  struct kept *kept = calloc(1, sizeof *kept);
  if (!kept) {
    sp_store_close(inner);
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  }
  kept->dir = dir;
  kept->reserve = reserve;
  sp_wrapper_init(&kept->wrapper, &kept_ops, inner);
  kept->ops = *kept->wrapper.store.ops;
  if (!is_backup)
    kept->ops.get_manifest = get_manifest;
  kept->ops.put_manifest = put_manifest;
  kept->wrapper.store.ops = &kept->ops;
  *out = &kept->wrapper.store;
  return 0;
}

/* -- trimming */

#define KEEP_DAYS (SP_KEEP_MANIFESTS_S / SP_DAY_S)
#define TRIMMED "manifests/trimmed" /* its date is that of the last time */

/* A clock that was wrong once has left dates from the future: as old as can be. */
static int64_t age_days(const struct stat *file, int64_t now_s)
{
  int64_t age_s = now_s - file->st_mtim.tv_sec;
  bool is_old = age_s < -SP_DAY_S || age_s >= SP_KEEP_MANIFESTS_S;
  return is_old ? KEEP_DAYS : age_s < 0 ? 0 : age_s / SP_DAY_S;
}

/* Removes the files that are `keep_days` old or older; adds the sizes of the others by their age.
 */
static void walk(const char *path, int64_t now_s, int64_t keep_days, uint64_t bytes[KEEP_DAYS])
{
  char *const roots[] = {(char *)(uintptr_t)path, NULL};
  FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
  if (!tree)
    return;
  for (FTSENT *entry = fts_read(tree); entry; entry = fts_read(tree)) {
    if (entry->fts_info != FTS_F)
      continue;
    int64_t days = age_days(entry->fts_statp, now_s);
    if (days >= keep_days)
      (void)!unlink(entry->fts_accpath);
    else
      bytes[days] += (uint64_t)entry->fts_statp->st_size;
  }
  fts_close(tree);
}

/* Of how many days do all files together fit? */
static int64_t find_fitting(const uint64_t bytes[KEEP_DAYS])
{
  uint64_t sum = 0;
  int64_t days = 0;
  while (days < KEEP_DAYS && sum + bytes[days] <= SP_MAX_KEPT_MANIFEST_BYTES)
    sum += bytes[days++];
  return days;
}

static bool is_due(int dir_fd, int64_t now_s)
{
  struct stat mark;
  if (fstatat(dir_fd, "manifests", &mark, AT_SYMLINK_NOFOLLOW) < 0)
    return false;
  return fstatat(dir_fd, TRIMMED, &mark, AT_SYMLINK_NOFOLLOW) < 0 || age_days(&mark, now_s) > 0;
}

void sp_kept_trim(const char *dir, int64_t now_s)
{
  SP_AUTO_CLOSE int dir_fd = -1;
  SP_AUTO_FREE char *path = NULL;
  struct sp_err err = SP_ERR_INIT;
  uint64_t bytes[KEEP_DAYS] = {0};
  if (sp_file_open_dir(AT_FDCWD, dir, &dir_fd, &err) < 0 || !is_due(dir_fd, now_s))
    return;
  if (sp_text_format(&path, &err, "%s/manifests", dir) < 0 ||
      sp_file_replace(dir_fd, TRIMMED, 0600, SP_SPAN("", 0), &err) < 0) {
    sp_log(SP_LOG_INFO, "cannot trim the kept manifests: %s", err.msg);
    return;
  }
  walk(path, now_s, KEEP_DAYS, bytes);
  int64_t fitting = find_fitting(bytes);
  if (fitting < KEEP_DAYS)
    walk(path, now_s, fitting, bytes);
}
