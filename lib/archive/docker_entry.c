/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/docker_entry.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "archive/diff_ids.h"
#include "base/json.h"
#include "oci/manifest.h"
#include "oci/reference.h"

#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"

/* -- this host */

static void host_platform(struct sp_platform *out)
{
  static const struct {
    const char *machine, *architecture, *variant;
  } machines[] = {{"x86_64", "amd64", ""},   {"aarch64", "arm64", ""}, {"armv7l", "arm", "v7"},
                  {"armv6l", "arm", "v6"},   {"i686", "386", ""},      {"i386", "386", ""},
                  {"ppc64le", "ppc64le", ""}};
  struct utsname name = {0};
  (void)uname(&name);
  *out = (struct sp_platform){.os = "linux"};
  snprintf(out->architecture, sizeof out->architecture, "%.*s", SP_PLATFORM_PART_MAX - 1,
           name.machine); /* s390x, riscv64 */
  for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
    if (strcmp(name.machine, machines[i].machine) != 0)
      continue;
    snprintf(out->architecture, sizeof out->architecture, "%s", machines[i].architecture);
    snprintf(out->variant, sizeof out->variant, "%s", machines[i].variant);
  }
}

/* -- one image */

static int load(struct sp_store *layout, const struct sp_digest *digest, struct sp_manifest *out,
                struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  if (sp_store_get_manifest(layout, digest, &bytes, err) < 0)
    return -1;
  return sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type), out, err);
}

/* The image that this host would run. */
static int load_image(struct sp_store *layout, const struct sp_digest *digest,
                      struct sp_manifest *out, struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  struct sp_platform here;
  char text[SP_PLATFORM_TEXT_MAX];
  if (load(layout, digest, &parsed, err) < 0)
    return -1;
  if (!parsed.is_index) {
    *out = parsed;
    parsed = (struct sp_manifest){0};
    return 0;
  }
  host_platform(&here);
  for (size_t i = 0; i < parsed.child_count; i++) {
    if (parsed.children[i].has_platform && sp_platform_matches(&parsed.children[i].platform, &here))
      return load(layout, &parsed.children[i].digest, out, err);
  }
  sp_platform_format(&here, text);
  return sp_fail(err, SP_E_UNSUPPORTED,
                 "the image has several platforms and not this host's (%s): choose one with "
                 "--platform, or write an 'oci-archive:'",
                 text);
}

static int check_image(const struct sp_manifest *image, struct sp_err *err)
{
  const char *type = image->blobs[0].media_type;
  if (strcmp(type, SP_MEDIA_OCI_CONFIG) == 0 || strcmp(type, MEDIA_DOCKER_CONFIG) == 0)
    return 0;
  return sp_fail(err, SP_E_UNSUPPORTED,
                 "it is no image but an artifact (config '%s'), which no engine can load: write an "
                 "'oci-archive:'",
                 type);
}

static json_t *blob_name(const struct sp_digest *digest)
{
  char hex[SP_DIGEST_HEX_MAX];
  sp_digest_format_hex(digest, hex);
  return json_sprintf("blobs/%s/%s", sp_digest_alg_name(digest->alg), hex);
}

/* In full: "docker.io/library/app:v1". Of a short one dockerd would make the same, podman
 * "localhost/app:v1". */
static json_t *full_name(const struct sp_ref *ref, const char *tag)
{
  return json_sprintf("%s/%s:%s", ref->host, ref->repository, tag);
}

/* json_array_append_new takes the reference and refuses NULL: one answer for "out of memory". */
static bool add_layers(json_t *layers, const struct sp_manifest *image)
{
  for (size_t i = 1; i < image->blob_count; i++) {
    if (json_array_append_new(layers, blob_name(&image->blobs[i].digest)) < 0)
      return false;
  }
  return true;
}

static bool add_names(json_t *names, const struct sp_index_view *view,
                      const struct sp_digest *digest, const struct sp_ref *ref)
{
  for (size_t i = 0; i < sp_index_view_count(view); i++) {
    struct sp_desc entry;
    struct sp_err ignored = SP_ERR_INIT;
    const char *tag = sp_index_view_ref_name(view, i);
    if (!tag || sp_ref_is_digest_tag(sp_span_str(tag)) ||
        sp_index_view_get(view, i, &entry, &ignored) < 0 || !sp_digest_eq(&entry.digest, digest))
      continue;
    if (ref->repository[0] && json_array_append_new(names, full_name(ref, tag)) < 0)
      return false;
  }
  return true;
}

static int add_entry(struct sp_store *layout, const struct sp_index_view *view,
                     const struct sp_digest *digest, const struct sp_ref *ref, json_t *doc,
                     struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest image = {0};
  if (load_image(layout, digest, &image, err) < 0 || check_image(&image, err) < 0)
    return -1;
  SP_AUTO_JSON json_t *entry = json_object();
  json_t *names = json_array(), *layers = json_array();
  bool made = json_object_set_new(entry, "Config", blob_name(&image.blobs[0].digest)) == 0;
  made &= json_object_set_new(entry, "RepoTags", names) == 0;
  made &= json_object_set_new(entry, "Layers", layers) == 0;
  if (made && add_names(names, view, digest, ref) && add_layers(layers, &image) &&
      json_array_append(doc, entry) == 0)
    return 0;
  return sp_fail(err, SP_E_NOMEM, "out of memory for a manifest.json");
}

/* -- all of them */

static bool is_first_of_its_digest(const struct sp_index_view *view, size_t i,
                                   const struct sp_digest *digest)
{
  for (size_t k = 0; k < i; k++) {
    struct sp_desc earlier;
    struct sp_err ignored = SP_ERR_INIT;
    const char *tag = sp_index_view_ref_name(view, k);
    if (tag && !sp_ref_is_digest_tag(sp_span_str(tag)) &&
        sp_index_view_get(view, k, &earlier, &ignored) == 0 &&
        sp_digest_eq(&earlier.digest, digest))
      return false;
  }
  return true;
}

int sp_docker_entry_format(struct sp_store *layout, const struct sp_index_view *view,
                           const struct sp_ref *ref, struct sp_buf *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = json_array();
  for (size_t i = 0; i < sp_index_view_count(view); i++) {
    struct sp_desc entry;
    const char *tag = sp_index_view_ref_name(view, i);
    if (!tag || sp_ref_is_digest_tag(sp_span_str(tag)))
      continue;
    if (sp_index_view_get(view, i, &entry, err) < 0)
      return -1;
    if (is_first_of_its_digest(view, i, &entry.digest) &&
        add_entry(layout, view, &entry.digest, ref, doc, err) < 0)
      return -1;
  }
  SP_AUTO_FREE char *text = sp_json_print(doc, JSON_COMPACT);
  if (!text)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a manifest.json");
  return sp_buf_append_str(out, text, err);
}
