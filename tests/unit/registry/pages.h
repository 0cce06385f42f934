/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that come in pages, from a scripted registry: what is the same whatever is listed.
 *
 * Before it is included: LIST_PATH ("/v2/_catalog"), LIST_SIZE ("100", of a page) and LIST_MEMBERS,
 * the beginning of the document up to the list ("\"repositories\"").
 */
#ifndef SP_TESTS_REGISTRY_PAGES_H
#define SP_TESTS_REGISTRY_PAGES_H

#include "script.h"

#define FIRST "GET " LIST_PATH "?n=" LIST_SIZE " "
#define PAGE(names, next) "200\nLink: <" next ">; rel=\"next\"\n\n{" LIST_MEMBERS ":[" names "]}"
#define LAST(names) "200\n\n{" LIST_MEMBERS ":" names "}"

struct page_row {
  const char *first, *second; /* replies to the first page, and to that after "a" */
  enum sp_code code;
  const char *names; /* or part of the message */
};

/* All pages, as "a b c"; -1 with the error of the page that failed. */
typedef int list_all_pages(struct world *world, char *out, size_t size);

static inline void check_page_row(const struct page_row *row, list_all_pages *list)
{
  const struct rule rules[] = {
      {.match = FIRST, .reply = row->first},
      {.match = "GET " LIST_PATH "?last=a", .reply = row->second ? row->second : "599\n\n"},
  };
  struct world world;
  char names[1024];
  WORLD_OPEN(&world, rules);
  int rc = list(&world, names, sizeof names);
  if (row->code == SP_OK) {
    expect_ok(&world, rc);
    assert_string_equal(names, row->names);
  } else {
    expect_code(&world, rc, row->code, row->names);
  }
  world_close(&world);
}

/* Where the next page may be, and where not. */
static const struct page_row page_rows[] = {
    {LAST("[\"b\",\"a\"]"), NULL, SP_OK, "b a"},
    {LAST("null"), NULL, SP_OK, ""},
    {LAST("[]"), NULL, SP_OK, ""},
    {PAGE("\"a\"", LIST_PATH "?last=a&n=" LIST_SIZE), LAST("[\"b\"]"), SP_OK, "a b"},
    {PAGE("\"a\"", "?last=a&n=" LIST_SIZE), LAST("[\"b\"]"), SP_OK, "a b"},
    {PAGE("\"a\"", "http://$" LIST_PATH "?last=a"), LAST("[\"b\"]"), SP_OK, "a b"},
    /* S03: another origin */
    {PAGE("\"a\"", "http://127.0.0.2" LIST_PATH "?last=a"), NULL, SP_E_REFUSED, "127.0.0.2"},
    {PAGE("\"a\"", "//169.254.169.254/x?last=a"), NULL, SP_E_REFUSED, "169.254"},
    {PAGE("\"a\"", "https://$" LIST_PATH "?last=a"), NULL, SP_E_REFUSED, "https"},
    {PAGE("\"a\"", "file:///etc/passwd?last=a"), NULL, SP_E_PROTOCOL, NULL},
    {PAGE("\"a\"", "http://u:p@$/?last=a"), NULL, SP_E_PROTOCOL, NULL},
    /* S25: circles */
    {PAGE("\"a\"", LIST_PATH "?n=" LIST_SIZE), NULL, SP_E_PROTOCOL, "circle"},
    {PAGE("\"a\"", "?last=a"), PAGE("\"b\"", "?last=a"), SP_E_PROTOCOL, "circle"},
    {PAGE("\"a\"", "?last=a"), PAGE("\"b\"", "?n=" LIST_SIZE), SP_E_PROTOCOL, "circle"},
    {PAGE("", "?last=a"), NULL, SP_E_PROTOCOL, "empty page"},
    {"200\nContent-Length: 9000000\n\n", NULL, SP_E_LIMIT, NULL},
    {PAGE("\"a\"", "?last=a"), "500\n\n", SP_E_SERVER, NULL},
};

/* Lists each of page_rows, and of `rows`, those of the one list. */
static inline void check_pages(const struct page_row *rows, size_t count, list_all_pages *list)
{
  for (size_t i = 0; i < COUNT(page_rows); i++)
    check_page_row(&page_rows[i], list);
  for (size_t i = 0; i < count; i++)
    check_page_row(&rows[i], list);
}

/* Asks for the page of a cursor that no page gave. */
typedef int list_from_cursor(struct world *world, const char *cursor);

static inline void check_bad_cursors(list_from_cursor *list)
{
  static const struct rule rules[] = {{.match = "", .reply = LAST("[]")}};
  static const char *const bad[] = {"", "x", "1 1 1", "1 1 zz /", "1 1 1 http://x/", "-"};
  struct world world;
  WORLD_OPEN(&world, rules);
  for (size_t i = 0; i < COUNT(bad); i++)
    expect_code(&world, list(&world, bad[i]), SP_E_INTERNAL, NULL);
  world_close(&world);
}

#endif
