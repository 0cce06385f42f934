/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/token_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/pool.h"

/* A token server in three lines: its tokens are "t1", "t2", ... */
struct server {
  atomic_int fetches;
  atomic_int failing; /* so many fetches fail */
  int delay_ms;
  int64_t lifetime_ms;
  pthread_mutex_t lock;
  char scope[128]; /* of the last fetch */
};

static int serve(void *ctx, const char *scope, struct sp_token *out, struct sp_err *err)
{
  struct server *server = ctx;
  int n = atomic_fetch_add(&server->fetches, 1) + 1;
  usleep((useconds_t)server->delay_ms * 1000);
  pthread_mutex_lock(&server->lock);
  snprintf(server->scope, sizeof server->scope, "%s", scope);
  pthread_mutex_unlock(&server->lock);
  if (atomic_load(&server->failing) > 0) {
    atomic_fetch_sub(&server->failing, 1);
    return sp_fail(err, SP_E_SERVER, "no tokens today");
  }
  char text[16];
  snprintf(text, sizeof text, "t%d", n);
  out->lifetime_ms = server->lifetime_ms;
  return sp_secret_set(&out->bearer, sp_span_str(text), err);
}

#define SERVER \
  { \
    .lifetime_ms = 300000, .lock = PTHREAD_MUTEX_INITIALIZER \
  }

struct world {
  struct server server;
  struct sp_token_cache *cache;
};

static void open_world(struct world *world)
{
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_token_cache_new(serve, &world->server, &world->cache, &err), 0);
}

/* Gets and compares; answers the token's number. */
static uint64_t expect(struct world *world, const char *scope, bool is_upload, const char *want)
{
  struct sp_secret bearer = SP_SECRET_INIT;
  struct sp_err err = SP_ERR_INIT;
  uint64_t number;
  bool fetched;
  if (sp_token_cache_get(world->cache, scope, is_upload, &bearer, &number, &fetched, &err) < 0)
    fail_msg("%s: %s", scope, err.msg);
  struct sp_span got = sp_secret_reveal(&bearer);
  if (!sp_span_eq_str(got, want))
    fail_msg("%s: got %.*s, wanted %s", scope, (int)got.len, got.ptr, want);
  sp_secret_clear(&bearer);
  return number;
}

static void test_keeps(void **state)
{
  (void)state;
  struct world world = {.server = SERVER};
  open_world(&world);
  expect(&world, "a", false, "t1");
  expect(&world, "a", false, "t1");
  expect(&world, "b", false, "t2");
  expect(&world, "a", true, "t1");
  assert_int_equal(world.server.fetches, 2);
  sp_token_cache_free(world.cache);
}

static void test_drop(void **state)
{
  (void)state;
  struct world world = {.server = SERVER};
  open_world(&world);
  uint64_t first = expect(&world, "a", false, "t1");
  sp_token_cache_drop(world.cache, "unknown", first);
  sp_token_cache_drop(world.cache, "a", first + 7);
  expect(&world, "a", false, "t1");
  sp_token_cache_drop(world.cache, "a", first);
  expect(&world, "a", false, "t2");
  sp_token_cache_drop(world.cache, "a", first); /* late: another token is there already */
  expect(&world, "a", false, "t2");
  sp_token_cache_free(world.cache);
}

static void test_expires(void **state)
{
  (void)state;
  struct world world = {.server = SERVER};
  world.server.lifetime_ms = 120;
  open_world(&world);
  expect(&world, "a", false, "t1");
  expect(&world, "a", false, "t1");
  usleep(70 * 1000);
  expect(&world, "a", false, "t2");
  sp_token_cache_free(world.cache);
}

static void test_widen(void **state)
{
  (void)state;
  struct world world = {.server = SERVER};
  open_world(&world);
  struct sp_err err = SP_ERR_INIT;
  bool changed;
  expect(&world, "a", false, "t1");
  assert_int_equal(sp_token_cache_widen(world.cache, "a", "a", &changed, &err), 0);
  assert_false(changed);
  assert_int_equal(sp_token_cache_widen(world.cache, "a", "more", &changed, &err), 0);
  assert_true(changed);
  expect(&world, "a", false, "t2");
  assert_string_equal(world.server.scope, "more a");
  assert_int_equal(sp_token_cache_widen(world.cache, "a", "more", &changed, &err), 0);
  assert_false(changed);
  expect(&world, "a", false, "t2");
  sp_token_cache_free(world.cache);
}

static void want_one(void *ctx, size_t i)
{
  (void)i;
  expect(ctx, "a", false, "t1");
}

static void test_fetches_once(void **state)
{
  (void)state;
  struct world world = {.server = SERVER};
  world.server.delay_ms = 50;
  open_world(&world);
  sp_pool_run(32, 32, want_one, &world);
  assert_int_equal(world.server.fetches, 1);
  sp_token_cache_free(world.cache);
}

static atomic_int failures;

static void want_failure(void *ctx, size_t i)
{
  (void)i;
  struct world *world = ctx;
  struct sp_secret bearer = SP_SECRET_INIT;
  struct sp_err err = SP_ERR_INIT;
  uint64_t number;
  bool fetched;
  if (sp_token_cache_get(world->cache, "a", false, &bearer, &number, &fetched, &err) < 0 &&
      err.code == SP_E_SERVER)
    atomic_fetch_add(&failures, 1);
  sp_secret_clear(&bearer);
}

/* Those who wait share the failure; the next one tries anew. */
static void test_fails_once(void **state)
{
  (void)state;
  struct world world = {.server = SERVER};
  world.server.delay_ms = 100;
  world.server.failing = 1;
  open_world(&world);
  sp_pool_run(8, 8, want_failure, &world);
  assert_int_equal(failures, 8);
  assert_int_equal(world.server.fetches, 1);
  expect(&world, "a", false, "t2");
  sp_token_cache_free(world.cache);
}

static void test_is_bounded(void **state)
{
  (void)state;
  struct world world = {.server = SERVER};
  open_world(&world);
  for (int i = 0; i < 1500; i++) {
    char scope[16];
    char want[16];
    snprintf(scope, sizeof scope, "s%d", i);
    snprintf(want, sizeof want, "t%d", i + 1);
    expect(&world, scope, false, want);
  }
  expect(&world, "s1499", false, "t1500"); /* recent: still there */
  expect(&world, "s0", false, "t1501");    /* old: made room */
  sp_token_cache_free(world.cache);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_keeps),        cmocka_unit_test(test_drop),
      cmocka_unit_test(test_expires),      cmocka_unit_test(test_widen),
      cmocka_unit_test(test_fetches_once), cmocka_unit_test(test_fails_once),
      cmocka_unit_test(test_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
