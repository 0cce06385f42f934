/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the file: what others wrote stays, also when they write at the same moment. With
 * real registries, helpers and processes: tests/system/test_login.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/credential_store.h"

#include <fcntl.h>
#include <pthread.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "registry/auth_file.h"
#include "scratch.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ENTRY "{\n\t\t\t\"auth\": \"YWxpY2U6czNjcmV0\"\n\t\t}" /* alice:s3cret */

static void write_text(const char *text)
{
  struct sp_err err = SP_ERR_INIT;
  if (sp_file_replace(AT_FDCWD, scratch_path("auth.json"), 0644, sp_span_str(text), &err) < 0)
    fail_msg("%s", err.msg);
}

static void expect_text(const char *text)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf got;
  sp_buf_init(&got, SP_MAX_CONFIG_FILE_BYTES);
  assert_int_equal(sp_file_read(AT_FDCWD, scratch_path("auth.json"), &got, &err), 0);
  assert_string_equal(sp_buf_str(&got), text);
}

/* After so many of our looks the file is another one. */
static int intrusions;

int __real_sp_auth_file_read(const char *path, struct sp_buf *out, bool *found, struct sp_err *err);
int __wrap_sp_auth_file_read(const char *path, struct sp_buf *out, bool *found, struct sp_err *err);

int __wrap_sp_auth_file_read(const char *path, struct sp_buf *out, bool *found, struct sp_err *err)
{
  int rc = __real_sp_auth_file_read(path, out, found, err);
  if (intrusions > 0) {
    char text[32];
    snprintf(text, sizeof text, "{\"n\":%d}", intrusions--);
    write_text(text);
  }
  return rc;
}

static int store(const char *host, struct sp_err *err)
{
  const struct sp_credential_store where = {.host = host, .auth_file = scratch_path("auth.json")};
  SP_AUTO_CREDENTIAL struct sp_credential alice = {.user = "alice"};
  SP_AUTO_CREDENTIAL_SPOT struct sp_credential_spot spot = SP_CREDENTIAL_SPOT_INIT;
  if (sp_secret_set(&alice.password, SP_SPAN_LIT("s3cret"), err) < 0)
    return -1;
  return sp_credential_store(&where, &alice, &spot, err);
}

static int erase(const char *host, bool *was_there, struct sp_err *err)
{
  const struct sp_credential_store where = {.host = host, .auth_file = scratch_path("auth.json")};
  SP_AUTO_CREDENTIAL_SPOT struct sp_credential_spot spot = SP_CREDENTIAL_SPOT_INIT;
  return sp_credential_erase(&where, &spot, was_there, err);
}

static void test_store(void **state)
{
  (void)state;
  static const struct {
    const char *host, *before, *after;
  } rows[] = {
      {"h.io", "", "{\n\t\"auths\": {\n\t\t\"h.io\": " ENTRY "\n\t}\n}\n"},
      /* a broken entry is what login repairs */
      {"h.io", "{\"auths\":{\"h.io\":{\"auth\":\"x\",\"identitytoken\":\"y\"}}}",
       "{\"auths\":{\"h.io\":" ENTRY "}}"},
      /* other names of the host go, what only looks like them stays */
      {"h.io",
       "{\"auths\":{\"https://h.io/v1/\":{},\"h.io/ns\":{\"auth\":\"x\"},\"H.io\":{\"auth\":\"x\"},"
       "\"x.h.io\":{}}}",
       "{\"auths\":{\"h.io/ns\":{\"auth\":\"x\"},\"x.h.io\":{},\"h.io\": " ENTRY "}}"},
      {"docker.io", "{\"auths\":{\"docker.io\":{\"auth\":\"x\"},\"index.docker.io\":{}}}",
       "{\"auths\":{\n\t\t\"https://index.docker.io/v1/\": " ENTRY "\n\t}}"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_err err = SP_ERR_INIT;
    write_text(rows[i].before);
    if (store(rows[i].host, &err) < 0)
      fail_msg("%s: %s", rows[i].before, err.msg);
    expect_text(rows[i].after);
    struct stat facts;
    assert_int_equal(stat(scratch_path("auth.json"), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
  }
}

static void test_erase(void **state)
{
  (void)state;
  static const struct {
    const char *before, *after;
    bool was_there;
  } rows[] = {
      {"", "", false},
      {"{}", "{}", false},
      {"{\"auths\":{\"x.h.io\":{\"auth\":\"x\"},\"h.io/ns\":{\"auth\":\"x\"}}}",
       "{\"auths\":{\"x.h.io\":{\"auth\":\"x\"},\"h.io/ns\":{\"auth\":\"x\"}}}", false},
      {"{\"auths\":{\"h.io\":{}, \"y\":{}}}", "{\"auths\":{\"y\":{}}}", false}, /* a marker */
      {"{\"auths\":{\"https://h.io\":{\"auth\":\"x\"},\"y\":{},\"h.io\":{\"auth\":\"x\"}} }",
       "{\"auths\":{\"y\":{}} }", true},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_err err = SP_ERR_INIT;
    bool was_there;
    write_text(rows[i].before);
    if (erase("h.io", &was_there, &err) < 0)
      fail_msg("%s: %s", rows[i].before, err.msg);
    expect_text(rows[i].after);
    assert_true(was_there == rows[i].was_there);
  }
}

/* Threads are as good as processes here: each has a descriptor of its own. */
static void *store_many(void *arg)
{
  const char *name = arg;
  for (int i = 0; i < 25; i++) {
    char host[32];
    snprintf(host, sizeof host, "%s%d.io", name, i);
    struct sp_err err = SP_ERR_INIT;
    if (store(host, &err) < 0)
      return strdup(err.msg);
  }
  return NULL;
}

static void test_two_at_once(void **state)
{
  (void)state;
  write_text("{}");
  pthread_t threads[4];
  char names[4][2] = {"a", "b", "c", "d"};
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, store_many, names[i]), 0);
  for (size_t i = 0; i < 4; i++) {
    void *complaint;
    pthread_join(threads[i], &complaint);
    assert_null(complaint);
  }
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_CONFIG_FILE_BYTES);
  assert_int_equal(sp_file_read(AT_FDCWD, scratch_path("auth.json"), &text, &err), 0);
  SP_AUTO_JSON json_t *doc = NULL;
  assert_int_equal(sp_json_parse(sp_buf_span(&text), &doc, &err), 0);
  assert_int_equal(json_object_size(json_object_get(doc, "auths")), 100);
}

/* Somebody without a lock, docker say, is quicker: what it wrote after we had read is built upon.
 */
static void test_beside_one_without_lock(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  write_text("{\"n\":0}");
  intrusions = 5; /* the first look is for the helper, the others are tries */
  if (store("h.io", &err) < 0)
    fail_msg("%s", err.msg);
  assert_int_equal(intrusions, 0);
  expect_text("{\"n\":1,\"auths\": {\n\t\t\"h.io\": " ENTRY "\n\t}}");
  /* one that never ends */
  intrusions = 1000;
  assert_int_equal(store("g.io", &err), -1);
  assert_int_equal(err.code, SP_E_LOCKED);
  intrusions = 0;
  bool was_there;
  assert_int_equal(erase("g.io", &was_there, &err), 0);
  assert_false(was_there);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_store),
      cmocka_unit_test(test_erase),
      cmocka_unit_test(test_two_at_once),
      cmocka_unit_test(test_beside_one_without_lock),
  };
  return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
