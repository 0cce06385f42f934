/* SPDX-License-Identifier: Apache-2.0 */
/* The document stays a JSON value, so that members we do not know survive. `entries` is its
 * "manifests" array. Entries are replaced, never changed: others may share them. */
#include "oci/index.h"

#include "base/json.h"
#include "oci/media_type.h"

#define REF_NAME "org.opencontainers.image.ref.name"

struct sp_index {
  json_t *doc;
  json_t *entries; /* borrowed from doc */
};

static int no_memory(struct sp_err *err)
{
  return sp_fail(err, SP_E_NOMEM, "out of memory for an index");
}

/* Takes doc, on failure too. */
static int index_take(json_t *doc, struct sp_index **out, struct sp_err *err)
{
  struct sp_index *index = calloc(1, sizeof *index);
  if (!index) {
    json_decref(doc);
    return no_memory(err);
  }
  index->doc = doc;
  index->entries = json_object_get(doc, "manifests");
  *out = index;
  return 0;
}

int sp_index_new(struct sp_index **out, struct sp_err *err)
{
  json_t *doc = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", SP_MEDIA_OCI_INDEX,
                          "manifests");
  return doc ? index_take(doc, out, err) : no_memory(err);
}

static int check_doc(json_t *doc, struct sp_err *err)
{
  json_t *entries;
  const char *type;
  int64_t version;
  if (sp_json_get_int(doc, "schemaVersion", 0, &version, err) < 0 ||
      sp_json_get_string(doc, "mediaType", &type, err) < 0 ||
      sp_json_get_array(doc, "manifests", &entries, err) < 0)
    return -1;
  if (version != 2)
    return sp_fail(err, SP_E_INVALID, "its schemaVersion is not 2");
  if (type && !sp_media_is_index(sp_span_str(type)))
    return sp_fail(err, SP_E_INVALID, "its mediaType is not that of an index");
  if (json_object_get(doc, "layers") || json_object_get(doc, "config"))
    return sp_fail(err, SP_E_INVALID, "it is an image ('layers' or 'config') too");
  if (entries)
    return 0;
  /* Written by Go, an empty list is null. */
  if (!json_object_get(doc, "manifests"))
    return sp_fail(err, SP_E_INVALID, "'manifests' is missing");
  return json_object_set_new(doc, "manifests", json_array()) < 0 ? no_memory(err) : 0;
}

int sp_index_parse(struct sp_span bytes, struct sp_index **out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  if (bytes.len > SP_MAX_INDEX_JSON_BYTES)
    return sp_fail(err, SP_E_LIMIT, "index has %zu bytes, more than the limit of %u", bytes.len,
                   SP_MAX_INDEX_JSON_BYTES);
  if (sp_json_parse(bytes, &doc, err) < 0 || check_doc(doc, err) < 0)
    return sp_err_context(err, "invalid index");
  return index_take(sp_steal(&doc), out, err);
}

int sp_index_of(json_t *doc, struct sp_index **out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *own = json_copy(doc);
  if (!own)
    return no_memory(err);
  if (check_doc(own, err) < 0)
    return sp_err_context(err, "invalid index");
  if (json_object_set_new(own, "manifests", json_copy(json_object_get(own, "manifests"))) < 0)
    return no_memory(err);
  return index_take(sp_steal(&own), out, err);
}

void sp_index_free(struct sp_index *index)
{
  if (!index)
    return;
  json_decref(index->doc);
  free(index);
}

json_t *sp_index_doc(const struct sp_index *index)
{
  return index->doc;
}

int sp_index_format(const struct sp_index *index, struct sp_buf *out, struct sp_err *err)
{
  return sp_json_write(index->doc, JSON_COMPACT, out, err);
}

size_t sp_index_count(const struct sp_index *index)
{
  return json_array_size(index->entries);
}

int sp_index_get(const struct sp_index *index, size_t i, struct sp_desc *out, struct sp_err *err)
{
  if (sp_desc_from_json(json_array_get(index->entries, i), out, err) < 0)
    return sp_err_context(err, "entry %zu of the index", i);
  return 0;
}

/* The name of an entry, or NULL. */
static const char *name_of(const json_t *entry)
{
  return json_string_value(json_object_get(json_object_get(entry, "annotations"), REF_NAME));
}

/* The first entry from `start` on with the name; sp_index_count if there is none. */
static size_t find_name_from(const struct sp_index *index, const char *name, size_t start)
{
  size_t n = sp_index_count(index);
  for (size_t i = start; i < n; i++) {
    const char *have = name_of(json_array_get(index->entries, i));
    if (have && strcmp(have, name) == 0)
      return i;
  }
  return n;
}

int sp_index_find_name(const struct sp_index *index, const char *name, struct sp_desc *out,
                       struct sp_err *err)
{
  size_t i = find_name_from(index, name, 0);
  if (i == sp_index_count(index))
    return sp_fail(err, SP_E_NOT_FOUND, "no entry '%s' in the index", name);
  return sp_index_get(index, i, out, err);
}

/* Compares as text: entries that are no descriptors are nobody's equal. */
static bool has_digest(const json_t *entry, const char *digest)
{
  const char *have = json_string_value(json_object_get(entry, "digest"));
  return have && strcmp(have, digest) == 0;
}

static bool holds_digest(const struct sp_index *index, const char *digest)
{
  for (size_t i = 0; i < sp_index_count(index); i++) {
    if (has_digest(json_array_get(index->entries, i), digest))
      return true;
  }
  return false;
}

/* Puts the entry at place i, or at the end. */
static int put_entry(struct sp_index *index, size_t i, json_t *entry, struct sp_err *err)
{
  int failed = i < sp_index_count(index) ? json_array_set(index->entries, i, entry)
                                         : json_array_append(index->entries, entry);
  return failed ? no_memory(err) : 0;
}

int sp_index_set_name(struct sp_index *index, const char *name, const struct sp_desc *desc,
                      struct sp_err *err)
{
  char digest[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&desc->digest, digest);
  size_t at = find_name_from(index, name, 0);
  /* An entry that is right already keeps the members we do not know. */
  if (!has_digest(json_array_get(index->entries, at), digest)) {
    SP_AUTO_JSON json_t *entry = NULL;
    if (sp_desc_to_json(desc, &entry, err) < 0)
      return -1;
    json_t *annotations = json_pack("{s:s}", REF_NAME, name);
    if (json_object_set_new(entry, "annotations", annotations) < 0)
      return no_memory(err);
    if (put_entry(index, at, entry, err) < 0)
      return -1;
  }
  /* Others wrote the same name twice: now it means one thing. */
  size_t twin = find_name_from(index, name, at + 1);
  while (twin < sp_index_count(index)) {
    json_array_remove(index->entries, twin);
    twin = find_name_from(index, name, twin);
  }
  return 0;
}

int sp_index_add(struct sp_index *index, const struct sp_desc *desc, bool *added,
                 struct sp_err *err)
{
  char digest[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&desc->digest, digest);
  if (holds_digest(index, digest)) {
    *added = false;
    return 0;
  }
  SP_AUTO_JSON json_t *entry = NULL;
  if (sp_desc_to_json(desc, &entry, err) < 0 ||
      put_entry(index, sp_index_count(index), entry, err) < 0)
    return -1;
  *added = true;
  return 0;
}

int sp_index_add_raw(struct sp_index *index, const json_t *descriptor, bool *added,
                     struct sp_err *err)
{
  struct sp_desc desc;
  if (sp_desc_from_json(descriptor, &desc, err) < 0)
    return -1;
  char digest[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&desc.digest, digest);
  if (holds_digest(index, digest)) {
    *added = false;
    return 0;
  }
  SP_AUTO_JSON json_t *copy = json_deep_copy(descriptor);
  if (!copy)
    return no_memory(err);
  if (put_entry(index, sp_index_count(index), copy, err) < 0)
    return -1;
  *added = true;
  return 0;
}
