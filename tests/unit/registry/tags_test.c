/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LIST_PATH "/v2/a/b/tags/list"
#define LIST_SIZE "1000"
#define LIST_MEMBERS "\"name\":\"a/b\",\"tags\""
#include "pages.h"

static int list_all(struct world *world, char *out, size_t size)
{
  struct sp_tag_page page = {0};
  size_t len = 0;
  out[0] = '\0';
  int rc;
  do {
    rc = sp_store_list_tags(world->store, page.next, &page, &world->err);
    for (size_t i = 0; rc == 0 && i < page.count; i++)
      len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " " : "", page.tags[i]);
  } while (rc == 0 && page.next);
  sp_tag_page_clear(&page);
  return rc;
}

static void test_lists(void **state)
{
  (void)state;
  static const struct page_row rows[] = {
      {"200\n\n{\"name\":\"a/b\"}", NULL, SP_OK, ""},
      {LAST("[\"a\",\"../x\",\"\",5,null,\"b c\",\"d\"]"), NULL, SP_OK, "a d"},
      {"404\n\n{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"m\"}]}", NULL, SP_E_NOT_FOUND,
       "NAME_UNKNOWN"},
      {"200\n\n<html>", NULL, SP_E_PROTOCOL, "JSON"},
      {"200\n\n[]", NULL, SP_E_PROTOCOL, NULL},
      {LAST("{}"), NULL, SP_E_PROTOCOL, "tags"},
  };
  check_pages(rows, COUNT(rows), list_all);
}

/* A circle that does not hold the first page: 1, 2, 3, 4, 2, 3, 4, ... */
static void test_long_circle(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = FIRST, .reply = PAGE("\"a\"", "?p=2")},
      {.match = "GET /v2/a/b/tags/list?p=2 ", .reply = PAGE("\"b\"", "?p=3")},
      {.match = "GET /v2/a/b/tags/list?p=3 ", .reply = PAGE("\"c\"", "?p=4")},
      {.match = "GET /v2/a/b/tags/list?p=4 ", .reply = PAGE("\"d\"", "?p=2")},
  };
  struct world world;
  char tags[1024];
  WORLD_OPEN(&world, rules);
  expect_code(&world, list_all(&world, tags, sizeof tags), SP_E_PROTOCOL, "circle");
  assert_true(script_count(&world.script, "GET ") < 12);
  world_close(&world);
}

static int list_from(struct world *world, const char *cursor)
{
  struct sp_tag_page page = {0};
  return sp_store_list_tags(world->store, cursor, &page, &world->err);
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
      cmocka_unit_test(test_long_circle),
      cmocka_unit_test(test_bad_cursor),
  };
  setenv("DOCKER_CONFIG", "/nonexistent", 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
