/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/source_index.h"

#include <stdio.h>

#include "archive/source_manifest.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "layout/referrer.h"
#include "oci/media_type.h"

int sp_source_index_load(struct sp_source *source, struct sp_err *err)
{
  const struct sp_tar_member *member = sp_tar_index_lookup(&source->tar.index, SP_INDEX_FILE);
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_ARCHIVE_INDEX_BYTES);
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

/* Entry i. *is_usable false: it is of another kind (image-spec allows any), or its digest is of an
 * algorithm that we do not read. */
static int get_entry(const struct sp_source *source, size_t i, struct sp_desc *out, bool *is_usable,
                     struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  if (sp_index_view_get(&source->index, i, out, &why) == 0) {
    struct sp_span type = sp_span_str(out->media_type);
    *is_usable = sp_media_is_index(type) || sp_media_is_manifest(type);
    return 0;
  }
  *is_usable = false;
  if (why.code == SP_E_UNSUPPORTED)
    return 0;
  sp_err_copy(err, &why);
  return -1;
}

static int fail_absent(const struct sp_desc *entry, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&entry->digest, text);
  return sp_fail(err, SP_E_INVALID, "its %s names manifest '%s', which is not there", SP_INDEX_FILE,
                 text);
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

/* What is known of an entry of index.json. NULL: its manifest is not there, or is right and nothing
 * that we understand; it disturbs nobody who did not ask for it (as in layout/index_view.h). */
static int know_entry(struct sp_source *source, const struct sp_desc *entry,
                      struct sp_source_manifest **out, struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  if (sp_source_manifest_know(source, entry, out, &why) == 0 &&
      ((*out)->is_here || fail_absent(entry, &why) == 0))
    return 0;
  if (why.code != SP_E_INVALID && why.code != SP_E_UNSUPPORTED) {
    sp_err_copy(err, &why);
    return -1;
  }
  sp_log(SP_LOG_WARN, _("'%s': an entry of '%s' cannot be used: %s"), source->name, SP_INDEX_FILE,
         why.msg);
  *out = NULL;
  return 0;
}

/* Is entry i an image that somebody would mean by naming none? */
static int is_candidate(struct sp_source *source, size_t i, const struct sp_desc *entry, bool *yes,
                        struct sp_err *err)
{
  const char *name = sp_index_view_ref_name(&source->index, i);
  struct sp_source_manifest *known;
  if (name) {
    *yes = !sp_ref_is_digest_tag(sp_span_str(name));
    return 0;
  }
  if (know_entry(source, entry, &known, err) < 0)
    return -1;
  *yes = !known || known->subject.alg == SP_DIGEST_NONE;
  return 0;
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
    bool yes;
    if (sp_index_view_get(&source->index, i, &entry, err) < 0 ||
        is_candidate(source, i, &entry, &yes, err) < 0)
      return -1;
    if (!yes || (found && sp_digest_eq(&entry.digest, &out->digest)))
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
  return sp_index_view_list_tags_of(&source->index, &source->root.digest, &source->tags, err);
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

/* -- choosing by config */

static bool is_whole(const struct sp_source_manifest *known)
{
  return known->is_here && known->has_blobs;
}

static bool has_config(const struct sp_source_manifest *known, const struct sp_digest *config)
{
  return is_whole(known) && known->is_publishable && sp_digest_eq(&known->config, config);
}

/* Is one of the children of the index the manifest with this config? */
static int is_config_below(struct sp_source *source, const struct sp_desc *index,
                           const struct sp_digest *config, bool *yes, struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  if (sp_source_manifest_read(source, index, &parsed, yes, err) < 0)
    return -1;
  *yes = false;
  for (size_t i = 0; !*yes && i < parsed.child_count; i++) {
    struct sp_source_manifest *child;
    if (sp_source_manifest_know(source, &parsed.children[i], &child, err) < 0)
      return -1;
    *yes = has_config(child, config);
  }
  return 0;
}

/* Is the entry, or one of its children if it is an index, the manifest with this config? */
static int leads_to(struct sp_source *source, const struct sp_desc *entry,
                    const struct sp_digest *config, bool *yes, struct sp_err *err)
{
  struct sp_source_manifest *known;
  if (sp_source_manifest_know(source, entry, &known, err) < 0)
    return -1;
  if (!known->is_here)
    return fail_absent(entry, err);
  *yes = has_config(known, config);
  if (known->is_index && !known->is_ruled_out &&
      is_config_below(source, entry, config, yes, err) < 0)
    return -1;
  known->is_ruled_out = !*yes; /* ten thousand entries may name it */
  return 0;
}

int sp_source_index_find_config(struct sp_source *source, const struct sp_digest *config,
                                bool *found, struct sp_err *err)
{
  *found = false;
  for (size_t i = 0; source->has_index && i < sp_index_view_count(&source->index); i++) {
    struct sp_desc entry;
    bool is_usable;
    if (get_entry(source, i, &entry, &is_usable, err) < 0 ||
        (is_usable && leads_to(source, &entry, config, found, err) < 0))
      return -1;
    if (!*found)
      continue;
    set_root(source, &entry);
    return sp_source_index_narrow(source, config, err);
  }
  return 0;
}

/* -- an index that is there in part */

static bool is_wanted(const struct sp_source *source, const struct sp_desc *child,
                      const struct sp_source_manifest *known, const struct sp_digest *config)
{
  if (source->settings.has_platform)
    return child->has_platform && sp_platform_matches(&child->platform, &source->settings.platform);
  if (config)
    return sp_digest_eq(&known->config, config);
  return !child->has_platform || !sp_platform_is_unknown(&child->platform);
}

/* "linux/amd64, linux/arm64": the platforms of the children that are whole (or are not). */
static int list_platforms(struct sp_source *source, const struct sp_manifest *index,
                          bool want_whole, char *out, size_t out_size, struct sp_err *err)
{
  size_t len = 0;
  out[0] = '\0';
  for (size_t i = 0; i < index->child_count && len + SP_PLATFORM_TEXT_MAX + 3 < out_size; i++) {
    const struct sp_desc *child = &index->children[i];
    struct sp_source_manifest *known;
    if (sp_source_manifest_know(source, child, &known, err) < 0)
      return -1;
    if (sp_platform_is_unknown(&child->platform) || is_whole(known) != want_whole)
      continue;
    char text[SP_PLATFORM_TEXT_MAX];
    sp_platform_format(&child->platform, text);
    len += (size_t)snprintf(out + len, out_size - len, "%s%s", len ? ", " : "", text);
  }
  return 0;
}

static int choose_child(struct sp_source *source, const struct sp_manifest *index,
                        const struct sp_digest *config, struct sp_err *err)
{
  char here[400];
  const struct sp_desc *found = NULL;
  if (list_platforms(source, index, true, here, sizeof here, err) < 0)
    return -1;
  for (size_t i = 0; i < index->child_count; i++) {
    const struct sp_desc *child = &index->children[i];
    struct sp_source_manifest *known;
    if (sp_source_manifest_know(source, child, &known, err) < 0)
      return -1;
    if (!is_whole(known) || known->is_index || !is_wanted(source, child, known, config))
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

/* Are all children whole? What is deeper is not looked at: nobody leaves out parts of that. */
static int has_children(struct sp_source *source, const struct sp_manifest *index, bool *yes,
                        struct sp_err *err)
{
  *yes = true;
  for (size_t i = 0; *yes && i < index->child_count; i++) {
    struct sp_source_manifest *known;
    if (sp_source_manifest_know(source, &index->children[i], &known, err) < 0)
      return -1;
    *yes = is_whole(known);
  }
  return 0;
}

int sp_source_index_narrow(struct sp_source *source, const struct sp_digest *config,
                           struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  struct sp_desc root = {.digest = source->root.digest};
  char absent[400];
  char text[SP_DIGEST_TEXT_MAX];
  bool is_all;
  snprintf(root.media_type, sizeof root.media_type, "%s", source->root.media_type);
  if (sp_source_manifest_read(source, &root, &parsed, &is_all, err) < 0 ||
      has_children(source, &parsed, &is_all, err) < 0)
    return -1;
  if (is_all) /* also of what is no index, or not there: whoever gets it will see */
    return 0;
  if (list_platforms(source, &parsed, false, absent, sizeof absent, err) < 0 ||
      choose_child(source, &parsed, config, err) < 0)
    return -1;
  sp_digest_format(&source->root.digest, text);
  sp_log(SP_LOG_WARN, _("'%s' has only a part of its index (not: %s): taking the image %s of it"),
         source->name, absent[0] ? absent : _("its attestations"), text);
  return 0;
}

/* -- referrers */

/* Adds entry i to the list if it refers to something, each manifest once. */
static int note_referrer(struct sp_source *source, size_t i, struct sp_err *err)
{
  struct sp_source_manifest *known = NULL;
  struct sp_desc entry;
  bool is_usable;
  if (get_entry(source, i, &entry, &is_usable, err) < 0 ||
      (is_usable && know_entry(source, &entry, &known, err) < 0))
    return -1;
  if (!known || known->subject.alg == SP_DIGEST_NONE || known->is_referrer)
    return 0;
  known->is_referrer = true;
  source->referrers[source->referrer_count++] =
      (struct sp_source_referrer){.entry = i, .subject = known->subject};
  return 0;
}

/* One list for all manifests of the image: each of them is asked for its own. */
static int make_list(struct sp_source *source, struct sp_err *err)
{
  size_t count = source->has_index ? sp_index_view_count(&source->index) : 0;
  free(sp_steal(&source->referrers));
  source->referrer_count = 0;
  source->referrers = calloc(count + 1, sizeof *source->referrers);
  if (!source->referrers)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the referrers in an archive");
  for (size_t i = 0; i < count; i++) {
    if (note_referrer(source, i, err) < 0)
      return -1;
  }
  source->has_referrers = true;
  return 0;
}

static int add_referrer(struct sp_source *source, size_t i, struct sp_referrers *out,
                        struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  SP_AUTO_JSON json_t *raw = NULL;
  struct sp_desc entry;
  struct sp_desc desc;
  sp_manifest_bytes_init(&bytes);
  if (sp_index_view_get(&source->index, i, &entry, err) < 0)
    return -1;
  bytes.digest = entry.digest;
  if (sp_source_read(source, &entry.digest, &bytes.bytes, err) < 0 ||
      sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(entry.media_type), &parsed, err) <
          0 ||
      sp_referrer_describe(&bytes, &parsed, &desc, &raw, err) < 0)
    return -1;
  return sp_referrers_add(out, &desc, raw, err);
}

int sp_source_index_referrers(struct sp_source *source, const struct sp_digest *digest,
                              struct sp_referrers *out, struct sp_err *err)
{
  if (!source->has_referrers && make_list(source, err) < 0)
    return -1;
  for (size_t i = 0; i < source->referrer_count; i++) {
    const struct sp_source_referrer *one = &source->referrers[i];
    if (sp_digest_eq(&one->subject, digest) && add_referrer(source, one->entry, out, err) < 0)
      return -1;
  }
  return 0;
}
