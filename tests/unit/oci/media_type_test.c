/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/media_type.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_strip(void **state)
{
  (void)state;
  static const struct {
    const char *in, *want;
  } cases[] = {
      {"", ""},
      {"/", ""},
      {"text", ""},
      {"text/", ""},
      {"/plain", ""},
      {"text/plain/x", ""},
      {"te xt/plain", ""},
      {"text/pl\x01in", ""},
      {"text/plain\r\nX-Evil: 1", ""},
      {"../..", ""},
      {".text/plain", ""},
      {"text/+json", ""},
      {"text/plain,text/html", ""},
      {"*/*", ""},
      {";charset=x", ""},
      {"text/plain", "text/plain"},
      {" \ttext/plain ; charset=utf-8", "text/plain"},
      {"application/vnd.oci.image.manifest.v1+json;x=y;z", SP_MEDIA_OCI_MANIFEST},
      {"A/B", "A/B"},
  };
  for (size_t i = 0; i < COUNT(cases); i++)
    assert_true(sp_span_eq_str(sp_media_strip(sp_span_str(cases[i].in)), cases[i].want));
  assert_int_equal(sp_media_strip(SP_SPAN("text/plain\0", 11)).len, 0);
}

static void test_name_length(void **state)
{
  (void)state;
  char text[300];
  memset(text, 'a', sizeof text);
  text[127] = '/';
  assert_int_equal(sp_media_strip(SP_SPAN(text, 255)).len, 255);
  assert_int_equal(sp_media_strip(SP_SPAN(text, 256)).len, 0);
  text[127] = 'a';
  text[128] = '/';
  assert_int_equal(sp_media_strip(SP_SPAN(text, 200)).len, 0);
}

static void test_kinds(void **state)
{
  (void)state;
  static const struct {
    const char *type;
    bool index, manifest, schema1, nondistributable;
  } cases[] = {
      {SP_MEDIA_OCI_INDEX, true, false, false, false},
      {SP_MEDIA_DOCKER_LIST, true, false, false, false},
      {SP_MEDIA_OCI_MANIFEST, false, true, false, false},
      {SP_MEDIA_DOCKER_MANIFEST, false, true, false, false},
      {"APPLICATION/vnd.OCI.image.INDEX.v1+json; charset=utf-8", true, false, false, false},
      {"application/vnd.docker.distribution.manifest.v1+prettyjws", false, false, true, false},
      {"application/vnd.docker.distribution.manifest.v1+json", false, false, true, false},
      {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", false, false, false, true},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", false, false, false, true},
      {"application/vnd.oci.image.layer.v1.tar+gzip", false, false, false, false},
      {"application/vnd.oci.image.index.v1+jsonx", false, false, false, false},
      {"application/vnd.oci.image.index.v1", false, false, false, false},
      {"application/json", false, false, false, false},
      {"", false, false, false, false},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_span type = sp_span_str(cases[i].type);
    assert_int_equal(sp_media_is_index(type), cases[i].index);
    assert_int_equal(sp_media_is_manifest(type), cases[i].manifest);
    assert_int_equal(sp_media_is_schema1(type), cases[i].schema1);
    assert_int_equal(sp_media_is_nondistributable(type), cases[i].nondistributable);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_strip),
      cmocka_unit_test(test_name_length),
      cmocka_unit_test(test_kinds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
