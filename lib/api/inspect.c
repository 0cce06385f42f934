/* SPDX-License-Identifier: Apache-2.0 */
/* The reference is pinned to its digest by a HEAD and read once by that digest; what else is asked
 * for hangs on it. From there on a part that cannot be had is a problem in the document, so that
 * the rest is told. */
#include "safeport/inspect.h"
#include "base/i18n.h"

#include <stdlib.h>

#include "api/inspect_facts.h"
#include "api/names.h"
#include "api/only_tag.h"
#include "api/session.h"
#include "base/json.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "registry/registry.h"
#include "store/small_blob.h"

struct look {
  const struct sp_inspect_options *options;
  struct sp_retry_policy retry;
  struct sp_place place;
  struct sp_platform platform;
  struct sp_opened opened;
  struct sp_manifest_bytes bytes; /* of the reference */
  struct sp_manifest manifest;
  json_t *doc;      /* owned */
  json_t *problems; /* borrowed from doc, as the two below */
  json_t *referrers, *cosign;
  int exit_status;
};

static void look_free(struct look **look)
{
  if (!*look)
    return;
  json_decref((*look)->doc);
  sp_manifest_clear(&(*look)->manifest);
  sp_manifest_bytes_clear(&(*look)->bytes);
  sp_opened_clear(&(*look)->opened);
  free(*look);
}

static int no_memory(struct sp_err *err)
{
  return sp_fail(err, SP_E_NOMEM, "out of memory for looking at an image");
}

/* -- the reference */

static int open_place(struct sp_session *session, struct look *look, struct sp_err *err)
{
  const struct sp_inspect_options *options = look->options;
  if (options->platform && options->all)
    return sp_fail(err, SP_E_USAGE, "one platform, or all of them: not both");
  if (sp_names_parse_source(options->place, options->lower, &look->place, err) < 0)
    return -1;
  if (options->platform &&
      sp_platform_parse(sp_span_str(options->platform), &look->platform, err) < 0)
    return -1;
  return sp_session_open_place(session, &look->place, SP_OPEN_READ, &look->opened, err);
}

static int find_digest(struct look *look, struct sp_digest *out, struct sp_err *err)
{
  struct sp_store *store = look->opened.store;
  struct sp_ref *ref = &look->place.ref;
  const struct sp_digest *digest = sp_place_digest(&look->place);
  if (digest) {
    *out = *digest;
    return 0;
  }
  if (!ref->tag[0] && sp_place_tells_tag(&look->place) &&
      sp_only_tag(store, look->options->place, _("say which with :TAG"), ref->tag, err) < 0)
    return -1;
  struct sp_named named;
  if (sp_store_resolve(store, ref->tag, &named, err) < 0)
    return -1;
  *out = named.digest;
  return 0;
}

/* Reads and parses one manifest. media_type: what an index said, for a store that does not say. */
static int read_manifest(struct look *look, const struct sp_digest *digest, const char *media_type,
                         struct sp_manifest_bytes *bytes, struct sp_manifest *out,
                         struct sp_err *err)
{
  if (sp_store_get_manifest(look->opened.store, digest, bytes, err) < 0)
    return -1;
  struct sp_span type = sp_span_str(bytes->media_type[0] ? bytes->media_type : media_type);
  return sp_manifest_parse(sp_buf_span(&bytes->bytes), type, out, err);
}

/* The entry of the index that was asked for, or the only one; NULL if the reference is no index. */
static int choose_child(const struct look *look, const struct sp_desc **child, struct sp_err *err)
{
  size_t found;
  *child = NULL;
  if (!look->manifest.is_index)
    return 0;
  if (look->options->platform)
    return sp_manifest_find_platform(&look->manifest, &look->platform, child, &found, err);
  *child = sp_manifest_only_platform(&look->manifest);
  return 0;
}

/* -- exact bytes */

static int give(struct sp_buf *bytes, char **out, size_t *out_len, struct sp_err *err)
{
  *out = sp_buf_take(bytes, out_len);
  if (!*out) /* it was empty */
    *out = calloc(1, 1);
  return *out ? 0 : no_memory(err);
}

/* Exactly what was asked for: an index stays an index, unless a platform was named. */
static int give_raw(struct look *look, char **out, size_t *out_len, struct sp_err *err)
{
  if (!look->options->platform)
    return give(&look->bytes.bytes, out, out_len, err);
  struct sp_span type = sp_span_str(look->bytes.media_type);
  const struct sp_desc *child;
  if (sp_manifest_parse(sp_buf_span(&look->bytes.bytes), type, &look->manifest, err) < 0 ||
      choose_child(look, &child, err) < 0)
    return -1;
  if (!child)
    return give(&look->bytes.bytes, out, out_len, err);
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  if (sp_store_get_manifest(look->opened.store, &child->digest, &bytes, err) < 0)
    return -1;
  return give(&bytes.bytes, out, out_len, err);
}

static int read_config(struct look *look, const struct sp_desc *config, struct sp_buf *out,
                       struct sp_err *err)
{
  return sp_small_blob_read(look->opened.store, &config->digest, config->size_bytes, &look->retry,
                            out, err);
}

static int give_config(struct look *look, char **out, size_t *out_len, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf config;
  sp_buf_init(&config, SP_MAX_SMALL_BLOB_BYTES);
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  SP_AUTO_MANIFEST struct sp_manifest image = {0};
  const struct sp_desc *child;
  if (choose_child(look, &child, err) < 0)
    return -1;
  if (look->manifest.is_index && !child)
    return sp_fail(err, SP_E_USAGE,
                   "'%s' is an index of several platforms: say whose config with --platform",
                   look->options->place);
  if (child && read_manifest(look, &child->digest, child->media_type, &bytes, &image, err) < 0)
    return -1;
  const struct sp_manifest *of = child ? &image : &look->manifest;
  if (of->is_index)
    return sp_fail(err, SP_E_UNSUPPORTED, "an index in an index has no config");
  if (read_config(look, &of->blobs[0], &config, err) < 0)
    return -1;
  return give(&config, out, out_len, err);
}

/* -- the document */

/* The whole of it fails only for what would fail everything else as well. */
static int add_problem(struct look *look, struct sp_err *problem, struct sp_err *err)
{
  if (problem->code == SP_E_NOMEM || problem->code == SP_E_INTERRUPTED) {
    sp_err_copy(err, problem);
    return -1;
  }
  look->exit_status = problem->code == SP_E_DIGEST || look->exit_status == 5 ? 5 : 1;
  if (json_array_append_new(look->problems, sp_inspect_problem(problem)) < 0)
    return no_memory(err);
  return 0;
}

/* Reads the config of an image into its facts. */
static int add_config(struct look *look, const struct sp_manifest *manifest, json_t *image,
                      struct sp_err *err)
{
  const struct sp_desc *config = &manifest->blobs[0];
  if (!sp_image_config_is_type(sp_span_str(config->media_type)))
    return 0;
  SP_AUTO_BUF struct sp_buf bytes;
  sp_buf_init(&bytes, SP_MAX_SMALL_BLOB_BYTES);
  json_t *content = NULL;
  struct sp_err problem = SP_ERR_INIT;
  if (read_config(look, config, &bytes, &problem) < 0 ||
      sp_image_config_read(sp_buf_span(&bytes), &content, &problem) < 0)
    return add_problem(look, &problem, err);
  if (json_object_set_new(json_object_get(image, "config"), "content", content) < 0)
    return no_memory(err);
  return 0;
}

/* `at` (the document, or an entry of its platforms) gets its image. */
static int add_image(struct look *look, const struct sp_manifest_bytes *bytes,
                     const struct sp_manifest *manifest, json_t *at, struct sp_err *err)
{
  json_t *image = sp_inspect_image(bytes, manifest);
  if (!image || json_object_set_new(at, "image", image) < 0)
    return no_memory(err);
  return add_config(look, manifest, image, err);
}

static int add_company(struct look *look, const struct sp_digest *subject, struct sp_err *err)
{
  if (look->options->no_referrers)
    return 0;
  SP_CLEANUP(sp_company_clear_auto_) struct sp_company company = {0};
  struct sp_err problem = SP_ERR_INIT;
  if (sp_referrers_look(look->opened.store, subject, &company, &problem) < 0)
    return add_problem(look, &problem, err);
  return sp_inspect_add_company(subject, &company, look->referrers, look->cosign, err);
}

static int look_into(struct look *look, const struct sp_desc *child, json_t *entry,
                     struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  SP_AUTO_MANIFEST struct sp_manifest manifest = {0};
  struct sp_err problem = SP_ERR_INIT;
  if (read_manifest(look, &child->digest, child->media_type, &bytes, &manifest, &problem) < 0)
    return add_problem(look, &problem, err);
  if (!manifest.is_index && add_image(look, &bytes, &manifest, entry, err) < 0)
    return -1;
  return add_company(look, &child->digest, err);
}

/* An attestation is no platform: looking into it would only cost a pull. */
static bool is_asked_for(const struct look *look, const struct sp_desc *child,
                         const struct sp_desc *chosen)
{
  if (!look->options->all)
    return child == chosen;
  return !child->has_platform || !sp_platform_is_unknown(&child->platform);
}

static int look_into_platforms(struct look *look, json_t *platforms, struct sp_err *err)
{
  const struct sp_desc *chosen;
  if (choose_child(look, &chosen, err) < 0)
    return -1;
  for (size_t i = 0; i < look->manifest.child_count; i++) {
    const struct sp_desc *child = &look->manifest.children[i];
    if (is_asked_for(look, child, chosen) &&
        look_into(look, child, json_array_get(platforms, i), err) < 0)
      return -1;
  }
  return 0;
}

static int begin_document(struct look *look, struct sp_err *err)
{
  char name[SP_PLACE_TEXT_MAX + SP_MAX_TAG + SP_DIGEST_TEXT_MAX];
  char digest[SP_DIGEST_TEXT_MAX];
  sp_place_format(&look->place, name);
  sp_digest_format(&look->bytes.digest, digest);
  look->referrers = json_array();
  look->cosign = json_array();
  look->problems = json_array();
  look->doc =
      json_pack("{s:i, s:s, s:o, s:s, s:s, s:I, s:o, s:n, s:o, s:o, s:o, s:o}", "schema", 1, "kind",
                "inspect", "name", sp_json_text(name), "digest", digest, "media_type",
                look->manifest.media_type, "size_bytes", (json_int_t)look->bytes.bytes.len,
                "annotations", sp_inspect_annotations(sp_buf_span(&look->bytes.bytes)), "image",
                "platforms", sp_inspect_platforms(&look->bytes, &look->manifest), "referrers",
                look->referrers, "cosign", look->cosign, "problems", look->problems);
  return look->doc ? 0 : no_memory(err);
}

static json_t *pulls_left(const struct look *look)
{
  uint64_t limit, left, window_s;
  if (!look->opened.registry ||
      !sp_registry_pulls_left(look->opened.registry, &limit, &left, &window_s))
    return json_null();
  return json_integer((json_int_t)left);
}

static int end_document(struct look *look, char **out, size_t *out_len, struct sp_err *err)
{
  if (json_object_set_new(look->doc, "pulls_left", pulls_left(look)) < 0 ||
      json_object_set_new(look->doc, "exit_status", json_integer(look->exit_status)) < 0)
    return no_memory(err);
  *out = sp_json_print(look->doc, JSON_INDENT(2));
  if (!*out)
    return no_memory(err);
  *out_len = strlen(*out);
  return 0;
}

static int give_facts(struct look *look, char **out, size_t *out_len, struct sp_err *err)
{
  if (begin_document(look, err) < 0)
    return -1;
  int failed = look->manifest.is_index
                   ? look_into_platforms(look, json_object_get(look->doc, "platforms"), err)
                   : add_image(look, &look->bytes, &look->manifest, look->doc, err);
  if (failed || add_company(look, &look->bytes.digest, err) < 0)
    return -1;
  return end_document(look, out, out_len, err);
}

int sp_inspect(struct sp_session *session, const struct sp_inspect_options *options, char **out,
               size_t *out_len, struct sp_err *err)
{
  SP_CLEANUP(look_free) struct look *look = calloc(1, sizeof *look);
  if (!look)
    return no_memory(err);
  look->options = options;
  look->retry = sp_session_retry(session);
  sp_manifest_bytes_init(&look->bytes);
  struct sp_digest digest;
  if (open_place(session, look, err) < 0 || find_digest(look, &digest, err) < 0)
    return -1;
  if (options->want == SP_INSPECT_RAW) {
    if (sp_store_get_manifest(look->opened.store, &digest, &look->bytes, err) < 0)
      return -1;
    return give_raw(look, out, out_len, err);
  }
  if (read_manifest(look, &digest, "", &look->bytes, &look->manifest, err) < 0)
    return -1;
  return options->want == SP_INSPECT_CONFIG ? give_config(look, out, out_len, err)
                                            : give_facts(look, out, out_len, err);
}
