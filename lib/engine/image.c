/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/image.h"

#include "base/json.h"
#include "base/text.h"
#include "oci/reference.h"

#define NEAR_COUNT 3

static int parse_id(const json_t *doc, struct sp_digest *out, struct sp_err *err)
{
  const char *text;
  if (sp_json_get_string(doc, "Id", &text, err) < 0)
    return -1;
  if (!text)
    return sp_fail(err, SP_E_INVALID, "it has no 'Id'");
  if (sp_digest_parse(sp_span_str(text), out, err) == 0)
    return 0;
  if (err->code == SP_E_USAGE)
    err->code = SP_E_INVALID; /* the engine wrote it, not the user */
  return sp_err_context(err, "'Id'");
}

int sp_engine_image_parse(struct sp_span text, struct sp_engine_image *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  struct sp_engine_image image = {0};
  int64_t size = 0;
  if (sp_json_parse(text, &doc, err) < 0 || parse_id(doc, &image.id, err) < 0 ||
      sp_json_get_int(doc, "Size", 0, &size, err) < 0)
    return sp_err_context(err, "what the engine says about the image cannot be used");
  image.size_bytes = size > 0 ? (uint64_t)size : 0;
  *out = image;
  return 0;
}

/* -- the engine itself */

int sp_engine_platform_parse(struct sp_span text, struct sp_platform *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  struct sp_err why = SP_ERR_INIT;
  struct sp_platform platform = {0};
  const char *os = NULL;
  const char *architecture = NULL;
  if (sp_json_parse(text, &doc, &why) < 0 || sp_json_get_string(doc, "Os", &os, &why) < 0 ||
      sp_json_get_string(doc, "Arch", &architecture, &why) < 0 || !os || !*os || !architecture ||
      !*architecture || sp_text_copy(platform.os, sizeof platform.os, sp_span_str(os), &why) < 0 ||
      sp_text_copy(platform.architecture, sizeof platform.architecture, sp_span_str(architecture),
                   &why) < 0)
    return sp_fail(err, SP_E_PROTOCOL,
                   "the engine does not say which platform it is of ('Os', 'Arch' of its version)");
  *out = platform;
  return 0;
}

/* -- names that are near */

static const char *last_component(const char *repository)
{
  const char *slash = strrchr(repository, '/');
  return slash ? slash + 1 : repository;
}

static bool is_near(const char *name, const char *wanted)
{
  struct sp_ref ref;
  struct sp_err ignored = SP_ERR_INIT;
  if (sp_ref_parse(sp_span_str(name), false, &ref, &ignored) < 0)
    return false;
  return strcmp(last_component(ref.repository), last_component(wanted)) == 0;
}

/* Appends "'name'"; false if there is no room. */
static bool add_name(char out[SP_ENGINE_NEAR_MAX], const char *name)
{
  char shown[SP_ENGINE_NEAR_MAX];
  size_t len = strlen(out);
  sp_text_escape(shown, sizeof shown, sp_span_str(name));
  int n = snprintf(out + len, SP_ENGINE_NEAR_MAX - len, "%s'%s'", len ? ", " : "", shown);
  if (n < 0 || (size_t)n >= SP_ENGINE_NEAR_MAX - len) {
    out[len] = '\0';
    return false;
  }
  return true;
}

void sp_engine_image_near(struct sp_span list, const char *wanted, char out[SP_ENGINE_NEAR_MAX])
{
  SP_AUTO_JSON json_t *doc = NULL;
  struct sp_err ignored = SP_ERR_INIT;
  out[0] = '\0';
  if (sp_json_parse(list, &doc, &ignored) < 0)
    return;
  size_t found = 0;
  for (size_t i = 0; i < json_array_size(doc); i++) {
    const json_t *tags = json_object_get(json_array_get(doc, i), "RepoTags");
    for (size_t k = 0; k < json_array_size(tags) && found < NEAR_COUNT; k++) {
      const char *name = json_string_value(json_array_get(tags, k));
      if (name && is_near(name, wanted))
        found += add_name(out, name);
    }
  }
}
