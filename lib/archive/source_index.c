/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/source_index.h"

#include <stdio.h>

#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "layout/referrer.h"
#include "oci/media_type.h"

int sp_source_index_load(struct sp_source *source, struct sp_err *err)
{
  const struct sp_tar_member *member = sp_tar_index_lookup(&source->tar.index, SP_INDEX_FILE);
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_INDEX_JSON_BYTES);
  if (!member)
    return 0;
  if (sp_tar_file_read(&source->tar, member, &text, err) < 0 ||
      sp_index_view_parse(sp_buf_span(&text), source->name, &source->index, err) < 0)
    return sp_err_context(err, "%s", SP_INDEX_FILE);
  source->has_index = true;
  return 0;
}

static void set_root(struct sp_source *source, const struct sp_desc *desc)
{
  source->root = (struct sp_named){.digest = desc->digest, .size_bytes = desc->size_bytes};
  snprintf(source->root.media_type, sizeof source->root.media_type, "%s", desc->media_type);
}

/* -- choosing by name */

/* Does the name of an entry, in either annotation, mean what was asked for? */
static bool is_named(const char *name, const struct sp_ref *want)
{
  struct sp_ref have;
  struct sp_err ignored = SP_ERR_INIT;
  return name && sp_ref_parse(sp_span_str(name), false, &have, &ignored) == 0 &&
         strcmp(have.host, want->host) == 0 && strcmp(have.repository, want->repository) == 0 &&
         strcmp(have.tag[0] ? have.tag : "latest", want->tag[0] ? want->tag : "latest") == 0;
}

static int find_name(struct sp_source *source, const struct sp_ref *want, struct sp_desc *out,
                     struct sp_err *err)
{
  for (size_t i = 0; i < sp_index_view_count(&source->index); i++) {
    if (is_named(sp_index_view_image_name(&source->index, i), want) ||
        is_named(sp_index_view_ref_name(&source->index, i), want))
      return sp_index_view_get(&source->index, i, out, err);
  }
  return sp_fail(err, SP_E_NOT_FOUND, "it has no image '%s/%s:%s'", want->host, want->repository,
                 want->tag[0] ? want->tag : "latest");
}

/* Is entry i an image that somebody would mean by naming none? */
static bool is_candidate(struct sp_source *source, size_t i, const struct sp_desc *entry)
{
  const char *name = sp_index_view_ref_name(&source->index, i);
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  SP_AUTO_BUF struct sp_buf bytes;
  struct sp_err ignored = SP_ERR_INIT;
  sp_buf_init(&bytes, SP_MAX_MANIFEST_BYTES);
  if (name)
    return !sp_ref_is_digest_tag(sp_span_str(name));
  return sp_source_read(source, &entry->digest, &bytes, &ignored) < 0 ||
         sp_manifest_parse(sp_buf_span(&bytes), sp_span_str(entry->media_type), &parsed, &ignored) <
             0 ||
         !parsed.has_subject;
}

static int fail_several(const struct sp_source *source, struct sp_err *err)
{
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
  char tags[512] = "";
  size_t len = 0;
  if (sp_index_view_list_tags(&source->index, &page, err) < 0)
    return -1;
  for (size_t i = 0; i < page.count && len < sizeof tags - SP_MAX_TAG - 8; i++)
    len += (size_t)snprintf(tags + len, sizeof tags - len, "%s'%s'", i ? ", " : "", page.tags[i]);
  if (tags[0] == '\0')
    return sp_fail(err, SP_E_NOT_FOUND, "it holds several images without a tag: name a digest");
  return sp_fail(err, SP_E_NOT_FOUND, "it holds several images: name a tag (it has %s)", tags);
}

static int find_only(struct sp_source *source, struct sp_desc *out, struct sp_err *err)
{
  bool found = false;
  for (size_t i = 0; i < sp_index_view_count(&source->index); i++) {
    struct sp_desc entry;
    if (sp_index_view_get(&source->index, i, &entry, err) < 0)
      return -1;
    if ((found && sp_digest_eq(&entry.digest, &out->digest)) || !is_candidate(source, i, &entry))
      continue;
    if (found)
      return fail_several(source, err);
    *out = entry;
    found = true;
  }
  return found ? 0 : sp_fail(err, SP_E_NOT_FOUND, "it holds no image");
}

/* The tags of the root, or the one that was asked for. */
static int note_tags(struct sp_source *source, struct sp_err *err)
{
  if (source->settings.ref.tag[0])
    return sp_tag_page_add(&source->tags, sp_span_str(source->settings.ref.tag), err);
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page all = {0};
  if (sp_index_view_list_tags(&source->index, &all, err) < 0)
    return -1;
  for (size_t i = 0; i < all.count; i++) {
    struct sp_desc desc;
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_index_view_find_tag(&source->index, all.tags[i], &desc, &ignored) == 0 &&
        sp_digest_eq(&desc.digest, &source->root.digest) &&
        sp_tag_page_add(&source->tags, sp_span_str(all.tags[i]), err) < 0)
      return -1;
  }
  return 0;
}

int sp_source_index_choose(struct sp_source *source, struct sp_err *err)
{
  const struct sp_ref *ref = &source->settings.ref;
  struct sp_desc desc = {.digest = ref->digest, .size_bytes = SP_SIZE_UNKNOWN};
  int failed = 0;
  if (ref->digest.alg == SP_DIGEST_NONE && ref->repository[0])
    failed = find_name(source, ref, &desc, err);
  else if (ref->digest.alg == SP_DIGEST_NONE && ref->tag[0])
    failed = sp_index_view_find_tag(&source->index, ref->tag, &desc, err);
  else if (ref->digest.alg == SP_DIGEST_NONE)
    failed = find_only(source, &desc, err);
  if (failed)
    return -1;
  set_root(source, &desc);
  return note_tags(source, err);
}

/* -- what of it is there */

static int read_manifest(const struct sp_source *source, const struct sp_desc *desc,
                         struct sp_manifest *out, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf bytes;
  sp_buf_init(&bytes, SP_MAX_MANIFEST_BYTES);
  if (sp_source_read(source, &desc->digest, &bytes, err) < 0)
    return -1;
  return sp_manifest_parse(sp_buf_span(&bytes), sp_span_str(desc->media_type), out, err);
}

static bool is_plain_tar(const char *media_type)
{
  size_t len = strlen(media_type);
  return len > 4 && strcmp(media_type + len - 4, ".tar") == 0;
}

/* Is the manifest here, with all blobs that it names? Foreign layers need not be. */
static bool has_blobs(const struct sp_source *source, const struct sp_desc *desc,
                      struct sp_manifest *parsed)
{
  struct sp_err ignored = SP_ERR_INIT;
  struct sp_source_blob blob;
  if (read_manifest(source, desc, parsed, &ignored) < 0)
    return false;
  for (size_t i = 0; i < parsed->blob_count; i++) {
    const struct sp_desc *part = &parsed->blobs[i];
    if (sp_media_is_nondistributable(sp_span_str(part->media_type)))
      continue;
    if (!sp_source_find(source, &part->digest, &blob) || blob.size_bytes != part->size_bytes)
      return false;
  }
  return true;
}

/* The same with the children of an index. What is deeper is not looked at: nobody leaves out parts
 * of that, and it would be work without a bound. */
static bool is_whole(const struct sp_source *source, const struct sp_desc *desc,
                     struct sp_manifest *parsed)
{
  if (!has_blobs(source, desc, parsed))
    return false;
  for (size_t i = 0; i < parsed->child_count; i++) {
    SP_AUTO_MANIFEST struct sp_manifest child = {0};
    if (!has_blobs(source, &parsed->children[i], &child))
      return false;
  }
  return true;
}

/* The engine that keeps layers uncompressed writes a manifest of its own making for them: nobody
 * would publish that. */
static bool is_publishable(const struct sp_manifest *parsed)
{
  for (size_t i = 1; i < parsed->blob_count; i++) {
    if (is_plain_tar(parsed->blobs[i].media_type))
      return false;
  }
  return true;
}

static bool has_config(const struct sp_manifest *parsed, const struct sp_digest *config)
{
  return parsed->blob_count > 0 && sp_digest_eq(&parsed->blobs[0].digest, config);
}

/* Is `desc`, or one of its children if it is an index, the manifest with this config? */
static bool leads_to(const struct sp_source *source, const struct sp_desc *desc,
                     const struct sp_digest *config)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  struct sp_err ignored = SP_ERR_INIT;
  if (read_manifest(source, desc, &parsed, &ignored) < 0)
    return false;
  if (!parsed.is_index)
    return has_config(&parsed, config) && is_publishable(&parsed);
  for (size_t i = 0; i < parsed.child_count; i++) {
    SP_AUTO_MANIFEST struct sp_manifest child = {0};
    if (has_blobs(source, &parsed.children[i], &child) && !child.is_index &&
        has_config(&child, config) && is_publishable(&child))
      return true;
  }
  return false;
}

int sp_source_index_find_config(struct sp_source *source, const struct sp_digest *config,
                                bool *found, struct sp_err *err)
{
  *found = false;
  for (size_t i = 0; source->has_index && i < sp_index_view_count(&source->index); i++) {
    struct sp_desc entry;
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_index_view_get(&source->index, i, &entry, &ignored) < 0 ||
        !leads_to(source, &entry, config))
      continue;
    set_root(source, &entry);
    if (sp_source_index_narrow(source, config, err) < 0)
      return -1;
    SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
    struct sp_desc root = {.digest = source->root.digest};
    *found = is_whole(source, &root, &parsed);
    if (*found)
      return 0;
  }
  return 0;
}

/* -- an index that is there in part */

static bool is_wanted(const struct sp_source *source, const struct sp_desc *child,
                      const struct sp_manifest *parsed, const struct sp_digest *config)
{
  if (source->settings.has_platform)
    return child->has_platform && sp_platform_matches(&child->platform, &source->settings.platform);
  if (config)
    return has_config(parsed, config);
  return !child->has_platform || !sp_platform_is_unknown(&child->platform);
}

/* "linux/amd64, linux/arm64": the platforms of the children that are here (or are not). */
static void list_platforms(const struct sp_source *source, const struct sp_manifest *index,
                           bool is_here, char *out, size_t out_size)
{
  size_t len = 0;
  out[0] = '\0';
  for (size_t i = 0; i < index->child_count && len + SP_PLATFORM_TEXT_MAX + 3 < out_size; i++) {
    SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
    const struct sp_desc *child = &index->children[i];
    if (sp_platform_is_unknown(&child->platform) || has_blobs(source, child, &parsed) != is_here)
      continue;
    char text[SP_PLATFORM_TEXT_MAX];
    sp_platform_format(&child->platform, text);
    len += (size_t)snprintf(out + len, out_size - len, "%s%s", len ? ", " : "", text);
  }
}

static int choose_child(struct sp_source *source, const struct sp_manifest *index,
                        const struct sp_digest *config, struct sp_err *err)
{
  char here[400];
  const struct sp_desc *found = NULL;
  list_platforms(source, index, true, here, sizeof here);
  for (size_t i = 0; i < index->child_count; i++) {
    SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
    const struct sp_desc *child = &index->children[i];
    if (!has_blobs(source, child, &parsed) || parsed.is_index ||
        !is_wanted(source, child, &parsed, config))
      continue;
    if (found)
      return sp_fail(err, SP_E_NOT_FOUND,
                     "some platforms of its index are missing: choose one that is there with "
                     "--platform (%s)",
                     here);
    found = child;
  }
  if (!found)
    return sp_fail(err, SP_E_NOT_FOUND, "it has the index, but not the image (whole are: %s)",
                   here[0] ? here : "none");
  set_root(source, found);
  return 0;
}

int sp_source_index_narrow(struct sp_source *source, const struct sp_digest *config,
                           struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  struct sp_desc root = {.digest = source->root.digest};
  char absent[400];
  char text[SP_DIGEST_TEXT_MAX];
  snprintf(root.media_type, sizeof root.media_type, "%s", source->root.media_type);
  if (is_whole(source, &root, &parsed) || !parsed.is_index)
    return 0;
  list_platforms(source, &parsed, false, absent, sizeof absent);
  if (choose_child(source, &parsed, config, err) < 0)
    return -1;
  sp_digest_format(&source->root.digest, text);
  sp_log(SP_LOG_WARN, _("'%s' has only a part of its index (not: %s): taking the image %s of it"),
         source->name, absent[0] ? absent : _("its attestations"), text);
  return 0;
}

/* -- referrers */

static bool is_listed(const struct sp_referrers *list, const struct sp_digest *digest)
{
  for (size_t i = 0; i < list->count; i++) {
    if (sp_digest_eq(&list->items[i].digest, digest))
      return true;
  }
  return false;
}

static int add_if_refers(struct sp_source *source, const struct sp_desc *entry,
                         const struct sp_digest *subject, struct sp_referrers *out,
                         struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  SP_AUTO_JSON json_t *raw = NULL;
  struct sp_err ignored = SP_ERR_INIT;
  struct sp_desc desc;
  sp_manifest_bytes_init(&bytes);
  bytes.digest = entry->digest;
  if (sp_source_read(source, &entry->digest, &bytes.bytes, &ignored) < 0 ||
      sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(entry->media_type), &parsed,
                        &ignored) < 0 ||
      !parsed.has_subject || !sp_digest_eq(&parsed.subject.digest, subject))
    return 0;
  if (sp_referrer_describe(&bytes, &parsed, &desc, &raw, err) < 0)
    return -1;
  return sp_referrers_add(out, &desc, raw, err);
}

int sp_source_index_referrers(struct sp_source *source, const struct sp_digest *digest,
                              struct sp_referrers *out, struct sp_err *err)
{
  for (size_t i = 0; source->has_index && i < sp_index_view_count(&source->index); i++) {
    struct sp_desc entry;
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_index_view_get(&source->index, i, &entry, &ignored) == 0 &&
        !is_listed(out, &entry.digest) && add_if_refers(source, &entry, digest, out, err) < 0)
      return -1;
  }
  return 0;
}
