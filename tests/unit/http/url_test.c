/* SPDX-License-Identifier: Apache-2.0 */
#include "http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
  const char *text;
  const char *origin; /* NULL: refused */
  const char *target;
} parse_rows[] = {
    {"", NULL, NULL},
    {"https://", NULL, NULL},
    {"https:///x", NULL, NULL},
    {"ftp://registry.test/", NULL, NULL},
    {"file:///etc/passwd", NULL, NULL},
    {"//registry.test/", NULL, NULL},
    {"https://user@registry.test/", NULL, NULL},
    {"https://user:pass@registry.test/", NULL, NULL},
    {"https://@registry.test/", NULL, NULL},
    {"https://registry.test@evil.test/", NULL, NULL},
    {"https://registry.test\\@evil.test/", NULL, NULL},
    {"https://registry.test\\evil.test/", NULL, NULL},
    {"https://registry.test:0/", NULL, NULL},
    {"https://registry.test:65536/", NULL, NULL},
    {"https://registry.test:+1/", NULL, NULL},
    {"https://registry.test:80:80/", NULL, NULL},
    {"https://registry.test/a b", NULL, NULL},
    {"https://registry.test/a\r\nHost: x", NULL, NULL},
    {"https://registry.test/\x7f", NULL, NULL},
    {"https://r\xc3\xa9gistry.test/", NULL, NULL},
    {"https://registry%2etest/", NULL, NULL},
    {"https://registry..test/", NULL, NULL},
    {"https://.registry.test/", NULL, NULL},
    {"https://./", NULL, NULL},
    {"https://registry.test../", NULL, NULL},
    {"https://2130706433/", NULL, NULL},
    {"https://0x7f000001/", NULL, NULL},
    {"https://0x7f.1/", NULL, NULL},
    {"https://127.1/", NULL, NULL},
    {"https://127.0.0.01/", NULL, NULL},
    {"https://0177.0.0.1/", NULL, NULL},
    {"https://127.0.0.1.5/", NULL, NULL},
    {"https://registry.0x10/", NULL, NULL},
    {"https://256.0.0.1/", NULL, NULL},
    {"https://[::1/", NULL, NULL},
    {"https://[::1]x/", NULL, NULL},
    {"https://[fe80::1%25eth0]/", NULL, NULL},
    {"https://[registry]/", NULL, NULL},
    {"https://[]/", NULL, NULL},
    {"https://registry.test", "https://registry.test", "/"},
    {"HTTPS://Registry.TEST./v2/", "https://registry.test", "/v2/"},
    {"https://registry.test:443/v2/", "https://registry.test", "/v2/"},
    {"https://registry.test:/v2/", "https://registry.test", "/v2/"},
    {"http://registry.test:80/v2/", "http://registry.test", "/v2/"},
    {"http://registry.test:443/v2/", "http://registry.test:443", "/v2/"},
    {"https://registry.test?x=1#frag", "https://registry.test", "/?x=1"},
    {"https://registry.test/a#frag?x", "https://registry.test", "/a"},
    {"https://127.0.0.1:5000/a%2Fb?c=%0A", "https://127.0.0.1:5000", "/a%2Fb?c=%0A"},
    {"https://[0:0:0:0:0:0:0:1]:5000/", "https://[::1]:5000", "/"},
    {"https://[::FFFF:127.0.0.1]/", "https://[::ffff:127.0.0.1]", "/"},
    {"https://under_score.test/", "https://under_score.test", "/"},
    {"https://registry.test/a@b:c", "https://registry.test", "/a@b:c"},
    {"https://registry.test/a/../b", "https://registry.test", "/a/../b"},
};

static void parse_takes_only_plain_urls(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof parse_rows / sizeof parse_rows[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_URL struct sp_url url = {0};
    char origin[SP_ORIGIN_TEXT_MAX];
    int rc = sp_url_parse(sp_span_str(parse_rows[i].text), &url, &err);
    if (!parse_rows[i].origin) {
      if (rc == 0)
        fail_msg("'%s' was taken", parse_rows[i].text);
      assert_int_equal(err.code, SP_E_PROTOCOL);
      continue;
    }
    if (rc != 0)
      fail_msg("'%s': %s", parse_rows[i].text, err.msg);
    sp_origin_format(&url.origin, origin);
    assert_string_equal(origin, parse_rows[i].origin);
    assert_string_equal(url.target, parse_rows[i].target);
  }
}

static void lengths_have_ends(void **state)
{
  (void)state;
  static char text[SP_MAX_URL_BYTES + 100];
  struct sp_err err = SP_ERR_INIT;
  struct sp_url url = {0};
  memset(text, 'a', sizeof text);
  memcpy(text, "https://registry.test/", 22);
  assert_int_equal(sp_url_parse(SP_SPAN(text, SP_MAX_URL_BYTES + 1), &url, &err), -1);
  assert_int_equal(sp_url_parse(SP_SPAN(text, SP_MAX_URL_BYTES), &url, &err), 0);
  sp_url_clear(&url);
  memset(text, 'a', sizeof text);
  memcpy(text, "https://", 8);
  assert_int_equal(sp_url_parse(SP_SPAN(text, 8 + SP_MAX_HOST + 1), &url, &err), -1);
  assert_int_equal(sp_url_parse(SP_SPAN(text, 8 + SP_MAX_HOST), &url, &err), 0);
  sp_url_clear(&url);
}

static void messages_hide_queries_and_passwords(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_url url = {0};
  char text[SP_URL_TEXT_MAX];
  assert_int_equal(sp_url_parse(sp_span_str("ftp://h/?canary"), &url, &err), -1);
  assert_null(strstr(err.msg, "canary"));
  assert_int_equal(sp_url_parse(sp_span_str("https://u:canary@h/"), &url, &err), -1);
  assert_null(strstr(err.msg, "canary"));
  assert_int_equal(sp_url_parse(sp_span_str("https://h:81/a/b?sig=canary"), &url, &err), 0);
  sp_url_format_public(&url, text);
  assert_string_equal(text, "https://h:81/a/b");
  sp_url_clear(&url);
}

static const struct {
  const char *base, *reference, *want; /* want NULL: refused */
} resolve_rows[] = {
    {"https://h/v2/a/blobs/uploads/?x=1", "", NULL},
    {"https://h/a", "http:", NULL},
    {"https://h/a", "javascript:alert(1)", NULL},
    {"https://h/a", "//u@evil.test/", NULL},
    {"https://h/a", "///x", NULL},
    {"https://h/a", "/x y", NULL},
    {"https://h/a", "https://other.test:8443/x?y", "https://other.test:8443/x?y"},
    {"https://h/a", "//other.test/x", "https://other.test/x"},
    {"http://h/a", "//other.test/x", "http://other.test/x"},
    {"https://h/v2/a?n=1", "/v2/b?last=x", "https://h/v2/b?last=x"},
    {"https://h/v2/a?n=1", "?last=x", "https://h/v2/a?last=x"},
    {"https://h/v2/a?n=1", "b", "https://h/v2/b"},
    {"https://h/v2/a?n=1", "#x", "https://h/v2/a?n=1"},
    {"https://h/v2/a/?n=/x/", "b/c", "https://h/v2/a/b/c"},
    {"https://h/v2/a/b", "../c", "https://h/v2/c"},
    {"https://h/v2/a/b", "../../../../c", "https://h/c"},
    {"https://h/v2/a/b", "./c/./d/..", "https://h/v2/a/c/"},
    {"https://h/v2/a/b", "..", "https://h/v2/"},
    {"https://h/v2/a/b", "/x/../y?/../z", "https://h/y?/../z"},
    {"https://h/v2/a/b", "/..//evil.test", "https://h//evil.test"},
};

static void resolve_follows_the_rfc(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof resolve_rows / sizeof resolve_rows[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_URL struct sp_url base = {0};
    SP_AUTO_URL struct sp_url url = {0};
    SP_AUTO_BUF struct sp_buf text;
    sp_buf_init(&text, 1000);
    assert_int_equal(sp_url_parse(sp_span_str(resolve_rows[i].base), &base, &err), 0);
    int rc = sp_url_resolve(&base, sp_span_str(resolve_rows[i].reference), &url, &err);
    if ((rc == 0) != (resolve_rows[i].want != NULL))
      fail_msg("'%s': rc %d", resolve_rows[i].reference, rc);
    if (rc != 0)
      continue;
    assert_int_equal(sp_url_format(&url, &text, &err), 0);
    assert_string_equal(sp_buf_str(&text), resolve_rows[i].want);
  }
}

static void make_and_add_query(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_origin origin = {.https = true, .host = "h", .port = 443};
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_URL struct sp_url copy = {0};
  assert_int_equal(sp_url_make(&origin, &url, &err, "no-slash"), -1);
  assert_int_equal(sp_url_make(&origin, &url, &err, "/a\n"), -1);
  assert_int_equal(sp_url_make(&origin, &url, &err, "/v2/%s/x", "a"), 0);
  assert_int_equal(sp_url_add_query(&url, "digest", "sha256:a&b =/", &err), 0);
  assert_string_equal(url.target, "/v2/a/x?digest=sha256%3Aa%26b%20%3D%2F");
  assert_int_equal(sp_url_add_query(&url, "n", "1", &err), 0);
  assert_string_equal(url.target, "/v2/a/x?digest=sha256%3Aa%26b%20%3D%2F&n=1");
  assert_int_equal(sp_url_dup(&url, &copy, &err), 0);
  assert_string_equal(copy.target, url.target);
  assert_true(sp_origin_eq(&copy.origin, &url.origin));
}

static void origins_differ_in_each_part(void **state)
{
  (void)state;
  const struct sp_origin a = {.https = true, .host = "h", .port = 443};
  const struct sp_origin others[] = {{.https = false, .host = "h", .port = 443},
                                     {.https = true, .host = "h", .port = 444},
                                     {.https = true, .host = "i", .port = 443}};
  assert_true(sp_origin_eq(&a, &a));
  for (size_t i = 0; i < 3; i++)
    assert_false(sp_origin_eq(&a, &others[i]));
}

static void loopback_is_known_by_name(void **state)
{
  (void)state;
  static const struct {
    const char *host;
    bool is;
  } rows[] = {{"localhost", true},
              {"127.0.0.1", true},
              {"127.9.9.9", true},
              {"[::1]", true},
              {"128.0.0.1", false},
              {"localhost.evil.test", false},
              {"127.0.0.1.evil.test", false},
              {"[::2]", false},
              {"10.0.0.1", false}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_origin origin = {.port = 80};
    snprintf(origin.host, sizeof origin.host, "%s", rows[i].host);
    assert_int_equal(sp_origin_is_loopback(&origin), rows[i].is);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parse_takes_only_plain_urls),
      cmocka_unit_test(lengths_have_ends),
      cmocka_unit_test(messages_hide_queries_and_passwords),
      cmocka_unit_test(resolve_follows_the_rfc),
      cmocka_unit_test(make_and_add_query),
      cmocka_unit_test(origins_differ_in_each_part),
      cmocka_unit_test(loopback_is_known_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
