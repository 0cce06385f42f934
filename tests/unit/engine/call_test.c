/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/call.h"

#include "base/clock.h"
#include "fake_engine.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* What is sent in answer to anything, and what happens then. */
struct script {
  const char *answer;
  enum { HANG, CLOSE } then;
};

static bool play(struct server *server, int fd, const char *head)
{
  const struct script *script = server->ctx;
  (void)head;
  server_say(fd, script->answer);
  if (script->then == HANG)
    server_read(fd, NULL, 1);
  return false;
}

struct result {
  enum sp_code code;
  int status;
  char body[64];
  char msg[SP_ERR_MSG_MAX];
  int64_t ms;
};

static int get(const struct sp_engine_link *link, struct result *result, struct sp_err *err)
{
  const struct sp_engine_call_order order = {.method = "GET", .target = "/x"};
  SP_AUTO_ENGINE_CALL struct sp_engine_call *call = NULL;
  SP_AUTO_BUF struct sp_buf body;
  sp_buf_init(&body, sizeof result->body - 1);
  if (sp_engine_call_begin(link, &order, &call, err) < 0 ||
      sp_engine_call_answer(call, &result->status, err) < 0 ||
      sp_engine_call_read_all(call, &body, err) < 0)
    return -1;
  snprintf(result->body, sizeof result->body, "%s", sp_buf_str(&body));
  return 0;
}

static struct result ask(const struct sp_endpoint *endpoint, const struct sp_cancel *cancel)
{
  const struct sp_engine_link link = {.endpoint = endpoint,
                                      .user_agent = "test/1",
                                      .idle_timeout_ms = FAKE_IDLE_MS,
                                      .cancel = cancel};
  struct result result = {0};
  struct sp_err err = SP_ERR_INIT;
  int64_t began = sp_clock_mono_ms();
  if (get(&link, &result, &err) < 0) {
    result.code = err.code;
    snprintf(result.msg, sizeof result.msg, "%s", err.msg);
  }
  result.ms = sp_clock_mono_ms() - began;
  return result;
}

static const struct {
  struct script script;
  enum sp_code code;
  const char *body;
} rows[] = {
    {{"", CLOSE}, SP_E_NETWORK, NULL},
    {{"", HANG}, SP_E_NETWORK, NULL},
    {{"SSH-2.0-OpenSSH_9\r\n\r\n", CLOSE}, SP_E_PROTOCOL, NULL},
    {{"HTTP/1.1 200 OK\r\nContent-Le", CLOSE}, SP_E_NETWORK, NULL},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", CLOSE}, SP_E_NETWORK, NULL},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", HANG}, SP_E_NETWORK, NULL},
    {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", CLOSE},
     SP_E_NETWORK,
     NULL},
    {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", HANG},
     SP_E_NETWORK,
     NULL},
    {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", CLOSE},
     SP_E_NETWORK,
     NULL},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
      "0123456789012345678901234567890123456789012345678901234567890123456789",
      HANG},
     SP_E_LIMIT,
     NULL},
    {{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", HANG},
     SP_OK,
     "abc"},
    {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", HANG},
     SP_OK,
     "abc"},
    {{"HTTP/1.0 200 OK\r\n\r\nabc", CLOSE}, SP_OK, "abc"},
    {{"HTTP/1.1 204 No Content\r\n\r\n", HANG}, SP_OK, ""},
};

static void test_answers(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct fake_engine fake = fake_start(play, &rows[i].script);
    struct result result = ask(&fake.endpoint, NULL);
    if (result.code != rows[i].code || (rows[i].body && strcmp(result.body, rows[i].body) != 0))
      fail_msg("row %zu: %s, body '%s': %s", i, sp_code_name(result.code), result.body, result.msg);
    assert_true(result.ms < 5000);
    fake_stop(&fake);
  }
}

/* A byte now and then is a stall as well. */
static bool trickle(struct server *server, int fd, const char *head)
{
  (void)head;
  server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  for (int i = 0; i < 50 && !atomic_load(&server->stop); i++) {
    server_say(fd, "x");
    usleep(40000);
  }
  return false;
}

static void test_trickle(void **state)
{
  (void)state;
  struct fake_engine fake = fake_start(trickle, NULL);
  struct result result = ask(&fake.endpoint, NULL);
  assert_int_equal(result.code, SP_E_NETWORK);
  assert_non_null(strstr(result.msg, "stalled"));
  fake_stop(&fake);
}

static void test_nobody_there(void **state)
{
  (void)state;
  struct sp_endpoint absent = {.path = "/tmp/sp-no-such-engine.sock"};
  struct result result = ask(&absent, NULL);
  assert_int_equal(result.code, SP_E_UNREACHABLE);
  assert_non_null(strstr(result.msg, "DOCKER_HOST"));
  assert_non_null(strstr(result.msg, "/tmp/sp-no-such-engine.sock"));
  struct sp_endpoint directory = {.path = "/tmp"};
  assert_int_equal(ask(&directory, NULL).code, SP_E_UNREACHABLE);
}

/* The socket of an engine that was killed is still there. */
static void test_left_behind(void **state)
{
  (void)state;
  static const struct script script = {"", CLOSE};
  struct fake_engine fake = fake_start(play, &script);
  server_free(fake.server);
  assert_int_equal(ask(&fake.endpoint, NULL).code, SP_E_UNREACHABLE);
  unlink(fake.endpoint.path);
}

static void test_tcp(void **state)
{
  (void)state;
  static const struct script script = {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", HANG};
  struct server *server = server_new(play, &script);
  struct sp_endpoint endpoint = {.origin = {.host = "127.0.0.1", .port = server->port}};
  assert_string_equal(ask(&endpoint, NULL).body, "abc");
  /* a name that is one of loopback by its looks only */
  struct sp_endpoint elsewhere = {.origin = {.host = "0.0.0.0", .port = server->port}};
  struct result result = ask(&elsewhere, NULL);
  assert_int_equal(result.code, SP_E_REFUSED);
  assert_non_null(strstr(result.msg, "DOCKER_TLS_VERIFY=1"));
  server_free(server);
}

static void *stop_soon(void *ctx)
{
  usleep(50000);
  sp_cancel_request(ctx, SIGTERM);
  return NULL;
}

static void test_cancel(void **state)
{
  (void)state;
  static const struct script script = {"", HANG};
  struct fake_engine fake = fake_start(play, &script);
  struct sp_cancel *cancel;
  struct sp_err err = SP_ERR_INIT;
  pthread_t thread;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  pthread_create(&thread, NULL, stop_soon, cancel);
  struct result result = ask(&fake.endpoint, cancel);
  assert_int_equal(result.code, SP_E_INTERRUPTED);
  assert_true(result.ms < FAKE_IDLE_MS);
  pthread_join(thread, NULL);
  sp_cancel_free(cancel);
  fake_stop(&fake);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_answers),      cmocka_unit_test(test_trickle),
      cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_left_behind),
      cmocka_unit_test(test_tcp),          cmocka_unit_test(test_cancel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
