/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/uploads.h"
#include "scratch.h"

#include "base/limits.h"

#define PLACE "docker.io/u/app"

static long clock_ahead_s;
int64_t __real_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void)
{
  return __real_sp_clock_wall_s() + clock_ahead_s;
}

static void tell(struct sp_journal *journal, unsigned n, uint64_t offset, const char *location)
{
  struct sp_err err = SP_ERR_INIT;
  char text[64];
  snprintf(text, sizeof text, "%s", location);
  const struct sp_upload_session session = {.digest = digest_of(n),
                                            .size_bytes = 1000,
                                            .offset = offset,
                                            .location = text,
                                            .at_s = sp_clock_wall_s()};
  must(sp_uploads_tell(journal, PLACE, &session, &err), &err);
}

static size_t read_all(struct sp_journal *journal, struct sp_upload_session **out)
{
  struct sp_err err = SP_ERR_INIT;
  size_t count;
  must(sp_uploads_read(journal, PLACE, out, &count, &err), &err);
  return count;
}

static size_t count_of(struct sp_journal *journal)
{
  struct sp_upload_session *sessions;
  size_t count = read_all(journal, &sessions);
  sp_uploads_free(sessions, count);
  return count;
}

static void test_a_session(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  struct sp_upload_session *sessions;
  struct sp_digest digest = digest_of(1);
  tell(journal, 1, 10, "https://r.example/u/1?_state=a");
  tell(journal, 2, 20, "https://r.example/u/2");
  tell(journal, 1, 30, "https://r.example/u/1?_state=b");
  sp_journal_close(journal);
  journal = journal_open_well(SP_JOURNAL_WRITE);
  size_t count = read_all(journal, &sessions);
  assert_int_equal(count, 2);
  for (size_t i = 0; i < count; i++) {
    bool is_first = sp_digest_eq(&sessions[i].digest, &digest);
    assert_int_equal(sessions[i].offset, is_first ? 30 : 20);
    assert_int_equal(sessions[i].size_bytes, 1000);
    assert_string_equal(sessions[i].location,
                        is_first ? "https://r.example/u/1?_state=b" : "https://r.example/u/2");
  }
  sp_uploads_free(sessions, count);
  must(sp_uploads_forget(journal, PLACE, &digest, &err), &err);
  journal_flush_well(journal);
  assert_int_equal(count_of(journal), 1);
  clock_ahead_s = SP_KEEP_UPLOADS_S + 10;
  assert_int_equal(count_of(journal), 0);
  clock_ahead_s = 0;
  sp_journal_close(journal);
}

static void test_no_sessions(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  size_t long_len = SP_MAX_URL_BYTES + 1;
  SP_AUTO_FREE char *long_url = malloc(long_len + 1);
  assert_non_null(long_url);
  memset(long_url, 'u', long_len);
  long_url[long_len] = '\0';
  char url[] = "u";
  int64_t now_s = sp_clock_wall_s();
  const struct sp_upload_session rows[] = {
      {.digest = {0}, .size_bytes = 1, .location = url, .at_s = now_s},
      {.digest = digest_of(1), .size_bytes = 1, .offset = 2, .location = url, .at_s = now_s},
      {.digest = digest_of(1), .size_bytes = UINT64_MAX, .location = url, .at_s = now_s},
      {.digest = digest_of(1), .size_bytes = 1, .location = NULL, .at_s = now_s},
      {.digest = digest_of(1), .size_bytes = 1, .location = long_url, .at_s = now_s},
      {.digest = digest_of(1), .size_bytes = 1, .location = url, .at_s = 0},
      {.digest = digest_of(1), .size_bytes = 1, .location = url, .at_s = now_s + 3 * SP_DAY_S},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    must(sp_uploads_tell(journal, PLACE, &rows[i], &err), &err);
  journal_flush_well(journal);
  assert_int_equal(count_of(journal), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
  const struct CMUnitTest tests[] = {TEST(test_a_session), TEST(test_no_sessions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
