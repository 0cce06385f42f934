/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LIST_PATH "/v2/_catalog"
#define LIST_SIZE "100"
#define LIST_MEMBERS "\"repositories\""
#include "pages.h"

/* How many names were left out stands at the end. */
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
  static const struct page_row rows[] = {
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
      /* names that are none */
      {LAST("[\"a\",\"../x\",\"\",5,null,\"b c\",\"A/b\",\"a//b\",\"d/e\"]"), NULL, SP_OK,
       "a d/e -7"},
      /* pages that are none */
      {PAGE("\"../a\"", "?last=a"), NULL, SP_E_PROTOCOL, "empty page"},
      {PAGE("\"a\"", "?last=a"), "404\n\n", SP_E_UNSUPPORTED, NULL},
      {LAST("[\"b/c\",\"a\"]"), NULL, SP_OK, "b/c a"},
  };
  check_pages(rows, COUNT(rows), list_all);
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

static int list_from(struct world *world, const char *cursor)
{
  struct sp_catalog_page page = {0};
  return sp_registry_list_repositories(world->registries, world->script.host, cursor, &page,
                                       &world->err);
}

static void test_bad_cursor(void **state)
{
  (void)state;
  check_bad_cursors(list_from);
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
