/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FOUND "HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n{\"Id\":\"sha256:" HEX "\"}"
#define GONE \
  "HTTP/1.1 404 Not Found\r\nContent-Length: 34\r\n\r\n{\"message\":\"No such image: app\"}\n\n"

/* -- the version of the API */

static bool say(struct server *server, int fd, const char *head)
{
  (void)head;
  server_say(fd, server->ctx);
  return false;
}

static const struct {
  const char *answer;
  enum sp_code code;
} pings[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", SP_E_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nApi-Version: \r\nContent-Length: 2\r\n\r\nOK", SP_E_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nApi-Version: 2.0\r\nContent-Length: 2\r\n\r\nOK", SP_E_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nApi-Version: 1.41/../..\r\nContent-Length: 2\r\n\r\nOK", SP_E_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nApi-Version: 1.99999999999\r\nContent-Length: 2\r\n\r\nOK", SP_E_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nApi-Version: 1.39\r\nContent-Length: 2\r\n\r\nOK", SP_E_UNSUPPORTED},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", SP_E_NOT_FOUND},
    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", SP_E_AUTH},
    {"HTTP/1.1 500 Oh\r\nContent-Length: 17\r\n\r\n{\"message\":\"oh\"}\n", SP_E_SERVER},
    {"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n", SP_E_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nApi-Version: 1.40\r\nContent-Length: 2\r\n\r\nOK", SP_OK},
    {"HTTP/1.1 200 OK\r\nApi-Version: 1.99\r\nContent-Length: 2\r\n\r\nOK", SP_OK},
};

static void test_ping(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(pings); i++) {
    struct fake_engine fake = fake_start(say, pings[i].answer);
    struct sp_err err = SP_ERR_INIT;
    int rc = sp_engine_open(&fake.settings, &fake.endpoint, &fake.engine, &err);
    enum sp_code code = rc < 0 ? err.code : SP_OK;
    if (code != pings[i].code)
      fail_msg("ping %zu: %s: %s", i, sp_code_name(code), err.msg);
    assert_true(server_saw(fake.server, 0, "GET /_ping HTTP/1.1\r\n"));
    fake_stop(&fake);
  }
}

/* The engine's own version, and never one whose calls we do not know. */
static bool newest(struct server *server, int fd, const char *head)
{
  (void)server;
  bool is_ping = fake_asks(head, "GET /_ping");
  server_say(fd, is_ping ? "HTTP/1.1 200 OK\r\nApi-Version: 1.99\r\nContent-Length: 2\r\n\r\nOK"
                         : FOUND);
  return false;
}

static struct sp_ref parse(const char *text)
{
  struct sp_ref ref;
  struct sp_err err = SP_ERR_INIT;
  if (sp_ref_parse(sp_span_str(text), false, &ref, &err) < 0)
    fail_msg("%s", err.msg);
  return ref;
}

static void test_version_is_capped(void **state)
{
  (void)state;
  struct fake_engine fake = fake_start(newest, NULL);
  struct sp_err err = SP_ERR_INIT;
  struct sp_engine_image image;
  struct sp_ref ref = parse("ghcr.io/o/app:v1");
  fake_open(&fake);
  assert_int_equal(sp_engine_find_image(fake.engine, &ref, &image, &err), 0);
  assert_true(server_saw(fake.server, 1, "GET /v1.52/images/ghcr.io/o/app:v1/json HTTP/1.1"));
  fake_stop(&fake);
}

/* -- finding an image */

/* Has what ctx names, and a list of one image. */
static bool library(struct server *server, int fd, const char *head)
{
  if (fake_asks(head, "GET /_ping"))
    server_say(fd, FAKE_PONG);
  else if (fake_asks(head, server->ctx))
    server_say(fd, FOUND);
  else if (fake_asks(head, "GET /v1.41/images/json"))
    server_say(fd,
               "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n[{\"RepoTags\":[\"o.io/x/app:1\"]}]");
  else
    server_say(fd, GONE);
  return false;
}

static void check_found(const char *path, const char *name, enum sp_code want)
{
  struct fake_engine fake = fake_start(library, path);
  struct sp_err err = SP_ERR_INIT;
  struct sp_engine_image image;
  struct sp_ref ref = {0};
  fake_open(&fake);
  if (sp_digest_parse(sp_span_str(name), &ref.digest, &err) < 0)
    ref = parse(name);
  err = SP_ERR_INIT;
  int rc = sp_engine_find_image(fake.engine, &ref, &image, &err);
  enum sp_code code = rc < 0 ? err.code : SP_OK;
  if (code != want)
    fail_msg("'%s' where there is '%s': %s: %s", name, path, sp_code_name(code), err.msg);
  fake_stop(&fake);
}

static void test_find(void **state)
{
  (void)state;
  check_found("GET /v1.41/images/docker.io/library/app:v1/json ", "app:v1", SP_OK);
  check_found("GET /v1.41/images/localhost/app:v1/json ", "app:v1", SP_OK);
  check_found("GET /v1.41/images/localhost/app:v1/json ", "docker.io/me/app:v1", SP_E_NOT_FOUND);
  check_found("GET /v1.41/images/localhost/app:v1/json ", "ghcr.io/app:v1", SP_E_NOT_FOUND);
  check_found("GET /v1.41/images/sha256:" HEX "/json ", "sha256:" HEX, SP_OK);
  check_found("GET /v1.41/images/ghcr.io/o/app@sha256:" HEX "/json ", "ghcr.io/o/app@sha256:" HEX,
              SP_OK);
  check_found("GET /v1.41/images/localhost/app@sha256:" HEX "/json ", "app@sha256:" HEX,
              SP_E_NOT_FOUND);
}

static void test_not_found_names_near_ones(void **state)
{
  (void)state;
  struct fake_engine fake = fake_start(library, "nothing");
  struct sp_err err = SP_ERR_INIT;
  struct sp_engine_image image;
  struct sp_ref ref = parse("app:v1");
  fake_open(&fake);
  assert_int_equal(sp_engine_find_image(fake.engine, &ref, &image, &err), -1);
  assert_int_equal(err.code, SP_E_NOT_FOUND);
  assert_non_null(strstr(err.msg, "docker.io/library/app:v1"));
  assert_non_null(strstr(err.msg, "'o.io/x/app:1'"));
  ref = parse("other:v1");
  assert_int_equal(sp_engine_find_image(fake.engine, &ref, &image, &err), -1);
  assert_non_null(strstr(err.msg, "docker images"));
  fake_stop(&fake);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ping),
      cmocka_unit_test(test_version_is_capped),
      cmocka_unit_test(test_find),
      cmocka_unit_test(test_not_found_names_near_ones),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
