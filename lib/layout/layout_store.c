/* SPDX-License-Identifier: Apache-2.0 */
/* One table of slots serves oci: and vault:; a layout without a pool mounts nothing and has no
 * siblings. */
#include "layout/layout_store.h"

#include <stdio.h>
#include <sys/stat.h>

#include "layout/blob_ends.h"
#include "layout/blob_file.h"
#include "layout/blob_link.h"
#include "layout/index_cache.h"
#include "layout/index_file.h"
#include "layout/manifest_file.h"
#include "layout/referrer_list.h"
#include "oci/manifest.h"

struct layout_store {
  struct sp_store base; /* first */
  struct sp_layout_dir dir;
};

static const struct sp_layout_dir *dir_of(const struct sp_store *store)
{
  return &((const struct layout_store *)store)->dir;
}

/* -- manifests and tags */

static int resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                   struct sp_err *err)
{
  return sp_manifest_file_resolve(dir_of(store), tag, out, err);
}

static int stat_manifest(struct sp_store *store, const struct sp_digest *digest,
                         struct sp_named *out, struct sp_err *err)
{
  return sp_manifest_file_stat(dir_of(store), digest, out, err);
}

static int get_manifest(struct sp_store *store, const struct sp_digest *digest,
                        struct sp_manifest_bytes *out, struct sp_err *err)
{
  return sp_manifest_file_get(dir_of(store), digest, out, err);
}

static int put_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                        bool *subject_handled, struct sp_err *err)
{
  if (sp_manifest_file_put(dir_of(store), manifest, err) < 0)
    return -1;
  *subject_handled = true;
  return 0;
}

/* What index.json will say of a manifest that is there. */
static int describe(const struct sp_layout_dir *dir, const struct sp_manifest_bytes *manifest,
                    struct sp_desc *out, struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  struct sp_blob_state state;
  char text[SP_DIGEST_TEXT_MAX];
  if (sp_manifest_parse(sp_buf_span(&manifest->bytes), sp_span_str(manifest->media_type), &parsed,
                        err) < 0 ||
      sp_blob_file_check(dir, &manifest->digest, manifest->bytes.len, SP_PROOF_CLAIMED, &state,
                         err) < 0)
    return -1;
  sp_digest_format(&manifest->digest, text);
  if (state.state != SP_BLOB_PRESENT)
    return sp_fail(err, SP_E_NOT_FOUND, "cannot tag '%s': it is not in '%s'", text, dir->name);
  *out = (struct sp_desc){.digest = manifest->digest, .size_bytes = manifest->bytes.len};
  snprintf(out->media_type, sizeof out->media_type, "%s", parsed.media_type);
  snprintf(out->artifact_type, sizeof out->artifact_type, "%s", parsed.artifact_type);
  return 0;
}

static int set_tags(struct sp_store *store, const char *const *tags, size_t n,
                    const struct sp_manifest_bytes *manifest, size_t *done, struct sp_err *err)
{
  struct sp_desc desc;
  *done = 0;
  if (describe(dir_of(store), manifest, &desc, err) < 0 ||
      sp_index_file_set_tags(dir_of(store), tags, n, &desc, err) < 0)
    return -1;
  *done = n;
  return 0;
}

/* All tags are one page, so no cursor is ever handed out. */
static int list_tags(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                     struct sp_err *err)
{
  SP_AUTO_INDEX_VIEW struct sp_index_view view = {0};
  (void)cursor;
  if (sp_index_cache_get(dir_of(store), &view, err) < 0)
    return -1;
  return sp_index_view_list_tags(&view, out, err);
}

static int list_referrers(struct sp_store *store, const struct sp_digest *digest,
                          struct sp_referrers *out, struct sp_err *err)
{
  return sp_referrer_list_get(dir_of(store), digest, out, err);
}

/* -- blobs */

static int check_blob(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                      enum sp_proof want, struct sp_blob_state *out, struct sp_err *err)
{
  if (sp_blob_file_check(dir_of(store), digest, size_bytes, want, out, err) < 0)
    return -1;
  out->is_at_hand =
      out->state == SP_BLOB_ABSENT && sp_blob_file_is_in_pool(dir_of(store), digest, size_bytes);
  return 0;
}

static int open_read(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                     uint64_t offset, struct sp_reader **out, struct sp_err *err)
{
  return sp_blob_ends_open_reader(dir_of(store), digest, size_bytes, offset, out, err);
}

static int begin_write(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                       struct sp_writer **out, struct sp_err *err)
{
  return sp_blob_ends_open_writer(dir_of(store), digest, size_bytes, out, err);
}

/* -- the vault's part */

/* `from` is a sibling, unwrapped (store/store.h), or the store itself: then what another run left
 * in the pool is hashed before it counts. From a sibling no byte is read: a flipped one stays
 * flipped, as it does on a registry. */
static int mount_blob(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                      struct sp_store *from, bool *mounted, struct sp_err *err)
{
  const struct sp_layout_dir *dir = dir_of(store);
  *mounted = false;
  if (sp_layout_dir_check_writable(dir, err) < 0)
    return -1;
  if (from == store && !sp_blob_file_is_whole_in_pool(dir, digest, size_bytes))
    return 0;
  if (sp_blob_link_from_pool(dir, digest, size_bytes, mounted, err) < 0)
    return -1;
  bool restored;
  if (*mounted || from == store)
    return 0;
  if (sp_blob_link_to_pool(dir, dir_of(from), digest, size_bytes, &restored, err) < 0)
    return -1;
  return restored ? sp_blob_link_from_pool(dir, digest, size_bytes, mounted, err) : 0;
}

static void close_store(struct sp_store *store)
{
  struct layout_store *layout = (struct layout_store *)store;
  sp_layout_dir_clear(&layout->dir);
  free(layout);
}

/* Stores of this file are known by their slots. */
static bool is_sibling(const struct sp_store *store, const struct sp_store *other)
{
  struct stat a;
  struct stat b;
  if (other->ops->close != close_store || !dir_of(store)->pool || !dir_of(other)->pool)
    return false;
  return fstat(dir_of(store)->root_fd, &a) == 0 && fstat(dir_of(other)->root_fd, &b) == 0 &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static const struct sp_store_ops ops = {
    .resolve = resolve,
    .stat_manifest = stat_manifest,
    .get_manifest = get_manifest,
    .put_manifest = put_manifest,
    .set_tags = set_tags,
    .list_tags = list_tags,
    .list_referrers = list_referrers,
    .check_blob = check_blob,
    .mount_blob = mount_blob,
    .open_read = open_read,
    .begin_write = begin_write,
    .is_sibling = is_sibling,
    .close = close_store,
};

int sp_layout_store_new_take(struct sp_layout_dir *dir, struct sp_store **out, struct sp_err *err)
{
  struct layout_store *layout = calloc(1, sizeof *layout);
  if (!layout)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a layout");
  layout->dir = *dir;
  layout->base = (struct sp_store){
      .ops = &ops, .name = dir->name, .known_as = dir->known_as, .is_local = true};
  *dir = (struct sp_layout_dir){.fd = -1, .root_fd = -1};
  *out = &layout->base;
  return 0;
}
