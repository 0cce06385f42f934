/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/source_layer.h"

#include <unistd.h>

#include "archive/fd_input.h"
#include "archive/inflate.h"
#include "archive/layer_pack.h"
#include "archive/layer_record.h"
#include "base/log.h"
#include "base/text.h"

#define HASH_BYTES (64u * SP_KIB)

/* -- compressing */

static int ready_spool(struct sp_source *source, struct sp_err *err)
{
  if (!source->spool && sp_spool_open(&source->spool, err) < 0)
    return -1;
  return source->packed_fd >= 0 ? 0 : sp_spool_file(source->spool, &source->packed_fd, err);
}

static int fail_diff_id(const struct sp_tar_member *member, const struct sp_digest *have,
                        const struct sp_digest *want, struct sp_err *err)
{
  char have_text[SP_DIGEST_TEXT_MAX];
  char want_text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(have, have_text);
  sp_digest_format(want, want_text);
  return sp_fail(err, SP_E_DIGEST, "layer '%s' has the diffID %s, and the config says %s",
                 member->name, have_text, want_text);
}

/* Compresses the member to the end of the spool's file. */
static int pack(struct sp_source *source, const struct sp_tar_member *member,
                const struct sp_digest *diff_id, struct sp_source_blob *out, struct sp_err *err)
{
  char size[SP_SIZE_TEXT_MAX];
  if (ready_spool(source, err) < 0)
    return -1;
  struct sp_layer_pack job = {.from_fd = source->tar.fd,
                              .from = member->begin,
                              .from_bytes = member->size_bytes,
                              .spool = source->spool,
                              .to_fd = source->packed_fd,
                              .to = source->packed_bytes,
                              .compression = source->settings.compression,
                              .threads = source->settings.threads,
                              .cancel = source->settings.cancel};
  sp_text_format_size(size, member->size_bytes);
  sp_log(SP_LOG_INFO, "compressing layer '%s' (%s)", member->name, size);
  if (sp_layer_pack_run(&job, err) < 0)
    return sp_err_context(err, "cannot compress layer '%s'", member->name);
  if (!sp_digest_eq(&job.diff_id, diff_id))
    return fail_diff_id(member, &job.diff_id, diff_id, err);
  *out = (struct sp_source_blob){.digest = job.digest,
                                 .size_bytes = job.size_bytes,
                                 .kind = SP_SOURCE_PACKED,
                                 .begin = source->packed_bytes,
                                 .member = member,
                                 .diff_id = *diff_id};
  source->packed_bytes += job.size_bytes;
  return 0;
}

int sp_source_layer_pack(struct sp_source *source, struct sp_source_blob *blob, struct sp_err *err)
{
  struct sp_source_blob packed;
  if (pack(source, blob->member, &blob->diff_id, &packed, err) < 0)
    return -1;
  if (!sp_digest_eq(&packed.digest, &blob->digest)) {
    sp_layer_record_drop(&blob->diff_id, source->compressor_id);
    return sp_fail(err, SP_E_DIGEST,
                   "layer '%s' became something else than was remembered of it: that is forgotten "
                   "now, run again",
                   blob->member->name);
  }
  packed.media_type = blob->media_type;
  for (size_t i = 0; i < source->blob_count; i++) {
    if (sp_digest_eq(&source->blobs[i].digest, &packed.digest))
      source->blobs[i] = packed; /* a KNOWN one owns nothing */
  }
  *blob = packed;
  return 0;
}

static int add_uncompressed(struct sp_source *source, const struct sp_tar_member *member,
                            const struct sp_digest *diff_id, struct sp_source_blob *out,
                            struct sp_err *err)
{
  struct sp_layer_record record;
  if (!source->compressor_id[0] &&
      sp_compression_id(&source->settings.compression, source->compressor_id, err) < 0)
    return -1;
  if (sp_layer_record_get(diff_id, source->compressor_id, &record)) {
    *out = (struct sp_source_blob){.digest = record.digest,
                                   .size_bytes = record.size_bytes,
                                   .kind = SP_SOURCE_KNOWN,
                                   .member = member,
                                   .diff_id = *diff_id};
  } else {
    if (pack(source, member, diff_id, out, err) < 0)
      return -1;
    record = (struct sp_layer_record){.digest = out->digest, .size_bytes = out->size_bytes};
    sp_layer_record_put(diff_id, source->compressor_id, &record);
  }
  out->media_type = sp_compression_media_type(source->settings.compression.method);
  return 0;
}

/* -- layers that are compressed already */

/* The digest of a stream to its end; the stream is taken. */
static int hash_input_take(struct sp_input *input, enum sp_digest_alg alg, struct sp_digest *out,
                           struct sp_err *err)
{
  SP_CLEANUP(sp_input_close_auto_) struct sp_input *taken = input;
  SP_AUTO_HASHER struct sp_hasher *hasher = NULL;
  SP_AUTO_FREE char *buffer = malloc(HASH_BYTES);
  if (!buffer)
    return sp_fail(err, SP_E_NOMEM, "out of memory to read a layer");
  if (sp_hasher_new(alg, &hasher, err) < 0)
    return -1;
  for (;;) {
    size_t got;
    if (taken->ops->read(taken, buffer, HASH_BYTES, &got, err) < 0)
      return -1;
    if (got == 0)
      break;
    sp_hasher_update(hasher, buffer, got);
  }
  sp_hasher_finish(hasher, out);
  return 0;
}

static int open_member(const struct sp_source *source, const struct sp_tar_member *member,
                       struct sp_input **out, struct sp_err *err)
{
  return sp_fd_input_new_stretch(source->tar.fd, member->begin, member->size_bytes,
                                 source->settings.cancel, out, err);
}

static int add_compressed(struct sp_source *source, const struct sp_tar_member *member,
                          const struct sp_digest *diff_id, enum sp_packing packing,
                          struct sp_source_blob *out, struct sp_err *err)
{
  struct sp_input *input;
  struct sp_digest have;
  *out = (struct sp_source_blob){.size_bytes = member->size_bytes,
                                 .kind = SP_SOURCE_MEMBER,
                                 .begin = member->begin,
                                 .member = member,
                                 .diff_id = *diff_id};
  if (open_member(source, member, &input, err) < 0 ||
      hash_input_take(input, SP_DIGEST_SHA256, &out->digest, err) < 0 ||
      open_member(source, member, &input, err) < 0 ||
      sp_inflate_open_take(input, &input, NULL, err) < 0 ||
      hash_input_take(input, diff_id->alg, &have, err) < 0)
    return sp_err_context(err, "layer '%s'", member->name);
  if (!sp_digest_eq(&have, diff_id))
    return fail_diff_id(member, &have, diff_id, err);
  out->media_type = sp_compression_media_type(packing == SP_PACKING_ZSTD ? SP_COMPRESSION_ZSTD
                                                                         : SP_COMPRESSION_GZIP);
  return 0;
}

/* -- either */

/* The same layer twice in an image is common: the empty one. */
static const struct sp_source_blob *find_layer(const struct sp_source *source,
                                               const struct sp_digest *diff_id)
{
  for (size_t i = 0; i < source->blob_count; i++) {
    if (sp_digest_eq(&source->blobs[i].diff_id, diff_id))
      return &source->blobs[i];
  }
  return NULL;
}

static int make_layer(struct sp_source *source, const struct sp_tar_member *member,
                      const struct sp_digest *diff_id, struct sp_source_blob *out,
                      struct sp_err *err)
{
  enum sp_packing packing;
  if (sp_tar_file_look_at(source->tar.fd, member->begin, member->size_bytes, &packing, err) < 0)
    return sp_err_context(err, "layer '%s'", member->name);
  if (diff_id->alg != SP_DIGEST_SHA256)
    return sp_fail(err, SP_E_UNSUPPORTED, "layer '%s': only sha256 diffIDs are read", member->name);
  return packing == SP_PACKING_NONE ? add_uncompressed(source, member, diff_id, out, err)
                                    : add_compressed(source, member, diff_id, packing, out, err);
}

int sp_source_layer_add(struct sp_source *source, const struct sp_tar_member *member,
                        const struct sp_digest *diff_id, struct sp_desc *desc, struct sp_err *err)
{
  const struct sp_source_blob *blob = find_layer(source, diff_id);
  struct sp_source_blob made;
  if (!blob) {
    if (make_layer(source, member, diff_id, &made, err) < 0)
      return -1;
    blob = &made;
  }
  *desc = (struct sp_desc){.digest = blob->digest, .size_bytes = blob->size_bytes};
  snprintf(desc->media_type, sizeof desc->media_type, "%s", blob->media_type);
  return blob == &made ? sp_source_add_take(source, &made, err) : 0;
}
