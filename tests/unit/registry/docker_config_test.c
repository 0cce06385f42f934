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

#define TEN "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

struct row {
  const char *text, *host;
  enum sp_docker_config_form form; /* of a variable, or of a file */
  const char *user, *password;     /* NULL user: not found */
};

static void find(const char *text, enum sp_docker_config_form form, const char *host,
                 const char *repository, struct sp_docker_entry *out)
{
  struct sp_err err = SP_ERR_INIT;
  if (sp_docker_config_find(sp_span_str(text), form, host, repository, out, &err) < 0)
    fail_msg("%s: %s", text, err.msg);
}

static void expect(const struct sp_credential *got, const char *user, const char *password,
                   const char *what)
{
  if (sp_credential_is_anonymous(got) != (user == NULL))
    fail_msg("%s: found '%s'", what, got->user);
  if (!user)
    return;
  assert_string_equal(got->user, user);
  assert_true(sp_span_eq_str(sp_secret_reveal(&got->password), password));
}

static void check(const struct row *row)
{
  SP_AUTO_DOCKER_ENTRY struct sp_docker_entry entry = SP_DOCKER_ENTRY_INIT;
  find(row->text, row->form, row->host, NULL, &entry);
  expect(&entry.credential, row->user, row->password, row->text);
  assert_string_equal(entry.helper, "");
  assert_false(entry.has_namespaces);
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
      /* docker's name beats the exact one, that beats others of the host, wherever they stand */
      {"{\"auths\":{\"docker.io\":{\"auth\":\"Yjpj\"},\"https://index.docker.io/v1/"
       "\":{\"auth\":\"" ALICE "\"}}}",
       "docker.io", SP_DOCKER_CONFIG_FILE, "alice", "s3cret"},
      {"{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"" ALICE
       "\"},\"docker.io\":{\"auth\":\"Yjpj\"}}}",
       "docker.io", SP_DOCKER_CONFIG_FILE, "alice", "s3cret"},
      /* a marker says nothing, and hides nothing */
      {"{\"auths\":{\"https://index.docker.io/v1/\":{},\"docker.io\":{\"auth\":\"" ALICE "\"}}}",
       "docker.io", SP_DOCKER_CONFIG_FILE, "alice", "s3cret"},
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
      {"{\"credsStore\":5}", SP_DOCKER_CONFIG_FILE},
      {"{\"credHelpers\":[]}", SP_DOCKER_CONFIG_FILE},
      {"{\"credHelpers\":{\"h.io\":[\"s3cret\"]}}", SP_DOCKER_CONFIG_FILE},
      {"{\"credsStore\":\"" HUNDRED HUNDRED "\"}", SP_DOCKER_CONFIG_FILE},
      {"{\"auths\":{}}{\"auths\":{}}", SP_DOCKER_CONFIG_VARIABLE},
      {"{\"auths\":{},\"credsStore\":\"x\"}", SP_DOCKER_CONFIG_VARIABLE},
      {"{\"auths\":{\"h.io\":{\"auth\":\"" ALICE "\",\"email\":\"x\"}}}",
       SP_DOCKER_CONFIG_VARIABLE},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_docker_entry got = SP_DOCKER_ENTRY_INIT;
    struct sp_err err = SP_ERR_INIT;
    if (sp_docker_config_find(sp_span_str(rows[i].text), rows[i].form, "h.io", NULL, &got, &err) ==
        0)
      fail_msg("accepted: %s", rows[i].text);
    assert_true(sp_credential_is_anonymous(&got.credential));
    assert_null(strstr(err.msg, "s3cret"));
  }
}

static void test_tokens(void **state)
{
  (void)state;
  static const char text[] = "{\"auths\":{\"a.io\":{\"identitytoken\":\"idtok-1\"},\"b.io\":{"
                             "\"registrytoken\":\"regtok-1\"}}}";
  struct sp_docker_entry entry = SP_DOCKER_ENTRY_INIT;
  find(text, SP_DOCKER_CONFIG_FILE, "a.io", NULL, &entry);
  assert_true(sp_span_eq_str(sp_secret_reveal(&entry.credential.identity_token), "idtok-1"));
  sp_docker_entry_clear(&entry);
  find(text, SP_DOCKER_CONFIG_FILE, "b.io", NULL, &entry);
  assert_true(sp_span_eq_str(sp_secret_reveal(&entry.credential.registry_token), "regtok-1"));
  sp_docker_entry_clear(&entry);
}

static void test_helpers(void **state)
{
  (void)state;
  static const char own[] = "{\"credHelpers\":{\"b.io\":\"pass\",\"c.io\":\"\","
                            "\"index.docker.io\":\"hub\"},\"credsStore\":\"store\"}";
  static const struct {
    const char *text, *host, *helper;
  } rows[] = {
      {"{}", "b.io", ""},
      {"{\"credsStore\":\"\"}", "b.io", ""},
      {"{\"credsStore\":null,\"credHelpers\":null}", "b.io", ""},
      {"{\"credsStore\":\"store\"}", "b.io", "store"},
      {own, "b.io", "pass"},
      {own, "c.io", ""}, /* this one is kept in the file, whatever credsStore says */
      {own, "a.b.io", "store"},
      {own, "b.io:443", "store"},
      {own, "docker.io", "hub"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_docker_entry entry = SP_DOCKER_ENTRY_INIT;
    find(rows[i].text, SP_DOCKER_CONFIG_FILE, rows[i].host, "ns/x", &entry);
    if (strcmp(entry.helper, rows[i].helper) != 0)
      fail_msg("%s for %s: '%s'", rows[i].text, rows[i].host, entry.helper);
    sp_docker_entry_clear(&entry);
  }
}

/* podman's auth.json: the longest namespace wins, wherever it stands. */
static void test_namespaces(void **state)
{
  (void)state;
  static const char text[] =
      "{\"auths\":{\"h.io/ns/user/image\":{\"auth\":\"aTpp\"},\"h.io\":{\"auth\":\"aDpo\"},"
      "\"h.io/ns\":{\"auth\":\"bjpu\"},\"h.io/ns/user\":{\"auth\":\"dTp1\"},\"g.io\":{\"auth\":"
      "\"Zzpn\"},\"p.io/ns\":{\"auth\":\"cDpw\"}}}";
  static const struct {
    const char *host, *repository, *user;
    bool tells_apart;
  } rows[] = {
      {"h.io", "ns/user/image", "i", true},
      {"h.io", "ns/user/image2", "u", true},
      {"h.io", "ns/user", "u", true},
      {"h.io", "ns/users", "n", true},
      {"h.io", "nsx", "h", true},
      {"h.io", NULL, "h", true},
      {"h.io", "", "h", true},
      {"g.io", "ns/user", "g", false},
      {"p.io", "ns/x", "p", true},
      {"p.io", "other", NULL, true},
      {"p.io", NULL, NULL, true},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_docker_entry entry = SP_DOCKER_ENTRY_INIT;
    find(text, SP_DOCKER_CONFIG_FILE, rows[i].host, rows[i].repository, &entry);
    expect(&entry.credential, rows[i].user, rows[i].user, rows[i].repository);
    assert_true(entry.has_namespaces == rows[i].tells_apart);
    sp_docker_entry_clear(&entry);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),    cmocka_unit_test(test_finds),
      cmocka_unit_test(test_tokens),     cmocka_unit_test(test_helpers),
      cmocka_unit_test(test_namespaces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
