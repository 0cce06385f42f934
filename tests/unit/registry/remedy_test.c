/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/remedy.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* The texts of protocol.md 7 that a client can meet. */
static void test_finds(void **state)
{
  (void)state;
  static const struct {
    const char *host;
    int status;
    const char *text, *part;
  } rows[] = {
      {"ghcr.io", 403, "DENIED: denied", "classic"},
      {"x.io", 403, "DENIED: denied", "may do this"},
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
      {"x.io", 507, "", "free space"},
      {"x.io", 500, "write /x: no space left on device", "free space"},
      {"x.io", 413, "", "proxy"},
      {"x.io", 405, "UNSUPPORTED: The operation is unsupported.", "read-only"},
      {"x.io", 416, "exceeds the maximum permissible limit of 4.00MiB", "4 MiB"},
      {"x.io", 404, "NAME_UNKNOWN: repository name not known to registry", "name"},
      {"x.io", 500, "", NULL},
      {"x.io", 404, "MANIFEST_UNKNOWN: manifest unknown", NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const char *got = sp_remedy_find(rows[i].host, rows[i].status, rows[i].text);
    if (!got != !rows[i].part || (got && !strstr(got, rows[i].part)))
      fail_msg("'%s' (%d): got '%s'", rows[i].text, rows[i].status, got ? got : "nothing");
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_finds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
