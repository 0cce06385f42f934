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
      {"registry.test", "https://registry.test/v1", true},
      {"127.0.0.1:5000", "127.0.0.1:5000", true},
      {"[::1]:5000", "https://[::1]:5000/v2/", true},
      {"docker.io", "https://index.docker.io/v1/", true},
      {"docker.io", "index.docker.io", true},
      {"docker.io", "docker.io", true},
      {"docker.io", "registry-1.docker.io", true},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    if (sp_host_owns_key(rows[i].host, sp_span_str(rows[i].key)) != rows[i].owns)
      fail_msg("'%s' and '%s'", rows[i].host, rows[i].key);
  }
}

static void test_facts(void **state)
{
  (void)state;
  assert_string_equal(sp_host_api("docker.io"), "registry-1.docker.io");
  assert_string_equal(sp_host_api("ghcr.io"), "ghcr.io");
  assert_string_equal(sp_host_api("127.0.0.1:5000"), "127.0.0.1:5000");
  assert_string_equal(sp_host_find("docker.io")->token_host, "auth.docker.io");
  assert_true(sp_host_find("docker.io")->is_metered);
  assert_false(sp_host_find("ghcr.io")->is_metered);
  assert_null(sp_host_find("registry-1.docker.io"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_keys),
      cmocka_unit_test(test_facts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
