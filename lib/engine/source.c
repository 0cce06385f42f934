/* SPDX-License-Identifier: Apache-2.0 */
/* `known` is the manifest as it is remembered; it must come out the same when the tar is read after
 * all. `archive` is opened by the first operation that needs it, which the others wait for; one
 * that fails leaves it unopened, so that it can be tried again. */
#include "engine/source.h"

#include "base/log.h"
#include "base/text.h"
#include "engine/identity.h"
#include "engine/image_record.h"
#include "oci/media_type.h"

#define OWN_TAG "" /* what the one image of the tar answers to */

struct source {
  struct sp_store store; /* first */
  char *name;
  struct sp_engine *engine;
  struct sp_engine_image image;
  struct sp_archive_settings archive_settings; /* name is ours */
  char compressor_id[SP_COMPRESSION_ID_MAX];

  bool is_known;
  struct sp_manifest_bytes known; /* constant after opening */

  pthread_mutex_t lock; /* guards what follows */
  struct sp_store *archive;
};

static struct source *source_of(struct sp_store *store)
{
  return (struct source *)store;
}

/* -- the tar */

/* What was remembered must be what comes: another compressor would be called otherwise. */
static int check_known(const struct source *source, const struct sp_named *root, struct sp_err *err)
{
  if (!source->is_known || sp_digest_eq(&root->digest, &source->known.digest))
    return 0;
  sp_image_record_drop(&source->image.id, source->compressor_id);
  return sp_fail(err, SP_E_INVALID,
                 "the image came out of the engine otherwise than the last time, which is now "
                 "forgotten: run again");
}

/* Remembers the manifest, if it is one image: an index is small beside what it names. */
static void remember(const struct source *source, struct sp_store *archive,
                     const struct sp_digest *root)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  struct sp_err err = SP_ERR_INIT;
  sp_manifest_bytes_init(&manifest);
  if (sp_store_get_manifest(archive, root, &manifest, &err) == 0 &&
      sp_media_is_manifest(sp_span_str(manifest.media_type)))
    sp_image_record_put(&source->image.id, source->compressor_id, &manifest);
}

static int read_archive(const struct source *source, struct sp_store **out, struct sp_err *err)
{
  struct sp_input *input;
  SP_AUTO_STORE struct sp_store *archive = NULL;
  struct sp_named root;
  sp_log(SP_LOG_INFO, "the engine packs '%s'", source->name);
  if (sp_engine_save(source->engine, &source->image.id, source->image.size_bytes, &input, err) <
          0 ||
      sp_archive_open_input_take(input, &source->archive_settings, &archive, err) < 0 ||
      archive->ops->resolve(archive, OWN_TAG, &root, err) < 0 ||
      sp_identity_check(archive, &root.digest, &source->image.id, err) < 0 ||
      check_known(source, &root, err) < 0)
    return -1;
  if (!source->is_known && !source->archive_settings.has_platform)
    remember(source, archive, &root.digest);
  *out = sp_steal(&archive);
  return 0;
}

static int need_archive(struct source *source, struct sp_store **out, struct sp_err *err)
{
  SP_LOCK_SCOPE(&source->lock);
  if (!source->archive && read_archive(source, &source->archive, err) < 0)
    return -1;
  *out = source->archive;
  return 0;
}

/* -- operations */

static void name_known(const struct source *source, struct sp_named *out)
{
  *out = (struct sp_named){.digest = source->known.digest, .size_bytes = source->known.bytes.len};
  memcpy(out->media_type, source->known.media_type, sizeof out->media_type);
}

static bool knows(const struct source *source, const struct sp_digest *digest)
{
  return source->is_known && sp_digest_eq(digest, &source->known.digest);
}

static int source_resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                          struct sp_err *err)
{
  struct source *source = source_of(store);
  struct sp_store *archive;
  if (sp_ref_is_digest_tag(sp_span_str(tag)))
    return sp_fail(err, SP_E_NOT_FOUND, "an engine has no signatures");
  if (source->is_known) {
    name_known(source, out);
    return 0;
  }
  if (need_archive(source, &archive, err) < 0)
    return -1;
  return archive->ops->resolve(archive, OWN_TAG, out, err);
}

static int source_stat_manifest(struct sp_store *store, const struct sp_digest *digest,
                                struct sp_named *out, struct sp_err *err)
{
  struct source *source = source_of(store);
  struct sp_store *archive;
  if (knows(source, digest)) {
    name_known(source, out);
    return 0;
  }
  if (need_archive(source, &archive, err) < 0)
    return -1;
  return archive->ops->stat_manifest(archive, digest, out, err);
}

static int source_get_manifest(struct sp_store *store, const struct sp_digest *digest,
                               struct sp_manifest_bytes *out, struct sp_err *err)
{
  struct source *source = source_of(store);
  struct sp_store *archive;
  if (knows(source, digest)) {
    out->digest = source->known.digest;
    memcpy(out->media_type, source->known.media_type, sizeof out->media_type);
    return sp_buf_append_span(&out->bytes, sp_buf_span(&source->known.bytes), err);
  }
  if (need_archive(source, &archive, err) < 0)
    return -1;
  return archive->ops->get_manifest(archive, digest, out, err);
}

static int source_list_tags(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                            struct sp_err *err)
{
  (void)store, (void)cursor, (void)out;
  return sp_fail(err, SP_E_UNSUPPORTED,
                 "an engine is asked for one image: 'docker images NAME' lists its tags");
}

/* An engine has images and nothing that refers to them. */
static int source_list_referrers(struct sp_store *store, const struct sp_digest *digest,
                                 struct sp_referrers *out, struct sp_err *err)
{
  (void)store, (void)digest, (void)out, (void)err;
  return 0;
}

static int source_check_blob(struct sp_store *store, const struct sp_digest *digest,
                             uint64_t size_bytes, enum sp_proof want, struct sp_blob_state *out,
                             struct sp_err *err)
{
  struct sp_store *archive;
  if (need_archive(source_of(store), &archive, err) < 0)
    return -1;
  return archive->ops->check_blob(archive, digest, size_bytes, want, out, err);
}

static int source_open_read(struct sp_store *store, const struct sp_digest *digest,
                            uint64_t size_bytes, uint64_t offset, struct sp_reader **out,
                            struct sp_err *err)
{
  struct sp_store *archive;
  if (need_archive(source_of(store), &archive, err) < 0)
    return -1;
  return archive->ops->open_read(archive, digest, size_bytes, offset, out, err);
}

static int refuse_write(struct sp_err *err)
{
  return sp_fail(err, SP_E_UNSUPPORTED, "it was opened for reading only");
}

static int source_put_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                               bool *subject_handled, struct sp_err *err)
{
  (void)store, (void)manifest, (void)subject_handled;
  return refuse_write(err);
}

static int source_set_tags(struct sp_store *store, const char *const *tags, size_t n,
                           const struct sp_manifest_bytes *manifest, size_t *done,
                           struct sp_err *err)
{
  (void)store, (void)tags, (void)n, (void)manifest, (void)done;
  return refuse_write(err);
}

static int source_begin_write(struct sp_store *store, const struct sp_digest *digest,
                              uint64_t size_bytes, struct sp_writer **out, struct sp_err *err)
{
  (void)store, (void)digest, (void)size_bytes, (void)out;
  return refuse_write(err);
}

static void source_close(struct sp_store *store)
{
  struct source *source = source_of(store);
  sp_store_close(source->archive);
  sp_engine_close(source->engine);
  sp_manifest_bytes_clear(&source->known);
  pthread_mutex_destroy(&source->lock);
  free(source->name);
  free(source);
}

static const struct sp_store_ops ops = {
    .resolve = source_resolve,
    .stat_manifest = source_stat_manifest,
    .get_manifest = source_get_manifest,
    .put_manifest = source_put_manifest,
    .set_tags = source_set_tags,
    .list_tags = source_list_tags,
    .list_referrers = source_list_referrers,
    .check_blob = source_check_blob,
    .open_read = source_open_read,
    .begin_write = source_begin_write,
    .close = source_close,
};

/* -- opening */

static int prepare(struct source *source, const struct sp_ref *ref, struct sp_err *err)
{
  struct sp_archive_settings *settings = &source->archive_settings;
  if (sp_engine_find_image(source->engine, ref, &source->image, err) < 0 ||
      sp_compression_id(&settings->compression, source->compressor_id, err) < 0)
    return -1;
  if (!settings->has_platform)
    source->is_known =
        sp_image_record_get(&source->image.id, source->compressor_id, &source->known);
  return 0;
}

int sp_engine_source_open_take(struct sp_engine *engine, const struct sp_ref *ref,
                               const struct sp_archive_settings *archive, struct sp_store **out,
                               struct sp_err *err)
{
  struct source *source = calloc(1, sizeof *source);
  if (!source) {
    sp_engine_close(engine);
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  }
  source->engine = engine;
  source->store.ops = &ops;
  source->store.is_local = true;
  sp_manifest_bytes_init(&source->known);
  pthread_mutex_init(&source->lock, NULL);
  SP_AUTO_STORE struct sp_store *store = &source->store;
  if (sp_text_dup(&source->name, archive->name, err) < 0)
    return -1;
  source->store.name = source->name;
  source->archive_settings = *archive;
  source->archive_settings.name = source->name;
  source->archive_settings.kind = SP_ARCHIVE_DOCKER;
  source->archive_settings.ref = (struct sp_ref){0}; /* it was saved by its ID: there is one */
  source->archive_settings.has_number = false;
  if (prepare(source, ref, err) < 0)
    return -1;
  *out = sp_steal(&store);
  return 0;
}
