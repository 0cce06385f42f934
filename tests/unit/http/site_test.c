/* SPDX-License-Identifier: Apache-2.0 */
#include "http/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const uploads[] = {"uploads.test", "storage.test:8443", NULL};
static const char *const tokens[] = {"auth.test", NULL};

static struct sp_http_site *new_site(const char *url_text, bool insecure)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_http_site *site = NULL;
  SP_AUTO_URL struct sp_url url = {0};
  assert_int_equal(sp_url_parse(sp_span_str(url_text), &url, &err), 0);
  struct sp_http_site_settings settings = {
      .origin = url.origin, .insecure = insecure, .upload_hosts = uploads, .token_hosts = tokens};
  assert_int_equal(sp_site_new(&settings, &site, &err), 0);
  return site;
}

typedef int check(const struct sp_http_site *site, const struct sp_url *url, struct sp_err *err);

struct row {
  const char *site;
  bool insecure;
  const char *url;
  const char *words; /* of the refusal; NULL: allowed */
};

static void run_rows(const struct row *rows, size_t n, check *asked)
{
  for (size_t i = 0; i < n; i++) {
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_URL struct sp_url url = {0};
    struct sp_http_site *site = new_site(rows[i].site, rows[i].insecure);
    assert_int_equal(sp_url_parse(sp_span_str(rows[i].url), &url, &err), 0);
    int rc = asked(site, &url, &err);
    if ((rc == 0) != (rows[i].words == NULL) ||
        (rc != 0 && (err.code != SP_E_REFUSED || !strstr(err.msg, rows[i].words))))
      fail_msg("'%s' to '%s': %d '%s'", rows[i].site, rows[i].url, rc, err.msg);
    sp_site_free(site);
  }
}
#define RUN(rows, asked) run_rows(rows, sizeof(rows) / sizeof(rows)[0], asked)

static void plain_http_must_be_wanted(void **state)
{
  (void)state;
  static const struct {
    const char *host;
    bool insecure;
    int rc;
  } rows[] = {{"registry.test", false, -1}, {"10.0.0.1", false, -1}, {"registry.test", true, 0},
              {"localhost", false, 0},      {"127.0.0.1", false, 0}, {"[::1]", false, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    struct sp_http_site *site = NULL;
    struct sp_http_site_settings settings = {.origin.port = 5000, .insecure = rows[i].insecure};
    snprintf(settings.origin.host, sizeof settings.origin.host, "%s", rows[i].host);
    assert_int_equal(sp_site_new(&settings, &site, &err), rows[i].rc);
    if (rows[i].rc != 0) {
      assert_int_equal(err.code, SP_E_REFUSED);
      assert_non_null(strstr(err.msg, "--insecure"));
    }
    sp_site_free(site);
  }
}

static void uploads_go_home_or_where_listed(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"https://r.test", false, "https://other.test/u", "--upload-host"},
      {"https://r.test", false, "https://r.test:8443/u", "--upload-host"},
      {"https://r.test", false, "http://r.test/u", "https"},
      {"https://r.test", false, "http://uploads.test/u", "https"},
      {"https://r.test", false, "https://uploads.test:444/u", "--upload-host"},
      {"https://r.test", false, "https://auth.test/u", "--upload-host"},
      {"https://r.test", false, "https://a.uploads.test/u", "--upload-host"},
      {"https://r.test", false, "https://r.test.evil/u", "--upload-host"},
      {"http://127.0.0.1:5000", false, "http://127.0.0.1:5001/u", "--upload-host"},
      {"https://r.test", false, "https://r.test:443/u", NULL},
      {"https://r.test", false, "https://R.TEST./u", NULL},
      {"https://r.test", false, "https://uploads.test/u", NULL},
      {"https://r.test", false, "https://storage.test:8443/u", NULL},
      {"http://127.0.0.1:5000", false, "http://127.0.0.1:5000/u", NULL},
  };
  RUN(rows, sp_http_site_check_upload);
}

static void passwords_go_home_or_where_listed(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"https://r.test", false, "https://other.test/t", "--token-host"},
      {"https://r.test", false, "http://r.test/t", "https"},
      {"https://r.test", true, "http://r.test/t", "https"},
      {"https://r.test", false, "https://uploads.test/t", "--token-host"},
      {"https://r.test", false, "https://auth.test:444/t", "--token-host"},
      {"https://r.test", false, "https://r.test.evil/t", "--token-host"},
      {"https://r.test", false, "https://127.0.0.1/t", "--token-host"},
      {"http://127.0.0.1:5000", false, "http://localhost:5001/t", "--token-host"},
      {"http://127.0.0.1:5000", false, "http://auth.test/t", "https"},
      {"https://r.test", false, "https://r.test:5001/t", NULL},
      {"https://r.test", false, "https://auth.test/t", NULL},
      {"http://127.0.0.1:5000", false, "http://127.0.0.1:5001/t", NULL},
      {"http://127.0.0.1:5000", false, "https://auth.test/t", NULL},
      {"http://r.test", true, "http://auth.test/t", NULL},
  };
  RUN(rows, sp_http_site_check_realm);
}

static int check_redirect(const struct sp_http_site *site, const struct sp_url *url,
                          struct sp_err *err)
{
  struct sp_url from = {.origin = site->origin};
  return sp_site_check_redirect(site, &from, url, err);
}

static void https_never_goes_on_as_http(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"https://r.test", false, "http://r.test/", "https"},
      {"https://r.test", true, "http://other.test/", "https"},
      {"https://127.0.0.1", false, "http://127.0.0.1/", "https"},
      {"http://127.0.0.1:5000", false, "http://other.test/", "--insecure"},
      {"http://127.0.0.1:5000", false, "http://127.0.0.2:80/", NULL},
      {"http://r.test", true, "http://other.test/", NULL},
      {"http://r.test", true, "https://other.test/", NULL},
      {"https://r.test", false, "https://other.test/", NULL},
  };
  RUN(rows, check_redirect);
}

static void only_what_is_more_public_is_allowed(void **state)
{
  (void)state;
  for (int own = SP_ADDRESS_PUBLIC; own <= SP_ADDRESS_SPECIAL; own++) {
    struct sp_http_site *site = new_site("https://r.test", false);
    assert_true(sp_site_allows_kind(site, SP_ADDRESS_PUBLIC));
    assert_false(sp_site_allows_kind(site, SP_ADDRESS_PRIVATE));
    sp_site_note_kind(site, (enum sp_address_kind)own);
    sp_site_note_kind(site, SP_ADDRESS_PUBLIC); /* one public address does not make it public */
    for (int other = SP_ADDRESS_PUBLIC; other <= SP_ADDRESS_SPECIAL; other++)
      assert_int_equal(sp_site_allows_kind(site, (enum sp_address_kind)other), other <= own);
    sp_site_free(site);
  }
}

static void known_hosts(void **state)
{
  (void)state;
  static const struct {
    const char *host;
    uint16_t port;
    bool is;
  } rows[] = {{"r.test", 443, true},       {"r.test", 5001, true},   {"uploads.test", 444, true},
              {"storage.test", 443, true}, {"auth.test", 443, true}, {"other.test", 443, false}};
  struct sp_http_site *site = new_site("https://r.test", false);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_origin origin = {.https = true, .port = rows[i].port};
    snprintf(origin.host, sizeof origin.host, "%s", rows[i].host);
    assert_int_equal(sp_site_knows_host(site, &origin), rows[i].is);
  }
  sp_site_free(site);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_http_must_be_wanted),
      cmocka_unit_test(uploads_go_home_or_where_listed),
      cmocka_unit_test(passwords_go_home_or_where_listed),
      cmocka_unit_test(https_never_goes_on_as_http),
      cmocka_unit_test(only_what_is_more_public_is_allowed),
      cmocka_unit_test(known_hosts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
