/* SPDX-License-Identifier: Apache-2.0 */
/* Written by hand, a line per tag, so that one set of facts has one form; read by the strict
 * parser. Members that are not known are left alone: a later version may add some. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "journal/record.h"
#include "oci/media_type.h"
#include "oci/reference.h"

#define SCHEMA 1
#define FAMILY "application/vnd.safeport.record." /* what records of any version begin with */
#define EMPTY_TYPE "application/vnd.oci.empty.v1+json"
#define EMPTY_BODY "{}"
#define DATE_LEN 10 /* "2026-11-24" */
#define LEVEL_TOUCHED "touched"
#define LEVEL_READ "read"

/* -- writing */

static int append_time(struct sp_buf *out, const char *member, int64_t unix_s, struct sp_err *err)
{
  char text[SP_RFC3339_MAX];
  if (unix_s <= 0)
    return 0;
  sp_clock_format_rfc3339(unix_s, text);
  return sp_buf_appendf(out, err, ",\"%s\":\"%s\"", member, text);
}

static int append_date(struct sp_buf *out, const char *member, int64_t unix_s, struct sp_err *err)
{
  char text[SP_RFC3339_MAX];
  if (unix_s <= 0)
    return 0;
  sp_clock_format_rfc3339(unix_s, text);
  return sp_buf_appendf(out, err, ",\"%s\":\"%.*s\"", member, DATE_LEN, text);
}

static int append_tag(struct sp_buf *out, const struct sp_record_tag *tag, struct sp_err *err)
{
  char digest[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&tag->digest, digest);
  if (sp_buf_appendf(out, err, "{\"tag\":\"%s\",\"digest\":\"%s\"", tag->tag, digest) < 0 ||
      append_time(out, "since", tag->since_s, err) < 0 ||
      append_time(out, "first_seen", tag->first_seen_s, err) < 0 ||
      append_date(out, "touched", tag->touched_s, err) < 0 ||
      append_date(out, "read", tag->read_s, err) < 0 ||
      append_time(out, "damaged", tag->damaged_s, err) < 0)
    return -1;
  if (tag->damaged_s > 0 && sp_buf_appendf(out, err, ",\"damage_seen\":\"%s\"",
                                           tag->needs_read ? LEVEL_READ : LEVEL_TOUCHED) < 0)
    return -1;
  if (!tag->is_gone)
    return sp_buf_append_str(out, "}", err);
  if (append_time(out, "named_since", tag->named_since_s, err) < 0)
    return -1;
  return sp_buf_append_str(
      out, tag->is_meant ? ",\"gone\":true,\"meant\":true}" : ",\"gone\":true}", err);
}

static int append_left(struct sp_buf *out, const struct sp_record_left *left, struct sp_err *err)
{
  char digest[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&left->digest, digest);
  if (sp_buf_appendf(out, err, "{\"tag\":\"%s\",\"digest\":\"%s\"", left->tag, digest) < 0 ||
      append_time(out, "since", left->since_s, err) < 0 ||
      append_time(out, "left", left->left_s, err) < 0)
    return -1;
  return sp_buf_append_str(out, "}", err);
}

static int append_primary(struct sp_buf *out, const char *primary, struct sp_err *err)
{
  SP_AUTO_JSON json_t *text = json_string(primary);
  if (!text)
    return sp_fail(err, SP_E_USAGE, "the name of a primary is not UTF-8");
  SP_AUTO_FREE char *quoted = sp_json_print(text, JSON_ENSURE_ASCII);
  if (!quoted)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a record");
  return sp_buf_appendf(out, err, "{\"schema\":%d,\"primary\":%s,\"tags\":[", SCHEMA, quoted);
}

static int append_rot(struct sp_buf *out, const struct sp_record *record, struct sp_err *err)
{
  char digest[SP_DIGEST_TEXT_MAX];
  for (size_t i = 0; i < record->rot_count; i++) {
    sp_digest_format(&record->rot[i].digest, digest);
    if (sp_buf_appendf(out, err, "%s\n{\"digest\":\"%s\"", i ? "," : ",\"rot\":[", digest) < 0 ||
        append_time(out, "seen", record->rot[i].seen_s, err) < 0 ||
        sp_buf_append_str(out, record->rot[i].is_elsewhere ? ",\"elsewhere\":true}" : "}", err) < 0)
      return -1;
  }
  return record->rot_count ? sp_buf_append_str(out, "\n]", err) : 0;
}

static int append_doubt(struct sp_buf *out, const struct sp_record_doubt *doubt, struct sp_err *err)
{
  char from[SP_RFC3339_MAX];
  char until[SP_RFC3339_MAX];
  if (doubt->until_s == 0)
    return 0;
  sp_clock_format_rfc3339(doubt->from_s, from);
  sp_clock_format_rfc3339(doubt->until_s, until);
  return sp_buf_appendf(out, err, ",\"doubt\":{\"from\":\"%s\",\"until\":\"%s\"}", from, until);
}

static int append_body(struct sp_buf *out, const struct sp_record *record, struct sp_err *err)
{
  if (append_primary(out, sp_record_primary(record), err) < 0)
    return -1;
  for (size_t i = 0; i < record->count; i++) {
    if (sp_buf_append_str(out, i ? ",\n" : "\n", err) < 0 ||
        append_tag(out, &record->tags[i], err) < 0)
      return -1;
  }
  for (size_t i = 0; i < record->left_count; i++) {
    if (sp_buf_append_str(out, i ? ",\n" : "\n],\"left\":[\n", err) < 0 ||
        append_left(out, &record->left[i], err) < 0)
      return -1;
  }
  if (sp_buf_append_str(out, "\n]", err) < 0 || append_rot(out, record, err) < 0 ||
      append_doubt(out, &record->doubt, err) < 0 ||
      append_time(out, "anew", record->anew_s, err) < 0)
    return -1;
  return sp_buf_append_str(out, "}\n", err);
}

static int describe(const struct sp_buf *bytes, const char *media_type, struct sp_desc *out,
                    struct sp_err *err)
{
  *out = (struct sp_desc){.size_bytes = bytes->len};
  snprintf(out->media_type, sizeof out->media_type, "%s", media_type);
  return sp_digest_of(SP_DIGEST_SHA256, bytes->data, bytes->len, &out->digest, err);
}

static int append_manifest(struct sp_record_artifact *out, struct sp_err *err)
{
  char config[SP_DIGEST_TEXT_MAX];
  char body[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&out->config_desc.digest, config);
  sp_digest_format(&out->body_desc.digest, body);
  return sp_buf_appendf(&out->manifest, err,
                        "{\"schemaVersion\":2,\"mediaType\":\"" SP_MEDIA_OCI_MANIFEST
                        "\",\"artifactType\":\"" SP_RECORD_TYPE
                        "\",\"config\":{\"mediaType\":\"" EMPTY_TYPE
                        "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[{\"mediaType\":"
                        "\"" SP_RECORD_TYPE "\",\"digest\":\"%s\",\"size\":%zu}]}",
                        config, out->config.len, body, out->body.len);
}

int sp_record_encode(const struct sp_record *record, struct sp_record_artifact *out,
                     struct sp_err *err)
{
  SP_AUTO_RECORD_ARTIFACT struct sp_record_artifact made = {0};
  sp_buf_init(&made.config, sizeof EMPTY_BODY);
  sp_buf_init(&made.body, SP_MAX_RECORD_BYTES);
  sp_buf_init(&made.manifest, SP_MAX_MANIFEST_BYTES);
  if (sp_buf_append_str(&made.config, EMPTY_BODY, err) < 0 ||
      append_body(&made.body, record, err) < 0 ||
      describe(&made.config, EMPTY_TYPE, &made.config_desc, err) < 0 ||
      describe(&made.body, SP_RECORD_TYPE, &made.body_desc, err) < 0 ||
      append_manifest(&made, err) < 0 ||
      sp_digest_of(SP_DIGEST_SHA256, made.manifest.data, made.manifest.len, &made.digest, err) < 0)
    return sp_err_context(err, "cannot make the record of '%s'", sp_record_primary(record));
  *out = made;
  made = (struct sp_record_artifact){0};
  return 0;
}

void sp_record_artifact_clear(struct sp_record_artifact *artifact)
{
  sp_buf_clear(&artifact->config);
  sp_buf_clear(&artifact->body);
  sp_buf_clear(&artifact->manifest);
}

/* -- reading */

int sp_record_locate(const struct sp_manifest *manifest, struct sp_desc *body, struct sp_err *err)
{
  struct sp_span type = sp_span_str(manifest->artifact_type);
  if (sp_span_has_prefix(type, FAMILY) && !sp_span_eq_str(type, SP_RECORD_TYPE))
    return sp_fail(err, SP_E_UNSUPPORTED,
                   "the record under '%s' was written by a newer safeport (%s)", SP_RECORD_TAG,
                   manifest->artifact_type);
  if (!sp_span_eq_str(type, SP_RECORD_TYPE) || manifest->blob_count != 2 ||
      strcmp(manifest->blobs[1].media_type, SP_RECORD_TYPE) != 0)
    return sp_fail(err, SP_E_INVALID, "what is under '%s' is no record of safeport", SP_RECORD_TAG);
  if (manifest->blobs[1].size_bytes > SP_MAX_RECORD_BYTES)
    return sp_fail(err, SP_E_LIMIT, "a record of %llu bytes is larger than the limit of %u",
                   (unsigned long long)manifest->blobs[1].size_bytes, SP_MAX_RECORD_BYTES);
  *body = manifest->blobs[1];
  return 0;
}

/* 0 if the member is missing. */
static int get_any_time(const json_t *obj, const char *member, int64_t *out, struct sp_err *err)
{
  const char *text;
  int64_t unix_s = 0;
  if (sp_json_get_string(obj, member, &text, err) < 0)
    return -1;
  if (text && sp_clock_parse_rfc3339(text, &unix_s) < 0)
    return sp_fail(err, SP_E_INVALID, "member '%s' is not a time", member);
  *out = unix_s > 0 ? unix_s : 0;
  return 0;
}

/* A time of something that was; 0 if the member is missing or lies ahead. What dates there are is
 * noted: some that lie ahead say that a clock was wrong. */
static int get_time(const json_t *obj, const char *member, int64_t now_s, struct sp_record *noted,
                    int64_t *out, struct sp_err *err)
{
  if (get_any_time(obj, member, out, err) < 0)
    return -1;
  if (*out <= now_s + SP_CLOCK_SKEW_S)
    noted->sure_s = *out > noted->sure_s ? *out : noted->sure_s;
  else
    noted->ahead_s = *out > noted->ahead_s ? *out : noted->ahead_s;
  *out = *out <= now_s + SP_CLOCK_SKEW_S ? *out : 0;
  return 0;
}

static int get_date(const json_t *obj, const char *member, int64_t now_s, int64_t *out,
                    struct sp_err *err)
{
  const char *text;
  char midnight[DATE_LEN + sizeof "T00:00:00Z"];
  int64_t unix_s = 0;
  if (sp_json_get_string(obj, member, &text, err) < 0)
    return -1;
  snprintf(midnight, sizeof midnight, "%sT00:00:00Z", text ? text : "");
  if (text && (strlen(text) != DATE_LEN || sp_clock_parse_rfc3339(midnight, &unix_s) < 0))
    return sp_fail(err, SP_E_INVALID, "member '%s' is not a date", member);
  *out = sp_known_is_proof_date(unix_s, now_s) ? unix_s : 0;
  return 0;
}

/* What a clock that was ahead dated was seen, at the latest now. */
static int get_damage_time(const json_t *obj, const char *member, int64_t now_s, int64_t *out,
                           struct sp_err *err)
{
  if (get_any_time(obj, member, out, err) < 0)
    return -1;
  *out = *out > now_s ? now_s : *out;
  return 0;
}

/* A level that a later version may know of takes reading to say otherwise. */
static int get_damage(const json_t *obj, int64_t now_s, struct sp_record_tag *out,
                      struct sp_err *err)
{
  const char *level;
  if (get_damage_time(obj, "damaged", now_s, &out->damaged_s, err) < 0 ||
      sp_json_get_string(obj, "damage_seen", &level, err) < 0)
    return -1;
  out->needs_read = out->damaged_s > 0 && (!level || strcmp(level, LEVEL_TOUCHED) != 0);
  return 0;
}

static int get_name_and_digest(const json_t *obj, char name[SP_MAX_TAG + 1], struct sp_digest *out,
                               struct sp_err *err)
{
  const char *tag;
  const char *digest;
  if (sp_json_get_string(obj, "tag", &tag, err) < 0 ||
      sp_json_get_string(obj, "digest", &digest, err) < 0)
    return -1;
  if (!tag || !sp_ref_is_tag(sp_span_str(tag)))
    return sp_fail(err, SP_E_INVALID, "member 'tag' is not a tag");
  if (sp_text_copy(name, SP_MAX_TAG + 1, sp_span_str(tag), err) < 0)
    return -1;
  struct sp_err why = SP_ERR_INIT;
  if (sp_digest_parse(sp_span_str(digest), out, &why) < 0)
    return sp_fail(err, SP_E_INVALID, "member 'digest' of tag '%s': %s", tag, why.msg);
  return 0;
}

static int get_bool(const json_t *obj, const char *member, bool *out, struct sp_err *err)
{
  const json_t *value = json_object_get(obj, member);
  *out = json_is_true(value);
  if (value && !json_is_boolean(value))
    return sp_fail(err, SP_E_INVALID, "member '%s' is neither true nor false", member);
  return 0;
}

static int get_tag(const json_t *obj, int64_t now_s, struct sp_record *noted,
                   struct sp_record_tag *out, struct sp_err *err)
{
  int64_t since_s;
  *out = (struct sp_record_tag){0};
  if (get_bool(obj, "gone", &out->is_gone, err) < 0 ||
      get_bool(obj, "meant", &out->is_meant, err) < 0)
    return -1;
  out->is_meant = out->is_meant && out->is_gone;
  if (get_name_and_digest(obj, out->tag, &out->digest, err) < 0 ||
      get_any_time(obj, "since", &since_s, err) < 0 ||
      get_time(obj, "since", now_s, noted, &out->since_s, err) < 0 ||
      get_time(obj, "first_seen", now_s, noted, &out->first_seen_s, err) < 0 ||
      get_time(obj, "named_since", now_s, noted, &out->named_since_s, err) < 0 ||
      get_date(obj, "touched", now_s, &out->touched_s, err) < 0)
    return -1;
  out->is_ahead = since_s > now_s + SP_CLOCK_SKEW_S;
  if (out->is_ahead)
    out->since_s = now_s - 1; /* it was so when that was written */
  if (!out->is_gone || out->named_since_s >= out->since_s)
    out->named_since_s = 0;
  return get_date(obj, "read", now_s, &out->read_s, err) < 0 ? -1
                                                             : get_damage(obj, now_s, out, err);
}

static int get_tags(const json_t *list, int64_t now_s, struct sp_record *out, struct sp_err *err)
{
  char before[SP_MAX_TAG + 1] = "";
  size_t i;
  json_t *item;
  json_array_foreach(list, i, item)
  {
    struct sp_record_tag tag;
    if (get_tag(item, now_s, out, &tag, err) < 0)
      return sp_err_context(err, "tag %zu", i + 1);
    if (strcmp(before, tag.tag) >= 0)
      return sp_fail(err, SP_E_INVALID, "tag %zu: not in order", i + 1);
    memcpy(before, tag.tag, sizeof before);
    /* Without a time it is no fact. */
    if (tag.since_s != 0 && sp_record_merge_tag(out, &tag, err) < 0)
      return -1;
  }
  return 0;
}

/* Of more than are kept, those that were left last: they stand at the end. */
static int get_left(const json_t *list, int64_t now_s, struct sp_record *out, struct sp_err *err)
{
  size_t count = json_array_size(list);
  for (size_t i = count > SP_MAX_RECORD_LEFT ? count - SP_MAX_RECORD_LEFT : 0; i < count; i++) {
    const json_t *item = json_array_get(list, i);
    struct sp_record_left left = {0};
    if (get_name_and_digest(item, left.tag, &left.digest, err) < 0 ||
        get_time(item, "since", now_s, out, &left.since_s, err) < 0 ||
        get_time(item, "left", now_s, out, &left.left_s, err) < 0)
      return sp_err_context(err, "item %zu of 'left'", i + 1);
    if (left.since_s != 0 && sp_record_merge_left(out, &left, err) < 0)
      return -1;
  }
  return 0;
}

/* Without a time that has been it is no fact. */
static int get_rot(const json_t *list, int64_t now_s, struct sp_record *out, struct sp_err *err)
{
  struct sp_digest before = {0};
  size_t i;
  json_t *item;
  json_array_foreach(list, i, item)
  {
    const char *text;
    struct sp_record_rot rot;
    struct sp_err why = SP_ERR_INIT;
    if (sp_json_get_string(item, "digest", &text, err) < 0 ||
        get_damage_time(item, "seen", now_s, &rot.seen_s, err) < 0 ||
        get_bool(item, "elsewhere", &rot.is_elsewhere, err) < 0)
      return sp_err_context(err, "rot %zu", i + 1);
    if (sp_digest_parse(sp_span_str(text), &rot.digest, &why) < 0)
      return sp_fail(err, SP_E_INVALID, "member 'digest' of rot %zu: %s", i + 1, why.msg);
    if (rot.digest.alg < before.alg || (rot.digest.alg == before.alg &&
                                        memcmp(rot.digest.raw, before.raw, sizeof before.raw) <= 0))
      return sp_fail(err, SP_E_INVALID, "rot %zu: not in order", i + 1);
    before = rot.digest;
    if (rot.seen_s > 0 && sp_record_add_rot(out, &rot, err) < 0)
      return -1;
  }
  return 0;
}

static int get_doubt(const json_t *doc, struct sp_record_doubt *out, struct sp_err *err)
{
  json_t *doubt = json_object_get(doc, "doubt");
  if (!doubt)
    return 0;
  if (!json_is_object(doubt))
    return sp_fail(err, SP_E_INVALID, "member 'doubt' is not an object");
  if (get_any_time(doubt, "from", &out->from_s, err) < 0 ||
      get_any_time(doubt, "until", &out->until_s, err) < 0)
    return sp_err_context(err, "'doubt'");
  if (out->until_s <= out->from_s)
    *out = (struct sp_record_doubt){0};
  return 0;
}

static int get_document(const json_t *doc, int64_t now_s, struct sp_record *out, struct sp_err *err)
{
  int64_t schema;
  const char *primary;
  json_t *tags;
  json_t *left;
  json_t *rot;
  if (sp_json_get_int(doc, "schema", 0, &schema, err) < 0)
    return -1;
  if (schema > SCHEMA)
    return sp_fail(err, SP_E_UNSUPPORTED, "a newer safeport wrote it (schema %lld)",
                   (long long)schema);
  if (schema != SCHEMA)
    return sp_fail(err, SP_E_INVALID, "it has no schema");
  if (sp_json_get_string(doc, "primary", &primary, err) < 0 ||
      sp_json_get_array(doc, "tags", &tags, err) < 0 ||
      sp_json_get_array(doc, "left", &left, err) < 0 ||
      sp_json_get_array(doc, "rot", &rot, err) < 0)
    return -1;
  if (!primary || !tags || strlen(primary) > SP_MAX_JOURNAL_TEXT)
    return sp_fail(err, SP_E_INVALID, "it has no primary or no tags");
  if (sp_record_set_primary(out, primary, err) < 0 || get_tags(tags, now_s, out, err) < 0)
    return -1;
  if (get_left(left, now_s, out, err) < 0 || get_rot(rot, now_s, out, err) < 0)
    return -1;
  return get_doubt(doc, &out->doubt, err);
}

int sp_record_decode(struct sp_span body, int64_t now_s, struct sp_record *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  SP_AUTO_RECORD struct sp_record read;
  sp_record_init(&read);
  if (body.len > SP_MAX_RECORD_BYTES)
    return sp_fail(err, SP_E_LIMIT, "cannot read a record: larger than the limit of %u bytes",
                   SP_MAX_RECORD_BYTES);
  if (sp_json_parse(body, &doc, err) < 0 || get_document(doc, now_s, &read, err) < 0)
    return sp_err_context(err, "cannot read a record");
  *out = read;
  sp_record_init(&read);
  return 0;
}
