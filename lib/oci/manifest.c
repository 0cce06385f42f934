/* SPDX-License-Identifier: Apache-2.0 */
/* What a document is gets decided once, in decide_type(), from three witnesses that must agree: the
 * Content-Type, the body's mediaType, and its shape (S18: two readers that see two different images
 * in the same bytes). */
#include "oci/manifest.h"

#include <strings.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/text.h"
#include "oci/media_type.h"

#define CONFIG_MAX_COUNT 1

/* Types that a server sends when it does not know. */
static bool is_no_answer(struct sp_span type)
{
  static const char *const types[] = {"application/json", "text/plain", "application/octet-stream"};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (type.len == strlen(types[i]) && strncasecmp(type.ptr, types[i], type.len) == 0)
      return true;
  }
  return type.len == 0;
}

static bool is_same_type(struct sp_span a, struct sp_span b)
{
  return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* Readers written in Go match member names without regard to case: "Layers" is "layers" to them and
 * nothing to us. Such a document has two meanings. */
static int refuse_odd_case(json_t *doc, struct sp_err *err)
{
  static const char *const names[] = {"schemaVersion", "mediaType", "config",  "layers",
                                      "manifests",     "subject",   "fsLayers"};
  void *it = json_object_iter(doc);
  for (; it; it = json_object_iter_next(doc, it)) {
    const char *key = json_object_iter_key(it);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
      if (strcasecmp(key, names[i]) == 0 && strcmp(key, names[i]) != 0)
        return sp_fail(err, SP_E_INVALID,
                       "invalid manifest: a member is '%s' in another case, which readers "
                       "understand in different ways",
                       names[i]);
    }
  }
  return 0;
}

static int check_schema(const json_t *doc, struct sp_err *err)
{
  int64_t version;
  if (sp_json_get_int(doc, "schemaVersion", 0, &version, err) < 0)
    return -1;
  if (version == 1)
    return sp_fail(err, SP_E_UNSUPPORTED,
                   "manifest has schema version 1, which is gone: pull the image with an old "
                   "docker and push it again");
  if (version != 2)
    return sp_fail(err, SP_E_INVALID, "invalid manifest: its schemaVersion is not 2");
  return 0;
}

/* Shape: one of the two, never both. */
static int check_shape(const json_t *doc, bool *is_index, struct sp_err *err)
{
  bool has_manifests = json_object_get(doc, "manifests") != NULL;
  bool has_layers = json_object_get(doc, "layers") || json_object_get(doc, "config");
  if (json_object_get(doc, "fsLayers"))
    return sp_fail(err, SP_E_INVALID, "invalid manifest: 'fsLayers' belongs to schema version 1");
  if (has_manifests && has_layers)
    return sp_fail(err, SP_E_INVALID,
                   "invalid manifest: it is an index ('manifests') and an image ('layers' or "
                   "'config') at once");
  if (!has_manifests && !has_layers)
    return sp_fail(err, SP_E_INVALID, "invalid manifest: neither 'manifests' nor 'layers' in it");
  *is_index = has_manifests;
  return 0;
}

/* The type that Content-Type and body agree on; empty if neither says one. */
static int agree_on_type(struct sp_span content_type, struct sp_span body_type, struct sp_span *out,
                         struct sp_err *err)
{
  struct sp_span stated = sp_media_strip(content_type);
  if (is_no_answer(stated)) {
    *out = body_type;
    return 0;
  }
  if (body_type.len > 0 && !is_same_type(stated, body_type)) {
    char shown[SP_MAX_MEDIA_TYPE + 1];
    sp_text_escape(shown, sizeof shown, body_type);
    return sp_fail(err, SP_E_INVALID,
                   "invalid manifest: its mediaType is '%s' and it was sent as '%.*s'", shown,
                   (int)stated.len, stated.ptr);
  }
  *out = stated;
  return 0;
}

static int decide_type(const json_t *doc, struct sp_span content_type, struct sp_manifest *m,
                       struct sp_err *err)
{
  const char *body_type;
  struct sp_span type;
  if (sp_json_get_string(doc, "mediaType", &body_type, err) < 0 ||
      agree_on_type(content_type, sp_span_str(body_type), &type, err) < 0)
    return -1;
  if (sp_media_is_schema1(type))
    return sp_fail(err, SP_E_UNSUPPORTED, "manifest is of schema version 1, which is gone");
  if (check_shape(doc, &m->is_index, err) < 0)
    return -1;
  if (type.len == 0)
    type = sp_span_str(m->is_index ? SP_MEDIA_OCI_INDEX : SP_MEDIA_OCI_MANIFEST);
  if (!sp_media_is_index(type) && !sp_media_is_manifest(type)) {
    char shown[SP_MAX_MEDIA_TYPE + 1];
    sp_text_escape(shown, sizeof shown, type);
    return sp_fail(err, SP_E_INVALID, "'%s' is no type of an image manifest or index", shown);
  }
  if (sp_media_is_index(type) != m->is_index)
    return sp_fail(err, SP_E_INVALID, "invalid manifest: its type says %s and its members say %s",
                   m->is_index ? _("image") : _("index"), m->is_index ? _("index") : _("image"));
  /* Without parameters: a body's mediaType is not stripped anywhere else. */
  return sp_text_copy(m->media_type, sizeof m->media_type, sp_media_strip(type), err);
}

static int read_array(const json_t *array, struct sp_desc *out, size_t *count, struct sp_err *err)
{
  for (size_t i = 0; i < json_array_size(array); i++) {
    if (sp_desc_from_json(json_array_get(array, i), &out[*count], err) < 0)
      return -1;
    (*count)++;
  }
  return 0;
}

static int new_descs(size_t count, struct sp_desc **out, struct sp_err *err)
{
  if (count > SP_MAX_DESCRIPTORS)
    return sp_fail(err, SP_E_LIMIT, "manifest has %zu descriptors, more than the limit of %d",
                   count, SP_MAX_DESCRIPTORS);
  *out = calloc(count ? count : 1, sizeof **out);
  if (!*out)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu descriptors", count);
  return 0;
}

static int read_children(const json_t *doc, struct sp_manifest *m, struct sp_err *err)
{
  json_t *manifests;
  if (sp_json_get_array(doc, "manifests", &manifests, err) < 0 ||
      new_descs(json_array_size(manifests), &m->children, err) < 0)
    return -1;
  return read_array(manifests, m->children, &m->child_count, err);
}

static int read_blobs(const json_t *doc, struct sp_manifest *m, struct sp_err *err)
{
  json_t *config;
  json_t *layers;
  if (sp_json_get_object(doc, "config", &config, err) < 0 ||
      sp_json_get_array(doc, "layers", &layers, err) < 0)
    return -1;
  if (!config || !json_object_get(doc, "layers"))
    return sp_fail(err, SP_E_INVALID, "invalid manifest: 'config' or 'layers' is missing");
  if (new_descs(CONFIG_MAX_COUNT + json_array_size(layers), &m->blobs, err) < 0 ||
      sp_desc_from_json(config, &m->blobs[0], err) < 0)
    return -1;
  m->blob_count = 1;
  return read_array(layers, m->blobs, &m->blob_count, err);
}

static int read_subject(const json_t *doc, struct sp_manifest *m, struct sp_err *err)
{
  json_t *subject;
  if (sp_json_get_object(doc, "subject", &subject, err) < 0)
    return -1;
  m->has_subject = subject != NULL;
  return subject ? sp_desc_from_json(subject, &m->subject, err) : 0;
}

static int read_artifact_type(const json_t *doc, struct sp_manifest *m, struct sp_err *err)
{
  const char *type;
  if (sp_json_get_string(doc, "artifactType", &type, err) < 0)
    return -1;
  struct sp_span s = sp_span_str(type);
  if (s.len > 0 && (s.len > SP_MAX_MEDIA_TYPE || sp_media_strip(s).len != s.len))
    return sp_fail(err, SP_E_INVALID, "invalid manifest: its artifactType is no media type");
  return sp_text_copy(m->artifact_type, sizeof m->artifact_type, s, err);
}

int sp_manifest_parse(struct sp_span bytes, struct sp_span content_type, struct sp_manifest *out,
                      struct sp_err *err)
{
  if (bytes.len > SP_MAX_MANIFEST_BYTES)
    return sp_fail(err, SP_E_LIMIT, "manifest has %zu bytes, more than the limit of %u", bytes.len,
                   SP_MAX_MANIFEST_BYTES);
  SP_AUTO_JSON json_t *doc = NULL;
  SP_AUTO_MANIFEST struct sp_manifest m = {0};
  if (sp_json_parse(bytes, &doc, err) < 0)
    return sp_err_context(err, "invalid manifest");
  if (!json_is_object(doc))
    return sp_fail(err, SP_E_INVALID, "invalid manifest: not a JSON object");
  if (refuse_odd_case(doc, err) < 0 || check_schema(doc, err) < 0 ||
      decide_type(doc, content_type, &m, err) < 0 || read_artifact_type(doc, &m, err) < 0 ||
      read_subject(doc, &m, err) < 0)
    return -1;
  if ((m.is_index ? read_children(doc, &m, err) : read_blobs(doc, &m, err)) < 0)
    return -1;
  *out = m;
  m = (struct sp_manifest){0};
  return 0;
}

void sp_manifest_clear(struct sp_manifest *manifest)
{
  free(manifest->children);
  free(manifest->blobs);
  *manifest = (struct sp_manifest){0};
}

/* -- platforms of an index */

static bool is_image(const struct sp_desc *child)
{
  return child->has_platform && !sp_platform_is_unknown(&child->platform);
}

/* "linux/amd64, linux/arm64" of the entries. */
static void list_platforms(const struct sp_manifest *index, char *out, size_t out_size)
{
  size_t len = 0;
  out[0] = '\0';
  for (size_t i = 0; i < index->child_count && len + SP_PLATFORM_TEXT_MAX + 3 < out_size; i++) {
    const struct sp_desc *child = &index->children[i];
    if (!is_image(child))
      continue;
    char text[SP_PLATFORM_TEXT_MAX];
    sp_platform_format(&child->platform, text);
    len += (size_t)snprintf(out + len, out_size - len, "%s%s", len ? ", " : "", text);
  }
}

int sp_manifest_find_platform(const struct sp_manifest *index, const struct sp_platform *want,
                              const struct sp_desc **child, size_t *found, struct sp_err *err)
{
  *found = 0;
  for (size_t i = 0; i < index->child_count; i++) {
    const struct sp_desc *entry = &index->children[i];
    if (!entry->has_platform || !sp_platform_matches(&entry->platform, want))
      continue;
    if ((*found)++ == 0)
      *child = entry;
  }
  if (*found > 0)
    return 0;
  char asked[SP_PLATFORM_TEXT_MAX];
  char there[SP_ERR_MSG_MAX / 2];
  sp_platform_format(want, asked);
  list_platforms(index, there, sizeof there);
  return sp_fail(err, SP_E_NOT_FOUND, "the image has no platform '%s'; it has: %s", asked,
                 there[0] ? there : _("none that is named"));
}

const struct sp_desc *sp_manifest_only_platform(const struct sp_manifest *index)
{
  const struct sp_desc *only = NULL;
  for (size_t i = 0; i < index->child_count; i++) {
    if (!is_image(&index->children[i]))
      continue;
    if (only)
      return NULL;
    only = &index->children[i];
  }
  return only;
}
