/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/names.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define LIST_MAX 4

struct names_case {
  const char *source;
  const char *to[LIST_MAX];
  const char *tags[LIST_MAX];
  bool lower;
  const char *want; /* "name tag,tag; name tag", or what the complaint must say */
};

static size_t count_of(const char *const *list)
{
  size_t n = 0;
  while (n < LIST_MAX && list[n])
    n++;
  return n;
}

static struct sp_push_options options_of(const struct names_case *c)
{
  return (struct sp_push_options){
      .source = c->source,
      .to = c->to,
      .to_count = count_of(c->to),
      .tags = c->tags,
      .tag_count = count_of(c->tags),
      .lower = c->lower,
  };
}

static void describe(const struct sp_names *names, char *out, size_t size)
{
  size_t len = 0;
  out[0] = '\0';
  for (size_t i = 0; i < names->target_count; i++) {
    static char name[SP_PLACE_TEXT_MAX];
    sp_place_format_name(&names->targets[i].place, name);
    len += (size_t)snprintf(out + len, size - len, "%s%s", i ? "; " : "", name);
    for (size_t k = 0; k < names->targets[i].tag_count; k++)
      len +=
          (size_t)snprintf(out + len, size - len, "%s%s", k ? "," : " ", names->targets[i].tags[k]);
  }
}

static void test_refuses(void **state)
{
  (void)state;
  static const struct names_case cases[] = {
      {"", {"a.example/x"}, {"t"}, false, "no source"},
      {"a.example/x", {NULL}, {"t"}, false, "no destination"},
      {"a.example/x", {""}, {"t"}, false, ""},
      {"a.example/UP", {"b.example/x"}, {"t"}, false, "a.example/up"},
      {"a.example/x", {"b.example/UP"}, {"t"}, false, "b.example/up"},
      {"a.example/x", {"b.example/x@" DIGEST}, {"t"}, false, "has no digest"},
      {"a.example/x", {"oci:dir@" DIGEST}, {"t"}, false, "has no digest"},
      {"a.example/x", {"b.example/x", "c.example/:t"}, {"t"}, false, ""},
      {"a.example/x", {"b.example/x"}, {"-t"}, false, "is not a tag"},
      {"a.example/x", {"b.example/x"}, {"t", ""}, false, "is not a tag"},
      {"a.example/x", {"b.example/x"}, {"a b"}, false, "is not a tag"},
      {"a.example/x", {"b.example/x"}, {"\033[31m"}, false, "'\\x1b[31m' is not a tag"},
      {"a.example/x@" DIGEST, {"b.example/x"}, {NULL}, false, "--tag TAG"},
      {"vault:x@" DIGEST, {"b.example/x", "c.example/x:t"}, {NULL}, false, "--tag TAG"},
      {"s3://b/x", {"b.example/x"}, {"t"}, false, "not in this version"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_push_options options = options_of(&cases[i]);
    struct sp_names names;
    struct sp_err err = SP_ERR_INIT;
    if (sp_names_init(&names, &options, &err) == 0)
      fail_msg("case %zu: accepted", i);
    assert_int_equal(err.code, SP_E_USAGE);
    if (!strstr(err.msg, cases[i].want))
      fail_msg("case %zu: '%s' does not say '%s'", i, err.msg, cases[i].want);
    assert_int_equal(names.target_count, 0);
  }
}

static void test_too_many_destinations(void **state)
{
  (void)state;
  const char *to[SP_MAX_DESTINATIONS + 1];
  for (size_t i = 0; i < COUNT(to); i++)
    to[i] = "a.example/x";
  struct sp_push_options options = {.source = "b.example/x", .to = to, .to_count = COUNT(to)};
  struct sp_names names;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_names_init(&names, &options, &err), -1);
  assert_int_equal(err.code, SP_E_USAGE);
  options.to_count--;
  assert_int_equal(sp_names_init(&names, &options, &err), 0);
  assert_int_equal(names.target_count, 1);
  sp_names_clear(&names);
}

static void test_tags(void **state)
{
  (void)state;
  static const struct names_case cases[] = {
      {"a.example/x:v1", {"b.example/x"}, {NULL}, false, "b.example/x v1"},
      {"a.example/x", {"b.example/x"}, {NULL}, false, "b.example/x latest"},
      {"vault:x", {"b.example/x"}, {NULL}, false, "b.example/x latest"},
      {"a.example/x:v1@" DIGEST, {"b.example/x"}, {NULL}, false, "b.example/x v1"},
      {"a.example/x@" DIGEST, {"b.example/x"}, {"t"}, false, "b.example/x t"},
      {"a.example/x@" DIGEST, {"b.example/x:t"}, {NULL}, false, "b.example/x t"},
      {"a.example/x:v1", {"b.example/x:v2"}, {NULL}, false, "b.example/x v2"},
      {"a.example/x:v1",
       {"b.example/x:v2", "c.example/x"},
       {NULL},
       false,
       "b.example/x v2; c.example/x v1"},
      {"a.example/x:v1",
       {"b.example/x:v2", "c.example/x"},
       {"t", "latest"},
       false,
       "b.example/x v2,t,latest; c.example/x t,latest"},
      {"a.example/x:v1",
       {"b.example/x:v2", "b.example/x:v3"},
       {"v2", "t", "t"},
       false,
       "b.example/x v2,v3,t"},
      {"a.example/x:v1", {"b.example/x", "b.example/x:v2"}, {NULL}, false, "b.example/x v2"},
      {"a.example/x:v1", {"a.example/x"}, {"v2"}, false, "a.example/x v2"},
      {"a.example/UP:v1", {"b.example/UP"}, {NULL}, true, "b.example/up v1"},
      {"oci:dir:r", {"vault:x"}, {NULL}, false, "vault:x r"},
      {"oci:dir", {"vault:x"}, {NULL}, false, "vault:x"},
      {"docker-archive:x.tar", {"vault:x"}, {NULL}, false, "vault:x"},
      {"docker-archive:x.tar:app", {"vault:x"}, {NULL}, false, "vault:x latest"},
      {"oci-archive:x.tar:v1", {"vault:x"}, {NULL}, false, "vault:x v1"},
      {"docker-daemon:app", {"vault:x"}, {NULL}, false, "vault:x latest"},
      {"a.example/x:v1", {"oci:dir", "oci:dir//:w"}, {NULL}, false, "oci:dir w"},
      {"a.example/x:v1", {"oci:/"}, {NULL}, false, "oci:/ v1"},
      {"alpine", {"docker.io/library/alpine:x"}, {NULL}, false, "docker.io/library/alpine x"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_push_options options = options_of(&cases[i]);
    SP_AUTO_NAMES struct sp_names names;
    struct sp_err err = SP_ERR_INIT;
    if (sp_names_init(&names, &options, &err) < 0)
      fail_msg("case %zu: %s", i, err.msg);
    char got[512];
    describe(&names, got, sizeof got);
    assert_string_equal(got, cases[i].want);
  }
}

static void test_default_tag(void **state)
{
  (void)state;
  static const char *const to[] = {"b.example/x", "c.example/x:own"};
  struct sp_push_options options = {.source = "oci:dir", .to = to, .to_count = 2};
  SP_AUTO_NAMES struct sp_names names;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_names_init(&names, &options, &err), 0);
  assert_true(sp_names_lack_tag(&names));
  assert_int_equal(sp_names_default_tag(&names, "not a tag", &err), -1);
  assert_int_equal(err.code, SP_E_USAGE);
  assert_int_equal(sp_names_default_tag(&names, "found", &err), 0);
  assert_false(sp_names_lack_tag(&names));
  char got[256];
  describe(&names, got, sizeof got);
  assert_string_equal(got, "b.example/x found; c.example/x own");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_too_many_destinations),
      cmocka_unit_test(test_tags),
      cmocka_unit_test(test_default_tag),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
