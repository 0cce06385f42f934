/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/docker_config.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* "alice:s3cret" */
#define ALICE "YWxpY2U6czNjcmV0"

struct row {
  const char *text, *host;
  enum sp_docker_config_form form;
  const char *user, *password; /* NULL user: not found */
};

static void check(const struct row *row)
{
  struct sp_credential got = SP_CREDENTIAL_INIT;
  struct sp_err err = SP_ERR_INIT;
  bool found;
  bool helper = false;
  if (sp_docker_config_find(sp_span_str(row->text), row->form, row->host, &got, &found, &helper,
                            &err) < 0)
    fail_msg("%s: %s", row->text, err.msg);
  if (found != (row->user != NULL))
    fail_msg("%s for %s: found %d", row->text, row->host, found);
  if (found) {
    assert_string_equal(got.user, row->user);
    assert_true(sp_span_eq_str(sp_secret_reveal(&got.password), row->password));
  }
  sp_credential_clear(&got);
}

static void test_finds(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"{}", "ghcr.io", SP_DOCKER_CONFIG_FILE, NULL, NULL},
      {"{\"auths\":null}", "ghcr.io", SP_DOCKER_CONFIG_FILE, NULL, NULL},
      {"{\"auths\":{\"ghcr.io\":{}}}", "ghcr.io", SP_DOCKER_CONFIG_FILE, NULL, NULL},
      {"{\"auths\":{\"ghcr.io\":{\"auth\":\"\"}}}", "ghcr.io", SP_DOCKER_CONFIG_FILE, NULL, NULL},
      {"{\"auths\":{\"ghcr.io.evil\":{\"auth\":\"" ALICE "\"}}}", "ghcr.io", SP_DOCKER_CONFIG_FILE,
       NULL, NULL},
      {"{\"auths\":{\"ghcr.io\":{\"auth\":\"" ALICE "\",\"email\":\"x\"}},\"HttpHeaders\":{}}",
       "ghcr.io", SP_DOCKER_CONFIG_FILE, "alice", "s3cret"},
      {"{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"" ALICE "\"}}}", "docker.io",
       SP_DOCKER_CONFIG_FILE, "alice", "s3cret"},
      /* the exact name beats another one of the host, wherever it stands */
      {"{\"auths\":{\"docker.io\":{\"auth\":\"" ALICE
       "\"},\"index.docker.io\":{\"auth\":\"Yjpj\"}}}",
       "docker.io", SP_DOCKER_CONFIG_FILE, "alice", "s3cret"},
      {"{\"auths\":{\"index.docker.io\":{\"auth\":\"Yjpj\"},\"docker.io\":{\"auth\":\"" ALICE
       "\"}}}",
       "docker.io", SP_DOCKER_CONFIG_FILE, "alice", "s3cret"},
      /* a colon in the password; zero bytes around it */
      {"{\"auths\":{\"h.io\":{\"auth\":\"YTpiOmM=\"}}}", "h.io", SP_DOCKER_CONFIG_FILE, "a", "b:c"},
      {"{\"auths\":{\"h.io\":{\"auth\":\"YToAYgA=\"}}}", "h.io", SP_DOCKER_CONFIG_FILE, "a", "b"},
      {"{\"auths\":{\"h.io\":{\"auth\":\"" ALICE "\"}}}", "h.io", SP_DOCKER_CONFIG_VARIABLE,
       "alice", "s3cret"},
  };
  for (size_t i = 0; i < COUNT(rows); i++)
    check(&rows[i]);
}

static void test_refuses(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    enum sp_docker_config_form form;
  } rows[] = {
      {"", SP_DOCKER_CONFIG_FILE},
      {"[]", SP_DOCKER_CONFIG_FILE},
      {"{\"auths\":[]}", SP_DOCKER_CONFIG_FILE},
      {"{\"auths\":{\"h.io\":\"x\"}}", SP_DOCKER_CONFIG_FILE},
      {"{\"auths\":{\"h.io\":{\"auth\":5}}}", SP_DOCKER_CONFIG_FILE},
      {"{\"auths\":{\"h.io\":{\"auth\":\"!!\"}}}", SP_DOCKER_CONFIG_FILE},
      {"{\"auths\":{\"h.io\":{\"auth\":\"YWxpY2U=\"}}}", SP_DOCKER_CONFIG_FILE}, /* no colon */
      {"{\"auths\":{\"h.io\":{\"auth\":\"OnB3\"}}}", SP_DOCKER_CONFIG_FILE},     /* no user */
      {"{\"auths\":{\"h.io\":{\"auth\":\"YQBiOmM=\"}}}", SP_DOCKER_CONFIG_FILE}, /* a\0b:c */
      {"{\"auths\":{\"h.io\":{\"identitytoken\":[]}}}", SP_DOCKER_CONFIG_FILE},
      {"{\"auths\":{},\"auths\":{}}", SP_DOCKER_CONFIG_FILE},
      {"{\"auths\":{}}{\"auths\":{}}", SP_DOCKER_CONFIG_VARIABLE},
      {"{\"auths\":{},\"credsStore\":\"x\"}", SP_DOCKER_CONFIG_VARIABLE},
      {"{\"auths\":{\"h.io\":{\"auth\":\"" ALICE "\",\"email\":\"x\"}}}",
       SP_DOCKER_CONFIG_VARIABLE},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_credential got = SP_CREDENTIAL_INIT;
    struct sp_err err = SP_ERR_INIT;
    bool found;
    if (sp_docker_config_find(sp_span_str(rows[i].text), rows[i].form, "h.io", &got, &found, NULL,
                              &err) == 0)
      fail_msg("accepted: %s", rows[i].text);
    assert_true(sp_credential_is_anonymous(&got));
    assert_null(strstr(err.msg, "s3cret"));
  }
}

static void test_tokens_and_helpers(void **state)
{
  (void)state;
  static const char text[] = "{\"auths\":{\"a.io\":{\"identitytoken\":\"idtok-1\"},\"b.io\":{"
                             "\"registrytoken\":\"regtok-1\"}},"
                             "\"credHelpers\":{\"b.io\":\"pass\"}}";
  struct sp_credential got = SP_CREDENTIAL_INIT;
  struct sp_err err = SP_ERR_INIT;
  bool found;
  bool helper;
  assert_int_equal(sp_docker_config_find(sp_span_str(text), SP_DOCKER_CONFIG_FILE, "a.io", &got,
                                         &found, &helper, &err),
                   0);
  assert_true(found && !helper);
  assert_true(sp_span_eq_str(sp_secret_reveal(&got.identity_token), "idtok-1"));
  sp_credential_clear(&got);
  assert_int_equal(sp_docker_config_find(sp_span_str(text), SP_DOCKER_CONFIG_FILE, "b.io", &got,
                                         &found, &helper, &err),
                   0);
  assert_true(found && helper);
  assert_true(sp_span_eq_str(sp_secret_reveal(&got.registry_token), "regtok-1"));
  sp_credential_clear(&got);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_finds),
      cmocka_unit_test(test_tokens_and_helpers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
