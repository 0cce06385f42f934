/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/hosts.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define CA "/dev/null" /* only readable is asked for here */

static void test_refuses(void **state)
{
  (void)state;
  const struct {
    struct sp_session_settings settings;
    const char *say;
  } cases[] = {
      {{.insecure = LIST("")}, "--insecure"},
      {{.insecure = LIST("a.example/x")}, "not a host"},
      {{.insecure = LIST("word")}, "would not be a host"},
      {{.insecure = LIST("a.example:0")}, "--insecure"},
      {{.insecure = LIST("a.example:99999")}, "--insecure"},
      {{.insecure = LIST("http://a.example")}, "not a host"},
      {{.insecure = LIST("user@a.example")}, "--insecure"},
      {{.insecure = LIST("a.example", "\033x")}, "--insecure"},
      {{.ca_file = "/nonexistent/ca"}, "/nonexistent/ca"},
      {{.host_ca = LIST("a.example=/nonexistent/ca")}, "/nonexistent/ca"},
      {{.host_ca = LIST("a.example")}, "no '='"},
      {{.host_ca = LIST("a.example=")}, "no '='"},
      {{.host_ca = LIST("=" CA)}, "not a host"},
      {{.token_hosts = LIST("a.example")}, "no '='"},
      {{.token_hosts = LIST("a.example=https://b.example")}, "not a host"},
      {{.upload_hosts = LIST("a.example=b.example/x")}, "not a host"},
      {{.upload_hosts = LIST("a.example=")}, "no '='"},
      {{.chunked = LIST("a.example=")}, "not a number"},
      {{.chunked = LIST("a.example=0")}, "not a number"},
      {{.chunked = LIST("a.example=-1")}, "not a number"},
      {{.chunked = LIST("a.example=4M")}, "not a number"},
      {{.chunked = LIST("=4")}, "not a host"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_hosts *hosts = NULL;
    struct sp_err err = SP_ERR_INIT;
    if (sp_hosts_new(&cases[i].settings, &hosts, &err) == 0)
      fail_msg("case %zu: accepted", i);
    assert_int_equal(err.code, SP_E_USAGE);
    if (!strstr(err.msg, cases[i].say))
      fail_msg("case %zu: '%s' does not say '%s'", i, err.msg, cases[i].say);
    assert_null(hosts);
  }
}

static void test_plain_http(void **state)
{
  (void)state;
  const struct sp_session_settings settings = {
      .insecure = LIST("plain.example", "docker.io", "127.0.0.1:7"),
      .host_ca = LIST("127.0.0.1:6=" CA, "127.0.0.1:7=" CA),
  };
  SP_CLEANUP(sp_hosts_free_auto_) struct sp_hosts *hosts = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_hosts_new(&settings, &hosts, &err), 0);
  static const struct {
    const char *host;
    bool insecure;
  } cases[] = {
      {"plain.example", true},
      {"plain.example:443", false},
      {"sub.plain.example", false},
      {"docker.io", true},
      {"127.0.0.1", true},
      {"127.0.0.1:5000", true},
      {"127.9.8.7:5000", true},
      {"localhost", true},
      {"localhost:5000", true},
      {"[::1]:5000", true},
      {"[::1]", true},
      {"127.0.0.1:6", false},
      {"127.0.0.1:7", true},
      {"ghcr.io", false},
      {"10.0.0.1:5000", false},
      {"localhost.example", false},
      {"127.0.0.1.example", false},
      {"[fe80::1]:5000", false},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_registry_settings got;
    sp_hosts_get(hosts, cases[i].host, &got);
    assert_string_equal(got.host, cases[i].host);
    if (got.insecure != cases[i].insecure)
      fail_msg("'%s': insecure is %d", cases[i].host, got.insecure);
  }
}

static void test_settings_of_one_host(void **state)
{
  (void)state;
  const struct sp_session_settings settings = {
      .host_ca = LIST("reg.example:5000=" CA),
      .token_hosts = LIST("reg.example:5000=auth.example", "reg.example:5000=auth2.example:444",
                          "other.example=x.example"),
      .upload_hosts = LIST("reg.example:5000=up.example"),
      .chunked = LIST("reg.example:5000=65536", "other.example"),
  };
  SP_CLEANUP(sp_hosts_free_auto_) struct sp_hosts *hosts = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_hosts_new(&settings, &hosts, &err), 0);
  struct sp_registry_settings got;
  sp_hosts_get(hosts, "reg.example:5000", &got);
  assert_string_equal(got.ca_file, CA);
  assert_string_equal(got.token_hosts[0], "auth.example");
  assert_string_equal(got.token_hosts[1], "auth2.example:444");
  assert_null(got.token_hosts[2]);
  assert_string_equal(got.upload_hosts[0], "up.example");
  assert_null(got.upload_hosts[1]);
  assert_true(got.chunked);
  assert_int_equal(got.chunk_bytes, 65536);

  sp_hosts_get(hosts, "other.example", &got);
  assert_null(got.ca_file);
  assert_null(got.upload_hosts);
  assert_true(got.chunked);
  assert_int_equal(got.chunk_bytes, 0);

  sp_hosts_get(hosts, "reg.example", &got); /* another port is another host */
  assert_null(got.ca_file);
  assert_null(got.token_hosts);
  assert_false(got.chunked);
}

static void test_common_ca_asks_what_loopback_speaks(void **state)
{
  (void)state;
  const struct sp_session_settings settings = {.ca_file = CA, .insecure = LIST("127.0.0.1:5001")};
  SP_CLEANUP(sp_hosts_free_auto_) struct sp_hosts *hosts = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_hosts_new(&settings, &hosts, &err), 0);
  struct sp_registry_settings got;
  sp_hosts_get(hosts, "127.0.0.1:5000", &got);
  assert_false(got.insecure);
  assert_null(got.ca_file);
  sp_hosts_get(hosts, "127.0.0.1:5001", &got);
  assert_true(got.insecure);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_plain_http),
      cmocka_unit_test(test_settings_of_one_host),
      cmocka_unit_test(test_common_ca_asks_what_loopback_speaks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
