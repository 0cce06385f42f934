/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/known.h"
#include "journal/rot.h"
#include "scratch.h"

#include "base/limits.h"

#define PLACE "ghcr.io/acme/app"
#define T 1700000000 /* long ago enough for every row of the tables */

static long clock_ahead_s;
int64_t __real_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void)
{
  return __real_sp_clock_wall_s() + clock_ahead_s;
}

/* n = 0: it is gone. */
static void tell(struct sp_journal *journal, const char *tag, unsigned n, int64_t at_s)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = digest_of(n);
  must(sp_known_tell_tag(journal, PLACE, tag, n ? &digest : NULL, at_s, &err), &err);
}

/* What is known of the tag now, or at a time, as text: "3@100", "3 gone@100", "-". */
static const char *known_at(struct sp_journal *journal, const char *tag, int64_t at_s)
{
  static char text[64];
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_KNOWN struct sp_known known;
  must(sp_known_read(journal, PLACE, at_s, &known, &err), &err);
  const struct sp_known_tag *found = sp_known_find_tag(&known, tag);
  if (!found)
    return "-";
  for (unsigned n = 1; n < 20; n++) {
    struct sp_digest digest = digest_of(n);
    if (sp_digest_eq(&digest, &found->digest)) {
      snprintf(text, sizeof text, "%u%s@%lld", n, found->is_gone ? " gone" : "",
               (long long)found->since_s - T);
      return text;
    }
  }
  return "unknown digest";
}

static void test_nothing_is_known(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  SP_AUTO_KNOWN struct sp_known known;
  struct sp_digest digest = digest_of(1);
  int64_t read_s = 5;
  struct sp_known_tag *states;
  size_t count = 9;
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  assert_int_equal(known.tag_count + known.digest_count, 0);
  assert_null(sp_known_find_tag(&known, "latest"));
  assert_null(sp_known_find_digest(&known, &digest));
  must(sp_known_read_blobs(journal, PLACE, &digest, 1, &read_s, &err), &err);
  assert_int_equal(read_s, 0);
  must(sp_known_history(journal, PLACE, "latest", 10, &states, &count, &err), &err);
  assert_int_equal(count, 0);
  sp_known_history_free(states, count);
}

static void test_facts_outlive_the_process(void **state)
{
  (void)state;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  tell(journal, "latest", 1, T);
  assert_string_equal(known_at(journal, "latest", SP_KNOWN_NOW), "-"); /* not flushed */
  journal_flush_well(journal);
  assert_string_equal(known_at(journal, "latest", SP_KNOWN_NOW), "1@0");
  tell(journal, "v1", 2, T);
  sp_journal_close(journal); /* flushes */
  journal = journal_open_well(SP_JOURNAL_READ);
  assert_string_equal(known_at(journal, "latest", SP_KNOWN_NOW), "1@0");
  assert_string_equal(known_at(journal, "v1", SP_KNOWN_NOW), "2@0");
  sp_journal_close(journal);
}

static int by_text(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is known below a prefix, as "a b/c". */
static const char *places(struct sp_journal *journal, const char *prefix)
{
  static char text[256];
  size_t len = 0;
  struct sp_err err = SP_ERR_INIT;
  SP_CLEANUP(sp_known_names_clear_auto_) struct sp_known_names names;
  must(sp_known_places(journal, prefix, &names, &err), &err);
  if (names.count > 0)
    qsort(names.items, names.count, sizeof *names.items, by_text);
  text[0] = '\0';
  for (size_t i = 0; i < names.count; i++)
    len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "", names.items[i]);
  return text;
}

static void test_places(void **state)
{
  (void)state;
  static const char *const told[] = {
      "ghcr.io/acme/app", "ghcr.io/acme/team/web",  "ghcr.io/acme",     "ghcr.io/acmes/app",
      "ghcr.io/acme/",    "vault:ghcr.io/acme/app", "ghcr.io/acme/app", "docker.io/acme/gone"};
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = digest_of(1);
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  assert_string_equal(places(journal, "ghcr.io/acme/"), "");
  for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
    must(sp_known_tell_tag(journal, told[i], "latest", &digest, T, &err), &err);
  must(sp_known_tell_tag(journal, "docker.io/acme/gone", "latest", NULL, T + 1, &err), &err);
  journal_flush_well(journal);
  assert_string_equal(places(journal, "ghcr.io/acme/"), "app team/web");
  assert_string_equal(places(journal, "ghcr.io/"), "acme acme/ acme/app acme/team/web acmes/app");
  assert_string_equal(places(journal, "docker.io/acme/"), "gone"); /* gone is known, too */
  assert_string_equal(places(journal, "quay.io/acme/"), "");
}

/* Facts as they are told, and the states that come of them, newest first. */
static void test_history(void **state)
{
  (void)state;
  static const struct {
    struct {
      unsigned digest;
      int at;
    } told[5];
    size_t count;
    const char *want;
  } rows[] = {
      {{{1, 10}}, 1, "1@10"},
      {{{1, 10}, {1, 20}}, 2, "1@10"},
      {{{1, 10}, {2, 20}}, 2, "2@20 1@10"},
      {{{1, 10}, {2, 20}, {1, 30}}, 3, "1@30 2@20 1@10"},
      {{{1, 10}, {2, 10}}, 2, "2@10"}, /* the last word counts */
      {{{0, 10}}, 1, ""},              /* never seen, not there: nothing */
      {{{1, 10}, {0, 20}}, 2, "1gone@20 1@10"},
      {{{1, 10}, {0, 20}, {0, 30}}, 3, "1gone@20 1@10"},
      {{{1, 10}, {0, 20}, {1, 30}}, 3, "1@30 1gone@20 1@10"},
      {{{1, 10}, {0, 20}, {2, 30}}, 3, "2@30 1gone@20 1@10"},
      /* older than what is known */
      {{{1, 20}, {1, 10}}, 2, "1@10"},
      {{{1, 20}, {2, 10}}, 2, "1@20 2@10"},
      {{{1, 20}, {0, 10}}, 2, "1@20"},
      {{{1, 10}, {3, 30}, {2, 20}}, 3, "3@30 2@20 1@10"},
      {{{1, 10}, {3, 30}, {3, 20}}, 3, "3@20 1@10"},
      {{{1, 10}, {3, 30}, {1, 20}}, 3, "3@30 1@10"},
  };
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    /* Each fact in a transaction of its own, and all in one. */
    for (int together = 0; together < 2; together++) {
      struct sp_err err = SP_ERR_INIT;
      struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
      char tag[32];
      char got[256] = "";
      struct sp_known_tag *states;
      size_t count;
      snprintf(tag, sizeof tag, "row-%zu-%d", r, together);
      for (size_t i = 0; i < rows[r].count; i++) {
        tell(journal, tag, rows[r].told[i].digest, T + rows[r].told[i].at);
        if (!together)
          journal_flush_well(journal);
      }
      journal_flush_well(journal);
      must(sp_known_history(journal, PLACE, tag, 10, &states, &count, &err), &err);
      for (size_t i = 0; i < count; i++) {
        unsigned n = 1;
        for (struct sp_digest d = digest_of(n); !sp_digest_eq(&d, &states[i].digest) && n < 9;)
          d = digest_of(++n);
        size_t len = strlen(got);
        snprintf(got + len, sizeof got - len, "%s%u%s@%d", i ? " " : "", n,
                 states[i].is_gone ? "gone" : "", (int)(states[i].since_s - T));
      }
      assert_string_equal(got, rows[r].want);
      sp_known_history_free(states, count);
      sp_journal_close(journal);
    }
  }
}

static void test_as_it_was(void **state)
{
  (void)state;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  tell(journal, "a", 1, T + 10);
  tell(journal, "a", 2, T + 20);
  tell(journal, "a", 0, T + 30);
  tell(journal, "b", 3, T + 25);
  journal_flush_well(journal);
  static const struct {
    int at;
    const char *a, *b;
  } rows[] = {
      {9, "-", "-"},     {10, "1@10", "-"},    {19, "1@10", "-"},
      {20, "2@20", "-"}, {25, "2@20", "3@25"}, {30, "2 gone@30", "3@25"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_string_equal(known_at(journal, "a", T + rows[i].at), rows[i].a);
    assert_string_equal(known_at(journal, "b", T + rows[i].at), rows[i].b);
  }
}

static void check_digest(struct sp_journal *journal, unsigned n, int first, int touched, int read,
                         int referrers)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = digest_of(n);
  SP_AUTO_KNOWN struct sp_known known;
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  const struct sp_known_digest *found = sp_known_find_digest(&known, &digest);
  assert_non_null(found);
  assert_int_equal(found->first_seen_s, first ? T + first : 0);
  assert_int_equal(found->touched_s, touched ? T + touched : 0);
  assert_int_equal(found->read_s, read ? T + read : 0);
  assert_int_equal(found->referrers_s, referrers ? T + referrers : 0);
}

static void tell_times(struct sp_journal *journal, unsigned n, int64_t first, int64_t touched,
                       int64_t read, int64_t referrers)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_known_digest facts = {.digest = digest_of(n),
                                        .first_seen_s = first,
                                        .touched_s = touched,
                                        .read_s = read,
                                        .referrers_s = referrers};
  must(sp_known_tell_digest(journal, PLACE, &facts, &err), &err);
  journal_flush_well(journal);
}

static void test_times_of_a_digest(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  tell(journal, "latest", 1, T + 50);
  journal_flush_well(journal);
  check_digest(journal, 1, 50, 0, 0, 0);
  tell_times(journal, 1, T + 60, T + 60, 0, 0);
  check_digest(journal, 1, 50, 60, 0, 0);
  tell_times(journal, 1, T + 40, 0, T + 70, T + 5);
  check_digest(journal, 1, 40, 70, 70, 5); /* who reads touches */
  tell_times(journal, 1, 0, T + 10, T + 20, T + 4);
  check_digest(journal, 1, 40, 70, 70, 5); /* older news is none */
  struct sp_digest digest = digest_of(1);
  must(sp_known_tell_damage(journal, PLACE, &digest, true, &err), &err);
  journal_flush_well(journal);
  check_digest(journal, 1, 40, 0, 0, 5);
}

/* -- damage */

static void test_places_do_not_mix(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  SP_AUTO_KNOWN struct sp_known known;
  struct sp_digest digest = digest_of(1);
  int64_t read_s;
  tell(journal, "latest", 1, T);
  must(sp_known_tell_blob(journal, PLACE, &digest, T, &err), &err);
  journal_flush_well(journal);
  must(sp_known_read(journal, PLACE "2", SP_KNOWN_NOW, &known, &err), &err);
  assert_int_equal(known.tag_count + known.digest_count, 0);
  must(sp_known_read_blobs(journal, PLACE "2", &digest, 1, &read_s, &err), &err);
  assert_int_equal(read_s, 0);
}

static void test_blobs(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  struct sp_digest digests[3] = {digest_of(1), digest_of(2), digest_of(7)};
  int64_t read_s[3];
  must(sp_known_tell_blob(journal, PLACE, &digests[0], T + 1, &err), &err);
  must(sp_known_tell_blob(journal, PLACE, &digests[2], T + 2, &err), &err);
  journal_flush_well(journal);
  must(sp_known_read_blobs(journal, PLACE, digests, 3, read_s, &err), &err);
  assert_int_equal(read_s[0], T + 1);
  assert_int_equal(read_s[1], 0);
  assert_int_equal(read_s[2], T + 2);
  must(sp_rot_tell_seen(journal, PLACE, &digests[2], T + 3, &err), &err);
  journal_flush_well(journal);
  must(sp_known_read_blobs(journal, PLACE, digests, 3, read_s, &err), &err);
  assert_int_equal(read_s[0], T + 1);
  assert_int_equal(read_s[2], 0);
}

/* What is no fact is not taken, and does no harm. */
static void test_no_facts(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  SP_AUTO_KNOWN struct sp_known known;
  int64_t now_s = sp_clock_wall_s();
  struct sp_digest digest = digest_of(1);
  const struct sp_known_digest none = {.first_seen_s = T};
  static const char *const bad_tags[] = {"", ".a", "a/b", "a b", "caf\xc3\xa9"};
  for (size_t i = 0; i < sizeof bad_tags / sizeof bad_tags[0]; i++)
    tell(journal, bad_tags[i], 1, T);
  tell(journal, "latest", 1, 0);
  tell(journal, "latest", 1, -5);
  tell(journal, "latest", 1, now_s + 2 * SP_DAY_S);
  tell(journal, "latest", 1, INT64_MAX);
  must(sp_known_tell_digest(journal, PLACE, &none, &err), &err);
  must(sp_known_tell_blob(journal, PLACE, &digest, INT64_MAX, &err), &err);
  tell_times(journal, 2, INT64_MAX, INT64_MIN, now_s + 2 * SP_DAY_S, -1);
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  assert_int_equal(known.tag_count, 0);
  for (size_t i = 0; i < known.digest_count; i++) {
    const struct sp_known_digest *d = &known.digests[i];
    assert_int_equal(d->first_seen_s | d->touched_s | d->read_s | d->referrers_s, 0);
  }
}

/* F25: facts of a run whose clock was ten years ahead are no facts when it is right again, and give
 * way to new ones. */
static void test_clock_was_ahead(void **state)
{
  (void)state;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  int64_t now_s = __real_sp_clock_wall_s();
  tell(journal, "latest", 1, T + 1);
  journal_flush_well(journal);
  clock_ahead_s = 10 * 365 * 86400L;
  tell(journal, "latest", 2, sp_clock_wall_s());
  tell_times(journal, 1, 0, sp_clock_wall_s(), sp_clock_wall_s(), 0);
  sp_journal_close(journal);
  clock_ahead_s = 0;

  journal = journal_open_well(SP_JOURNAL_WRITE);
  assert_string_equal(known_at(journal, "latest", SP_KNOWN_NOW), "1@1");
  check_digest(journal, 1, 1, 0, 0, 0);
  tell(journal, "latest", 3, now_s);
  tell_times(journal, 1, 0, T + 2, T + 2, 0);
  check_digest(journal, 1, 1, 2, 2, 0);
  clock_ahead_s = 11 * 365 * 86400L; /* and they do not come true */
  char want[32];
  snprintf(want, sizeof want, "3@%lld", (long long)(now_s - T));
  assert_string_equal(known_at(journal, "latest", SP_KNOWN_NOW), want);
  clock_ahead_s = 0;
  sp_journal_close(journal);
}

static void test_many(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  SP_AUTO_KNOWN struct sp_known known;
  char tag[32];
  for (unsigned n = 1; n <= 5000; n++) { /* more than SP_MAX_TOLD: a part is flushed by itself */
    snprintf(tag, sizeof tag, "t%u", n);
    tell(journal, tag, n, T);
  }
  journal_flush_well(journal);
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  assert_int_equal(known.tag_count, 5000);
  assert_int_equal(known.digest_count, 5000);
  for (unsigned n = 1; n <= 5000; n += 7) {
    struct sp_digest digest = digest_of(n);
    snprintf(tag, sizeof tag, "t%u", n);
    const struct sp_known_tag *found = sp_known_find_tag(&known, tag);
    assert_non_null(found);
    assert_true(sp_digest_eq(&found->digest, &digest));
    assert_non_null(sp_known_find_digest(&known, &digest));
  }
  assert_null(sp_known_find_tag(&known, "t0"));
}

struct teller {
  pthread_t thread;
  struct sp_journal *journal;
  int number;
};

static void *tell_many(void *ctx)
{
  struct teller *teller = ctx;
  char tag[32];
  for (int n = 0; n < 300; n++) {
    snprintf(tag, sizeof tag, "t%d-%d", teller->number, n);
    tell(teller->journal, tag, 1, T);
    if (n % 100 == 99)
      sp_journal_flush(teller->journal);
  }
  return NULL;
}

/* Workers tell while others read. */
static void test_threads(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  SP_AUTO_KNOWN struct sp_known known;
  struct teller tellers[4];
  (void)digest_of(1); /* kept by the fixture, which has no lock */
  for (int i = 0; i < 4; i++) {
    tellers[i] = (struct teller){.journal = journal, .number = i};
    assert_int_equal(pthread_create(&tellers[i].thread, NULL, tell_many, &tellers[i]), 0);
  }
  (void)known_at(journal, "t0-0", SP_KNOWN_NOW);
  for (int i = 0; i < 4; i++)
    pthread_join(tellers[i].thread, NULL);
  journal_flush_well(journal);
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  assert_int_equal(known.tag_count, 4 * 300);
}

static void test_a_tag_that_moves_forever(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  struct sp_known_tag *states;
  size_t count;
  for (unsigned n = 0; n < SP_MAX_KEPT_STATES + 50; n++)
    tell(journal, "latest", 1 + n % 2, T + n);
  journal_flush_well(journal);
  must(sp_known_history(journal, PLACE, "latest", SIZE_MAX, &states, &count, &err), &err);
  assert_int_equal(count, SP_MAX_KEPT_STATES);
  assert_int_equal(states[0].since_s, T + SP_MAX_KEPT_STATES + 49);
  sp_known_history_free(states, count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_nothing_is_known),
      TEST(test_facts_outlive_the_process),
      TEST(test_places),
      TEST(test_history),
      TEST(test_as_it_was),
      TEST(test_times_of_a_digest),
      TEST(test_places_do_not_mix),
      TEST(test_blobs),
      TEST(test_no_facts),
      TEST(test_clock_was_ahead),
      TEST(test_many),
      TEST(test_threads),
      TEST(test_a_tag_that_moves_forever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
