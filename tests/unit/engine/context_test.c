/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/context.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/file.h"
#include "oci/digest.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static char folder[] = "/tmp/sp-context-XXXXXX";

/* -- meta.json */

#define META(host) "{\"Name\":\"far\",\"Metadata\":{},\"Endpoints\":{\"docker\":{" host "}}}"

static const struct {
  const char *text;
  const char *address; /* NULL: refused */
} metas[] = {
    {"", NULL},
    {"[]", NULL},
    {"null", NULL},
    {"{}", NULL},
    {"{\"Name\":\"far\"}", NULL},
    {"{\"Name\":\"far\",\"Endpoints\":[]}", NULL},
    {"{\"Name\":\"far\",\"Endpoints\":{\"docker\":\"unix:///x\"}}", NULL},
    {"{\"Name\":\"far\",\"Endpoints\":{\"kubernetes\":{\"Host\":\"unix:///x\"}}}", NULL},
    {META(""), NULL},
    {META("\"Host\":\"\""), NULL},
    {META("\"Host\":7"), NULL},
    {META("\"Host\":null"), NULL},
    {META("\"Host\":\"unix:///x\",\"Host\":\"tcp://evil\""), NULL},
    {META("\"Host\":\"unix:///\\u0000x\""), NULL},
    {META("\"Host\":\"unix:///x\",\"SkipTLSVerify\":true"), NULL},
    {"{\"Name\":\"other\",\"Endpoints\":{\"docker\":{\"Host\":\"unix:///x\"}}}", NULL},
    {"{\"Name\":7,\"Endpoints\":{\"docker\":{\"Host\":\"unix:///x\"}}}", NULL},
    {META("\"Host\":\"unix:///x\"") "x", NULL},
    {META("\"Host\":\"unix:///x\""), "unix:///x"},
    {META("\"Host\":\"tcp://h:1\",\"SkipTLSVerify\":false"), "tcp://h:1"},
};

static void test_parse(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(metas); i++) {
    struct sp_context context = {.name = "far"};
    struct sp_err err = SP_ERR_INIT;
    int rc = sp_context_parse(sp_span_str(metas[i].text), &context, &err);
    if ((rc == 0) != (metas[i].address != NULL))
      fail_msg("%s: %d %s", metas[i].text, rc, err.msg);
    if (rc == 0)
      assert_string_equal(context.address, metas[i].address);
    else
      assert_int_equal(err.code, SP_E_INVALID);
  }
}

static void test_long_address(void **state)
{
  (void)state;
  char text[2 * SP_ENDPOINT_FILE_MAX];
  struct sp_context context = {.name = "far"};
  struct sp_err err = SP_ERR_INIT;
  snprintf(text, sizeof text, META("\"Host\":\"unix:///%0*d\""), SP_ENDPOINT_FILE_MAX, 7);
  assert_int_equal(sp_context_parse(sp_span_str(text), &context, &err), -1);
  assert_int_equal(err.code, SP_E_INVALID);
}

/* -- docker's folder */

static void write_file(const char *name, const char *text)
{
  struct sp_err err = SP_ERR_INIT;
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (sp_file_replace(AT_FDCWD, path, 0600, sp_span_str(text), &err) < 0)
    fail_msg("%s", err.msg);
}

/* "contexts/<kind>/<hash of the name>", made. */
static void make_dir(const char *kind, const char *name, char out[256])
{
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  char hex[SP_DIGEST_HEX_MAX];
  char path[512];
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, name, strlen(name), &digest, &err), 0);
  sp_digest_format_hex(&digest, hex);
  snprintf(out, 256, "contexts/%s/%s", kind, hex);
  snprintf(path, sizeof path, "%s/%s/docker", folder, out);
  if (sp_file_make_dirs(AT_FDCWD, path, 0700, &err) < 0)
    fail_msg("%s", err.msg);
}

static void write_meta(const char *name, const char *text)
{
  char dir[256];
  char file[300];
  make_dir("meta", name, dir);
  snprintf(file, sizeof file, "%s/meta.json", dir);
  write_file(file, text);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *at)
{
  (void)facts, (void)kind, (void)at;
  return remove(path);
}

static int make_folder(void **state)
{
  (void)state;
  memset(folder + strlen(folder) - 6, 'X', 6);
  if (!mkdtemp(folder))
    return -1;
  return setenv("DOCKER_CONFIG", folder, 1);
}

static int remove_folder(void **state)
{
  (void)state;
  return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static enum sp_code find(const char *name, struct sp_context *out, bool *found)
{
  struct sp_err err = SP_ERR_INIT;
  return sp_context_find(name, out, found, &err) < 0 ? err.code : SP_OK;
}

static void test_no_context(void **state)
{
  (void)state;
  struct sp_context context;
  bool found = true;
  assert_int_equal(find(NULL, &context, &found), SP_OK);
  assert_false(found);
  write_file("config.json", "{\"auths\":{}}");
  assert_int_equal(find(NULL, &context, &found), SP_OK);
  assert_false(found);
  write_file("config.json", "{\"currentContext\":\"default\"}");
  assert_int_equal(find(NULL, &context, &found), SP_OK);
  assert_false(found);
  assert_int_equal(find("default", &context, &found), SP_OK);
  assert_false(found);
}

static void test_current_and_named(void **state)
{
  (void)state;
  struct sp_context context;
  bool found;
  char dir[256];
  write_meta("far", META("\"Host\":\"tcp://far:2376\""));
  write_meta("near", "{\"Name\":\"near\",\"Endpoints\":{\"docker\":{\"Host\":\"unix:///n\"}}}");
  write_file("config.json", "{\"currentContext\":\"far\"}");
  make_dir("tls", "far", dir);
  assert_int_equal(find(NULL, &context, &found), SP_OK);
  assert_true(found);
  assert_string_equal(context.address, "tcp://far:2376");
  assert_non_null(strstr(context.tls_dir, dir));
  assert_int_equal(find("near", &context, &found), SP_OK);
  assert_string_equal(context.address, "unix:///n");
  assert_string_equal(context.tls_dir, "");
}

static void test_wrong_names(void **state)
{
  (void)state;
  static const char *const names[] = {"absent", "a", "../x", "-x", "a b", "x/y", ".x", "\x1b[2J"};
  struct sp_context context;
  bool found;
  for (size_t i = 0; i < COUNT(names); i++)
    assert_int_equal(find(names[i], &context, &found), SP_E_USAGE);
}

static void test_wrong_files(void **state)
{
  (void)state;
  struct sp_context context;
  bool found;
  write_file("config.json", "{\"currentContext\":7}");
  assert_int_equal(find(NULL, &context, &found), SP_E_INVALID);
  write_file("config.json", "{");
  assert_int_equal(find(NULL, &context, &found), SP_E_INVALID);
  write_meta("far", "{\"Name\":\"near\",\"Endpoints\":{\"docker\":{\"Host\":\"unix:///n\"}}}");
  assert_int_equal(find("far", &context, &found), SP_E_INVALID);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse),
      cmocka_unit_test(test_long_address),
      cmocka_unit_test_setup_teardown(test_no_context, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_current_and_named, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_wrong_names, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_wrong_files, make_folder, remove_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
