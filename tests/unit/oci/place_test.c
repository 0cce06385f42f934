/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/place.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "sha256:" HEX

static void test_refuses(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      "oci:",
      "oci::tag",
      "oci:dir:",
      "oci:dir:-x",
      "oci:/a:b/c",
      "oci:dir:a b",
      "oci:@" DIGEST,
      "vault:",
      "vault::tag",
      "vault:app:",
      "vault:app:a b",
      "vault:app:t:u",
      "vault:..",
      "vault:../x",
      "vault:a/../b",
      "vault:a/./b",
      "vault:_",
      "vault:a/_/b",
      "vault:_/a",
      "vault:/abs",
      "vault:a//b",
      "vault:a/",
      "vault:a b",
      "vault:a\nb",
      "vault:host:0/x",
      "vault:host:99999/x",
      "vault:host:x/y",
      "vault:host:5000:1/y",
      "vault:[::1]:5000/x",
      "vault:app@sha256:abc",
      "vault:app@",
      "docker://",
      "docker-archive:",
      "docker-archive::app",
      "docker-archive:x.tar:",
      "docker-archive:x.tar:App",
      "docker-archive:x.tar:app@" DIGEST,
      "docker-archive:x.tar:@",
      "docker-archive:x.tar:@-1",
      "docker-archive:x.tar:@01",
      "docker-archive:x.tar:@4294967296",
      "oci-archive:",
      "oci-archive::v1",
      "oci-archive:x.tar:",
      "oci-archive:x.tar:a b",
      "oci-archive:@" DIGEST,
      "docker-daemon:",
      "docker-daemon:App",
      "docker-daemon:sha256:abc",
      "docker-daemon:sha256:" HEX "0",
      "docker-daemon:app:a b",
      "s3://bucket/x",
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_err err;
    struct sp_place place;
    if (sp_place_parse(bad[i], false, &place, &err) == 0)
      fail_msg("accepted '%s'", bad[i]);
    assert_int_equal(err.code, SP_E_USAGE);
  }
}

static void test_later_transports_are_named(void **state)
{
  (void)state;
  static const char *const later[] = {"s3://bucket/prefix"};
  for (size_t i = 0; i < COUNT(later); i++) {
    struct sp_err err;
    struct sp_place place;
    assert_int_equal(sp_place_parse(later[i], false, &place, &err), -1);
    assert_non_null(strstr(err.msg, "not in this version"));
    assert_non_null(strstr(err.msg, "oci:DIR"));
    assert_non_null(strstr(err.msg, "vault:NAME"));
  }
}

static void test_long_paths(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_place place;
  char text[SP_MAX_PATH_TEXT + 10] = "oci:";
  memset(text + 4, 'a', SP_MAX_PATH_TEXT);
  assert_int_equal(sp_place_parse(text, false, &place, &err), -1);
  text[4 + SP_MAX_PATH_TEXT - 1] = '\0';
  assert_int_equal(sp_place_parse(text, false, &place, &err), 0);
  assert_int_equal(strlen(place.path), SP_MAX_PATH_TEXT - 1);
  memcpy(text, "vault:", 6);
  assert_int_equal(sp_place_parse(text, false, &place, &err), -1);
}

/* text, its parts, and its name; formatted it is text again unless `full` says otherwise. */
static const struct {
  const char *text;
  enum sp_transport transport;
  const char *path, *repository, *tag;
  bool digest;
  const char *name, *full;
} good[] = {
    {"oci:dir", SP_TRANSPORT_LAYOUT, "dir", "", "", false, "oci:dir", NULL},
    {"oci:a:b", SP_TRANSPORT_LAYOUT, "a", "", "b", false, "oci:a", NULL},
    {"oci:/srv/a:b/c:v1", SP_TRANSPORT_LAYOUT, "/srv/a:b/c", "", "v1", false, "oci:/srv/a:b/c",
     NULL},
    {"oci:d@" DIGEST, SP_TRANSPORT_LAYOUT, "d", "", "", true, "oci:d", NULL},
    {"oci:d:t@" DIGEST, SP_TRANSPORT_LAYOUT, "d", "", "t", true, "oci:d", NULL},
    {"oci:me@home/x", SP_TRANSPORT_LAYOUT, "me@home/x", "", "", false, "oci:me@home/x", NULL},
    {"oci:../Up", SP_TRANSPORT_LAYOUT, "../Up", "", "", false, "oci:../Up", NULL},
    {"vault:app", SP_TRANSPORT_VAULT, "", "app", "", false, "vault:app", NULL},
    {"vault:app:tag", SP_TRANSPORT_VAULT, "", "app", "tag", false, "vault:app", NULL},
    {"vault:app@" DIGEST, SP_TRANSPORT_VAULT, "", "app", "", true, "vault:app", NULL},
    {"vault:ghcr.io/o/app:T1@" DIGEST, SP_TRANSPORT_VAULT, "", "ghcr.io/o/app", "T1", true,
     "vault:ghcr.io/o/app", NULL},
    {"vault:host:5000/a/b:t", SP_TRANSPORT_VAULT, "", "host_5000/a/b", "t", false,
     "vault:host_5000/a/b", "vault:host_5000/a/b:t"},
    {"vault:host_5000/a", SP_TRANSPORT_VAULT, "", "host_5000/a", "", false, "vault:host_5000/a",
     NULL},
    {"vault:127.0.0.1:5000/a", SP_TRANSPORT_VAULT, "", "127.0.0.1_5000/a", "", false,
     "vault:127.0.0.1_5000/a", "vault:127.0.0.1_5000/a"},
    {"alpine", SP_TRANSPORT_REGISTRY, "", "library/alpine", "", false, "docker.io/library/alpine",
     "docker.io/library/alpine"},
    {"docker://ghcr.io/o/a:t", SP_TRANSPORT_REGISTRY, "", "o/a", "t", false, "ghcr.io/o/a",
     "ghcr.io/o/a:t"},
    {"ghcr.io/o/a:t@" DIGEST, SP_TRANSPORT_REGISTRY, "", "o/a", "t", true, "ghcr.io/o/a", NULL},
    {"docker-archive:x.tar", SP_TRANSPORT_DOCKER_ARCHIVE, "x.tar", "", "", false,
     "docker-archive:x.tar", NULL},
    {"docker-archive:-:ghcr.io/o/a:t", SP_TRANSPORT_DOCKER_ARCHIVE, "-", "o/a", "t", false,
     "docker-archive:-:ghcr.io/o/a", NULL},
    {"docker-archive:/a@b/x.tar:app", SP_TRANSPORT_DOCKER_ARCHIVE, "/a@b/x.tar", "library/app", "",
     false, "docker-archive:/a@b/x.tar:docker.io/library/app",
     "docker-archive:/a@b/x.tar:docker.io/library/app"},
    {"docker-archive:x.tar:@12", SP_TRANSPORT_DOCKER_ARCHIVE, "x.tar", "", "", false,
     "docker-archive:x.tar:@12", NULL},
    {"oci-archive:x.tar:v1", SP_TRANSPORT_OCI_ARCHIVE, "x.tar", "", "v1", false,
     "oci-archive:x.tar", NULL},
    {"oci-archive:x.tar@" DIGEST, SP_TRANSPORT_OCI_ARCHIVE, "x.tar", "", "", true,
     "oci-archive:x.tar", NULL},
    {"oci-archive:x.tar:docker.io/o/a:t@" DIGEST, SP_TRANSPORT_OCI_ARCHIVE, "x.tar", "o/a", "t",
     true, "oci-archive:x.tar:docker.io/o/a", NULL},
    {"docker-daemon:app:t", SP_TRANSPORT_DAEMON, "", "library/app", "t", false,
     "docker-daemon:docker.io/library/app", "docker-daemon:docker.io/library/app:t"},
    {"docker-daemon:ghcr.io/o/a@" DIGEST, SP_TRANSPORT_DAEMON, "", "o/a", "", true,
     "docker-daemon:ghcr.io/o/a", NULL},
    {"docker-daemon:" DIGEST, SP_TRANSPORT_DAEMON, "", "", "", true, "docker-daemon:" DIGEST, NULL},
};

static void test_accepts(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(good); i++) {
    struct sp_err err;
    struct sp_place place;
    if (sp_place_parse(good[i].text, false, &place, &err) < 0)
      fail_msg("%s", err.msg);
    assert_int_equal(place.transport, good[i].transport);
    assert_string_equal(place.path, good[i].path);
    assert_string_equal(place.ref.repository, good[i].repository);
    assert_string_equal(place.ref.tag, good[i].tag);
    assert_int_equal(place.ref.digest.alg != SP_DIGEST_NONE, good[i].digest);
    assert_int_equal(sp_place_tells_tag(&place), good[i].path[0] && !good[i].repository[0]);
    assert_int_equal(sp_place_digest(&place) != NULL,
                     good[i].digest && good[i].transport != SP_TRANSPORT_DAEMON);
    if (good[i].transport == SP_TRANSPORT_LAYOUT || good[i].transport == SP_TRANSPORT_VAULT)
      assert_string_equal(place.ref.host, "");
  }
}

static void test_formats_and_parses_back(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(good); i++) {
    struct sp_err err;
    struct sp_place place;
    struct sp_place again;
    char name[SP_PLACE_TEXT_MAX];
    char full[SP_PLACE_TEXT_MAX + SP_MAX_TAG + SP_DIGEST_TEXT_MAX];
    assert_int_equal(sp_place_parse(good[i].text, false, &place, &err), 0);
    sp_place_format_name(&place, name);
    assert_string_equal(name, good[i].name);
    sp_place_format(&place, full);
    assert_string_equal(full, good[i].full ? good[i].full : good[i].text);
    assert_int_equal(sp_place_parse(full, false, &again, &err), 0);
    assert_memory_equal(&place, &again, sizeof place);
  }
}

static void test_where_a_digest_finds_nothing(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    bool finds;
  } cases[] = {{"ghcr.io/o/app:v1", true},      {"oci:dir:v1", true},
               {"vault:app:v1", true},          {"oci-archive:x.tar:v1", true},
               {"docker-archive:x.tar", false}, {"docker-archive:x.tar:app:v1", false},
               {"docker-daemon:app:v1", false}, {"docker-daemon:sha256:" HEX, false}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_err err;
    struct sp_place place;
    assert_int_equal(sp_place_parse(cases[i].text, false, &place, &err), 0);
    if (sp_place_finds_digest(&place) != cases[i].finds)
      fail_msg("'%s'", cases[i].text);
  }
}

static void test_what_shares_blobs(void **state)
{
  (void)state;
  static const struct {
    const char *name, *store;
  } cases[] = {
      {"ghcr.io/o/app", "ghcr.io"},
      {"127.0.0.1:5000/a/b/c", "127.0.0.1:5000"},
      {"vault:app", "vault:"},
      {"vault:ghcr.io/o/app", "vault:"},
      {"vault:@0123/ghcr.io/o/app", "vault:@0123"},
      {"oci:/srv/x", "oci:/srv/x"},
      {"docker-archive:x/y.tar:docker.io/library/app",
       "docker-archive:x/y.tar:docker.io/library/app"},
      {"", ""},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    assert_int_equal(sp_place_store_len(cases[i].name), strlen(cases[i].store));
    assert_memory_equal(cases[i].name, cases[i].store, strlen(cases[i].store));
  }
}

static void test_case_of_vault_names(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_place place;
  assert_int_equal(sp_place_parse("vault:GHCR.io/O/App:Tag", false, &place, &err), -1);
  assert_non_null(strstr(err.msg, "use 'vault:ghcr.io/o/app' (or --lower)"));
  assert_int_equal(sp_place_parse("vault:GHCR.io/O/App:Tag", true, &place, &err), 0);
  assert_string_equal(place.ref.repository, "ghcr.io/o/app");
  assert_string_equal(place.ref.tag, "Tag");
}

static void test_messages_are_safe(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_place place;
  assert_int_equal(sp_place_parse("vault:\x1b[2J", false, &place, &err), -1);
  assert_null(strchr(err.msg, '\x1b'));
  assert_int_equal(sp_place_parse("oci:\x1b[2J:a b", false, &place, &err), -1);
  assert_null(strchr(err.msg, '\x1b'));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_later_transports_are_named),
      cmocka_unit_test(test_long_paths),
      cmocka_unit_test(test_accepts),
      cmocka_unit_test(test_formats_and_parses_back),
      cmocka_unit_test(test_where_a_digest_finds_nothing),
      cmocka_unit_test(test_what_shares_blobs),
      cmocka_unit_test(test_case_of_vault_names),
      cmocka_unit_test(test_messages_are_safe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
