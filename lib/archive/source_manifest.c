/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/source_manifest.h"

#include "oci/media_type.h"

static int read_and_parse(const struct sp_source *source, const struct sp_desc *desc,
                          struct sp_manifest *out, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf bytes;
  sp_buf_init(&bytes, SP_MAX_MANIFEST_BYTES);
  if (sp_source_read(source, &desc->digest, &bytes, err) < 0)
    return -1;
  return sp_manifest_parse(sp_buf_span(&bytes), sp_span_str(desc->media_type), out, err);
}

int sp_source_manifest_read(const struct sp_source *source, const struct sp_desc *desc,
                            struct sp_manifest *out, bool *found, struct sp_err *err)
{
  struct sp_source_blob blob;
  char text[SP_DIGEST_TEXT_MAX];
  *found = sp_source_find(source, &desc->digest, &blob);
  if (!*found || read_and_parse(source, desc, out, err) == 0)
    return 0;
  sp_digest_format(&desc->digest, text);
  return sp_err_context(err, "its manifest '%s' cannot be used", text);
}

/* Foreign layers need not be there. */
static bool has_blobs(const struct sp_source *source, const struct sp_manifest *manifest)
{
  struct sp_source_blob blob;
  for (size_t i = 0; i < manifest->blob_count; i++) {
    const struct sp_desc *part = &manifest->blobs[i];
    if (sp_media_is_nondistributable(sp_span_str(part->media_type)))
      continue;
    if (!sp_source_find(source, &part->digest, &blob) || blob.size_bytes != part->size_bytes)
      return false;
  }
  return true;
}

static bool is_plain_tar(const char *media_type)
{
  size_t len = strlen(media_type);
  return len > 4 && strcmp(media_type + len - 4, ".tar") == 0;
}

/* The engine that keeps layers uncompressed writes a manifest of its own making for them: nobody
 * would publish that. */
static bool is_publishable(const struct sp_manifest *manifest)
{
  for (size_t i = 1; i < manifest->blob_count; i++) {
    if (is_plain_tar(manifest->blobs[i].media_type))
      return false;
  }
  return true;
}

int sp_source_manifest_know(struct sp_source *source, const struct sp_desc *desc,
                            struct sp_source_manifest *out, struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  bool is_here;
  if (sp_source_manifest_read(source, desc, &parsed, &is_here, err) < 0)
    return -1;
  *out = (struct sp_source_manifest){.is_here = is_here};
  if (!is_here)
    return 0;
  out->has_blobs = has_blobs(source, &parsed);
  out->is_index = parsed.is_index;
  out->is_publishable = is_publishable(&parsed);
  if (parsed.blob_count > 0)
    out->config = parsed.blobs[0].digest;
  if (parsed.has_subject)
    out->subject = parsed.subject.digest;
  return 0;
}
