/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "rig.h"

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
  assert_non_null(strstr(err.msg, "--token-host"));
  assert_int_equal(server_count(tokens), 2);
  tear_down(&rig);
  server_free(tokens);
}

/* -- the guard */

/* A connection that one registry opened is no way in for another. */
static void a_connection_of_another_site_is_no_way_in(void **state)
{
  (void)state;
  struct server *other = server_new(say, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  struct rig rig = set_up(say, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  struct sp_http_site *stranger = add_site(rig.http, "127.0.0.1", other->port, false);
  char realm[64];
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  assert_int_equal(get(&rig, "/", &response, &err), 0); /* leaves a connection behind */
  snprintf(realm, sizeof realm, "http://127.0.0.1:%u/token", rig.server->port);
  assert_int_equal(ask_token(rig.http, stranger, realm, &response, &err), -1);
  assert_int_equal(err.code, SP_E_REFUSED);
  assert_non_null(strstr(err.msg, "loopback"));
  assert_int_equal(server_count(rig.server), 1);
  tear_down(&rig);
  server_free(other);
}

static void a_proxy_sees_no_secret(void **state)
{
  (void)state;
  struct server *proxy = server_new(say_and_close, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
  char url[64];
  snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy->port);
  setenv("https_proxy", url, 1);
  setenv("http_proxy", url, 1);
  struct rig rig = {.server = server_new(say, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
                    .http = new_client(1000, NULL)};
  unsetenv("https_proxy");
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
  assert_int_equal(get(&rig, "/", &response, &err), 0); /* plain http: never through it */
  assert_int_equal(server_count(proxy), 0);
  rig.site = add_site(rig.http, "registry.test", 443, true);
  struct test_auth auth = make_auth(false, "Bearer first-token", "");
  struct sp_http_request request = {.auth = &auth.auth, .scope = ""};
  assert_int_equal(send_request(&rig, request, "/v2/", &response, &err), -1);
  assert_int_equal(err.code, SP_E_UNREACHABLE);
  assert_non_null(strstr(err.msg, "HTTPS_PROXY"));
  assert_true(server_saw(proxy, 0, "CONNECT registry.test:443 "));
  assert_false(server_saw(proxy, 0, "first-token"));
  unsetenv("http_proxy");
  tear_down(&rig);
  server_free(proxy);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_401_is_tried_once_more),
      cmocka_unit_test(a_redirect_elsewhere_drops_the_secret_for_good),
      cmocka_unit_test(a_redirect_at_home_keeps_the_secret),
      cmocka_unit_test(bad_redirects_are_refused),
      cmocka_unit_test(a_token_request_carries_its_own_secret_and_stays),
      cmocka_unit_test(a_connection_of_another_site_is_no_way_in),
      cmocka_unit_test(a_proxy_sees_no_secret),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
