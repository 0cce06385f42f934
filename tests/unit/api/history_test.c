/* SPDX-License-Identifier: Apache-2.0 */
/* What a server sent is in the history as it came; the JSON document of it is one all the same. The
 * command itself is tested in tests/cli/test_cli_log.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <unistd.h>

#include "base/json.h"
#include "journal/runs.h"
#include "safeport/history.h"

#define HOSTILE "a\"b\\c\n\x1b[31m\xff\xfe \xe4\xbd\xa0"

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  (void)st;
  (void)flag;
  (void)ftw;
  return remove(path);
}

static int setup(void **state)
{
  (void)state;
  snprintf(dir, sizeof dir, "%s", "/tmp/safeport-history-XXXXXX");
  return mkdtemp(dir) && setenv("SAFEPORT_STATE", dir, 1) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
  (void)state;
  return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_hostile_run(void)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_err why = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = NULL;
  int64_t id;
  sp_fail(&why, SP_E_SERVER, HOSTILE);
  const struct sp_run_image image = {
      .image = HOSTILE, .place = HOSTILE, .result = HOSTILE, .why = &why};
  const struct sp_run_write write = {.kind = SP_WRITE_TAG,
                                     .at_s = INT64_MAX,
                                     .place = HOSTILE,
                                     .tag = HOSTILE,
                                     .size_bytes = UINT64_MAX};
  assert_int_equal(sp_journal_open(dir, SP_JOURNAL_WRITE, &journal, &err), 0);
  assert_int_equal(sp_runs_begin(journal, HOSTILE, HOSTILE, 1700000000, &id, &err), 0);
  assert_int_equal(sp_runs_tell_image(journal, id, &image, &err), 0);
  assert_int_equal(sp_runs_tell_write(journal, id, &write, &err), 0);
  assert_int_equal(sp_runs_end(journal, id, 4, 1700000001, &err), 0);
}

static void test_json_of_hostile_text(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_history *history;
  SP_AUTO_FREE char *text = NULL;
  SP_AUTO_JSON json_t *doc = NULL;
  make_hostile_run();
  assert_int_equal(sp_history_read(NULL, 1, 0, &history, &err), 0);
  assert_int_equal(history->run_count, 1);
  assert_int_equal(history->runs[0].images_known, 1);
  assert_int_equal(history->runs[0].writes_known, 1);
  assert_string_equal(history->runs[0].images[0].place, HOSTILE);
  assert_int_equal(history->runs[0].images[0].err.code, SP_E_SERVER);
  assert_int_equal(sp_history_format_json(history, &text, &err), 0);
  sp_history_free(history);
  assert_int_equal(sp_json_parse(sp_span_str(text), &doc, &err), 0);
  const json_t *run = json_array_get(json_object_get(doc, "runs"), 0);
  const char *subject = NULL;
  assert_int_equal(sp_json_get_string(run, "subject", &subject, &err), 0);
  assert_non_null(strstr(subject, "\\xff\\xfe"));
}

static void test_list(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_history *history;
  make_hostile_run();
  make_hostile_run();
  assert_int_equal(sp_history_read(NULL, 0, 1, &history, &err), 0);
  assert_int_equal(history->run_count, 1);
  assert_int_equal(history->runs[0].id, 2);
  assert_false(history->has_details);
  sp_history_free(history);
  assert_int_equal(sp_history_read(NULL, 3, 0, &history, &err), -1);
  assert_int_equal(err.code, SP_E_NOT_FOUND);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_json_of_hostile_text, setup, teardown),
      cmocka_unit_test_setup_teardown(test_list, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
