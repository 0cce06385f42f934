/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "oci/manifest.h"
#include "oci/media_type.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DESC(type, size) \
  "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX "\",\"size\":" #size "}"
#define CONFIG "\"config\":" DESC("application/vnd.oci.image.config.v1+json", 1)
#define LAYERS "\"layers\":[" DESC("a/layer", 2) "," DESC("b/layer", 3) "]"
#define CHILDREN \
  "\"manifests\":[" DESC(SP_MEDIA_OCI_MANIFEST, 4) "," DESC(SP_MEDIA_OCI_INDEX, 5) "]"
#define TYPE(t) "\"mediaType\":\"" t "\","
#define V2 "{\"schemaVersion\":2,"

static int parse(const char *text, const char *content_type, struct sp_manifest *out,
                 struct sp_err *err)
{
  return sp_manifest_parse(sp_span_str(text), sp_span_str(content_type), out, err);
}

static void test_refuses(void **state)
{
  (void)state;
  static const struct {
    const char *text, *content_type;
    enum sp_code code;
  } cases[] = {
      {"", "", SP_E_INVALID},
      {"[]", "", SP_E_INVALID},
      {"{}", "", SP_E_INVALID},
      {"{" CONFIG "," LAYERS "}", "", SP_E_INVALID}, /* no schemaVersion */
      {"{\"schemaVersion\":\"2\"," CONFIG "," LAYERS "}", "", SP_E_INVALID},
      {"{\"schemaVersion\":3," CONFIG "," LAYERS "}", "", SP_E_INVALID},
      {"{\"schemaVersion\":1,\"name\":\"x\",\"fsLayers\":[]}", "", SP_E_UNSUPPORTED},
      {V2 CONFIG "," LAYERS "}", "application/vnd.docker.distribution.manifest.v1+prettyjws",
       SP_E_UNSUPPORTED},
      {V2 TYPE("application/vnd.docker.distribution.manifest.v1+json") LAYERS "}", "",
       SP_E_UNSUPPORTED},
      {V2 CONFIG "," LAYERS ",\"fsLayers\":[]}", "", SP_E_INVALID},
      {V2 "\"x\":1}", SP_MEDIA_OCI_MANIFEST, SP_E_INVALID},
      /* two meanings */
      {V2 CONFIG "," LAYERS "," CHILDREN "}", "", SP_E_INVALID},
      {V2 LAYERS "," CHILDREN "}", SP_MEDIA_OCI_INDEX, SP_E_INVALID},
      {V2 CONFIG "," CHILDREN "}", SP_MEDIA_OCI_INDEX, SP_E_INVALID},
      {V2 CHILDREN ",\"layers\":null}", SP_MEDIA_OCI_INDEX, SP_E_INVALID},
      {V2 CHILDREN ",\"Layers\":[]}", SP_MEDIA_OCI_INDEX, SP_E_INVALID},
      {V2 CONFIG "," LAYERS ",\"MANIFESTS\":[]}", "", SP_E_INVALID},
      {V2 CONFIG "," LAYERS ",\"layers\":[]}", "", SP_E_INVALID},
      {V2 CONFIG "," LAYERS ",\"\\u006cayers\":[]}", "", SP_E_INVALID},
      {V2 CONFIG "," LAYERS ",\"mediatype\":\"" SP_MEDIA_OCI_INDEX "\"}", "", SP_E_INVALID},
      /* incomplete */
      {V2 LAYERS "}", "", SP_E_INVALID},
      {V2 CONFIG "}", "", SP_E_INVALID},
      {V2 "\"config\":null," LAYERS "}", "", SP_E_INVALID},
      {V2 "\"config\":[]," LAYERS "}", "", SP_E_INVALID},
      {V2 CONFIG ",\"layers\":{}}", "", SP_E_INVALID},
      {V2 CONFIG ",\"layers\":[1]}", "", SP_E_INVALID},
      {V2 CONFIG ",\"layers\":[{}]}", "", SP_E_INVALID},
      {V2 CONFIG ",\"layers\":[" DESC("a/b", -1) "]}", "", SP_E_INVALID},
      {V2 CONFIG ",\"layers\":[" DESC("a/b", 4611686018427387904000) "]}", "", SP_E_INVALID},
      {V2 CONFIG ",\"layers\":[" DESC("a/b", 1e999) "]}", "", SP_E_INVALID},
      {V2 "\"manifests\":{}}", "", SP_E_INVALID},
      {V2 "\"manifests\":[{\"digest\":\"sha256:" HEX "\",\"size\":1}]}", "", SP_E_INVALID},
      {V2 CHILDREN ",\"subject\":{}}", "", SP_E_INVALID},
      {V2 CHILDREN ",\"artifactType\":\"x\"}", "", SP_E_INVALID},
      {V2 CONFIG "," LAYERS "}garbage", "", SP_E_INVALID},
      /* types that are none of ours */
      {V2 CONFIG "," LAYERS "}", "text/html", SP_E_INVALID},
      {V2 TYPE("application/vnd.cyclonedx+json") CONFIG "," LAYERS "}", "", SP_E_INVALID},
      {V2 "\"mediaType\":3," CONFIG "," LAYERS "}", "", SP_E_INVALID},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_err err;
    struct sp_manifest m;
    if (parse(cases[i].text, cases[i].content_type, &m, &err) == 0)
      fail_msg("accepted as '%s': %s", cases[i].content_type, cases[i].text);
    if (err.code != cases[i].code)
      fail_msg("%s: %s", cases[i].text, err.msg);
  }
}

static const char *const types[] = {SP_MEDIA_OCI_INDEX,    SP_MEDIA_DOCKER_LIST,
                                    SP_MEDIA_OCI_MANIFEST, SP_MEDIA_DOCKER_MANIFEST,
                                    "application/json",    ""};

/* What a document of this shape, with this body type, sent with this Content-Type, must be; NULL
 * where it must be refused. */
static const char *expected_type(bool is_index, const char *body, const char *content)
{
  bool content_says = strcmp(content, "") != 0 && strcmp(content, "application/json") != 0;
  if (strcmp(body, "application/json") == 0)
    return NULL; /* in a body it is an answer, and a wrong one */
  if (content_says && body[0] && strcmp(body, content) != 0)
    return NULL;
  const char *said = content_says ? content : body;
  if (!said[0])
    return is_index ? SP_MEDIA_OCI_INDEX : SP_MEDIA_OCI_MANIFEST;
  return sp_media_is_index(sp_span_str(said)) == is_index ? said : NULL;
}

/* Every body type against every Content-Type, for both shapes (S18). */
static void test_matrix_of_types(void **state)
{
  (void)state;
  int accepted = 0;
  for (size_t n = 0; n < 2 * COUNT(types) * COUNT(types); n++) {
    bool is_index = n % 2;
    const char *body = types[n / 2 % COUNT(types)];
    const char *content = types[n / 2 / COUNT(types)];
    char text[2000];
    snprintf(text, sizeof text, "{\"schemaVersion\":2,%s%s%s%s}", body[0] ? "\"mediaType\":\"" : "",
             body, body[0] ? "\"," : "", is_index ? CHILDREN : CONFIG "," LAYERS);
    struct sp_err err;
    SP_AUTO_MANIFEST struct sp_manifest m = {0};
    const char *want = expected_type(is_index, body, content);
    int result = parse(text, content, &m, &err);
    if (result != (want ? 0 : -1))
      fail_msg("%s as '%s': %s", text, content, result ? err.msg : "accepted");
    if (!want) {
      assert_int_equal(err.code, SP_E_INVALID);
      continue;
    }
    accepted++;
    assert_string_equal(m.media_type, want);
    assert_int_equal(m.is_index, is_index);
  }
  assert_int_equal(accepted, 2 * (2 * 4 + 2)); /* by hand: a row of 4 for each of 2 types, 2 bare */
}

static void test_image(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_MANIFEST struct sp_manifest m = {0};
  assert_int_equal(parse(V2 CONFIG "," LAYERS ",\"artifactType\":\"x/y\",\"subject\":" DESC(
                             "s/t", 9) ",\"annotations\":{\"a\":\"b\"}}",
                         SP_MEDIA_OCI_MANIFEST "; charset=utf-8", &m, &err),
                   0);
  assert_false(m.is_index);
  assert_string_equal(m.media_type, SP_MEDIA_OCI_MANIFEST);
  assert_string_equal(m.artifact_type, "x/y");
  assert_int_equal(m.child_count, 0);
  assert_int_equal(m.blob_count, 3);
  assert_int_equal(m.blobs[0].size_bytes, 1);
  assert_int_equal(m.blobs[1].size_bytes, 2);
  assert_string_equal(m.blobs[2].media_type, "b/layer");
  assert_true(m.has_subject);
  assert_int_equal(m.subject.size_bytes, 9);
}

static void test_index(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_MANIFEST struct sp_manifest m = {0};
  assert_int_equal(parse(V2 CHILDREN "}", "text/plain", &m, &err), 0);
  assert_true(m.is_index);
  assert_int_equal(m.child_count, 2);
  assert_int_equal(m.blob_count, 0);
  assert_false(m.has_subject);
  assert_string_equal(m.children[1].media_type, SP_MEDIA_OCI_INDEX);
}

/* Go writes an empty list as null. */
static void test_empty_lists(void **state)
{
  (void)state;
  static const char *const texts[] = {V2 CONFIG ",\"layers\":null}", V2 CONFIG ",\"layers\":[]}",
                                      V2 "\"manifests\":null}", V2 "\"manifests\":[]}"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct sp_err err;
    SP_AUTO_MANIFEST struct sp_manifest m = {0};
    assert_int_equal(parse(texts[i], "", &m, &err), 0);
    assert_int_equal(m.blob_count, i < 2 ? 1 : 0);
    assert_int_equal(m.child_count, 0);
  }
}

static void test_foreign_layers_are_seen(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_MANIFEST struct sp_manifest m = {0};
  assert_int_equal(parse(V2 CONFIG ",\"layers\":[{\"mediaType\":\"a/b\",\"digest\":\"sha256:" HEX
                                   "\",\"size\":1,\"urls\":[\"http://canary/\"]}]}",
                         "", &m, &err),
                   0);
  assert_true(m.blobs[1].has_urls);
  assert_false(m.blobs[0].has_urls);
}

static int parse_many(size_t children, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  SP_AUTO_MANIFEST struct sp_manifest m = {0};
  sp_buf_init(&text, 16 * SP_MIB);
  assert_int_equal(sp_buf_append_str(&text, V2 "\"manifests\":[", err), 0);
  for (size_t i = 0; i < children; i++)
    assert_int_equal(sp_buf_appendf(&text, err, "%s%s", i ? "," : "", DESC("a/b", 1)), 0);
  assert_int_equal(sp_buf_append_str(&text, "]}", err), 0);
  return sp_manifest_parse(sp_buf_span(&text), SP_SPAN_LIT(""), &m, err);
}

static void test_limits(void **state)
{
  (void)state;
  struct sp_err err;
  assert_int_equal(parse_many(SP_MAX_DESCRIPTORS, &err), 0);
  assert_int_equal(parse_many(SP_MAX_DESCRIPTORS + 1, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  SP_AUTO_FREE char *spaces = malloc(SP_MAX_MANIFEST_BYTES + 1);
  struct sp_manifest m;
  memset(spaces, ' ', SP_MAX_MANIFEST_BYTES + 1);
  memcpy(spaces, V2 "\"manifests\":[]}", strlen(V2 "\"manifests\":[]}"));
  assert_int_equal(
      sp_manifest_parse(SP_SPAN(spaces, SP_MAX_MANIFEST_BYTES + 1), SP_SPAN_LIT(""), &m, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_int_equal(
      sp_manifest_parse(SP_SPAN(spaces, SP_MAX_MANIFEST_BYTES), SP_SPAN_LIT(""), &m, &err), 0);
  sp_manifest_clear(&m);
  sp_manifest_clear(&m);
}

/* Cut anywhere, a document is refused and nothing leaks (the sanitizers look). */
static void test_every_prefix_is_refused(void **state)
{
  (void)state;
  static const char text[] = V2 TYPE(SP_MEDIA_OCI_MANIFEST) CONFIG "," LAYERS "}";
  for (size_t len = 0; len + 1 < sizeof text; len++) {
    struct sp_err err;
    struct sp_manifest m;
    assert_int_equal(sp_manifest_parse(SP_SPAN(text, len), SP_SPAN_LIT(""), &m, &err), -1);
    assert_int_equal(err.code, SP_E_INVALID);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),     cmocka_unit_test(test_matrix_of_types),
      cmocka_unit_test(test_image),       cmocka_unit_test(test_index),
      cmocka_unit_test(test_empty_lists), cmocka_unit_test(test_foreign_layers_are_seen),
      cmocka_unit_test(test_limits),      cmocka_unit_test(test_every_prefix_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
