/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/source_manifest.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(known) ((known)->is_lost = true)
#include <uthash.h>

#include "oci/media_type.h"

struct sp_source_known {
  struct sp_digest digest; /* the key; zero beyond its length, so it may be hashed whole */
  struct sp_source_manifest facts;
  bool is_lost;
  UT_hash_handle hh;
};

void sp_source_manifest_forget(struct sp_source *source)
{
  struct sp_source_known *known;
  struct sp_source_known *next;
  HASH_ITER(hh, source->known, known, next)
  {
    HASH_DEL(source->known, known);
    free(known);
  }
  source->manifest_bytes = 0;
}

/* -- reading */

static int count_bytes(struct sp_source *source, uint64_t size_bytes, struct sp_err *err)
{
  source->manifest_bytes += size_bytes;
  if (source->manifest_bytes <= SP_MAX_ARCHIVE_MANIFESTS_BYTES)
    return 0;
  return sp_fail(err, SP_E_LIMIT, "its manifests have more than %u MiB together",
                 SP_MAX_ARCHIVE_MANIFESTS_BYTES / SP_MIB);
}

static int read_and_parse(struct sp_source *source, const struct sp_desc *desc,
                          struct sp_manifest *out, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf bytes;
  sp_buf_init(&bytes, SP_MAX_MANIFEST_BYTES);
  if (sp_source_read(source, &desc->digest, &bytes, err) < 0 ||
      count_bytes(source, bytes.len, err) < 0)
    return -1;
  return sp_manifest_parse(sp_buf_span(&bytes), sp_span_str(desc->media_type), out, err);
}

int sp_source_manifest_read(struct sp_source *source, const struct sp_desc *desc,
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

/* -- knowing */

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

static int learn(struct sp_source *source, const struct sp_desc *desc,
                 struct sp_source_manifest *out, struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  if (sp_source_manifest_read(source, desc, &parsed, &out->is_here, err) < 0)
    return -1;
  if (!out->is_here)
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

int sp_source_manifest_know(struct sp_source *source, const struct sp_desc *desc,
                            struct sp_source_manifest **out, struct sp_err *err)
{
  struct sp_source_known *known;
  HASH_FIND(hh, source->known, &desc->digest, sizeof desc->digest, known);
  if (known) {
    *out = &known->facts;
    return 0;
  }
  SP_AUTO_FREE struct sp_source_known *made = calloc(1, sizeof *made);
  if (!made)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the manifests of an archive");
  if (learn(source, desc, &made->facts, err) < 0)
    return -1;
  made->digest = desc->digest;
  HASH_ADD(hh, source->known, digest, sizeof made->digest, made);
  if (made->is_lost)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the manifests of an archive");
  *out = &sp_steal(&made)->facts;
  return 0;
}
