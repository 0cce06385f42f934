/* SPDX-License-Identifier: Apache-2.0 */
#include "api/broken.h"

#include "base/text.h"

struct broken {
  struct sp_store store;
  char *name;
  struct sp_err why;
};

static int refuse(struct sp_store *store, struct sp_err *err)
{
  sp_err_copy(err, &((struct broken *)store)->why);
  return -1;
}

static int broken_resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                          struct sp_err *err)
{
  (void)tag, (void)out;
  return refuse(store, err);
}

static int broken_stat_manifest(struct sp_store *store, const struct sp_digest *digest,
                                struct sp_named *out, struct sp_err *err)
{
  (void)digest, (void)out;
  return refuse(store, err);
}

static int broken_get_manifest(struct sp_store *store, const struct sp_digest *digest,
                               struct sp_manifest_bytes *out, struct sp_err *err)
{
  (void)digest, (void)out;
  return refuse(store, err);
}

static int broken_put_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                               bool *subject_handled, struct sp_err *err)
{
  (void)manifest, (void)subject_handled;
  return refuse(store, err);
}

static int broken_set_tags(struct sp_store *store, const char *const *tags, size_t n,
                           const struct sp_manifest_bytes *manifest, size_t *done,
                           struct sp_err *err)
{
  (void)tags, (void)n, (void)manifest;
  *done = 0;
  return refuse(store, err);
}

static int broken_list_tags(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                            struct sp_err *err)
{
  (void)cursor, (void)out;
  return refuse(store, err);
}

static int broken_list_referrers(struct sp_store *store, const struct sp_digest *digest,
                                 struct sp_referrers *out, struct sp_err *err)
{
  (void)digest, (void)out;
  return refuse(store, err);
}

static int broken_check_blob(struct sp_store *store, const struct sp_digest *digest,
                             uint64_t size_bytes, enum sp_proof want, struct sp_blob_state *out,
                             struct sp_err *err)
{
  (void)digest, (void)size_bytes, (void)want, (void)out;
  return refuse(store, err);
}

static int broken_open_read(struct sp_store *store, const struct sp_digest *digest,
                            uint64_t size_bytes, uint64_t offset, struct sp_reader **out,
                            struct sp_err *err)
{
  (void)digest, (void)size_bytes, (void)offset, (void)out;
  return refuse(store, err);
}

static int broken_begin_write(struct sp_store *store, const struct sp_digest *digest,
                              uint64_t size_bytes, struct sp_writer **out, struct sp_err *err)
{
  (void)digest, (void)size_bytes, (void)out;
  return refuse(store, err);
}

static void broken_close(struct sp_store *store)
{
  struct broken *broken = (struct broken *)store;
  free(broken->name);
  free(broken);
}

static const struct sp_store_ops broken_ops = {
    .resolve = broken_resolve,
    .stat_manifest = broken_stat_manifest,
    .get_manifest = broken_get_manifest,
    .put_manifest = broken_put_manifest,
    .set_tags = broken_set_tags,
    .list_tags = broken_list_tags,
    .list_referrers = broken_list_referrers,
    .check_blob = broken_check_blob,
    .open_read = broken_open_read,
    .begin_write = broken_begin_write,
    .close = broken_close,
};

int sp_broken_new(const char *name, const struct sp_err *why, struct sp_store **out,
                  struct sp_err *err)
{
  struct broken *broken = calloc(1, sizeof *broken);
  if (!broken)
    return sp_fail(err, SP_E_NOMEM, "out of memory for '%s'", name);
  if (sp_text_dup(&broken->name, name, err) < 0) {
    free(broken);
    return -1;
  }
  sp_err_copy(&broken->why, why);
  broken->store = (struct sp_store){.ops = &broken_ops, .name = broken->name, .is_local = true};
  *out = &broken->store;
  return 0;
}
