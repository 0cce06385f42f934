/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/docker_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"

/* The texts of an array; a missing one is empty. */
static int read_texts(const json_t *image, const char *key, const char ***out, size_t *count,
                      struct sp_err *err)
{
  json_t *list;
  if (sp_json_get_array(image, key, &list, err) < 0)
    return -1;
  *count = json_array_size(list);
  if (*count > SP_MAX_DESCRIPTORS)
    return sp_fail(err, SP_E_LIMIT, "'%s' has more than %d entries", key, SP_MAX_DESCRIPTORS);
  *out = calloc(*count + 1, sizeof **out);
  if (!*out)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a manifest.json");
  for (size_t i = 0; i < *count; i++) {
    (*out)[i] = json_string_value(json_array_get(list, i));
    if (!(*out)[i] || strlen((*out)[i]) != json_string_length(json_array_get(list, i)))
      return sp_fail(err, SP_E_INVALID, "entry %zu of '%s' is no text", i, key);
  }
  return 0;
}

static int read_image(const json_t *entry, struct sp_docker_image *image, struct sp_err *err)
{
  if (!json_is_object(entry))
    return sp_fail(err, SP_E_INVALID, "it is no object");
  if (sp_json_get_string(entry, "Config", &image->config, err) < 0)
    return -1;
  if (!image->config || image->config[0] == '\0')
    return sp_fail(err, SP_E_INVALID, "'Config' is missing");
  if (read_texts(entry, "Layers", &image->layers, &image->layer_count, err) < 0)
    return -1;
  return read_texts(entry, "RepoTags", &image->names, &image->name_count, err);
}

int sp_docker_manifest_parse(struct sp_span text, struct sp_docker_manifest *out,
                             struct sp_err *err)
{
  SP_AUTO_DOCKER_MANIFEST struct sp_docker_manifest manifest = {0};
  if (sp_json_parse(text, &manifest.doc_, err) < 0)
    return sp_err_context(err, "manifest.json");
  size_t count = json_array_size(manifest.doc_);
  if (!json_is_array(manifest.doc_) || count == 0)
    return sp_fail(err, SP_E_INVALID, "manifest.json lists no images");
  if (count > SP_MAX_ARCHIVE_IMAGES)
    return sp_fail(err, SP_E_LIMIT, "manifest.json lists more than %d images",
                   SP_MAX_ARCHIVE_IMAGES);
  manifest.images = calloc(count, sizeof *manifest.images);
  if (!manifest.images)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a manifest.json");
  for (; manifest.count < count; manifest.count++) {
    size_t i = manifest.count;
    if (read_image(json_array_get(manifest.doc_, i), &manifest.images[i], err) < 0) {
      manifest.count++; /* what was read of it is to be freed */
      return sp_err_context(err, "image %zu of manifest.json", i);
    }
  }
  *out = manifest;
  manifest = (struct sp_docker_manifest){0};
  return 0;
}

void sp_docker_manifest_clear(struct sp_docker_manifest *manifest)
{
  for (size_t i = 0; i < manifest->count; i++) {
    free(manifest->images[i].layers);
    free(manifest->images[i].names);
  }
  free(manifest->images);
  json_decref(manifest->doc_);
  *manifest = (struct sp_docker_manifest){0};
}

/* -- choosing */

static bool has_name(const struct sp_docker_image *image, const struct sp_ref *want)
{
  const char *tag = want->tag[0] ? want->tag : "latest";
  for (size_t i = 0; i < image->name_count; i++) {
    struct sp_ref have;
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_ref_parse(sp_span_str(image->names[i]), false, &have, &ignored) == 0 &&
        strcmp(have.host, want->host) == 0 && strcmp(have.repository, want->repository) == 0 &&
        strcmp(have.tag[0] ? have.tag : "latest", tag) == 0)
      return true;
  }
  return false;
}

static int fail_choice(const struct sp_docker_manifest *manifest, const char *why,
                       struct sp_err *err)
{
  char names[600] = "";
  size_t len = 0;
  for (size_t i = 0; i < manifest->count && len < sizeof names - 100; i++) {
    const struct sp_docker_image *image = &manifest->images[i];
    char shown[80];
    sp_text_escape(shown, sizeof shown, sp_span_str(image->name_count ? image->names[0] : ""));
    len += (size_t)snprintf(names + len, sizeof names - len, "%s@%zu%s%s%s", i ? ", " : "", i,
                            shown[0] ? " '" : "", shown, shown[0] ? "'" : "");
  }
  return sp_fail(err, SP_E_NOT_FOUND, "%s: write FILE:NAME:TAG or FILE:@N; it has %s", why, names);
}

int sp_docker_manifest_choose(const struct sp_docker_manifest *manifest, const struct sp_ref *ref,
                              const uint32_t *number, const struct sp_docker_image **out,
                              struct sp_err *err)
{
  if (number && *number < manifest->count) {
    *out = &manifest->images[*number];
    return 0;
  }
  if (number)
    return fail_choice(manifest, _("it has no image of this number"), err);
  for (size_t i = 0; ref->repository[0] && i < manifest->count; i++) {
    if (has_name(&manifest->images[i], ref)) {
      *out = &manifest->images[i];
      return 0;
    }
  }
  if (ref->repository[0])
    return fail_choice(manifest, _("it has no image of this name"), err);
  if (manifest->count > 1)
    return fail_choice(manifest, _("it holds several images"), err);
  *out = &manifest->images[0];
  return 0;
}
