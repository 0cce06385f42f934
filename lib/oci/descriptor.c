/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/descriptor.h"

#include "base/json.h"
#include "base/text.h"
#include "oci/media_type.h"
#include "oci/reference.h"

#define REF_NAME "org.opencontainers.image.ref.name"

/* A media type becomes a header value (Content-Type): it must look like one, and parameters must be
 * plain text. */
static bool is_safe_media_type(struct sp_span s)
{
  for (size_t i = 0; i < s.len; i++) {
    if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7E)
      return false;
  }
  return s.len <= SP_MAX_MEDIA_TYPE && sp_media_strip(s).len > 0;
}

static int get_media_type(const json_t *obj, const char *key, char out[SP_MAX_MEDIA_TYPE + 1],
                          struct sp_err *err)
{
  const char *text;
  if (sp_json_get_string(obj, key, &text, err) < 0)
    return -1;
  struct sp_span s = sp_span_str(text);
  if (s.len > 0 && !is_safe_media_type(s))
    return sp_fail(err, SP_E_INVALID, "member '%s' of a descriptor is no media type", key);
  return sp_text_copy(out, SP_MAX_MEDIA_TYPE + 1, s, err);
}

static int get_digest(const json_t *obj, struct sp_digest *out, struct sp_err *err)
{
  const char *text;
  if (sp_json_get_string(obj, "digest", &text, err) < 0)
    return -1;
  if (!text)
    return sp_fail(err, SP_E_INVALID, "a descriptor has no digest");
  if (sp_digest_parse(sp_span_str(text), out, err) < 0) {
    if (err->code == SP_E_USAGE)
      err->code = SP_E_INVALID; /* not the user's mistake */
    return -1;
  }
  return 0;
}

static int get_size(const json_t *obj, uint64_t *out, struct sp_err *err)
{
  int64_t size;
  if (sp_json_get_int(obj, "size", -1, &size, err) < 0)
    return -1;
  if (size < 0)
    return sp_fail(err, SP_E_INVALID, "the size of a descriptor is missing or negative");
  *out = (uint64_t)size;
  return 0;
}

/* A part of a platform is only shown and compared: what does not fit is escaped and cut. */
static int get_platform_part(const json_t *obj, const char *key, char out[SP_PLATFORM_PART_MAX],
                             struct sp_err *err)
{
  const char *text;
  if (sp_json_get_string(obj, key, &text, err) < 0)
    return -1;
  sp_text_escape(out, SP_PLATFORM_PART_MAX, sp_span_str(text));
  return 0;
}

static int get_platform(const json_t *obj, struct sp_desc *out, struct sp_err *err)
{
  json_t *platform;
  if (sp_json_get_object(obj, "platform", &platform, err) < 0)
    return -1;
  out->has_platform = platform != NULL;
  if (!platform)
    return 0;
  if (get_platform_part(platform, "os", out->platform.os, err) < 0 ||
      get_platform_part(platform, "architecture", out->platform.architecture, err) < 0 ||
      get_platform_part(platform, "variant", out->platform.variant, err) < 0)
    return -1;
  return get_platform_part(platform, "os.version", out->platform.os_version, err);
}

static int get_urls(const json_t *obj, bool *has_urls, struct sp_err *err)
{
  json_t *urls;
  if (sp_json_get_array(obj, "urls", &urls, err) < 0)
    return -1;
  *has_urls = json_array_size(urls) > 0;
  return 0;
}

static int get_ref_name(const json_t *obj, char out[SP_MAX_TAG + 1], struct sp_err *err)
{
  json_t *annotations;
  const char *name = NULL;
  if (sp_json_get_object(obj, "annotations", &annotations, err) < 0)
    return -1;
  if (annotations && sp_json_get_string(annotations, REF_NAME, &name, err) < 0)
    return -1;
  if (!sp_ref_is_tag(sp_span_str(name)))
    return 0;
  return sp_text_copy(out, SP_MAX_TAG + 1, sp_span_str(name), err);
}

int sp_desc_from_json(const json_t *obj, struct sp_desc *out, struct sp_err *err)
{
  struct sp_desc desc = {0};
  if (get_media_type(obj, "mediaType", desc.media_type, err) < 0)
    return -1;
  if (desc.media_type[0] == '\0')
    return sp_fail(err, SP_E_INVALID, "a descriptor has no mediaType");
  if (get_digest(obj, &desc.digest, err) < 0 || get_size(obj, &desc.size_bytes, err) < 0 ||
      get_media_type(obj, "artifactType", desc.artifact_type, err) < 0 ||
      get_platform(obj, &desc, err) < 0 || get_urls(obj, &desc.has_urls, err) < 0 ||
      get_ref_name(obj, desc.ref_name, err) < 0)
    return -1;
  *out = desc;
  return 0;
}

/* Answers false when out of memory. Members without a value are left out. */
static bool put_text(json_t *obj, const char *key, const char *value)
{
  return value[0] == '\0' || json_object_set_new(obj, key, json_string(value)) == 0;
}

static bool put_platform(json_t *obj, const struct sp_desc *desc)
{
  const struct sp_platform *p = &desc->platform;
  if (!desc->has_platform)
    return true;
  SP_AUTO_JSON json_t *platform = json_object();
  return platform && put_text(platform, "architecture", p->architecture) &&
         put_text(platform, "os", p->os) && put_text(platform, "os.version", p->os_version) &&
         put_text(platform, "variant", p->variant) &&
         json_object_set(obj, "platform", platform) == 0;
}

int sp_desc_to_json(const struct sp_desc *desc, json_t **out, struct sp_err *err)
{
  char digest[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&desc->digest, digest);
  SP_AUTO_JSON json_t *obj = json_object();
  bool made = obj && put_text(obj, "mediaType", desc->media_type) &&
              put_text(obj, "digest", digest) &&
              json_object_set_new(obj, "size", json_integer((json_int_t)desc->size_bytes)) == 0 &&
              put_text(obj, "artifactType", desc->artifact_type) && put_platform(obj, desc);
  if (!made)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a descriptor");
  *out = sp_steal(&obj);
  return 0;
}
