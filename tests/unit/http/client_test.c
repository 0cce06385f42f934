/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "rig.h"

/* -- answers */

static void get_gives_status_headers_and_body(void **state)
{
  (void)state;
  struct rig rig =
      set_up(say, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Test:  a b \r\n\r\nhello");
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(get(&rig, "/v2/?x=1", &response, &err), 0);
    assert_int_equal(response.status, 200);
    assert_string_equal(sp_buf_str(&response.body), "hello");
    assert_string_equal(sp_headers_get(&response.headers, "x-test"), "a b");
    assert_string_equal(response.url.target, "/v2/?x=1");
    assert_true(response.first_byte_ms >= 0);
  }
  assert_true(server_saw(rig.server, 0, "GET /v2/?x=1 HTTP/1.1\r\n"));
  assert_true(server_saw(rig.server, 0, "\r\nAccept-Encoding: identity\r\n"));
  assert_true(server_saw(rig.server, 0, "\r\nUser-Agent: test/1\r\n"));
  assert_false(server_saw(rig.server, 0, "\r\nAuthorization:"));
  tear_down(&rig);
}

static void statuses_are_plain_answers(void **state)
{
  (void)state;
  static const struct {
    const char *raw;
    int status;
    const char *body;
  } rows[] = {
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 404, "no"},
      {"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", 429, ""},
      {"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 500, "abc"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n"
       "Content-Length: 1\r\n\r\nx",
       200, "x"},
      {"HTTP/1.1 304 Not Modified\r\n\r\n", 304, ""},
      {"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = set_up(say, rows[i].raw);
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    assert_int_equal(get(&rig, "/", &response, &err), 0);
    assert_int_equal(response.status, rows[i].status);
    assert_string_equal(sp_buf_str(&response.body), rows[i].body);
    assert_null(sp_headers_get(&response.headers, "Link"));
    tear_down(&rig);
  }
}

static char many_headers[SP_MAX_HEADER_LINES * 12 + 128];
static char long_headers[SP_MAX_HEADER_BYTES + 128];

static void make_large_answers(void)
{
  snprintf(many_headers, sizeof many_headers, "HTTP/1.1 200 OK\r\n");
  for (int i = 0; i <= (int)SP_MAX_HEADER_LINES; i++) {
    size_t n = strlen(many_headers);
    snprintf(many_headers + n, sizeof many_headers - n, "X-%03d: x\r\n", i);
  }
  size_t n = strlen(many_headers);
  snprintf(many_headers + n, sizeof many_headers - n, "\r\n");
  snprintf(long_headers, sizeof long_headers, "HTTP/1.1 200 OK\r\nX: ");
  n = strlen(long_headers);
  memset(long_headers + n, 'x', SP_MAX_HEADER_BYTES);
  memcpy(long_headers + n + SP_MAX_HEADER_BYTES, "\r\n\r\n", 5);
}

static void broken_answers_are_told_apart(void **state)
{
  (void)state;
  make_large_answers();
  static const struct {
    server_handler *handler;
    const char *raw;
    enum sp_code code;
    const char *words;
  } rows[] = {
      {say_and_close, "", SP_E_NETWORK, "without an answer"},
      {say_and_close, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", SP_E_NETWORK, "short"},
      {say_and_reset, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", SP_E_NETWORK, "broke"},
      {say_and_close, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", SP_E_NETWORK, ""},
      {say_and_hang, "", SP_E_NETWORK, "no answer within"},
      {say_and_hang, "HTTP/1.1 200 OK\r\nX: y", SP_E_NETWORK, "no answer within"},
      {say_and_hang, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", SP_E_NETWORK, "stalled"},
      {say_and_close, "hello\r\n", SP_E_PROTOCOL, "not proper HTTP"},
      {say_and_close, "HTTP/1.1 2000 OK\r\n\r\n", SP_E_PROTOCOL, ""},
      {say_and_close, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
       SP_E_PROTOCOL, "Content-Length"},
      {say_and_close,
       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       SP_E_PROTOCOL, "Transfer-Encoding"},
      {say_and_close, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabcde", SP_E_PROTOCOL, ""},
      {say_and_close, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n continued\r\n\r\nabcde",
       SP_E_PROTOCOL, "header"},
      {say_and_close, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", SP_E_PROTOCOL, "not proper HTTP"},
      {say_and_close, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
       SP_E_PROTOCOL, "Content-Encoding 'gzip'"},
      {say_and_close, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", SP_E_NETWORK,
       ""},
      {say_and_close, "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n", SP_E_LIMIT, "larger"},
      {say_and_close, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", SP_E_PROTOCOL,
       "without a Location"},
      {say_and_close, many_headers, SP_E_LIMIT, "header lines"},
      {say_and_close, long_headers, SP_E_LIMIT, "headers"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = set_up_with(rows[i].handler, rows[i].raw, HASTY_MS);
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    int rc = get(&rig, "/v2/?secret=canary", &response, &err);
    if (rc != -1 || err.code != rows[i].code || !strstr(err.msg, rows[i].words))
      fail_msg("row %zu: rc %d, code %s, '%s'", i, rc, sp_code_name(err.code), err.msg);
    assert_null(strstr(err.msg, "canary"));
    tear_down(&rig);
  }
}

static bool flood_error(struct server *server, int fd, const char *head)
{
  (void)server, (void)head;
  static char bytes[SP_MAX_ERROR_BODY_BYTES * 2];
  memset(bytes, 'e', sizeof bytes);
  server_say(fd, "HTTP/1.1 400 Bad\r\n\r\n");
  server_send(fd, bytes, sizeof bytes);
  return false;
}

static bool flood_answer(struct server *server, int fd, const char *head)
{
  (void)server, (void)head;
  static char bytes[SP_MAX_ERROR_BODY_BYTES * 2];
  server_say(fd, "HTTP/1.1 200 OK\r\n\r\n");
  server_send(fd, bytes, sizeof bytes);
  return false;
}

static void long_errors_are_cut_and_long_answers_refused(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  struct rig rig = set_up(flood_error, NULL);
  assert_int_equal(get(&rig, "/", &response, &err), 0);
  assert_int_equal(response.status, 400);
  assert_int_equal(response.body.len, SP_MAX_ERROR_BODY_BYTES);
  tear_down(&rig);
  rig = set_up(flood_answer, NULL);
  assert_int_equal(get(&rig, "/", &response, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  tear_down(&rig);
}

/* -- what is sent */

static void bodies_and_methods_go_as_they_are(void **state)
{
  (void)state;
  static const struct {
    struct sp_http_request request;
    const char *saw, *not_saw;
  } rows[] = {
      {{.method = SP_POST}, "POST /x HTTP/1.1\r\n", "Content-Type"},
      {{.method = SP_POST}, "Content-Length: 0\r\n", "Expect"},
      {{.method = SP_PUT, .body = {"{}", 2}}, "PUT /x HTTP/1.1\r\n", "Transfer-Encoding"},
      {{.method = SP_PUT, .body = {"{}", 2}}, "Content-Length: 2\r\n", "Expect"},
      {{.method = SP_PATCH, .body = {"abc", 3}}, "PATCH /x HTTP/1.1\r\n", "Content-Type"},
      {{.method = SP_DELETE}, "DELETE /x HTTP/1.1\r\n", "Content-Length"},
      {{.method = SP_HEAD}, "HEAD /x HTTP/1.1\r\n", "Content-Length"},
      {{.method = SP_GET, .headers = {{"Accept", "a/b, c/d"}, {"X-Empty", ""}}, .header_count = 2},
       "Accept: a/b, c/d\r\n",
       "*/*"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = set_up(say, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    assert_int_equal(send_request(&rig, rows[i].request, "/x", &response, &err), 0);
    assert_int_equal(response.status, 201);
    assert_true(server_saw(rig.server, 0, rows[i].saw));
    assert_false(server_saw(rig.server, 0, rows[i].not_saw));
    tear_down(&rig);
  }
}

static void unsafe_header_values_are_refused(void **state)
{
  (void)state;
  static const char *const values[] = {"x\r\nHost: y", "x\ny", "\x01", "a\tb"};
  struct rig rig = set_up(say, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    struct sp_http_request request = {.headers = {{"Accept", values[i]}}, .header_count = 1};
    assert_int_equal(send_request(&rig, request, "/", &response, &err), -1);
    assert_int_equal(err.code, SP_E_USAGE);
  }
  assert_int_equal(server_count(rig.server), 0);
  tear_down(&rig);
}

/* -- where it cannot go */

static void nobody_there_is_unreachable(void **state)
{
  (void)state;
  struct rig rig = set_up(say, "");
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  server_free(rig.server);
  assert_int_equal(get(&rig, "/v2/?x=canary", &response, &err), -1);
  assert_int_equal(err.code, SP_E_UNREACHABLE);
  assert_non_null(strstr(err.msg, "connection refused: is the registry running at '127.0.0.1:"));
  assert_null(strstr(err.msg, "canary"));
  sp_http_free(rig.http);
}

static void plain_http_to_an_https_client_says_so(void **state)
{
  (void)state;
  struct server *server = server_new(say, "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
  struct rig rig = {.server = server, .http = new_client(1000, NULL)};
  rig.site = add_site(rig.http, "127.0.0.1", server->port, true);
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  assert_int_equal(get(&rig, "/v2/", &response, &err), -1);
  assert_int_equal(err.code, SP_E_TLS);
  assert_non_null(strstr(err.msg, "use --insecure HOST"));
  tear_down(&rig);
}

static void *stop_soon(void *cancel)
{
  usleep(100000);
  sp_cancel_request(cancel, SIGTERM);
  return NULL;
}

static void a_wish_to_stop_ends_a_wait(void **state)
{
  (void)state;
  struct sp_cancel *cancel = NULL;
  struct sp_err err = SP_ERR_INIT;
  pthread_t thread;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  struct rig rig = {.server = server_new(say_and_hang, ""), .http = new_client(60000, cancel)};
  rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  int64_t start = sp_clock_mono_ms();
  pthread_create(&thread, NULL, stop_soon, cancel);
  assert_int_equal(get(&rig, "/", &response, &err), -1);
  pthread_join(thread, NULL);
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  assert_int_equal(err.sys, SIGTERM);
  assert_true(sp_clock_mono_ms() - start < 2000);
  assert_int_equal(server_count(rig.server), 1);
  tear_down(&rig);
  sp_cancel_free(cancel);
}

static void after_a_wish_to_stop_only_cleaning_up_is_done(void **state)
{
  (void)state;
  struct sp_cancel *cancel = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  struct rig rig = {.server = server_new(say, "HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n"),
                    .http = new_client(60000, cancel)};
  rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  sp_cancel_request(cancel, SIGTERM);
  assert_int_equal(get(&rig, "/", &response, &err), -1);
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  assert_int_equal(server_count(rig.server), 0);
  struct sp_http_request request = {.method = SP_DELETE};
  assert_int_equal(send_request(&rig, request, "/", &response, &err), 0);
  assert_int_equal(response.status, 204);
  tear_down(&rig);
  sp_cancel_free(cancel);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(get_gives_status_headers_and_body),
      cmocka_unit_test(statuses_are_plain_answers),
      cmocka_unit_test(broken_answers_are_told_apart),
      cmocka_unit_test(long_errors_are_cut_and_long_answers_refused),
      cmocka_unit_test(bodies_and_methods_go_as_they_are),
      cmocka_unit_test(unsafe_header_values_are_refused),
      cmocka_unit_test(nobody_there_is_unreachable),
      cmocka_unit_test(plain_http_to_an_https_client_says_so),
      cmocka_unit_test(a_wish_to_stop_ends_a_wait),
      cmocka_unit_test(after_a_wish_to_stop_only_cleaning_up_is_done),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
