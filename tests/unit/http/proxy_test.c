/* SPDX-License-Identifier: Apache-2.0 */
#include "http/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct sp_origin origin_of(const char *host, uint16_t port, bool https)
{
  struct sp_origin origin = {.https = https, .port = port};
  snprintf(origin.host, sizeof origin.host, "%s", host);
  return origin;
}

static void exceptions(void **state)
{
  (void)state;
  static const struct {
    const char *list, *host;
    uint16_t port;
    bool is;
  } rows[] = {
      {"", "h.test", 443, false},
      {" , ,", "h.test", 443, false},
      {"*", "h.test", 443, true},
      {"h.test", "h.test", 443, true},
      {"H.TEST", "h.test", 443, true},
      {"h.test", "a.h.test", 443, true},
      {".h.test", "a.h.test", 443, true},
      {".h.test", "h.test", 443, true},
      {"h.test", "evilh.test", 443, false},
      {"h.test", "h.test.evil", 443, false},
      {"a.h.test", "h.test", 443, false},
      {"x, h.test", "h.test", 443, true},
      {"h.test:5000", "h.test", 5000, true},
      {"h.test:5000", "h.test", 443, false},
      {"10.0.0.1", "10.0.0.1", 443, true},
      {"10.0.0.1", "10.0.0.11", 443, false},
      {"10.0.0.0/8", "10.9.9.9", 443, true},
      {"10.0.0.0/8", "11.9.9.9", 443, false},
      {"10.0.0.0/33", "10.0.0.0", 443, false},
      {"10.0.0.128/25", "10.0.0.129", 443, true},
      {"10.0.0.128/25", "10.0.0.127", 443, false},
      {"0.0.0.0/0", "10.0.0.127", 443, true},
      {"10.0.0.0/8", "h.test", 443, false},
      {"fd00::/8", "[fd12::1]", 443, true},
      {"fd00::/8", "[fe12::1]", 443, false},
      {"::1", "[::1]", 443, true},
      {"[::1]", "[::1]", 443, true},
      {"[::1]:5000", "[::1]", 5000, true},
      {"[::1]:5000", "[::1]", 443, false},
      {".", "h.test", 443, false},
      {"/8", "10.0.0.1", 443, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_origin origin = origin_of(rows[i].host, rows[i].port, true);
    if (sp_proxy_is_excepted(rows[i].list, &origin) != rows[i].is)
      fail_msg("'%s' and '%s'", rows[i].list, rows[i].host);
  }
}

static void set_environment(const char *proxy, const char *PROXY, const char *except)
{
  unsetenv("no_proxy");
  setenv("https_proxy", proxy, 1);
  setenv("HTTPS_PROXY", PROXY, 1);
  setenv("NO_PROXY", except, 1);
  setenv("http_proxy", "http://canary.test", 1);
  setenv("HTTP_PROXY", "http://canary.test", 1);
  setenv("ALL_PROXY", "http://canary.test", 1);
}

static void only_https_goes_through_it(void **state)
{
  (void)state;
  static const struct {
    const char *lower, *upper, *host;
    bool https;
    const char *want;
  } rows[] = {
      {"", "", "h.test", true, NULL},
      {"http://p1.test", "http://p2.test", "h.test", true, "http://p1.test"},
      {"", "http://p2.test", "h.test", true, "http://p2.test"},
      {"", "http://p2.test", "h.test", false, NULL},
      {"", "http://p2.test", "direct.test", true, NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_proxy proxy;
    struct sp_err err = SP_ERR_INIT;
    struct sp_origin origin = origin_of(rows[i].host, 443, rows[i].https);
    set_environment(rows[i].lower, rows[i].upper, "direct.test");
    assert_int_equal(sp_proxy_init(&proxy, &err), 0);
    const char *got = sp_proxy_for(&proxy, &origin);
    assert_string_equal(got ? got : "", rows[i].want ? rows[i].want : "");
    sp_proxy_clear(&proxy);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exceptions),
      cmocka_unit_test(only_https_goes_through_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
