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
    struct rig rig = set_up(rows[i].handler, rows[i].raw);
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

/* -- authorisation */

struct test_auth {
  struct sp_http_auth auth; /* first */
  int authorized, challenged;
  bool again;
  const char *values[4];
  char scope[32], challenge[64];
};

static int test_authorize(struct sp_http_auth *auth, const char *scope, struct sp_secret *value,
                          struct sp_err *err)
{
  struct test_auth *t = (struct test_auth *)auth;
  snprintf(t->scope, sizeof t->scope, "%s", scope);
  return sp_secret_set(value, sp_span_str(t->values[t->authorized++]), err);
}

static int test_challenged(struct sp_http_auth *auth, const char *scope,
                           const struct sp_headers *headers, bool *again, struct sp_err *err)
{
  struct test_auth *t = (struct test_auth *)auth;
  (void)scope, (void)err;
  const char *value = sp_headers_get(headers, "WWW-Authenticate");
  snprintf(t->challenge, sizeof t->challenge, "%s", value ? value : "");
  t->challenged++;
  *again = t->again;
  return 0;
}

static struct test_auth make_auth(bool again, const char *first, const char *second)
{
  return (struct test_auth){.auth = {.authorize = test_authorize, .challenged = test_challenged},
                            .again = again,
                            .values = {first, second, "too many"}};
}

static bool want_second(struct server *server, int fd, const char *head)
{
  (void)server;
  if (strstr(head, "\r\nAuthorization: Bearer second-token\r\n"))
    server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  else
    server_say(fd, "HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm=\"x\"\r\n"
                   "Content-Length: 0\r\n\r\n");
  return true;
}

static void a_401_is_tried_once_more(void **state)
{
  (void)state;
  static const struct {
    bool again;
    const char *second;
    int requests, status;
  } rows[] = {{true, "Bearer second-token", 2, 200},
              {true, "Bearer wrong-token", 2, 401},
              {false, "Bearer second-token", 1, 401}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = set_up(want_second, NULL);
    struct sp_err err = SP_ERR_INIT;
    struct test_auth auth = make_auth(rows[i].again, "", rows[i].second);
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    struct sp_http_request request = {.auth = &auth.auth, .scope = "pull"};
    assert_int_equal(send_request(&rig, request, "/", &response, &err), 0);
    assert_int_equal(response.status, rows[i].status);
    assert_int_equal(server_count(rig.server), rows[i].requests);
    assert_int_equal(auth.challenged, 1);
    assert_string_equal(auth.challenge, "Bearer realm=\"x\"");
    assert_string_equal(auth.scope, "pull");
    assert_false(server_saw(rig.server, 0, "Authorization:"));
    tear_down(&rig);
  }
}

/* -- redirects */

static bool redirect(struct server *server, int fd, const char *head)
{
  char answer[512];
  int status = 307;
  sscanf(head, "%*s /%d", &status);
  if (strstr(head, "/end")) {
    server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
    return true;
  }
  long long n = server_length(head);
  if (n > 0)
    server_read(fd, NULL, (size_t)n);
  snprintf(answer, sizeof answer, "HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
           status, (const char *)server->ctx);
  server_say(fd, answer);
  return true;
}

static void a_redirect_elsewhere_drops_the_secret_for_good(void **state)
{
  (void)state;
  static const int statuses[] = {301, 302, 303, 307, 308};
  static const enum sp_http_method methods[] = {SP_GET, SP_HEAD};
  for (size_t i = 0; i < 2 * sizeof statuses / sizeof statuses[0]; i++) {
    char to_b[64], to_a[64], target[16];
    struct rig rig = set_up(redirect, to_b);
    struct server *b = server_new(redirect, to_a);
    pthread_mutex_lock(&rig.server->lock);
    pthread_mutex_lock(&b->lock);
    snprintf(to_b, sizeof to_b, "http://127.0.0.1:%u/307?sig=canary", b->port);
    snprintf(to_a, sizeof to_a, "http://127.0.0.1:%u/end", rig.server->port);
    pthread_mutex_unlock(&b->lock);
    pthread_mutex_unlock(&rig.server->lock);
    snprintf(target, sizeof target, "/%d", statuses[i / 2]);
    struct sp_err err = SP_ERR_INIT;
    struct test_auth auth = make_auth(true, "Bearer first-token", "Bearer second-token");
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    struct sp_http_request request = {
        .method = methods[i % 2], .auth = &auth.auth, .scope = "", .header_count = 1};
    request.headers[0].name = "Accept";
    request.headers[0].value = "a/b";
    assert_int_equal(send_request(&rig, request, target, &response, &err), 0);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.url.target, "/end");
    assert_true(server_saw(rig.server, 0, "\r\nAuthorization: Bearer first-token\r\n"));
    assert_true(server_saw(b, 0, "\r\nAccept: a/b\r\n"));
    assert_false(server_saw(b, 0, "Authorization"));
    assert_false(server_saw(b, 0, "Cookie"));
    assert_false(server_saw(b, 0, "Referer"));
    assert_int_equal(server_count(rig.server), 2);
    assert_false(server_saw(rig.server, 1, "Authorization"));
    tear_down(&rig);
    server_free(b);
  }
}

static void a_redirect_at_home_keeps_the_secret(void **state)
{
  (void)state;
  struct rig rig = set_up(redirect, "/end");
  struct sp_err err = SP_ERR_INIT;
  struct test_auth auth = make_auth(true, "Bearer first-token", "");
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  struct sp_http_request request = {.auth = &auth.auth, .scope = ""};
  assert_int_equal(send_request(&rig, request, "/302", &response, &err), 0);
  assert_int_equal(response.status, 200);
  assert_true(server_saw(rig.server, 1, "Authorization: Bearer first-token"));
  tear_down(&rig);
}

static void bad_redirects_are_refused(void **state)
{
  (void)state;
  static const struct {
    enum sp_http_method method;
    const char *location;
    enum sp_code code;
    int requests;
  } rows[] = {
      {SP_GET, "/302", SP_E_PROTOCOL, SP_MAX_REDIRECTS + 1}, /* a loop */
      {SP_GET, "ftp://127.0.0.1/x", SP_E_PROTOCOL, 1},
      {SP_GET, "file:///etc/passwd", SP_E_PROTOCOL, 1},
      {SP_GET, "http://user@127.0.0.1/x", SP_E_PROTOCOL, 1},
      {SP_GET, "http://2130706433/x", SP_E_PROTOCOL, 1},
      {SP_GET, "http://registry.test/x", SP_E_REFUSED, 1}, /* plain http, not loopback */
      {SP_GET, "https://169.254.169.254/latest/", SP_E_REFUSED, 1},
      {SP_GET, "https://0.0.0.0/", SP_E_REFUSED, 1},
      {SP_GET, "https://[fe80::1]/", SP_E_REFUSED, 1},
      {SP_GET, "https://[::ffff:169.254.169.254]/", SP_E_REFUSED, 1},
      {SP_PUT, "/end", SP_E_PROTOCOL, 1},
      {SP_POST, "/end", SP_E_PROTOCOL, 1},
      {SP_PATCH, "/end", SP_E_PROTOCOL, 1},
      {SP_DELETE, "/end", SP_E_PROTOCOL, 1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = set_up(redirect, rows[i].location);
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    struct sp_http_request request = {.method = rows[i].method, .body = {"x", 1}};
    int rc = send_request(&rig, request, "/302", &response, &err);
    if (rc != -1 || err.code != rows[i].code || server_count(rig.server) != rows[i].requests)
      fail_msg("row %zu: rc %d, code %s, '%s', %d requests", i, rc, sp_code_name(err.code), err.msg,
               server_count(rig.server));
    tear_down(&rig);
  }
}

/* -- tokens */

static int ask_token(struct sp_http *http, struct sp_http_site *site, const char *realm,
                     struct sp_http_response *response, struct sp_err *err)
{
  SP_AUTO_SECRET struct sp_secret secret = SP_SECRET_INIT;
  SP_AUTO_URL struct sp_url url = {0};
  assert_int_equal(sp_secret_set(&secret, SP_SPAN_LIT("Basic dXNlcjpwYXNz"), err), 0);
  if (sp_url_parse(sp_span_str(realm), &url, err) != 0)
    return -1;
  struct sp_http_request request = {
      .site = site, .method = SP_GET, .purpose = SP_HTTP_TOKEN, .url = &url, .secret = &secret};
  return sp_http_perform(http, &request, response, err);
}

static void a_token_request_carries_its_own_secret_and_stays(void **state)
{
  (void)state;
  struct server *tokens = server_new(redirect, "/end");
  struct rig rig = set_up(say, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  char realm[64];
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  /* Nothing is known about the registry's own address yet: only public ones would do. */
  snprintf(realm, sizeof realm, "http://127.0.0.1:%u/end", tokens->port);
  assert_int_equal(ask_token(rig.http, rig.site, realm, &response, &err), -1);
  assert_int_equal(err.code, SP_E_REFUSED);
  assert_int_equal(get(&rig, "/", &response, &err), 0);
  assert_int_equal(ask_token(rig.http, rig.site, realm, &response, &err), 0);
  assert_int_equal(response.status, 200);
  assert_true(server_saw(tokens, 0, "Authorization: Basic dXNlcjpwYXNz"));
  snprintf(realm, sizeof realm, "http://127.0.0.1:%u/302", tokens->port);
  assert_int_equal(ask_token(rig.http, rig.site, realm, &response, &err), -1);
  assert_int_equal(err.code, SP_E_PROTOCOL);
  assert_int_equal(server_count(tokens), 2);
  snprintf(realm, sizeof realm, "http://localhost:%u/end", tokens->port);
  assert_int_equal(ask_token(rig.http, rig.site, realm, &response, &err), -1);
  assert_int_equal(err.code, SP_E_REFUSED);
  assert_non_null(strstr(err.msg, "token-hosts"));
  assert_int_equal(server_count(tokens), 2);
  tear_down(&rig);
  server_free(tokens);
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

static void a_wish_to_stop_ends_a_wait(void **state)
{
  (void)state;
  struct sp_cancel *cancel = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  struct rig rig = {.server = server_new(say_and_hang, ""), .http = new_client(60000, cancel)};
  rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  sp_cancel_request(cancel, SIGTERM);
  int64_t start = sp_clock_mono_ms();
  assert_int_equal(get(&rig, "/", &response, &err), -1);
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  assert_int_equal(err.sys, SIGTERM);
  assert_true(sp_clock_mono_ms() - start < 2000);
  assert_int_equal(server_count(rig.server), 0);
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
      cmocka_unit_test(a_401_is_tried_once_more),
      cmocka_unit_test(a_redirect_elsewhere_drops_the_secret_for_good),
      cmocka_unit_test(a_redirect_at_home_keeps_the_secret),
      cmocka_unit_test(bad_redirects_are_refused),
      cmocka_unit_test(a_token_request_carries_its_own_secret_and_stays),
      cmocka_unit_test(nobody_there_is_unreachable),
      cmocka_unit_test(plain_http_to_an_https_client_says_so),
      cmocka_unit_test(a_wish_to_stop_ends_a_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
