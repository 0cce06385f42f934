/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and indexes from outside, and indexes of our own: what was read once reads the same
 * after it was written. The first line of the input is the Content-Type, the rest the body. */
#include "base/limits.h"
#include "oci/index.h"
#include "oci/manifest.h"
#include "oci/media_type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_manifest(struct sp_span body, struct sp_span content_type)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_MANIFEST struct sp_manifest m = {0};
  if (sp_manifest_parse(body, content_type, &m, &err) < 0)
    return;
  if (m.is_index ? m.blob_count != 0 : m.child_count != 0 || m.blob_count == 0)
    abort();
  struct sp_span type = sp_span_str(m.media_type);
  if (!(m.is_index ? sp_media_is_index(type) : sp_media_is_manifest(type)))
    abort();
  for (size_t i = 0; i < m.child_count + m.blob_count; i++) {
    const struct sp_desc *desc = m.is_index ? &m.children[i] : &m.blobs[i];
    if (desc->media_type[0] == '\0' || desc->digest.alg == SP_DIGEST_NONE ||
        desc->size_bytes > INT64_MAX)
      abort();
  }
}

static void check_index(struct sp_span body)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_INDEX struct sp_index *index = NULL;
  SP_AUTO_INDEX struct sp_index *again = NULL;
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_INDEX_JSON_BYTES);
  if (sp_index_parse(body, &index, &err) < 0)
    return;
  struct sp_desc desc;
  for (size_t i = 0; i < sp_index_count(index); i++) {
    if (sp_index_get(index, i, &desc, &err) < 0)
      continue;
    if (sp_index_set_name(index, "fuzz", &desc, &err) < 0 ||
        sp_index_find_name(index, "fuzz", &desc, &err) < 0)
      abort();
    break;
  }
  if (sp_index_format(index, &text, &err) < 0 ||
      sp_index_parse(sp_buf_span(&text), &again, &err) < 0 ||
      sp_index_count(index) != sp_index_count(again))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_span all = SP_SPAN((const char *)data, size);
  const char *newline = size ? memchr(data, '\n', size) : NULL;
  size_t n = newline ? (size_t)(newline - all.ptr) : 0;
  struct sp_span body = newline ? sp_span_skip(all, n + 1) : all;
  check_manifest(body, SP_SPAN(all.ptr, n));
  check_index(body);
  return 0;
}
