/* SPDX-License-Identifier: Apache-2.0 */
/* Token and Basic flows as a whole: a store asks, a scripted registry and token server answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pool.h"
#include "script.h"

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define FOUND "200\nDocker-Content-Digest: " DIGEST "\nContent-Length: 7\n\n"
#define BEARER(more) \
  "401\nWWW-Authenticate: Bearer realm=\"http://$/token\",service=\"s 1\"" more "\n\n{}"
#define HEAD_TAG "HEAD /v2/a/b/manifests/t "
#define ALICE "Authorization: Basic YWxpY2U6czNjcmV0\r\n" /* alice:s3cret */

static char config_dir[] = "/tmp/sp-auth-XXXXXX";

static void set_config(const struct world *world, const char *entry)
{
  char path[64];
  snprintf(path, sizeof path, "%s/config.json", config_dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fprintf(file, "{\"auths\":{\"%s\":%s}}", world->script.host, entry);
  fclose(file);
}

static void set_alice(const struct world *world)
{
  set_config(world, "{\"auth\":\"YWxpY2U6czNjcmV0\"}");
}

static int setup(void **state)
{
  (void)state;
  static const char *const variables[] = {"DOCKER_AUTH_CONFIG", "GITHUB_ACTOR", "GITHUB_TOKEN",
                                          "http_proxy", "HTTPS_PROXY"};
  for (size_t i = 0; i < COUNT(variables); i++)
    unsetenv(variables[i]);
  setenv("DOCKER_CONFIG", config_dir, 1);
  char path[64];
  snprintf(path, sizeof path, "%s/config.json", config_dir);
  unlink(path);
  return 0;
}

static int resolve(struct world *world)
{
  struct sp_named named;
  return sp_store_resolve(world->store, "t", &named, &world->err);
}

static void test_anonymous_get(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET /token?service=s%201&scope=repository%3Aa%2Fb%3Apull&client_id=safeport ",
       .lacks = "Authorization",
       .reply = "200\n\n{\"token\":\"T1\"}"},
      {.match = HEAD_TAG, .needs = "Authorization: Bearer T1\r\n", .reply = FOUND},
      {.match = HEAD_TAG, .lacks = "Authorization", .reply = BEARER("")},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  expect_ok(&world, resolve(&world));
  expect_ok(&world, resolve(&world));
  assert_int_equal(script_count(&world.script, "GET /token"), 1);
  assert_int_equal(script_count(&world.script, HEAD_TAG), 3); /* one 401 taught */
  world_close(&world);
}

static void test_get_with_basic(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET /token?", .needs = ALICE, .reply = "200\n\n{\"access_token\":\"T1\"}"},
      {.match = HEAD_TAG, .needs = "Bearer T1\r\n", .reply = FOUND},
      {.match = HEAD_TAG,
       .lacks = "Authorization",
       .reply = BEARER(",scope=\"repository:x:pull\"")},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  set_alice(&world);
  expect_ok(&world, resolve(&world));
  assert_int_equal(script_count(&world.script, "scope=repository%3Aa%2Fb%3Apull"), 1);
  world_close(&world);
}

static void test_basic(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = HEAD_TAG, .needs = ALICE, .reply = FOUND},
      {.match = HEAD_TAG, .reply = "401\nWWW-Authenticate: Basic realm=\"r\"\n\n"},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  set_alice(&world);
  expect_ok(&world, resolve(&world));
  expect_ok(&world, resolve(&world));
  assert_int_equal(script_count(&world.script, HEAD_TAG), 3);
  world_close(&world);
}

static void test_basic_refused(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = HEAD_TAG, .reply = "401\nWWW-Authenticate: Basic realm=\"r\"\n\n"},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  expect_code(&world, resolve(&world), SP_E_AUTH, "no credentials for '127.0.0.1:");
  assert_int_equal(script_count(&world.script, HEAD_TAG), 1); /* nobody to be: no second try */
  set_alice(&world);
  world_close(&world);
  WORLD_OPEN(&world, rules);
  set_alice(&world);
  assert_int_equal(resolve(&world), -1);
  assert_null(strstr(world.err.msg, "no credentials"));
  expect_code(&world, -1, SP_E_AUTH, "401");
  assert_int_equal(script_count(&world.script, HEAD_TAG), 2);
  expect_code(&world, resolve(&world), SP_E_AUTH, "401");
  assert_int_equal(script_count(&world.script, HEAD_TAG), 3); /* known wrong: once */
  world_close(&world);
}

static void test_post_fallback(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET /token?", .reply = "404\n\n"},
      {.match = "POST /token ",
       .needs =
           "\r\n\r\ngrant_type=password&service=s%201&client_id=safeport&"
           "scope=repository%3Aa%2Fb%3Apull&access_type=offline&username=alice&password=s3cret",
       .reply = "200\n\n{\"access_token\":\"T1\",\"refresh_token\":\"R1\",\"expires_in\":1}"},
      {.match = "POST /token ",
       .needs = "grant_type=refresh_token&",
       .reply = "200\n\n{\"access_token\":\"T2\",\"expires_in\":300}"},
      {.match = HEAD_TAG, .needs = "Bearer T", .reply = FOUND},
      {.match = HEAD_TAG, .reply = BEARER("")},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  set_alice(&world);
  expect_ok(&world, resolve(&world));
  usleep(600 * 1000);
  expect_ok(&world, resolve(&world)); /* expired: by refresh token now */
  assert_int_equal(script_count(&world.script, "refresh_token=R1"), 1);
  assert_int_equal(script_count(&world.script, "Bearer T2"), 1);
  world_close(&world);
}

static void test_identity_token(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "POST /token ",
       .needs = "grant_type=refresh_token&service=s%201&client_id=safeport&"
                "scope=repository%3Aa%2Fb%3Apull&refresh_token=id%2Btok",
       .reply = "200\n\n{\"access_token\":\"T1\"}"},
      {.match = HEAD_TAG, .needs = "Bearer T1", .reply = FOUND},
      {.match = HEAD_TAG, .reply = BEARER("")},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  set_config(&world, "{\"identitytoken\":\"id+tok\"}");
  expect_ok(&world, resolve(&world));
  world_close(&world);
}

static void test_registry_token(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = HEAD_TAG, .needs = "Bearer reg-tok\r\n", .reply = FOUND},
      {.match = HEAD_TAG, .reply = BEARER("")},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  set_config(&world, "{\"registrytoken\":\"reg-tok\"}");
  expect_ok(&world, resolve(&world));
  assert_int_equal(script_count(&world.script, "/token"), 0);
  world_close(&world);
}

static void test_stale_token_is_renewed_once(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET /token?", .reply = "200\n\n{\"token\":\"T1\",\"expires_in\":300}", .times = 1},
      {.match = "GET /token?", .reply = "200\n\n{\"token\":\"T2\",\"expires_in\":300}"},
      {.match = HEAD_TAG, .needs = "Bearer T1", .reply = FOUND, .times = 1},
      {.match = HEAD_TAG, .needs = "Bearer T2", .reply = FOUND, .times = 1},
      {.match = HEAD_TAG, .reply = BEARER(",error=\"invalid_token\"")},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  expect_ok(&world, resolve(&world)); /* T1 */
  expect_ok(&world, resolve(&world)); /* T1 refused, T2 */
  assert_int_equal(script_count(&world.script, "GET /token"), 2);
  /* T2 refused, a fresh one refused as well: final, no loop */
  expect_code(&world, resolve(&world), SP_E_AUTH, "401");
  assert_int_equal(script_count(&world.script, "GET /token"), 3);
  world_close(&world);
}

static void test_insufficient_scope(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET /token?",
       .needs = "scope=repository%3Ap%2Fa%2Fb%3Apull&scope=repository%3Aa%2Fb",
       .reply = "200\n\n{\"token\":\"T2\"}"},
      {.match = "GET /token?", .reply = "200\n\n{\"token\":\"T1\"}"},
      {.match = HEAD_TAG, .needs = "Bearer T2", .reply = FOUND},
      {.match = HEAD_TAG,
       .reply = BEARER(",scope=\"repository:p/a/b:pull\",error=\"insufficient_scope\"")},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  /* the 401 that teaches names the scope, too */
  expect_ok(&world, resolve(&world));
  assert_int_equal(script_count(&world.script, HEAD_TAG), 2);
  world_close(&world);
}

static void test_token_lacks_push(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET /token?", .reply = "200\n\n{\"token\":\"T1\"}"},
      {.match = "POST /v2/a/b/blobs/uploads/",
       .reply = BEARER(",scope=\"repository:a/b:pull,push\",error=\"insufficient_scope\"")},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  struct sp_digest digest = {.alg = SP_DIGEST_SHA256};
  struct sp_writer *writer;
  int rc = sp_store_begin_write(world.store, &digest, 5, &writer, &world.err);
  expect_code(&world, rc, SP_E_AUTH, "lacks");
  assert_int_equal(script_count(&world.script, "scope=repository%3Aa%2Fb%3Apull%2Cpush&"), 1);
  world_close(&world);
}

/* The greedy wishes of a challenge are not passed on. */
static void test_greedy_scope(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET /token?", .reply = "200\n\n{\"token\":\"T1\"}"},
      {.match = HEAD_TAG,
       .reply = BEARER(",scope=\"repository:a/b:delete\",error=\"insufficient_scope\"")},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  expect_code(&world, resolve(&world), SP_E_AUTH, NULL);
  assert_int_equal(script_count(&world.script, "delete&"), 0);
  assert_int_equal(script_count(&world.script, "%3Adelete"), 0);
  world_close(&world);
}

static void test_token_server_answers(void **state)
{
  (void)state;
  static const struct {
    const char *reply;
    enum sp_code code;
    const char *part;
  } rows[] = {
      {"403\n\n{\"errors\":[{\"code\":\"DENIED\",\"message\":\"denied\"}]}", SP_E_AUTH,
       "token server answered 403 (DENIED: denied)"},
      {"401\n\n{\"details\":\"incorrect username or password\"}", SP_E_AUTH, "check user name"},
      {"400\n\n{\"error\":\"invalid_grant\"}", SP_E_AUTH, "invalid_grant"},
      {"429\nRetry-After: 7\n\n", SP_E_THROTTLED, "429"},
      {"503\n\n", SP_E_SERVER, "cannot get a token"},
      {"302\nLocation: http://$/other\n\n", SP_E_PROTOCOL, "redirect"},
      {"200\n\n{\"token\":\"x\\r\\nHost: y\"}", SP_E_PROTOCOL, "no token"},
      {"200\n\n<html>", SP_E_PROTOCOL, "not JSON"},
      {"204\n\n", SP_E_PROTOCOL, "204"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {
        {.match = "GET /token?", .reply = rows[i].reply},
        {.match = "GET /other", .reply = "200\n\n{\"token\":\"T\"}"},
        {.match = HEAD_TAG, .needs = "Bearer", .reply = FOUND},
        {.match = HEAD_TAG, .reply = BEARER("")},
    };
    struct world world;
    WORLD_OPEN(&world, rules);
    set_alice(&world);
    int rc = resolve(&world);
    if (rows[i].code == SP_E_THROTTLED)
      assert_int_equal(world.err.retry_after_ms, 7000);
    assert_null(strstr(world.err.msg, "s3cret"));
    expect_code(&world, rc, rows[i].code, rows[i].part);
    assert_int_equal(script_count(&world.script, "GET /other"), 0);
    world_close(&world);
  }
}

/* S04: the realm is refused before anybody looks credentials up: the file is unreadable rubbish,
 * and that is not what is complained about. */
static void test_realm_refused_before_lookup(void **state)
{
  (void)state;
  static const char *const realms[] = {
      "http://127.0.0.2/token",
      "http://localhost/token",
      "http://evil.test/token",
      "http://user:x@$/token",
      "http://2130706433/token",
      "http://[::ffff:127.0.0.1]/token",
      "ftp://$/token",
      "//$/token",
      "/token",
      "",
  };
  for (size_t i = 0; i < COUNT(realms); i++) {
    char reply[256];
    snprintf(reply, sizeof reply, "401\nWWW-Authenticate: Bearer realm=\"%s\",service=\"s\"\n\n",
             realms[i]);
    const struct rule rules[] = {{.match = HEAD_TAG, .reply = reply}};
    struct world world;
    WORLD_OPEN(&world, rules);
    set_config(&world, "rubbish");
    assert_int_equal(resolve(&world), -1);
    if (strstr(world.err.msg, "config.json"))
      fail_msg("looked up for realm '%s': %s", realms[i], world.err.msg);
    if (world.err.code != SP_E_REFUSED && world.err.code != SP_E_PROTOCOL &&
        world.err.code != SP_E_AUTH)
      fail_msg("realm '%s': %s", realms[i], world.err.msg);
    assert_int_equal(script_count(&world.script, "/token"), 0);
    world_close(&world);
  }
}

static void test_bad_credential_file(void **state)
{
  (void)state;
  static const struct rule rules[] = {{.match = HEAD_TAG, .reply = BEARER("")}};
  struct world world;
  WORLD_OPEN(&world, rules);
  set_config(&world, "rubbish");
  expect_code(&world, resolve(&world), SP_E_AUTH, "config.json");
  world_close(&world);
}

static void resolve_in_pool(void *ctx, size_t i)
{
  (void)i;
  struct world *world = ctx;
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  if (sp_store_resolve(world->store, "t", &named, &err) < 0)
    fail_msg("%s", err.msg);
}

/* 16 threads, nothing known: one request is refused, one token is fetched. */
static void test_many_threads(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET /token?", .reply = "200\n\n{\"token\":\"T1\"}"},
      {.match = HEAD_TAG, .needs = "Bearer T1", .reply = FOUND},
      {.match = HEAD_TAG, .reply = BEARER("")},
  };
  struct world world;
  WORLD_OPEN(&world, rules);
  sp_pool_run(16, 16, resolve_in_pool, &world);
  assert_int_equal(script_count(&world.script, "GET /token"), 1);
  assert_int_equal(script_count(&world.script, HEAD_TAG), 17);
  world_close(&world);
}

/* An open registry: nobody waits for a challenge that does not come. */
static void test_open_registry(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = HEAD_TAG, .lacks = "Authorization", .reply = FOUND}};
  struct world world;
  WORLD_OPEN(&world, rules);
  sp_pool_run(16, 16, resolve_in_pool, &world);
  assert_int_equal(script_count(&world.script, HEAD_TAG), 16);
  world_close(&world);
}

static int remove_dir(void **state)
{
  setup(state);
  return rmdir(config_dir);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_realm_refused_before_lookup, setup),
      cmocka_unit_test_setup(test_token_server_answers, setup),
      cmocka_unit_test_setup(test_bad_credential_file, setup),
      cmocka_unit_test_setup(test_greedy_scope, setup),
      cmocka_unit_test_setup(test_token_lacks_push, setup),
      cmocka_unit_test_setup(test_insufficient_scope, setup),
      cmocka_unit_test_setup(test_stale_token_is_renewed_once, setup),
      cmocka_unit_test_setup(test_anonymous_get, setup),
      cmocka_unit_test_setup(test_get_with_basic, setup),
      cmocka_unit_test_setup(test_basic, setup),
      cmocka_unit_test_setup(test_basic_refused, setup),
      cmocka_unit_test_setup(test_post_fallback, setup),
      cmocka_unit_test_setup(test_identity_token, setup),
      cmocka_unit_test_setup(test_registry_token, setup),
      cmocka_unit_test_setup(test_many_threads, setup),
      cmocka_unit_test_setup(test_open_registry, setup),
  };
  if (!mkdtemp(config_dir))
    return 1;
  return cmocka_run_group_tests(tests, NULL, remove_dir);
}
