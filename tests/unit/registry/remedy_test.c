/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "safeport/remedy.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Every row can win: for the answer that it describes it is the one that is found. And it says both
 * what is wrong and what to do, in the form that stands well in a message. */
static void test_every_row_can_win(void **state)
{
  (void)state;
  size_t count = 0;
  for (const struct sp_remedy *row; (row = sp_remedy_at(count)); count++) {
    char text[200];
    snprintf(text, sizeof text, "CODE: it said '%s'!", row->text ? row->text : "");
    const struct sp_remedy *got = sp_remedy_find(row->host ? row->host : "registry.example",
                                                 row->status ? row->status : 418, text);
    if (got != row)
      fail_msg("row %zu (%s) is hidden by '%s'", count, row->meaning, got ? got->meaning : "none");
    assert_non_null(row->meaning);
    assert_non_null(row->advice);
    assert_null(strstr(row->meaning, ": see"));
    assert_int_not_equal(row->advice[strlen(row->advice) - 1], '.');
    if (row->text)
      for (const char *c = row->text; *c; c++)
        assert_false(*c >= 'A' && *c <= 'Z');
  }
  assert_true(count > 40);
}

/* What registries really say (collected from Docker Hub, GHCR and distribution). */
static void test_finds(void **state)
{
  (void)state;
  static const struct {
    const char *host;
    int status;
    const char *text, *part; /* of meaning or advice */
  } rows[] = {
      {"ghcr.io", 403, "DENIED: denied", "classic"},
      {"x.io", 403, "DENIED: denied", "may not do this"},
      {"x.io", 403, "DENIED: requested access to the resource is denied", "namespace"},
      {"x.io", 401, "UNAUTHORIZED: authentication required", "log in"},
      {"docker.io", 401, "unauthorized: personal access token is expired", "make a new one"},
      {"docker.io", 401, "unauthorized: org access token is expired", "make a new one"},
      {"docker.io", 401, "incorrect username or password", "access token"},
      {"docker.io", 401, "access denied: insufficient scope", "Read & Write"},
      {"x.io", 401, "insufficient_scope: authorization failed", "push"},
      {"ghcr.io", 403, "DENIED: permission_denied: write_package", "Manage Actions access"},
      {"ghcr.io", 403,
       "DENIED: permission_denied: The token provided does not match expected scopes.",
       "write:packages"},
      {"ghcr.io", 403, "DENIED: installation not allowed to Create organization package",
       "packages: write"},
      {"ghcr.io", 401, "unauthenticated: User cannot be authenticated with the token provided.",
       "renew"},
      {"docker.io", 429, "TOOMANYREQUESTS: You have reached your pull rate limit.", "log in"},
      {"x.io", 429, "", "slow down"},
      {"docker.io", 429, "429 Too Many Requests", "a minute"},
      {"ghcr.io", 429, "TOOMANYREQUESTS: retry-after: 985.86us, allowed: 44000/minute", "bursts"},
      {"docker.io", 403, "DENIED: requested access to the resource is denied", "docker.io/USER/"},
      {"x.io", 404, "BLOB_UPLOAD_UNKNOWN: blob upload unknown to registry", "session was lost"},
      {"x.io", 404, "BLOB_UPLOAD_INVALID: blob upload invalid", "session was lost"},
      {"x.io", 400, "DIGEST_INVALID: provided digest did not match uploaded content", "proxies"},
      {"x.io", 400, "MANIFEST_BLOB_UNKNOWN: blob unknown to registry", "whatever was said"},
      {"x.io", 400, "MANIFEST_INVALID: manifest invalid", "kind of manifest"},
      {"x.io", 400, "TAG_INVALID: manifest tag did not match URI", "this tag"},
      {"x.io", 400, "NAME_INVALID: invalid repository name", "too many parts"},
      {"x.io", 416, "RANGE_INVALID: invalid content range", "out of order"},
      {"x.io", 403, "DENIED: this tag is immutable", "cannot be moved"},
      {"ghcr.io", 503, "", "githubstatus"},
      {"x.io", 504, "upstream request timeout", "gateway"},
      {"x.io", 507, "", "free space"},
      {"x.io", 500, "write /x: no space left on device", "free space"},
      {"x.io", 413, "", "proxy"},
      {"x.io", 405, "UNSUPPORTED: The operation is unsupported.", "read-only"},
      {"x.io", 416, "exceeds the maximum permissible limit of 4.00MiB", "4 MiB"},
      {"x.io", 404, "NAME_UNKNOWN: repository name not known to registry", "name"},
      {"x.io", 500, "", "its own log"},
      {"x.io", 418, "", NULL},
      {"x.io", 404, "MANIFEST_UNKNOWN: manifest unknown", "safeport tags"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct sp_remedy *got = sp_remedy_find(rows[i].host, rows[i].status, rows[i].text);
    const char *part = rows[i].part;
    bool is_right =
        got && part ? strstr(got->meaning, part) || strstr(got->advice, part) : !got && !part;
    if (!is_right)
      fail_msg("'%s' (%d): got '%s'", rows[i].text, rows[i].status, got ? got->meaning : "nothing");
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_row_can_win),
                                     cmocka_unit_test(test_finds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
