/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#define FIRST "GET /v2/_catalog?n=100 "
#define PAGE(names, next) "200\nLink: <" next ">; rel=\"next\"\n\n{\"repositories\":[" names "]}"
#define LAST(names) "200\n\n{\"repositories\":" names "}"

/* All pages, as "a b/c d", and how many names were left out at the end; -1 with the error of the
 * page that failed. */
static int list_all(struct world *world, char *out, size_t size)
{
  SP_AUTO_FREE char *cursor = NULL;
  size_t len = 0;
  size_t left_out = 0;
  out[0] = '\0';
  for (bool more = true; more;) {
    SP_CLEANUP(sp_catalog_page_clear_auto_) struct sp_catalog_page page = {0};
    if (sp_registry_list_repositories(world->registries, world->script.host, cursor, &page,
                                      &world->err) < 0) {
      assert_true(page.count == 0 && !page.names && !page.next);
      return -1;
    }
    for (size_t i = 0; i < page.count; i++)
      len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " " : "", page.names[i]);
    left_out += page.left_out;
    free(cursor);
    cursor = sp_steal(&page.next);
    more = cursor != NULL;
  }
  if (left_out)
    snprintf(out + len, size - len, " -%zu", left_out);
  return 0;
}

static void test_lists(void **state)
{
  (void)state;
  static const struct {
    const char *first, *second;
    enum sp_code code;
    const char *names; /* or part of the message */
  } rows[] = {
      /* no list at all */
      {"404\n\n404 page not found", NULL, SP_E_UNSUPPORTED, "repositories:"},
      {"405\n\n{\"errors\":[{\"code\":\"UNSUPPORTED\",\"message\":\"m\"}]}", NULL, SP_E_UNSUPPORTED,
       "repositories:"},
      {"400\n\n{\"errors\":[{\"code\":\"UNSUPPORTED\",\"message\":\"m\"}]}", NULL, SP_E_UNSUPPORTED,
       "repositories:"},
      {"501\n\n", NULL, SP_E_UNSUPPORTED, "repositories:"},
      {"403\n\n{\"errors\":[{\"code\":\"DENIED\",\"message\":\"m\"}]}", NULL, SP_E_AUTH,
       "repositories:"},
      {"401\n\n", NULL, SP_E_AUTH, "no credentials"},
      {"400\n\n{\"errors\":[{\"code\":\"PAGINATION_NUMBER_INVALID\",\"message\":\"m\"}]}", NULL,
       SP_E_PROTOCOL, "PAGINATION"},
      {"429\nRetry-After: 1\n\n", NULL, SP_E_THROTTLED, NULL},
      {"500\n\n", NULL, SP_E_SERVER, NULL},
      {"200\n\n<html>", NULL, SP_E_PROTOCOL, "no list"},
      {"200\n\n{}", NULL, SP_E_PROTOCOL, "no list"},
      {"200\n\n[\"a\"]", NULL, SP_E_PROTOCOL, "no list"},
      {LAST("{\"a\":1}"), NULL, SP_E_PROTOCOL, "no list"},
      {LAST("\"a\""), NULL, SP_E_PROTOCOL, "no list"},
      {"200\nContent-Length: 9000000\n\n", NULL, SP_E_LIMIT, NULL},
      /* names that are none */
      {LAST("[\"a\",\"../x\",\"\",5,null,\"b c\",\"A/b\",\"a//b\",\"d/e\"]"), NULL, SP_OK,
       "a d/e -7"},
      /* S03: another origin */
      {PAGE("\"a\"", "http://127.0.0.2/v2/_catalog?last=a"), NULL, SP_E_REFUSED, "127.0.0.2"},
      {PAGE("\"a\"", "//169.254.169.254/x?last=a"), NULL, SP_E_REFUSED, "169.254"},
      {PAGE("\"a\"", "https://$/v2/_catalog?last=a"), NULL, SP_E_REFUSED, "https"},
      {PAGE("\"a\"", "file:///etc/passwd?last=a"), NULL, SP_E_PROTOCOL, NULL},
      /* S25: circles */
      {PAGE("\"a\"", "/v2/_catalog?n=100"), NULL, SP_E_PROTOCOL, "circle"},
      {PAGE("\"a\"", "?last=a"), PAGE("\"b\"", "?last=a"), SP_E_PROTOCOL, "circle"},
      {PAGE("", "?last=a"), NULL, SP_E_PROTOCOL, "empty page"},
      {PAGE("\"../a\"", "?last=a"), NULL, SP_E_PROTOCOL, "empty page"},
      {PAGE("\"a\"", "?last=a"), "500\n\n", SP_E_SERVER, NULL},
      {PAGE("\"a\"", "?last=a"), "404\n\n", SP_E_UNSUPPORTED, NULL},
      /* as it should be */
      {LAST("[\"b/c\",\"a\"]"), NULL, SP_OK, "b/c a"},
      {LAST("[]"), NULL, SP_OK, ""},
      {LAST("null"), NULL, SP_OK, ""},
      {PAGE("\"a\"", "/v2/_catalog?last=a&n=100"), LAST("[\"b\"]"), SP_OK, "a b"},
      {PAGE("\"a\"", "?last=a&n=100"), LAST("[\"b\"]"), SP_OK, "a b"},
      {PAGE("\"a\"", "http://$/v2/_catalog?last=a"), LAST("[\"b\"]"), SP_OK, "a b"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {
        {.match = FIRST, .reply = rows[i].first},
        {.match = "GET /v2/_catalog?last=a", .reply = rows[i].second ? rows[i].second : "599\n\n"},
    };
    struct world world;
    char names[1024];
    WORLD_OPEN(&world, rules);
    int rc = list_all(&world, names, sizeof names);
    if (rows[i].code == SP_OK) {
      expect_ok(&world, rc);
      assert_string_equal(names, rows[i].names);
    } else {
      expect_code(&world, rc, rows[i].code, rows[i].names);
    }
    world_close(&world);
  }
}

/* The scope of the list, and no other, is asked for, whatever the challenge says. */
static void test_token_of_the_catalog(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET /token?", .reply = "200\n\n{\"token\":\"good\"}"},
      {.match = FIRST, .needs = "Bearer good", .reply = LAST("[\"a\"]")},
      {.match = FIRST,
       .reply = "401\nWWW-Authenticate: Bearer realm=\"http://$/token\",service=\"s\","
                "scope=\"repository:secret:delete\"\n\n"},
  };
  struct world world;
  char names[64];
  WORLD_OPEN(&world, rules);
  expect_ok(&world, list_all(&world, names, sizeof names));
  assert_string_equal(names, "a");
  assert_int_equal(script_count(&world.script, "GET /token?"), 1);
  assert_true(script_count(&world.script, "scope=registry%3Acatalog%3A%2A") == 1 ||
              script_count(&world.script, "scope=registry:catalog:*") == 1);
  assert_int_equal(script_count(&world.script, "delete"), 0);
  world_close(&world);
}

static void test_bad_cursor(void **state)
{
  (void)state;
  static const struct rule rules[] = {{.match = "", .reply = LAST("[]")}};
  static const char *const bad[] = {"", "x", "1 1 1", "1 1 zz /", "1 1 1 http://x/", "-"};
  struct world world;
  WORLD_OPEN(&world, rules);
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_catalog_page page = {0};
    int rc = sp_registry_list_repositories(world.registries, world.script.host, bad[i], &page,
                                           &world.err);
    expect_code(&world, rc, SP_E_INTERNAL, NULL);
  }
  world_close(&world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lists),
      cmocka_unit_test(test_token_of_the_catalog),
      cmocka_unit_test(test_bad_cursor),
  };
  setenv("DOCKER_CONFIG", "/nonexistent", 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
