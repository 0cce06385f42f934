/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/source_docker.h"
#include "archive/source_index.h"
#include "archive/source_layer.h"
#include "archive/source_manifest.h"
#include "base/i18n.h"
#include "base/text.h"
#include "store/file_reader.h"

static struct sp_source *source_of(struct sp_store *store)
{
  return (struct sp_source *)store;
}

/* -- bytes by digest */

int sp_source_add_take(struct sp_source *source, struct sp_source_blob *blob, struct sp_err *err)
{
  struct sp_source_blob known;
  if (sp_source_find(source, &blob->digest, &known) && known.diff_id.alg == blob->diff_id.alg) {
    sp_buf_clear(&blob->bytes);
    return 0;
  }
  if (source->blob_count == source->blob_cap) {
    size_t cap = source->blob_cap ? 2 * source->blob_cap : 16;
    struct sp_source_blob *blobs = reallocarray(source->blobs, cap, sizeof *blobs);
    if (!blobs) {
      sp_buf_clear(&blob->bytes);
      return sp_fail(err, SP_E_NOMEM, "out of memory for the blobs of an archive");
    }
    source->blobs = blobs;
    source->blob_cap = cap;
  }
  source->blobs[source->blob_count++] = *blob;
  return 0;
}

bool sp_source_find(const struct sp_source *source, const struct sp_digest *digest,
                    struct sp_source_blob *out)
{
  char hex[SP_DIGEST_HEX_MAX];
  char name[SP_DIGEST_HEX_MAX + 32];
  for (size_t i = 0; i < source->blob_count; i++) {
    if (!sp_digest_eq(&source->blobs[i].digest, digest))
      continue;
    *out = source->blobs[i];
    return true;
  }
  sp_digest_format_hex(digest, hex);
  snprintf(name, sizeof name, "blobs/%s/%s", sp_digest_alg_name(digest->alg), hex);
  const struct sp_tar_member *member = sp_tar_index_lookup(&source->tar.index, name);
  if (!member)
    return false;
  *out = (struct sp_source_blob){.digest = *digest,
                                 .size_bytes = member->size_bytes,
                                 .kind = SP_SOURCE_MEMBER,
                                 .begin = member->begin};
  return true;
}

int sp_source_read(const struct sp_source *source, const struct sp_digest *digest,
                   struct sp_buf *out, struct sp_err *err)
{
  struct sp_source_blob blob;
  if (sp_cancel_check(source->settings.cancel, err) < 0)
    return -1; /* an index may have ten thousand children */
  if (!sp_source_find(source, digest, &blob))
    return sp_fail(err, SP_E_NOT_FOUND, "it is not there");
  if (blob.size_bytes > SP_MAX_MANIFEST_BYTES)
    return sp_fail(err, SP_E_LIMIT, "it has %llu bytes, more than any manifest",
                   (unsigned long long)blob.size_bytes);
  if (blob.kind == SP_SOURCE_MADE)
    return sp_buf_append_span(out, sp_buf_span(&blob.bytes), err);
  char plain_name[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, plain_name);
  const struct sp_tar_member stretch = {
      .name = plain_name, .begin = blob.begin, .size_bytes = blob.size_bytes};
  if (blob.kind != SP_SOURCE_MEMBER)
    return sp_fail(err, SP_E_NOT_FOUND, "it is a layer");
  if (sp_tar_file_read(&source->tar, &stretch, out, err) < 0)
    return -1;
  return sp_digest_check(digest, out->data, out->len, err);
}

/* -- being resolved */

static int choose(struct sp_source *source, struct sp_err *err)
{
  if (sp_source_index_load(source, err) < 0)
    return -1;
  if (source->settings.kind == SP_ARCHIVE_DOCKER)
    return sp_source_docker_choose(source, err);
  if (!source->has_index)
    return sp_fail(err, SP_E_INVALID, "it has no index.json: %s",
                   sp_tar_index_lookup(&source->tar.index, "manifest.json")
                       ? _("write 'docker-archive:' for what docker save writes")
                       : _("it is no OCI archive"));
  if (sp_source_index_choose(source, err) < 0 ||
      sp_index_view_list_tags(&source->index, &source->all_tags, err) < 0)
    return -1;
  return sp_source_index_narrow(source, NULL, err);
}

/* What a choice that failed left behind; layers that were compressed stay. */
static void forget(struct sp_source *source)
{
  sp_tag_page_clear(&source->tags);
  sp_tag_page_clear(&source->all_tags);
  sp_index_view_clear(&source->index);
  source->has_index = false;
  sp_source_manifest_forget(source);
  free(sp_steal(&source->referrers));
  source->referrer_count = 0;
  source->has_referrers = false;
}

static int make_ready(struct sp_source *source, struct sp_err *err)
{
  SP_LOCK_SCOPE(&source->lock);
  if (source->is_ready)
    return 0;
  if (choose(source, err) < 0) {
    forget(source);
    return -1;
  }
  source->is_ready = true;
  return 0;
}

static bool is_own_tag(const struct sp_source *source, const char *tag)
{
  if (tag[0] == '\0')
    return true;
  for (size_t i = 0; i < source->tags.count; i++) {
    if (strcmp(source->tags.tags[i], tag) == 0)
      return true;
  }
  return false;
}

static int compare_tag(const void *tag, const void *item)
{
  return strcmp(tag, *(const char *const *)item);
}

/* Of every manifest of an image three tags are asked for, of signatures that it may have. */
static bool has_tag(const struct sp_source *source, const char *tag)
{
  return source->all_tags.count > 0 && bsearch(tag, source->all_tags.tags, source->all_tags.count,
                                               sizeof *source->all_tags.tags, compare_tag);
}

static int resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                   struct sp_err *err)
{
  struct sp_source *source = source_of(store);
  struct sp_desc desc;
  if (make_ready(source, err) < 0)
    return -1;
  if (is_own_tag(source, tag)) {
    *out = source->root;
    return 0;
  }
  if (source->settings.kind == SP_ARCHIVE_DOCKER)
    return sp_fail(err, SP_E_NOT_FOUND, "the image has no tag '%s'", tag);
  if (!has_tag(source, tag))
    return sp_fail(err, SP_E_NOT_FOUND, "no tag '%s' in '%s'", tag, source->name);
  if (sp_index_view_find_tag(&source->index, tag, &desc, err) < 0)
    return -1;
  *out = (struct sp_named){.digest = desc.digest, .size_bytes = desc.size_bytes};
  snprintf(out->media_type, sizeof out->media_type, "%s", desc.media_type);
  return 0;
}

/* -- manifests */

static int get_manifest(struct sp_store *store, const struct sp_digest *digest,
                        struct sp_manifest_bytes *out, struct sp_err *err)
{
  struct sp_source *source = source_of(store);
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  if (make_ready(source, err) < 0)
    return -1;
  SP_LOCK_SCOPE(&source->lock);
  if (sp_source_read(source, digest, &out->bytes, err) < 0 ||
      sp_manifest_parse(sp_buf_span(&out->bytes), SP_SPAN(NULL, 0), &parsed, err) < 0)
    return -1;
  memcpy(out->media_type, parsed.media_type, sizeof out->media_type);
  out->digest = *digest;
  return 0;
}

static int stat_manifest(struct sp_store *store, const struct sp_digest *digest,
                         struct sp_named *out, struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  if (get_manifest(store, digest, &bytes, err) < 0)
    return -1;
  out->size_bytes = bytes.bytes.len;
  memcpy(out->media_type, bytes.media_type, sizeof out->media_type);
  return 0;
}

/* Of a docker archive they are known long before the image is, which may have to be made. */
static int find_tags(struct sp_source *source, struct sp_err *err)
{
  if (source->settings.kind == SP_ARCHIVE_OCI)
    return make_ready(source, err);
  SP_LOCK_SCOPE(&source->lock);
  return source->is_ready ? 0 : sp_source_docker_tags(source, err);
}

/* All are one page. */
static int list_tags(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                     struct sp_err *err)
{
  struct sp_source *source = source_of(store);
  (void)cursor;
  if (find_tags(source, err) < 0)
    return -1;
  for (size_t i = 0; i < source->tags.count; i++) {
    if (sp_tag_page_add(out, sp_span_str(source->tags.tags[i]), err) < 0)
      return -1;
  }
  return 0;
}

static int list_referrers(struct sp_store *store, const struct sp_digest *digest,
                          struct sp_referrers *out, struct sp_err *err)
{
  struct sp_source *source = source_of(store);
  if (make_ready(source, err) < 0)
    return -1;
  if (source->settings.kind == SP_ARCHIVE_DOCKER)
    return 0;
  SP_LOCK_SCOPE(&source->lock);
  return sp_source_index_referrers(source, digest, out, err);
}

/* -- blobs */

static int check_blob(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                      enum sp_proof want, struct sp_blob_state *out, struct sp_err *err)
{
  struct sp_source *source = source_of(store);
  struct sp_source_blob blob;
  (void)size_bytes; /* the door compares */
  if (make_ready(source, err) < 0)
    return -1;
  SP_LOCK_SCOPE(&source->lock);
  out->state = SP_BLOB_ABSENT;
  if (!sp_source_find(source, digest, &blob))
    return 0;
  out->state = SP_BLOB_PRESENT;
  /* That the file is as long was seen when it was opened. Of a layer that is only remembered nobody
   * has seen that the archive's bytes would become it. */
  bool is_claim = blob.kind == SP_SOURCE_KNOWN && want > SP_PROOF_CLAIMED;
  out->proof = is_claim ? SP_PROOF_CLAIMED : want;
  out->size_bytes = blob.size_bytes;
  return 0;
}

/* A manifest of ours is read as one; as a blob it is not asked for, but may be. */
static int open_made(const struct sp_source_blob *blob, uint64_t offset, struct sp_source *source,
                     struct sp_reader **out, struct sp_err *err)
{
  int fd;
  if (!source->spool && sp_spool_open(&source->spool, err) < 0)
    return -1;
  if (sp_spool_file(source->spool, &fd, err) < 0)
    return -1;
  const struct sp_file_stretch stretch = {
      .fd = fd, .owns_fd = true, .size_bytes = blob->size_bytes, .where = source->name};
  if (sp_spool_write(source->spool, fd, 0, blob->bytes.data, blob->bytes.len, err) == 0 &&
      sp_file_reader_new(&stretch, offset, out, err) == 0)
    return 0;
  close(fd);
  return -1;
}

static int open_read(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                     uint64_t offset, struct sp_reader **out, struct sp_err *err)
{
  struct sp_source *source = source_of(store);
  struct sp_source_blob blob;
  if (make_ready(source, err) < 0)
    return -1;
  SP_LOCK_SCOPE(&source->lock);
  if (!sp_source_find(source, digest, &blob))
    return sp_fail(err, SP_E_NOT_FOUND, "it is not there");
  if (blob.size_bytes != size_bytes)
    return sp_fail(err, SP_E_DIGEST, "it has %llu bytes there instead of %llu",
                   (unsigned long long)blob.size_bytes, (unsigned long long)size_bytes);
  if (blob.kind == SP_SOURCE_MADE)
    return open_made(&blob, offset, source, out, err);
  if (blob.kind == SP_SOURCE_KNOWN && sp_source_layer_pack(source, &blob, err) < 0)
    return -1;
  const struct sp_file_stretch stretch = {.fd = blob.kind == SP_SOURCE_PACKED ? source->packed_fd
                                                                              : source->tar.fd,
                                          .begin = blob.begin,
                                          .size_bytes = blob.size_bytes,
                                          .where = source->name};
  return sp_file_reader_new(&stretch, offset, out, err);
}

/* -- not for archives that are read */

static int refuse(struct sp_err *err)
{
  return sp_fail(err, SP_E_UNSUPPORTED, "the archive was opened for reading");
}

static int put_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                        bool *subject_handled, struct sp_err *err)
{
  (void)store, (void)manifest, (void)subject_handled;
  return refuse(err);
}

static int set_tags(struct sp_store *store, const char *const *tags, size_t n,
                    const struct sp_manifest_bytes *manifest, size_t *done, struct sp_err *err)
{
  (void)store, (void)tags, (void)n, (void)manifest, (void)done;
  return refuse(err);
}

static int begin_write(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                       struct sp_writer **out, struct sp_err *err)
{
  (void)store, (void)digest, (void)size_bytes, (void)out;
  return refuse(err);
}

/* -- the store */

static void close_source(struct sp_store *store)
{
  struct sp_source *source = source_of(store);
  for (size_t i = 0; i < source->blob_count; i++)
    sp_buf_clear(&source->blobs[i].bytes);
  free(source->blobs);
  forget(source);
  sp_scope_close_(&source->packed_fd);
  sp_spool_close(source->spool);
  sp_tar_file_clear(&source->tar);
  pthread_mutex_destroy(&source->lock);
  free(source->name);
  free(source);
}

static const struct sp_store_ops source_ops = {
    .resolve = resolve,
    .stat_manifest = stat_manifest,
    .get_manifest = get_manifest,
    .put_manifest = put_manifest,
    .set_tags = set_tags,
    .list_tags = list_tags,
    .list_referrers = list_referrers,
    .check_blob = check_blob,
    .open_read = open_read,
    .begin_write = begin_write,
    .close = close_source,
};

static int make_source(const struct sp_archive_settings *settings, struct sp_source **out,
                       struct sp_err *err)
{
  struct sp_source *source = calloc(1, sizeof *source);
  if (!source)
    return sp_fail(err, SP_E_NOMEM, "out of memory for an archive");
  pthread_mutex_init(&source->lock, NULL);
  source->settings = *settings;
  source->tar = SP_TAR_FILE_INIT;
  source->packed_fd = -1;
  source->store.ops = &source_ops;
  if (sp_text_dup(&source->name, settings->name, err) < 0) {
    close_source(&source->store);
    return -1;
  }
  source->settings.name = source->name;
  source->store = (struct sp_store){.ops = &source_ops, .name = source->name, .is_local = true};
  *out = source;
  return 0;
}

int sp_archive_open(const char *path, const struct sp_archive_settings *settings,
                    struct sp_store **out, struct sp_err *err)
{
  struct sp_source *source;
  if (make_source(settings, &source, err) < 0)
    return -1;
  if (sp_tar_file_open(&source->tar, path, &source->spool, settings->cancel, err) < 0) {
    sp_err_context(err, "cannot read '%s'", source->name);
    close_source(&source->store);
    return -1;
  }
  *out = &source->store;
  return 0;
}

int sp_archive_open_input_take(struct sp_input *input, const struct sp_archive_settings *settings,
                               struct sp_store **out, struct sp_err *err)
{
  struct sp_source *source;
  if (make_source(settings, &source, err) < 0) {
    sp_input_close(input);
    return -1;
  }
  if (sp_tar_file_open_input_take(&source->tar, input, &source->spool, settings->cancel, err) < 0) {
    sp_err_context(err, "cannot read '%s'", source->name);
    close_source(&source->store);
    return -1;
  }
  *out = &source->store;
  return 0;
}
