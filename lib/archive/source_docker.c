/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/source_docker.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/diff_ids.h"
#include "archive/docker_manifest.h"
#include "archive/source_index.h"
#include "archive/source_layer.h"
#include "base/text.h"
#include "oci/media_type.h"

#define MANIFEST_NAME "manifest.json"

/* What is being made of one entry of manifest.json. */
struct making {
  struct sp_source *source;
  const struct sp_docker_image *image;
  const struct sp_tar_member *config_member;
  struct sp_buf config;
  struct sp_digest config_digest;
};

static void clear_making(struct making *making)
{
  sp_buf_clear(&making->config);
}

/* -- manifest.json and config */

static int load_manifest(struct sp_source *source, struct sp_docker_manifest *out,
                         struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  const struct sp_tar_member *member;
  sp_buf_init(&text, SP_MAX_MANIFEST_BYTES);
  if (sp_tar_index_find(&source->tar.index, sp_span_str(MANIFEST_NAME), &member, err) < 0) {
    err->code = SP_E_INVALID;
    return source->has_index ? sp_err_context(err, "write 'oci-archive:' for an OCI archive")
                             : sp_err_context(err, "this is not what docker save writes");
  }
  if (sp_tar_file_read(&source->tar, member, &text, err) < 0)
    return -1;
  return sp_docker_manifest_parse(sp_buf_span(&text), out, err);
}

/* The 64 hexadecimal digits at the end of a name ("blobs/sha256/HEX", "HEX.json", "sha256:HEX");
 * false if it is named otherwise. */
static bool digest_in_name(const char *name, struct sp_digest *out)
{
  char text[SP_DIGEST_TEXT_MAX];
  struct sp_err ignored = SP_ERR_INIT;
  const char *base = strrchr(name, '/');
  base = base ? base + 1 : name;
  if (strncmp(base, "sha256:", 7) == 0)
    base += 7;
  size_t len = strcspn(base, ".");
  if (len != 64 || (base[len] && strcmp(base + len, ".json") != 0))
    return false;
  snprintf(text, sizeof text, "sha256:%.64s", base);
  return sp_digest_parse(sp_span_str(text), out, &ignored) == 0;
}

static int load_config(struct making *making, struct sp_err *err)
{
  struct sp_digest said;
  const struct sp_tar_file *tar = &making->source->tar;
  if (sp_tar_index_find(&tar->index, sp_span_str(making->image->config), &making->config_member,
                        err) < 0 ||
      sp_tar_file_read(tar, making->config_member, &making->config, err) < 0 ||
      sp_digest_of(SP_DIGEST_SHA256, making->config.data, making->config.len,
                   &making->config_digest, err) < 0)
    return sp_err_context(err, "config");
  if (digest_in_name(making->config_member->name, &said) &&
      !sp_digest_eq(&said, &making->config_digest))
    return sp_fail(err, SP_E_DIGEST, "config '%s' is not what its name says",
                   making->config_member->name);
  return 0;
}

/* Each tag once: two names may have the same. */
static int note_tags(struct sp_source *source, const struct sp_docker_image *image,
                     struct sp_err *err)
{
  sp_tag_page_clear(&source->tags);
  for (size_t i = 0; i < image->name_count; i++) {
    struct sp_ref ref;
    struct sp_err ignored = SP_ERR_INIT;
    bool is_known = sp_ref_parse(sp_span_str(image->names[i]), false, &ref, &ignored) < 0;
    const char *tag = is_known || !ref.tag[0] ? "latest" : ref.tag;
    for (size_t k = 0; k < source->tags.count; k++)
      is_known = is_known || strcmp(source->tags.tags[k], tag) == 0;
    if (!is_known && sp_tag_page_add(&source->tags, sp_span_str(tag), err) < 0)
      return -1;
  }
  return 0;
}

static int choose_image(struct sp_source *source, struct sp_docker_manifest *manifest,
                        const struct sp_docker_image **image, struct sp_err *err)
{
  const struct sp_archive_settings *settings = &source->settings;
  if (load_manifest(source, manifest, err) < 0 ||
      sp_docker_manifest_choose(manifest, &settings->ref,
                                settings->has_number ? &settings->number : NULL, image, err) < 0)
    return -1;
  return note_tags(source, *image, err);
}

int sp_source_docker_tags(struct sp_source *source, struct sp_err *err)
{
  SP_AUTO_DOCKER_MANIFEST struct sp_docker_manifest manifest = {0};
  const struct sp_docker_image *image;
  return choose_image(source, &manifest, &image, err);
}

/* -- a manifest of our own */

static int add_config(const struct making *making, struct sp_desc *desc, struct sp_err *err)
{
  struct sp_source_blob blob = {.digest = making->config_digest,
                                .size_bytes = making->config.len,
                                .kind = SP_SOURCE_MEMBER,
                                .begin = making->config_member->begin};
  *desc = (struct sp_desc){
      .digest = blob.digest, .size_bytes = blob.size_bytes, .media_type = SP_MEDIA_OCI_CONFIG};
  return sp_source_add_take(making->source, &blob, err);
}

static int add_layers(const struct making *making, const struct sp_diff_ids *ids,
                      struct sp_desc *layers, struct sp_err *err)
{
  for (size_t i = 0; i < ids->count; i++) {
    const struct sp_tar_member *member;
    if (sp_tar_index_find(&making->source->tar.index, sp_span_str(making->image->layers[i]),
                          &member, err) < 0)
      return sp_err_context(err, "layer %zu", i);
    if (sp_source_layer_add(making->source, member, &ids->items[i], &layers[i], err) < 0)
      return -1;
  }
  return 0;
}

static int read_diff_ids(const struct making *making, struct sp_diff_ids *out, struct sp_err *err)
{
  if (sp_diff_ids_parse(sp_buf_span(&making->config), out, err) < 0)
    return sp_err_context(err, "config '%s'", making->config_member->name);
  if (out->count == making->image->layer_count)
    return 0;
  return sp_fail(err, SP_E_INVALID, "its config has %zu diffIDs and manifest.json %zu layers",
                 out->count, making->image->layer_count);
}

static int make_manifest(const struct making *making, struct sp_err *err)
{
  struct sp_source *source = making->source;
  SP_AUTO_DIFF_IDS struct sp_diff_ids ids = {0};
  struct sp_source_blob manifest = {.kind = SP_SOURCE_MADE};
  struct sp_desc config;
  sp_buf_init(&manifest.bytes, SP_MAX_MANIFEST_BYTES);
  if (read_diff_ids(making, &ids, err) < 0 || add_config(making, &config, err) < 0)
    return -1;
  SP_AUTO_FREE struct sp_desc *layers = calloc(ids.count + 1, sizeof *layers);
  if (!layers)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the layers of an image");
  if (add_layers(making, &ids, layers, err) < 0 ||
      sp_image_manifest_make(&config, layers, ids.count, &manifest.bytes, err) < 0 ||
      sp_digest_of(SP_DIGEST_SHA256, manifest.bytes.data, manifest.bytes.len, &manifest.digest,
                   err) < 0) {
    sp_buf_clear(&manifest.bytes);
    return -1;
  }
  manifest.size_bytes = manifest.bytes.len;
  source->root = (struct sp_named){.digest = manifest.digest,
                                   .media_type = SP_MEDIA_OCI_MANIFEST,
                                   .size_bytes = manifest.size_bytes};
  return sp_source_add_take(source, &manifest, err);
}

int sp_source_docker_choose(struct sp_source *source, struct sp_err *err)
{
  SP_AUTO_DOCKER_MANIFEST struct sp_docker_manifest manifest = {0};
  SP_CLEANUP(clear_making) struct making making = {.source = source};
  bool has_own;
  sp_buf_init(&making.config, SP_MAX_MANIFEST_BYTES);
  if (choose_image(source, &manifest, &making.image, err) < 0 || load_config(&making, err) < 0 ||
      sp_source_index_find_config(source, &making.config_digest, &has_own, err) < 0)
    return -1;
  return has_own ? 0 : make_manifest(&making, err);
}
