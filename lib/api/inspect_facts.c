/* SPDX-License-Identifier: Apache-2.0 */
#include "api/inspect_facts.h"

#include "base/checked.h"
#include "base/json.h"

static json_t *digest_text(const struct sp_digest *digest)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  return json_string(text);
}

static json_t *text_or_null(const char *text)
{
  return text && *text ? json_string(text) : json_null();
}

static json_t *size(uint64_t bytes)
{
  return bytes > INT64_MAX ? json_null() : json_integer((json_int_t)bytes);
}

static json_t *descriptor(const struct sp_desc *desc)
{
  return json_pack("{s:o, s:s, s:o}", "digest", digest_text(&desc->digest), "media_type",
                   desc->media_type, "size_bytes", size(desc->size_bytes));
}

/* The manifest has been parsed before: what is no text here is left out. */
static json_t *parse(struct sp_span manifest)
{
  struct sp_err ignored = SP_ERR_INIT;
  json_t *doc = NULL;
  return sp_json_parse(manifest, &doc, &ignored) == 0 ? doc : NULL;
}

json_t *sp_inspect_annotations(struct sp_span manifest)
{
  SP_AUTO_JSON json_t *doc = parse(manifest);
  json_t *texts = json_object();
  const char *name;
  json_t *value;
  json_object_foreach(json_object_get(doc, "annotations"), name, value)
  {
    if (json_is_string(value) && json_object_set(texts, name, value) < 0) {
      json_decref(texts);
      return NULL;
    }
  }
  return texts;
}

static uint64_t total_bytes(const struct sp_manifest_bytes *bytes,
                            const struct sp_manifest *manifest)
{
  uint64_t total = bytes->bytes.len;
  for (size_t i = 0; i < manifest->blob_count; i++) {
    if (!sp_add_u64(total, manifest->blobs[i].size_bytes, &total))
      return UINT64_MAX;
  }
  return total;
}

json_t *sp_inspect_image(const struct sp_manifest_bytes *bytes, const struct sp_manifest *manifest)
{
  json_t *layers = json_array();
  for (size_t i = 1; i < manifest->blob_count; i++)
    layers = sp_json_with_item(layers, descriptor(&manifest->blobs[i]));
  json_t *config = descriptor(&manifest->blobs[0]);
  if (!config || json_object_set_new(config, "content", json_null()) < 0) {
    json_decref(config);
    config = NULL;
  }
  return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "digest", digest_text(&bytes->digest),
                   "media_type", manifest->media_type, "artifact_type",
                   text_or_null(manifest->artifact_type), "total_bytes",
                   size(total_bytes(bytes, manifest)), "layers", layers, "config", config);
}

static json_t *platform_entry(const struct sp_desc *child, const json_t *raw)
{
  static const char attested[] = "vnd.docker.reference.digest";
  char platform[SP_PLATFORM_TEXT_MAX] = "unknown";
  if (child->has_platform)
    sp_platform_format(&child->platform, platform);
  const char *subject =
      json_string_value(json_object_get(json_object_get(raw, "annotations"), attested));
  return json_pack("{s:s, s:o, s:s, s:o, s:o, s:n}", "platform", platform, "digest",
                   digest_text(&child->digest), "media_type", child->media_type, "size_bytes",
                   size(child->size_bytes), "attestation_for", text_or_null(subject), "image");
}

json_t *sp_inspect_platforms(const struct sp_manifest_bytes *bytes, const struct sp_manifest *index)
{
  SP_AUTO_JSON json_t *doc = parse(sp_buf_span(&bytes->bytes));
  const json_t *entries = json_object_get(doc, "manifests");
  json_t *platforms = json_array();
  for (size_t i = 0; i < index->child_count; i++)
    platforms = sp_json_with_item(platforms,
                                  platform_entry(&index->children[i], json_array_get(entries, i)));
  return platforms;
}

json_t *sp_inspect_problem(const struct sp_err *err)
{
  return json_pack("{s:s, s:o}", "code", sp_code_name(err->code), "message",
                   sp_json_text(err->msg));
}

static json_t *referrer(const struct sp_digest *subject, const struct sp_desc *desc)
{
  return json_pack("{s:o, s:o, s:s, s:o, s:o}", "subject", digest_text(subject), "digest",
                   digest_text(&desc->digest), "media_type", desc->media_type, "artifact_type",
                   text_or_null(desc->artifact_type), "size_bytes", size(desc->size_bytes));
}

int sp_inspect_add_company(const struct sp_digest *subject, const struct sp_company *company,
                           json_t *referrers, json_t *cosign, struct sp_err *err)
{
  int failed = 0;
  for (size_t i = 0; i < company->list.count; i++)
    failed |= json_array_append_new(referrers, referrer(subject, &company->list.items[i]));
  for (size_t i = 0; i < SP_COSIGN_TAGS; i++) {
    const struct sp_company_tag *tag = &company->cosign[i];
    if (tag->tag[0])
      failed |= json_array_append_new(cosign, json_pack("{s:o, s:s, s:o}", "subject",
                                                        digest_text(subject), "tag", tag->tag,
                                                        "digest", digest_text(&tag->named.digest)));
  }
  return failed ? sp_fail(err, SP_E_NOMEM, "out of memory for a list of referrers") : 0;
}
