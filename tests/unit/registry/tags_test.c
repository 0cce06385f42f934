/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#define FIRST "GET /v2/a/b/tags/list?n=1000 "
#define PAGE(tags, next) \
  "200\nLink: <" next ">; rel=\"next\"\n\n{\"name\":\"a/b\",\"tags\":[" tags "]}"
#define LAST(tags) "200\n\n{\"name\":\"a/b\",\"tags\":" tags "}"

/* All pages, as "a b c"; -1 with the error of the page that failed. */
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
  static const struct {
    const char *first, *second;
    enum sp_code code;
    const char *tags; /* or part of the message */
  } rows[] = {
      {LAST("[\"b\",\"a\"]"), NULL, SP_OK, "b a"},
      {LAST("null"), NULL, SP_OK, ""},
      {LAST("[]"), NULL, SP_OK, ""},
      {"200\n\n{\"name\":\"a/b\"}", NULL, SP_OK, ""},
      {LAST("[\"a\",\"../x\",\"\",5,null,\"b c\",\"d\"]"), NULL, SP_OK, "a d"},
      {PAGE("\"a\"", "/v2/a/b/tags/list?last=a&n=1000"), LAST("[\"b\"]"), SP_OK, "a b"},
      {PAGE("\"a\"", "?last=a&n=1000"), LAST("[\"b\"]"), SP_OK, "a b"},
      {PAGE("\"a\"", "http://$/v2/a/b/tags/list?last=a"), LAST("[\"b\"]"), SP_OK, "a b"},
      /* S03: another origin */
      {PAGE("\"a\"", "http://127.0.0.2/v2/a/b/tags/list?last=a"), NULL, SP_E_REFUSED, "127.0.0.2"},
      {PAGE("\"a\"", "//169.254.169.254/x?last=a"), NULL, SP_E_REFUSED, "169.254"},
      {PAGE("\"a\"", "https://$/v2/a/b/tags/list?last=a"), NULL, SP_E_REFUSED, "https"},
      {PAGE("\"a\"", "file:///etc/passwd?last=a"), NULL, SP_E_PROTOCOL, NULL},
      {PAGE("\"a\"", "http://u:p@$/?last=a"), NULL, SP_E_PROTOCOL, NULL},
      /* S25: circles */
      {PAGE("\"a\"", "/v2/a/b/tags/list?n=1000"), NULL, SP_E_PROTOCOL, "circle"},
      {PAGE("\"a\"", "?last=a"), PAGE("\"b\"", "?last=a"), SP_E_PROTOCOL, "circle"},
      {PAGE("\"a\"", "?last=a"), PAGE("\"b\"", "?n=1000"), SP_E_PROTOCOL, "circle"},
      {PAGE("", "?last=a"), NULL, SP_E_PROTOCOL, "empty page"},
      {"404\n\n{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"m\"}]}", NULL, SP_E_NOT_FOUND,
       "NAME_UNKNOWN"},
      {"200\n\n<html>", NULL, SP_E_PROTOCOL, "JSON"},
      {"200\n\n[]", NULL, SP_E_PROTOCOL, NULL},
      {LAST("{}"), NULL, SP_E_PROTOCOL, "tags"},
      {"200\nContent-Length: 9000000\n\n", NULL, SP_E_LIMIT, NULL},
      {PAGE("\"a\"", "?last=a"), "500\n\n", SP_E_SERVER, NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {
        {.match = FIRST, .reply = rows[i].first},
        {.match = "GET /v2/a/b/tags/list?last=a",
         .reply = rows[i].second ? rows[i].second : "599\n\n"},
    };
    struct world world;
    char tags[1024];
    WORLD_OPEN(&world, rules);
    int rc = list_all(&world, tags, sizeof tags);
    if (rows[i].code == SP_OK) {
      expect_ok(&world, rc);
      assert_string_equal(tags, rows[i].tags);
    } else {
      expect_code(&world, rc, rows[i].code, rows[i].tags);
    }
    world_close(&world);
  }
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

static void test_bad_cursor(void **state)
{
  (void)state;
  static const struct rule rules[] = {{.match = "", .reply = LAST("[]")}};
  static const char *const bad[] = {"", "x", "1 1 1", "1 1 zz /", "1 1 1 http://x/", "-"};
  struct world world;
  WORLD_OPEN(&world, rules);
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_tag_page page = {0};
    int rc = sp_store_list_tags(world.store, bad[i], &page, &world.err);
    expect_code(&world, rc, SP_E_INTERNAL, NULL);
  }
  world_close(&world);
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
