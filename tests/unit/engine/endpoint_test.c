/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/endpoint.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct row {
  const char *text, *tls_dir;
  const char *shown;  /* NULL: refused */
  enum sp_code code;  /* of the refusal */
  const char *advice; /* a part of its message */
};

static const struct row rows[] = {
    /* hostile and wrong ones first */
    {"", NULL, NULL, SP_E_USAGE, "unix:///PATH"},
    {"/var/run/docker.sock", NULL, NULL, SP_E_USAGE, "unix:///PATH"},
    {"unix://", NULL, NULL, SP_E_USAGE, "unix:///PATH"},
    {"unix://relative.sock", NULL, NULL, SP_E_USAGE, "unix:///PATH"},
    {"unix:///0123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
     "567890123456789012345678",
     NULL, NULL, SP_E_USAGE, "107 bytes"},
    {"ssh://me@host", NULL, NULL, SP_E_USAGE, "ssh -L"},
    {"npipe:////./pipe/docker_engine", NULL, NULL, SP_E_USAGE, "WSL"},
    {"fd://", NULL, NULL, SP_E_USAGE, "tcp://HOST:PORT"},
    {"http://127.0.0.1:2375", NULL, NULL, SP_E_USAGE, "tcp://HOST:PORT"},
    {"tcp://", NULL, NULL, SP_E_USAGE, "tcp://HOST:PORT"},
    {"tcp://127.0.0.1:2375/v1.40", NULL, NULL, SP_E_USAGE, "tcp://HOST:PORT"},
    {"tcp://user:secret@127.0.0.1", NULL, NULL, SP_E_USAGE, "tcp://HOST:PORT"},
    {"tcp://127.0.0.1:0x947", NULL, NULL, SP_E_USAGE, "tcp://HOST:PORT"},
    {"tcp://127.0.0.1:70000", NULL, NULL, SP_E_USAGE, "tcp://HOST:PORT"},
    {"tcp://build.example:2375", NULL, NULL, SP_E_REFUSED, "DOCKER_TLS_VERIFY=1"},
    {"tcp://10.0.0.7", NULL, NULL, SP_E_REFUSED, "DOCKER_TLS_VERIFY=1"},
    {"tcp://127.0.0.1.evil.example", NULL, NULL, SP_E_REFUSED, "DOCKER_TLS_VERIFY=1"},
    /* good ones */
    {"unix:///run/podman/podman.sock", NULL, "/run/podman/podman.sock", SP_OK, NULL},
    {"unix:///run/x.sock", "/tls", "/run/x.sock", SP_OK, NULL},
    {"tcp://127.0.0.1", NULL, "http://127.0.0.1:2375", SP_OK, NULL},
    {"tcp://localhost:4000/", NULL, "http://localhost:4000", SP_OK, NULL},
    {"tcp://[::1]", NULL, "http://[::1]:2375", SP_OK, NULL},
    {"tcp://[::1]:99", NULL, "http://[::1]:99", SP_OK, NULL},
    {"tcp://build.example", "/tls", "https://build.example:2376", SP_OK, NULL},
    {"tcp://build.example:443", "/tls", "https://build.example", SP_OK, NULL},
};

static void check(const struct row *row)
{
  struct sp_endpoint endpoint;
  struct sp_err err = SP_ERR_INIT;
  int rc = sp_endpoint_parse(row->text, row->tls_dir, &endpoint, &err);
  if (!row->shown) {
    if (rc == 0 || err.code != row->code || !strstr(err.msg, row->advice))
      fail_msg("'%s': %d, %s", row->text, rc, err.msg);
    return;
  }
  char shown[SP_ENDPOINT_TEXT_MAX];
  if (rc < 0)
    fail_msg("'%s': %s", row->text, err.msg);
  sp_endpoint_format(&endpoint, shown);
  assert_string_equal(shown, row->shown);
  assert_int_equal(endpoint.ca[0] != '\0', row->tls_dir && !endpoint.path[0]);
}

static void test_parse(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++)
    check(&rows[i]);
}

static void test_escapes_what_it_shows(void **state)
{
  (void)state;
  struct sp_endpoint endpoint;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_endpoint_parse("tcp://\x1b[2J", NULL, &endpoint, &err), -1);
  assert_null(strchr(err.msg, '\x1b'));
}

/* -- what the environment says */

static int clear_environment(void **state)
{
  (void)state;
  static const char *const names[] = {"DOCKER_HOST",       "DOCKER_CONTEXT",   "DOCKER_CONFIG",
                                      "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "HOME"};
  for (size_t i = 0; i < COUNT(names); i++)
    unsetenv(names[i]);
  return 0;
}

static void test_default(void **state)
{
  (void)state;
  struct sp_endpoint endpoint;
  struct sp_err err = SP_ERR_INIT;
  setenv("DOCKER_HOST", "", 1); /* empty is unset */
  assert_int_equal(sp_endpoint_find(&endpoint, &err), 0);
  assert_string_equal(endpoint.path, "/var/run/docker.sock");
}

static void test_tls_variables(void **state)
{
  (void)state;
  struct sp_endpoint endpoint;
  struct sp_err err = SP_ERR_INIT;
  setenv("DOCKER_HOST", "tcp://build.example", 1);
  assert_int_equal(sp_endpoint_find(&endpoint, &err), -1);
  assert_int_equal(err.code, SP_E_REFUSED);
  assert_non_null(strstr(err.msg, "DOCKER_HOST"));
  setenv("DOCKER_TLS_VERIFY", "1", 1);
  setenv("HOME", "/home/me", 1);
  assert_int_equal(sp_endpoint_find(&endpoint, &err), 0);
  assert_string_equal(endpoint.ca, "/home/me/.docker/ca.pem");
  setenv("DOCKER_CERT_PATH", "/certs", 1);
  assert_int_equal(sp_endpoint_find(&endpoint, &err), 0);
  assert_string_equal(endpoint.ca, "/certs/ca.pem");
  assert_string_equal(endpoint.cert, "/certs/cert.pem");
  assert_string_equal(endpoint.key, "/certs/key.pem");
}

/* DOCKER_HOST beats a context, even one that does not exist. */
static void test_host_beats_context(void **state)
{
  (void)state;
  struct sp_endpoint endpoint;
  struct sp_err err = SP_ERR_INIT;
  setenv("HOME", "/nonexistent", 1);
  setenv("DOCKER_CONTEXT", "absent", 1);
  assert_int_equal(sp_endpoint_find(&endpoint, &err), -1);
  assert_int_equal(err.code, SP_E_USAGE);
  setenv("DOCKER_HOST", "unix:///x.sock", 1);
  assert_int_equal(sp_endpoint_find(&endpoint, &err), 0);
  assert_string_equal(endpoint.path, "/x.sock");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse),
      cmocka_unit_test(test_escapes_what_it_shows),
      cmocka_unit_test_setup(test_default, clear_environment),
      cmocka_unit_test_setup(test_tls_variables, clear_environment),
      cmocka_unit_test_setup(test_host_beats_context, clear_environment),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
