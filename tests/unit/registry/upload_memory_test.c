/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads in chunks of 4 bytes that are remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/upload_memory.h"
#include "script.h"

#define TEXT "hello world"
#define QUERY "digest=sha256%3Ab94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
#define POST "POST /v2/a/b/blobs/uploads/ "

/* One session, and a log of what was told: "+4@/up/2 " kept, "- " forgotten. */
struct book {
  struct sp_upload_memory memory; /* first */
  const char *location;           /* "$" is the server; NULL: none */
  uint64_t offset;
  bool is_full; /* keeps nothing */
  const struct script *script;
  char told[512];
};

static void book_find(struct sp_upload_memory *memory, const char *repository,
                      const struct sp_digest *digest, uint64_t size_bytes, char **location,
                      uint64_t *offset)
{
  struct book *book = (struct book *)memory;
  char text[512];
  (void)digest;
  assert_non_null(strstr(repository, "/a/b"));
  assert_int_equal(size_bytes, strlen(TEXT));
  *location = NULL;
  if (!book->location)
    return;
  script_expand(book->script, book->location, text, sizeof text);
  *location = strdup(text);
  *offset = book->offset;
}

static bool book_keep(struct sp_upload_memory *memory, const char *repository,
                      const struct sp_digest *digest, uint64_t size_bytes, uint64_t offset,
                      const char *location)
{
  struct book *book = (struct book *)memory;
  size_t len = strlen(book->told);
  (void)repository;
  (void)digest;
  assert_int_equal(size_bytes, strlen(TEXT));
  snprintf(book->told + len, sizeof book->told - len, "+%d@%s ", (int)offset,
           strstr(location, "/up/"));
  return !book->is_full;
}

static void book_forget(struct sp_upload_memory *memory, const char *repository,
                        const struct sp_digest *digest)
{
  struct book *book = (struct book *)memory;
  size_t len = strlen(book->told);
  (void)repository;
  (void)digest;
  snprintf(book->told + len, sizeof book->told - len, "- ");
}

static void open_with(struct world *world, const struct rule *rules, size_t count,
                      struct book *book, const char *location, uint64_t offset)
{
  struct sp_registry_settings settings = {.chunked = true, .chunk_bytes = 4};
  world_open(world, rules, count, &settings);
  *book = (struct book){.memory = {.find = book_find, .keep = book_keep, .forget = book_forget},
                        .location = location,
                        .offset = offset,
                        .script = &world->script};
  sp_registries_remember_uploads(world->registries, &book->memory);
}

static void test_told(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
      {.match = "PATCH /up/1 ", .reply = "202\nLocation: /up/2?s=1\nRange: 0-3\n\n"},
      {.match = "PATCH /up/2?s=1 ", .reply = "202\nLocation: /up/3\nRange: 0-7\n\n"},
      {.match = "PATCH /up/3 ", .reply = "202\nLocation: /up/4\nRange: 0-10\n\n"},
      {.match = "PUT /up/4?" QUERY " ", .reply = "201\n\n"},
  };
  struct world world;
  struct book book;
  open_with(&world, rules, COUNT(rules), &book, NULL, 0);
  expect_ok(&world, write_blob(world.store, TEXT, &world.err));
  assert_string_equal(book.told, "+4@/up/2?s=1 +8@/up/3 +11@/up/4 - ");
  world_close(&world);
}

static void test_goes_on(void **state)
{
  (void)state;
  static const struct {
    uint64_t offset;
    const char *has, *range; /* of the next chunk; NULL: there is none */
    const char *told;
  } rows[] = {
      {4, "0-3", "Content-Range: 4-7\r\n", "+8@/up/3 +11@/up/4 - "},
      {4, "0-7", "Content-Range: 8-10\r\n", "+11@/up/3 - "}, /* it had more than we knew */
      {3, "0-2", "Content-Range: 3-6\r\n", "+7@/up/3 +11@/up/4 - "},
      {11, "0-10", NULL, "- "},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char status[64];
    char first[128];
    snprintf(status, sizeof status, "204\nLocation: /up/2\nRange: %s\n\n", rows[i].has);
    snprintf(first, sizeof first, "202\nLocation: /up/3\n\n");
    const struct rule rules[] = {
        {.match = "GET /up/1?s=1 ", .reply = status},
        {.match = "PATCH /up/2 ", .needs = rows[i].range, .reply = first},
        {.match = "PATCH /up/3 ", .reply = "202\nLocation: /up/4\n\n"},
        {.match = "PUT /up/", .needs = QUERY, .reply = "201\n\n"},
    };
    struct world world;
    struct book book;
    open_with(&world, rules, COUNT(rules), &book, "http://$/up/1?s=1", rows[i].offset);
    expect_ok(&world, write_blob(world.store, TEXT, &world.err));
    assert_int_equal(script_count(&world.script, "POST "), 0);
    assert_string_equal(book.told, rows[i].told);
    world_close(&world);
  }
}

/* The row is worth nothing: a new session, from the first byte. */
static void test_begins_anew(void **state)
{
  (void)state;
  static const struct {
    const char *location, *status;
    bool is_kept; /* it may be good another time */
  } rows[] = {
      {"http://$/up/1", "404\n\n{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}", false},
      {"http://$/up/1", "404\n\n", false},
      {"http://$/up/1", "500\n\n", false},
      {"http://$/up/1", "429\n\n", true},
      {"http://$/up/1", "403\n\n", true},
      {"http://$/up/1", "204\n\n", false},
      {"http://$/up/1", "204\nRange: 0-0\n\n", false},
      {"http://$/up/1", "204\nRange: 0-2\n\n", false},
      {"http://$/up/1", "204\nRange: 0-11\n\n", false},
      {"http://$/up/1", "204\nRange: 1-3\n\n", false},
      {"http://$/up/1", "204\nRange: 0-3\nLocation: http://evil.test/up\n\n", false},
      {"http://$/up/1", "200\n\nhello", false},
      {"http://127.0.0.2/up/1", NULL, false},
      {"https://evil.test/up/1", NULL, false},
      {"http://user:secret@$/up/1", NULL, false},
      {"file:///etc/passwd", NULL, false},
      {"/up/1", NULL, false},
      {"", NULL, false},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {
        {.match = "GET /up/1 ", .reply = rows[i].status ? rows[i].status : "500\n\n"},
        {.match = POST, .reply = "202\nLocation: /up/5\n\n"},
        {.match = "PATCH /up/5 ", .reply = "202\n\n"},
        {.match = "PUT /up/5?" QUERY " ", .reply = "201\n\n"},
    };
    struct world world;
    struct book book;
    open_with(&world, rules, COUNT(rules), &book, rows[i].location, 4);
    expect_ok(&world, write_blob(world.store, TEXT, &world.err));
    assert_int_equal(script_count(&world.script, "GET /up/"), rows[i].status ? 1 : 0);
    assert_int_equal(script_count(&world.script, "\r\n\r\nhell"), 1);
    assert_int_equal(script_count(&world.script, "DELETE "), 0);
    assert_string_equal(book.told, rows[i].is_kept ? "+4@/up/5 +8@/up/5 +11@/up/5 - "
                                                   : "- +4@/up/5 +8@/up/5 +11@/up/5 - ");
    world_close(&world);
  }
}

/* What becomes of a session whose upload fails: it stays when another try may go better and this
 * one came further. */
static void test_failures(void **state)
{
  (void)state;
  static const struct {
    const char *patch, *put,
        *status; /* of the second chunk, of the end, of a question in between */
    enum sp_code code;
    bool stays_open;
  } rows[] = {
      {"202\nContent-Length: 9\n\n", NULL, "503\n\n", SP_E_SERVER,
       true}, /* the line is cut; the registry is away */
      {"202\nContent-Length: 9\n\n", NULL,
       "404\n\n{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}", SP_E_SERVER, false},
      {"429\n\n", NULL, NULL, SP_E_THROTTLED, true},
      {"403\n\n", NULL, NULL, SP_E_AUTH, true},
      {"504\n\n", NULL, NULL, SP_E_SERVER, true},
      {"500\n\n", NULL, NULL, SP_E_SERVER, false},
      {"413\n\n", NULL, NULL, SP_E_LIMIT, false},
      {"202\nRange: 0-99\n\n", NULL, NULL, SP_E_SERVER, false},
      {"202\n\n", "400\n\n{\"errors\":[{\"code\":\"DIGEST_INVALID\"}]}", NULL, SP_E_DIGEST, false},
      {"202\n\n", "503\n\n", NULL, SP_E_SERVER, true},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {
        {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
        {.match = "PATCH /up/1 ", .reply = "202\n\n", .times = 1},
        {.match = "PATCH /up/1 ", .reply = rows[i].patch},
        {.match = "GET /up/1 ", .reply = rows[i].status ? rows[i].status : "500\n\n"},
        {.match = "PUT /up/1?", .reply = rows[i].put ? rows[i].put : "500\n\n"},
        {.match = "DELETE /up/1 ", .reply = "204\n\n"},
    };
    struct world world;
    struct book book;
    open_with(&world, rules, COUNT(rules), &book, NULL, 0);
    expect_code(&world, write_blob(world.store, TEXT, &world.err), rows[i].code, NULL);
    assert_int_equal(script_count(&world.script, "DELETE "), !rows[i].stays_open);
    size_t len = strlen(book.told);
    assert_true(len > 3 && (strcmp(book.told + len - 2, "- ") == 0) == !rows[i].stays_open);
    world_close(&world);
  }
}

/* An inherited session that brings nothing is not tried again, and never cancelled by us. */
static void test_inherited(void **state)
{
  (void)state;
  static const char *const patches[] = {"429\n\n", "504\n\n", "500\n\n",
                                        "404\n\n{\"errors\":[{\"code\":\"BLOB_UPLOAD_INVALID\"}]}"};
  for (size_t i = 0; i < COUNT(patches); i++) {
    const struct rule rules[] = {
        {.match = "GET /up/1 ", .reply = "204\nRange: 0-3\n\n"},
        {.match = "PATCH /up/1 ", .reply = patches[i]},
    };
    struct world world;
    struct book book;
    open_with(&world, rules, COUNT(rules), &book, "http://$/up/1", 4);
    assert_int_equal(write_blob(world.store, TEXT, &world.err), -1);
    assert_int_equal(script_count(&world.script, "DELETE "), 0);
    assert_string_equal(book.told, "- ");
    world_close(&world);
  }
}

/* A writer that is closed before its end. */
static void close_early(struct world *world, const char *bytes, const struct sp_err *source)
{
  struct sp_digest digest;
  struct sp_writer *writer;
  struct sp_ring *ring;
  size_t size = strlen(TEXT);
  expect_ok(world, sp_digest_of(SP_DIGEST_SHA256, TEXT, size, &digest, &world->err));
  expect_ok(world, sp_store_begin_write(world->store, &digest, size, &writer, &world->err));
  expect_ok(world, sp_ring_new(size, 64, 1, &ring, &world->err));
  expect_ok(world, writer->ops->start(writer, ring, 0, &world->err));
  assert_true(sp_ring_write(ring, bytes, strlen(bytes)));
  if (source)
    sp_ring_close_input(ring, source);
  expect_ok(world, writer->ops->pump(writer, &world->err));
  writer->ops->close(writer);
  sp_ring_free(ring);
}

static void test_closed_early(void **state)
{
  (void)state;
  static const struct {
    const char *bytes;
    enum sp_code source;
    bool stays_open;
  } rows[] = {
      {"hello", SP_OK, true},        {"hello", SP_E_NETWORK, true},
      {"hello", SP_E_DIGEST, false}, /* the source was longer than it may be */
      {"hello werld", SP_OK, false}, /* all came, and was not approved */
      {"hel", SP_OK, false},         /* nothing was acknowledged */
  };
  static const struct rule rules[] = {
      {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
      {.match = "PATCH /up/1 ", .reply = "202\n\n"},
      {.match = "DELETE /up/1 ", .reply = "204\n\n"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct world world;
    struct book book;
    struct sp_err source = SP_ERR_INIT;
    open_with(&world, rules, COUNT(rules), &book, NULL, 0);
    if (rows[i].source != SP_OK)
      sp_fail(&source, rows[i].source, "as the test wants");
    close_early(&world, rows[i].bytes, rows[i].source != SP_OK ? &source : NULL);
    assert_int_equal(script_count(&world.script, "DELETE /up/1 "), !rows[i].stays_open);
    assert_int_equal(strchr(book.told, '-') != NULL,
                     strlen(rows[i].bytes) > 4 && !rows[i].stays_open);
    world_close(&world);
  }
}

/* No memory: as if there were no such thing. */
static void test_no_memory(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
      {.match = "PATCH /up/1 ", .reply = "202\n\n"},
      {.match = "DELETE /up/1 ", .reply = "204\n\n"},
  };
  struct world world;
  struct book book;
  open_with(&world, rules, COUNT(rules), &book, "http://$/up/9", 4);
  sp_registries_remember_uploads(world.registries, NULL);
  close_early(&world, "hello", NULL);
  assert_int_equal(script_count(&world.script, "DELETE /up/1 "), 1);
  assert_int_equal(script_count(&world.script, "/up/9"), 0);
  assert_string_equal(book.told, "");
  world_close(&world);
}

/* A memory that did not take it: nobody would ever go on with the session. */
static void test_not_kept(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
      {.match = "PATCH /up/1 ", .reply = "202\n\n"},
      {.match = "DELETE /up/1 ", .reply = "204\n\n"},
  };
  struct world world;
  struct book book;
  open_with(&world, rules, COUNT(rules), &book, NULL, 0);
  book.is_full = true;
  close_early(&world, "hello", NULL);
  assert_int_equal(script_count(&world.script, "DELETE /up/1 "), 1);
  assert_string_equal(book.told, "+4@/up/1 ");
  world_close(&world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_told),        cmocka_unit_test(test_goes_on),
      cmocka_unit_test(test_begins_anew), cmocka_unit_test(test_failures),
      cmocka_unit_test(test_inherited),   cmocka_unit_test(test_closed_early),
      cmocka_unit_test(test_no_memory),   cmocka_unit_test(test_not_kept),
  };
  setenv("DOCKER_CONFIG", "/nonexistent", 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
