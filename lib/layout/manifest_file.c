/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/manifest_file.h"

#include <stdio.h>

#include "base/i18n.h"
#include "base/log.h"
#include "layout/blob_draft.h"
#include "layout/index_cache.h"
#include "layout/index_file.h"
#include "layout/referrer.h"
#include "oci/media_type.h"
#include "oci/reference.h"

/* -- reading */

/* The type that index.json gives a digest; "" if it has no entry there. */
static int type_in_index(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                         char out[SP_MAX_MEDIA_TYPE + 1], struct sp_err *err)
{
  SP_AUTO_INDEX_VIEW struct sp_index_view view = {0};
  struct sp_desc desc;
  out[0] = '\0';
  if (sp_index_cache_get(dir, &view, err) < 0)
    return -1;
  if (sp_index_view_find_digest(&view, digest, &desc))
    snprintf(out, SP_MAX_MEDIA_TYPE + 1, "%s", desc.media_type);
  return 0;
}

static int type_in_bytes(const struct sp_manifest_bytes *manifest, char out[SP_MAX_MEDIA_TYPE + 1],
                         struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  if (sp_manifest_parse(sp_buf_span(&manifest->bytes), SP_SPAN(NULL, 0), &parsed, err) < 0)
    return -1;
  snprintf(out, SP_MAX_MEDIA_TYPE + 1, "%s", parsed.media_type);
  return 0;
}

int sp_manifest_file_get(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                         struct sp_manifest_bytes *out, struct sp_err *err)
{
  sp_buf_reset(&out->bytes);
  if (sp_blob_file_read(dir, digest, &out->bytes, err) < 0)
    return -1;
  out->digest = *digest;
  if (type_in_index(dir, digest, out->media_type, err) < 0)
    return -1;
  return out->media_type[0] == '\0' ? type_in_bytes(out, out->media_type, err) : 0;
}

/* A file that index.json does not name is a manifest if it reads as one; else it is some blob. */
static int stat_unnamed(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                        struct sp_named *out, struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  struct sp_err why = SP_ERR_INIT;
  sp_manifest_bytes_init(&manifest);
  manifest.digest = *digest;
  if (sp_blob_file_read(dir, digest, &manifest.bytes, &why) == 0 &&
      type_in_bytes(&manifest, out->media_type, &why) == 0)
    return 0;
  sp_err_copy(err, &why);
  if (why.code != SP_E_IO && why.code != SP_E_NOMEM)
    err->code = SP_E_NOT_FOUND;
  return -1;
}

int sp_manifest_file_stat(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                          struct sp_named *out, struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  struct sp_named named = {.digest = *digest};
  if (sp_blob_file_open(dir, digest, &fd, &named.size_bytes, err) < 0) {
    if (err->code == SP_E_INVALID) /* a link, a FIFO: nothing that we have */
      err->code = SP_E_NOT_FOUND;
    return -1;
  }
  if (type_in_index(dir, digest, named.media_type, err) < 0 ||
      (named.media_type[0] == '\0' && stat_unnamed(dir, digest, &named, err) < 0))
    return -1;
  *out = named;
  return 0;
}

/* What is wrong with an entry, and with no other: its file is not there, has other bytes, or is
 * nothing that we understand. */
static bool is_of_entry(const struct sp_err *err)
{
  return err->code == SP_E_NOT_FOUND || err->code == SP_E_DIGEST || err->code == SP_E_INVALID ||
         err->code == SP_E_LIMIT || err->code == SP_E_UNSUPPORTED;
}

int sp_manifest_file_read_entry(const struct sp_layout_dir *dir, const struct sp_desc *desc,
                                struct sp_manifest_bytes *bytes, struct sp_manifest *parsed,
                                bool *usable, struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  sp_buf_reset(&bytes->bytes);
  bytes->digest = desc->digest;
  *usable = sp_blob_file_read(dir, &desc->digest, &bytes->bytes, &why) == 0 &&
            sp_manifest_parse(sp_buf_span(&bytes->bytes), sp_span_str(desc->media_type), parsed,
                              &why) == 0;
  if (*usable)
    return 0;
  if (!is_of_entry(&why)) {
    sp_err_copy(err, &why);
    return -1;
  }
  if (sp_subjects_note_unusable(dir->subjects, &desc->digest))
    sp_log(SP_LOG_WARN, _("'%s': an entry of '%s' cannot be used: %s"), dir->name, SP_INDEX_FILE,
           why.msg);
  return 0;
}

/* -- resolving */

/* Is entry i an image that somebody would mean by naming no tag? */
static int is_candidate(const struct sp_layout_dir *dir, const struct sp_index_view *view, size_t i,
                        const struct sp_desc *entry, bool *yes, struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  bool usable;
  const char *name = sp_index_view_ref_name(view, i);
  sp_manifest_bytes_init(&bytes);
  *yes = !name || !sp_ref_is_digest_tag(sp_span_str(name));
  if (name || !*yes)
    return 0;
  if (sp_manifest_file_read_entry(dir, entry, &bytes, &parsed, &usable, err) < 0)
    return -1;
  *yes = !parsed.has_subject;
  return 0;
}

/* Appends up to ten tags, for a message. */
static void append_tags(const struct sp_index_view *view, char *out, size_t out_size)
{
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
  struct sp_err ignored = SP_ERR_INIT;
  size_t len = 0;
  out[0] = '\0';
  if (sp_index_view_list_tags(view, &page, &ignored) < 0)
    return;
  for (size_t i = 0; i < page.count && i < 10 && len < out_size; i++)
    len += (size_t)snprintf(out + len, out_size - len, "%s'%s'", i > 0 ? ", " : "", page.tags[i]);
  if (page.count > 10 && len < out_size)
    snprintf(out + len, out_size - len, _(" and %zu more"), page.count - 10);
}

static int find_only(const struct sp_layout_dir *dir, const struct sp_index_view *view,
                     struct sp_desc *out, struct sp_err *err)
{
  bool found = false;
  for (size_t i = 0; i < sp_index_view_count(view); i++) {
    struct sp_desc entry;
    bool yes;
    if (sp_index_view_get(view, i, &entry, err) < 0 ||
        is_candidate(dir, view, i, &entry, &yes, err) < 0)
      return -1;
    if (!yes || (found && sp_digest_eq(&entry.digest, &out->digest)))
      continue;
    if (found) {
      char tags[512];
      append_tags(view, tags, sizeof tags);
      if (tags[0] == '\0')
        return sp_fail(err, SP_E_NOT_FOUND,
                       "'%s' holds several images without a tag: name a digest", dir->name);
      return sp_fail(err, SP_E_NOT_FOUND, "'%s' holds several images: name a tag (it has %s)",
                     dir->name, tags);
    }
    *out = entry;
    found = true;
  }
  return found ? 0 : sp_fail(err, SP_E_NOT_FOUND, "'%s' holds no image", dir->name);
}

int sp_manifest_file_resolve(const struct sp_layout_dir *dir, const char *tag, struct sp_named *out,
                             struct sp_err *err)
{
  SP_AUTO_INDEX_VIEW struct sp_index_view view = {0};
  struct sp_desc desc;
  if (sp_index_cache_get(dir, &view, err) < 0)
    return -1;
  if ((tag[0] != '\0' ? sp_index_view_find_tag(&view, tag, &desc, err)
                      : find_only(dir, &view, &desc, err)) < 0)
    return -1;
  *out = (struct sp_named){.digest = desc.digest, .size_bytes = desc.size_bytes};
  snprintf(out->media_type, sizeof out->media_type, "%s", desc.media_type);
  return 0;
}

/* -- writing */

static int check_there(const struct sp_layout_dir *dir, const struct sp_desc *desc,
                       struct sp_err *err)
{
  struct sp_blob_state state;
  char text[SP_DIGEST_TEXT_MAX];
  if (sp_blob_file_check(dir, &desc->digest, desc->size_bytes, SP_PROOF_CLAIMED, &state, err) < 0)
    return -1;
  if (state.state == SP_BLOB_PRESENT)
    return 0;
  /* Foreign layers stay where their urls say; nobody is obliged to have them. */
  if (desc->has_urls && sp_media_is_nondistributable(sp_span_str(desc->media_type)))
    return 0;
  sp_digest_format(&desc->digest, text);
  if (state.state == SP_BLOB_ABSENT)
    return sp_fail(err, SP_E_BLOB_UNKNOWN, "'%s' of the manifest is missing in '%s'", text,
                   dir->name);
  return sp_fail(err, SP_E_BLOB_UNKNOWN, "'%s' of the manifest is damaged in '%s'", text,
                 dir->name);
}

static int check_all_there(const struct sp_layout_dir *dir, const struct sp_manifest *parsed,
                           struct sp_err *err)
{
  for (size_t i = 0; i < parsed->blob_count; i++) {
    if (check_there(dir, &parsed->blobs[i], err) < 0)
      return -1;
  }
  for (size_t i = 0; i < parsed->child_count; i++) {
    if (check_there(dir, &parsed->children[i], err) < 0)
      return -1;
  }
  return 0;
}

static int store_bytes(const struct sp_layout_dir *dir, const struct sp_manifest_bytes *manifest,
                       struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf have;
  struct sp_err ignored = SP_ERR_INIT;
  sp_buf_init(&have, SP_MAX_MANIFEST_BYTES);
  if (sp_blob_file_read(dir, &manifest->digest, &have, &ignored) == 0)
    return 0;
  return sp_blob_draft_put(dir, &manifest->digest, sp_buf_span(&manifest->bytes), err);
}

static int list_as_referrer(const struct sp_layout_dir *dir,
                            const struct sp_manifest_bytes *manifest,
                            const struct sp_manifest *parsed, struct sp_err *err)
{
  SP_AUTO_JSON json_t *raw = NULL;
  struct sp_desc desc;
  if (sp_referrer_describe(manifest, parsed, &desc, &raw, err) < 0)
    return -1;
  return sp_index_file_add(dir, raw, err);
}

int sp_manifest_file_put(const struct sp_layout_dir *dir, const struct sp_manifest_bytes *manifest,
                         struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  struct sp_span bytes = sp_buf_span(&manifest->bytes);
  if (sp_layout_dir_check_writable(dir, err) < 0 ||
      sp_digest_check(&manifest->digest, bytes.ptr, bytes.len, err) < 0 ||
      sp_manifest_parse(bytes, sp_span_str(manifest->media_type), &parsed, err) < 0 ||
      check_all_there(dir, &parsed, err) < 0 || store_bytes(dir, manifest, err) < 0)
    return -1;
  return parsed.has_subject ? list_as_referrer(dir, manifest, &parsed, err) : 0;
}
