/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "oci/place_key.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static char *key_of(const char *text)
{
  struct sp_place place;
  struct sp_err err = SP_ERR_INIT;
  char *key = NULL;
  if (sp_place_parse(text, false, &place, &err) < 0 || sp_place_key(&place, &key, &err) < 0)
    fail_msg("%s", err.msg);
  return key;
}

static void check(const char *text, const char *key)
{
  SP_AUTO_FREE char *found = key_of(text);
  assert_string_equal(found, key);
}

static void test_registries(void **state)
{
  (void)state;
  static const struct {
    const char *text, *key;
  } rows[] = {
      {"app", "docker.io/library/app"},
      {"acme/app:v1", "docker.io/acme/app"},
      {"docker.io:443/acme/app", "docker.io/acme/app"},
      {"index.docker.io:443/app", "docker.io/library/app"},
      {"Registry-1.docker.io/app", "docker.io/library/app"},
      {"registry-1.docker.io:443/library/app", "docker.io/library/app"},
      {"registry.hub.docker.com/acme/app", "docker.io/acme/app"},
      {"registry.docker.io.example.com/app", "registry.docker.io.example.com/app"},
      {"docker.io:5000/acme/app", "docker.io:5000/acme/app"},
      {"docker://GHCR.io:443/acme/app", "ghcr.io/acme/app"},
      {"localhost:80/app", "localhost/app"},
      {"ghcr.io:8443/acme/app", "ghcr.io:8443/acme/app"},
      {"ghcr.io:4430/acme/app", "ghcr.io:4430/acme/app"},
      {"[0:0::0:1]:5000/app", "[::1]:5000/app"},
      {"[FE80::0001]:443/app", "[fe80::1]/app"},
      {"[2001:db8::443]/app", "[2001:db8::443]/app"},
      {"[2001:db8::80]:80/app", "[2001:db8::80]/app"},
  };
  for (size_t i = 0; i < COUNT(rows); i++)
    check(rows[i].text, rows[i].key);
}

static void test_others(void **state)
{
  (void)state;
  check("vault:app:v1", "vault:app");
  check("vault:localhost:443/app", "vault:localhost_443/app"); /* a name, of no host */
  check("oci-archive:x.tar:app", "oci-archive:x.tar");
}

/* A directory that does not exist, below one that does. */
static void test_layouts(void **state)
{
  (void)state;
  static const struct {
    const char *text, *below;
  } rows[] = {
      {"oci:d", "/d"},
      {"oci:./d/", "/d"},
      {"oci:.//d/.", "/d"},
      {"oci:new/a/../../d//", "/d"},
      {"oci:new/./deeper//x:v1", "/new/deeper/x"},
      {"oci:d/../link/x", "/real/x"},
      {"oci:link/.", "/real"},
      {"oci:link/../d", "/d"},
      {"oci:real/../dangling", "/dangling"},
      {"oci:file/x", "/file/x"},
      {"oci:.", ""},
  };
  char dir[] = "/tmp/place_key.XXXXXX";
  assert_non_null(mkdtemp(dir));
  SP_AUTO_FREE char *real = realpath(dir, NULL);
  assert_int_equal(chdir(dir), 0);
  assert_int_equal(mkdir("d", 0700) + mkdir("real", 0700), 0);
  assert_int_equal(symlink("real", "link") + symlink("nowhere", "dangling"), 0);
  assert_int_equal(fclose(fopen("file", "w")), 0);
  char key[512];
  for (size_t i = 0; i < COUNT(rows); i++) {
    snprintf(key, sizeof key, "oci:%s%s", real, rows[i].below);
    check(rows[i].text, key);
  }
  snprintf(key, sizeof key, "oci:%s/../..%s/link/", dir, dir);
  SP_AUTO_FREE char *by_link = key_of(key);
  snprintf(key, sizeof key, "oci:%s/real", real);
  assert_string_equal(by_link, key);
  assert_int_equal(unlink("link") + unlink("dangling") + unlink("file"), 0);
  assert_int_equal(rmdir("d") + rmdir("real") + chdir("/") + rmdir(dir), 0);
}

static void test_roots(void **state)
{
  (void)state;
  check("oci:/", "oci:/");
  check("oci:/..", "oci:/");
  check("oci:/no-such-directory/../..", "oci:/");
  check("oci:///no-such-directory", "oci:/no-such-directory");
  check("oci:/no-such-directory/../../x-nowhere", "oci:/x-nowhere");
}

static void test_inside(void **state)
{
  (void)state;
  assert_true(sp_place_key_is_inside("oci:/v", "oci:/v"));
  assert_true(sp_place_key_is_inside("oci:/v/repos/x/_", "oci:/v"));
  assert_true(sp_place_key_is_inside("oci:/v", "oci:/"));
  assert_false(sp_place_key_is_inside("oci:/vault", "oci:/v"));
  assert_false(sp_place_key_is_inside("oci:/", "oci:/v"));
  assert_false(sp_place_key_is_inside("vault:v", "oci:/v"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_registries), cmocka_unit_test(test_others),
      cmocka_unit_test(test_layouts),    cmocka_unit_test(test_roots),
      cmocka_unit_test(test_inside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
