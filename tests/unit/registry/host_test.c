/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/host.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_keys(void **state)
{
  (void)state;
  static const struct {
    const char *host, *key;
    bool owns;
  } rows[] = {
      /* S08: nothing but the host itself */
      {"registry.test", "evil-registry.test", false},
      {"registry.test", "registry.test.evil", false},
      {"registry.test", "registry.test.", false},
      {"registry.test", "registry.test:5000", false},
      {"registry.test:5000", "registry.test", false},
      {"registry.test", "user@registry.test", false},
      {"registry.test", "https://user:x@registry.test", false},
      {"registry.test", "registry.test/acme", false},
      {"registry.test", "https://registry.test/acme/", false},
      {"registry.test", "https://registry.test/v1/../x", false},
      {"registry.test", "ftp://registry.test", false},
      {"registry.test", "*.test", false},
      {"registry.test", "", false},
      {"registry.test", "/", false},
      {"registry.test", "https://", false},
      {"registry.test", "test", false},
      {"127.0.0.1:5000", "127.0.0.1:5001", false},
      {"ghcr.io", "docker.io", false},
      {"docker.io", "hub.docker.com", false},
      {"index.docker.io", "docker.io", false},
      {"docker.io", "evil.index.docker.io", false},
      {"registry.test", "registry.test", true},
      {"registry.test", "REGISTRY.test", true},
      {"registry.test", "https://registry.test", true},
      {"registry.test", "HTTPS://registry.test/", true},
      {"registry.test", "http://registry.test/v2/", true},
      {"registry.test", "registry.test/v2/", true},
      {"registry.test", "registry.test/v2", false},
      {"registry.test", "https://registry.test/v1", true},
      {"127.0.0.1:5000", "127.0.0.1:5000", true},
      {"[::1]:5000", "https://[::1]:5000/v2/", true},
      {"docker.io", "https://index.docker.io/v1/", true},
      {"docker.io", "index.docker.io", true},
      {"docker.io", "docker.io", true},
      {"docker.io", "registry-1.docker.io", true},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    if ((sp_host_fit_key(rows[i].host, NULL, sp_span_str(rows[i].key)) != 0) != rows[i].owns)
      fail_msg("'%s' and '%s'", rows[i].host, rows[i].key);
  }
}

/* Namespaces, as podman writes them. */
static void test_namespaces(void **state)
{
  (void)state;
  static const struct {
    const char *host, *repository, *key;
    size_t fit;
  } rows[] = {
      {"h.io", "ns/user/image", "h.io/ns/other", 0},
      {"h.io", "ns/user/image", "h.io/ns/use", 0},
      {"h.io", "ns/user", "h.io/ns/user/image", 0},
      {"h.io", "ns/user/image", "h.io/NS", 0},
      {"h.io", "ns/user/image", "h.io/ns/", 0},
      {"h.io", "ns/user/image", "https://h.io/ns", 0},
      {"h.io", "ns/user/image", "evil.io/ns", 0},
      {"h.io", "ns/user/image", "h.io:5000/ns", 0},
      {"h.io", "ns/user/image", "h.io/../ns", 0},
      {"h.io", "v1/x", "https://h.io/v1", 1},
      {"h.io", "ns/user/image", "h.io", 1},
      {"h.io", "v1/x", "h.io/v1", 3},
      {"h.io", "ns/user/image", "h.io/ns", 3},
      {"h.io", "ns/user/image", "H.io/ns/user", 8},
      {"h.io", "ns/user/image", "h.io/ns/user/image", 14},
      {"docker.io", "acme/app", "docker.io/acme", 5},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    size_t fit = sp_host_fit_key(rows[i].host, rows[i].repository, sp_span_str(rows[i].key));
    if (fit != rows[i].fit)
      fail_msg("'%s/%s' and '%s': %zu", rows[i].host, rows[i].repository, rows[i].key, fit);
  }
  assert_true(sp_host_is_namespace_key("h.io", SP_SPAN_LIT("h.io/a")));
  assert_false(sp_host_is_namespace_key("h.io", SP_SPAN_LIT("h.io")));
  assert_false(sp_host_is_namespace_key("h.io", SP_SPAN_LIT("https://h.io/a")));
  assert_false(sp_host_is_namespace_key("h.io", SP_SPAN_LIT("x.h.io/a")));
}

static void test_facts(void **state)
{
  (void)state;
  assert_string_equal(sp_host_api("docker.io"), "registry-1.docker.io");
  assert_string_equal(sp_host_api("ghcr.io"), "ghcr.io");
  assert_string_equal(sp_host_api("127.0.0.1:5000"), "127.0.0.1:5000");
  assert_string_equal(sp_host_find("docker.io")->token_host, "auth.docker.io");
  assert_string_equal(sp_host_key("docker.io"), "https://index.docker.io/v1/");
  assert_string_equal(sp_host_key("ghcr.io"), "ghcr.io");
  assert_string_equal(sp_host_key("127.0.0.1:5000"), "127.0.0.1:5000");
  assert_true(sp_host_find("docker.io")->is_metered);
  assert_false(sp_host_find("ghcr.io")->is_metered);
  assert_null(sp_host_find("registry-1.docker.io"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_keys),
      cmocka_unit_test(test_namespaces),
      cmocka_unit_test(test_facts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
