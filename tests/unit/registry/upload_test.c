/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#define TEXT "hello world"
#define DIGEST "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
#define QUERY "digest=sha256%3Ab94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
#define OTHER "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define POST "POST /v2/a/b/blobs/uploads/ "

/* S02: where the bytes may go. */
static void test_locations(void **state)
{
  (void)state;
  static const struct {
    const char *location, *put; /* put NULL: refused */
    enum sp_code code;
  } rows[] = {
      {"Location: /up/1?_state=S%2F1\n", "PUT /up/1?_state=S%2F1&" QUERY " ", SP_OK},
      {"Location: /up/1\n", "PUT /up/1?" QUERY " ", SP_OK},
      {"Location: http://$/up/1?a=b\n", "PUT /up/1?a=b&" QUERY " ", SP_OK},
      {"Location: //$/up/1\n", "PUT /up/1?" QUERY " ", SP_OK},
      {"Location: 1\n", "PUT /v2/a/b/blobs/uploads/1?" QUERY " ", SP_OK},
      {"Location: ?x\n", "PUT /v2/a/b/blobs/uploads/?x&" QUERY " ", SP_OK},
      {"Location: http://127.0.0.2/up/1\n", NULL, SP_E_REFUSED},
      {"Location: //127.0.0.2/up/1\n", NULL, SP_E_REFUSED},
      {"Location: http://evil.test/up/1\n", NULL, SP_E_REFUSED},
      {"Location: http://user:x@$/up/1\n", NULL, SP_E_PROTOCOL},
      {"Location: ftp://$/up/1\n", NULL, SP_E_PROTOCOL},
      {"Location: \n", NULL, SP_E_PROTOCOL},
      {"", NULL, SP_E_PROTOCOL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char reply[512];
    snprintf(reply, sizeof reply, "202\n%s\n", rows[i].location);
    const struct rule rules[] = {
        {.match = POST, .needs = "\r\nContent-Length: 0\r\n", .reply = reply},
        {.match = rows[i].put ? rows[i].put : "-",
         .needs = "\r\nContent-Type: application/octet-stream\r\n",
         .reply = "201\nDocker-Content-Digest: " DIGEST "\n\n"},
    };
    struct world world;
    WORLD_OPEN(&world, rules);
    int rc = write_blob(world.store, TEXT, &world.err);
    if (rows[i].code != SP_OK && rows[i].code == SP_E_REFUSED)
      assert_non_null(strstr(world.err.msg, "upload"));
    if (rows[i].code == SP_OK)
      expect_ok(&world, rc);
    else
      expect_code(&world, rc, rows[i].code, NULL);
    assert_int_equal(script_count(&world.script, "\r\n\r\n" TEXT), rows[i].put ? 1 : 0);
    assert_int_equal(script_count(&world.script, "DELETE "), 0);
    world_close(&world);
  }
}

static void test_other_host(void **state)
{
  (void)state;
  static const struct rule storage_rules[] = {
      {.match = "PUT /up", .lacks = "Authorization", .reply = "201\n\n"}};
  struct script storage;
  script_start(&storage, storage_rules, 1);
  const char *const hosts[] = {storage.host, NULL};
  char reply[128];
  snprintf(reply, sizeof reply, "202\nLocation: http://%s/up\n\n", storage.host);
  const struct rule rules[] = {{.match = POST, .reply = reply}};
  struct sp_registry_settings settings = {.upload_hosts = hosts};
  struct world world;
  world_open(&world, rules, COUNT(rules), &settings);
  expect_ok(&world, write_blob(world.store, TEXT, &world.err));
  assert_int_equal(script_count(&storage, TEXT), 1);
  world_close(&world);
  script_stop(&storage);
}

static void test_put_answers(void **state)
{
  (void)state;
  static const struct {
    const char *reply;
    enum sp_code code;
    int cancels;
  } rows[] = {
      {"201\n\n", SP_OK, 0},
      {"204\n\n", SP_OK, 0},
      {"201\nDocker-Content-Digest: rubbish\n\n", SP_OK, 0},
      {"201\nDocker-Content-Digest: " OTHER "\n\n", SP_E_DIGEST, 0},
      {"202\nLocation: /up/2\n\n", SP_E_PROTOCOL, 1},
      {"307\nLocation: /up/2\n\n", SP_E_PROTOCOL, 1},
      {"400\n\n{\"errors\":[{\"code\":\"DIGEST_INVALID\"}]}", SP_E_DIGEST, 1},
      {"404\n\n{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}", SP_E_SERVER, 1},
      {"404\n\n{\"errors\":[{\"code\":\"BLOB_UPLOAD_INVALID\"}]}", SP_E_SERVER, 1},
      {"401\n\n", SP_E_AUTH, 1},
      {"403\n\n", SP_E_AUTH, 1},
      {"413\n\n", SP_E_LIMIT, 1},
      {"500\n\nno space left on device", SP_E_STORE_FULL, 1},
      {"503\n\n", SP_E_SERVER, 1},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {
        {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
        {.match = "PUT /up/1?", .reply = rows[i].reply},
        {.match = "DELETE /up/1 ", .reply = "204\n\n"},
    };
    struct world world;
    WORLD_OPEN(&world, rules);
    int rc = write_blob(world.store, TEXT, &world.err);
    if (rows[i].code == SP_OK)
      expect_ok(&world, rc);
    else
      expect_code(&world, rc, rows[i].code, NULL);
    assert_int_equal(script_count(&world.script, "DELETE /up/1 "), rows[i].cancels);
    assert_int_equal(script_count(&world.script, "DELETE "), rows[i].cancels);
    world_close(&world);
  }
}

static void test_post_answers(void **state)
{
  (void)state;
  static const struct {
    const char *reply;
    enum sp_code code;
  } rows[] = {
      {"405\n\nMethod not allowed", SP_E_UNSUPPORTED},
      {"201\nLocation: /x\n\n", SP_E_PROTOCOL},
      {"404\n\n{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}", SP_E_NOT_FOUND},
      {"403\n\n", SP_E_AUTH},
      {"429\n\n", SP_E_THROTTLED},
      {"503\n\n", SP_E_SERVER},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {{.match = POST, .reply = rows[i].reply}};
    struct world world;
    WORLD_OPEN(&world, rules);
    expect_code(&world, write_blob(world.store, TEXT, &world.err), rows[i].code, NULL);
    world_close(&world);
  }
}

static void test_given_up(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = POST, .reply = "202\nLocation: /up/1?s=1\n\n"},
      {.match = "DELETE /up/1?s=1 ", .reply = "404\n\n"},
  };
  struct world world;
  struct sp_digest digest = {.alg = SP_DIGEST_SHA256};
  struct sp_writer *writer;
  WORLD_OPEN(&world, rules);
  expect_ok(&world, sp_store_begin_write(world.store, &digest, 5, &writer, &world.err));
  writer->ops->close(writer);
  assert_int_equal(script_count(&world.script, "DELETE /up/1?s=1 "), 1);
  world_close(&world);
}

/* The POST was fine, the PUT finds its token ended: worth another try of the whole. */
static void test_token_ends(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET /token", .reply = "200\n\n{\"token\":\"T1\"}"},
      {.match = POST, .needs = "Bearer T1", .reply = "202\nLocation: /up/1\n\n"},
      {.match = "DELETE ", .reply = "204\n\n"},
      {.match = "",
       .reply = "401\nWWW-Authenticate: Bearer realm=\"http://$/token\","
                "error=\"invalid_token\"\n\n"},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  expect_code(&world, write_blob(world.store, TEXT, &world.err), SP_E_NETWORK, "token");
  world_close(&world);
}

/* -- in chunks of 4 bytes */

static void chunked_open(struct world *world, const struct rule *rules, size_t count)
{
  struct sp_registry_settings settings = {.chunked = true, .chunk_bytes = 4};
  world_open(world, rules, count, &settings);
}

static void test_chunks(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
      {.match = "PATCH /up/1 ",
       .needs = "Content-Range: 0-3\r\n",
       .reply = "202\nLocation: /up/2\nRange: 0-3\n\n"},
      {.match = "PATCH /up/2 ",
       .needs = "Content-Range: 4-7\r\n",
       .reply = "202\nLocation: /up/3\nRange: bytes=0-7\n\n"},
      {.match = "PATCH /up/3 ",
       .needs = "Content-Range: 8-10\r\n",
       .reply = "202\nLocation: /up/4?x\nRange: 0-10\n\n"},
      {.match = "PUT /up/4?x&" QUERY " ", .needs = "Content-Length: 0\r\n", .reply = "201\n\n"},
  };
  struct world world;
  chunked_open(&world, rules, COUNT(rules));
  expect_ok(&world, write_blob(world.store, TEXT, &world.err));
  assert_int_equal(script_count(&world.script, "\r\n\r\nhell"), 1);
  assert_int_equal(script_count(&world.script, "\r\n\r\no wo"), 1);
  assert_int_equal(script_count(&world.script, "\r\n\r\nrld"), 1);
  assert_int_equal(script_count(&world.script, "DELETE"), 0);
  world_close(&world);
}

/* Row 09: the registry holds something else than was sent. */
static void test_wrong_range(void **state)
{
  (void)state;
  static const char *const ranges[] = {"0-2", "0-4", "1-3", "0-8", "rubbish"};
  for (size_t i = 0; i < COUNT(ranges); i++) {
    char reply[128];
    snprintf(reply, sizeof reply, "202\nLocation: /up/2\nRange: %s\n\n", ranges[i]);
    const struct rule rules[] = {
        {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
        {.match = "PATCH ", .reply = reply},
        {.match = "DELETE /up/1 ", .reply = "204\n\n"},
    };
    struct world world;
    chunked_open(&world, rules, COUNT(rules));
    expect_code(&world, write_blob(world.store, TEXT, &world.err), SP_E_SERVER, "another part");
    assert_int_equal(script_count(&world.script, "DELETE /up/1 "), 1);
    assert_int_equal(script_count(&world.script, "PUT "), 0);
    world_close(&world);
  }
}

/* 416, then the registry says what it has, and the rest of the chunk is sent. */
static void test_resume(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
      {.match = "PATCH /up/1 ", .reply = "202\nLocation: /up/2\nRange: 0-3\n\n"},
      {.match = "PATCH /up/2 ", .reply = "416\n\n", .times = 1},
      {.match = "GET /up/2 ", .reply = "204\nLocation: /up/2b\nRange: 0-5\n\n"},
      {.match = "PATCH /up/2b ",
       .needs = "Content-Range: 6-7\r\n",
       .reply = "202\nLocation: /up/3\nRange: 0-7\n\n"},
      {.match = "PATCH /up/3 ",
       .needs = "Content-Range: 8-10\r\n",
       .reply = "202\nLocation: /up/4\nRange: 0-10\n\n"},
      {.match = "PUT /up/4?" QUERY " ", .reply = "201\n\n"},
  };
  struct world world;
  chunked_open(&world, rules, COUNT(rules));
  expect_ok(&world, write_blob(world.store, TEXT, &world.err));
  world_close(&world);
}

static void test_resume_is_tried_once(void **state)
{
  (void)state;
  static const struct {
    const char *status;
    enum sp_code code;
    int patches;
  } rows[] = {
      {"204\nLocation: /up/1\nRange: 0-1\n\n", SP_E_PROTOCOL, 2}, /* 416 again */
      {"204\nRange: 0-99\n\n", SP_E_SERVER, 1},
      {"204\nRange: 0-0\n\n", SP_E_SERVER, 1},
      {"204\n\n", SP_E_SERVER, 1},
      {"404\n\n{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}", SP_E_SERVER, 1},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {
        {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
        {.match = "PATCH /up/1 ", .reply = "416\n\n"},
        {.match = "GET /up/1 ", .reply = rows[i].status},
        {.match = "DELETE /up/1 ", .reply = "204\n\n"},
    };
    struct world world;
    chunked_open(&world, rules, COUNT(rules));
    expect_code(&world, write_blob(world.store, TEXT, &world.err), rows[i].code, NULL);
    assert_int_equal(script_count(&world.script, "PATCH "), rows[i].patches);
    assert_int_equal(script_count(&world.script, "DELETE /up/1 "), 1);
    world_close(&world);
  }
}

static void test_chunk_min(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = POST, .reply = "202\nLocation: /up/1\nOCI-Chunk-Min-Length: 6\n\n", .times = 1},
      {.match = POST, .reply = "202\nLocation: /up/1\nOCI-Chunk-Min-Length: 67108865\n\n"},
      {.match = "PATCH ", .needs = "Content-Range: 0-5\r\n", .reply = "202\nRange: 0-5\n\n"},
      {.match = "PATCH ", .needs = "Content-Range: 6-10\r\n", .reply = "202\nRange: 0-10\n\n"},
      {.match = "PUT /up/1?", .reply = "201\n\n"},
      {.match = "DELETE /up/1 ", .reply = "204\n\n"},
  };
  struct world world;
  chunked_open(&world, rules, COUNT(rules));
  expect_ok(&world, write_blob(world.store, TEXT, &world.err));
  expect_code(&world, write_blob(world.store, TEXT, &world.err), SP_E_UNSUPPORTED, "one piece");
  assert_int_equal(script_count(&world.script, "DELETE /up/1 "), 1);
  world_close(&world);
}

static void test_chunks_of_nothing(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
      {.match = "PUT /up/1?", .reply = "201\n\n"},
  };
  struct world world;
  chunked_open(&world, rules, COUNT(rules));
  expect_ok(&world, write_blob(world.store, "", &world.err));
  assert_int_equal(script_count(&world.script, "PATCH "), 0);
  world_close(&world);
}

static void test_nothing(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = POST, .reply = "202\nLocation: /up/1\n\n"},
      {.match = "PUT /up/1?", .needs = "Content-Length: 0\r\n", .reply = "201\n\n"},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  expect_ok(&world, write_blob(world.store, "", &world.err));
  world_close(&world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_locations),
      cmocka_unit_test(test_other_host),
      cmocka_unit_test(test_put_answers),
      cmocka_unit_test(test_post_answers),
      cmocka_unit_test(test_given_up),
      cmocka_unit_test(test_token_ends),
      cmocka_unit_test(test_nothing),
      cmocka_unit_test(test_chunks),
      cmocka_unit_test(test_wrong_range),
      cmocka_unit_test(test_resume),
      cmocka_unit_test(test_chunk_min),
      cmocka_unit_test(test_chunks_of_nothing),
      cmocka_unit_test(test_resume_is_tried_once),
  };
  setenv("DOCKER_CONFIG", "/nonexistent", 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
