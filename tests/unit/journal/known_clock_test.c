/* SPDX-License-Identifier: Apache-2.0 */
/* Damage and proofs: what ends what, also where a clock was wrong. */
#include "base/clock.h"
#include "journal/known.h"
#include "scratch.h"

#define PLACE "ghcr.io/acme/app"

static long clock_ahead_s;
int64_t __real_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void)
{
  return __real_sp_clock_wall_s() + clock_ahead_s;
}

static void see_damage(long ahead_s, const struct sp_digest *digest)
{
  struct sp_err err = SP_ERR_INIT;
  clock_ahead_s = ahead_s;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  must(sp_known_tell_damage(journal, PLACE, digest, true, &err), &err);
  sp_journal_close(journal);
  clock_ahead_s = 0;
}

/* As a run does: what is known is read, then something is proven. */
static void prove(const struct sp_digest *digest, int64_t read_s)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  SP_AUTO_KNOWN struct sp_known known;
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  const struct sp_known_digest proof = {.digest = *digest, .read_s = read_s};
  must(sp_known_tell_digest(journal, PLACE, &proof, &err), &err);
}

static bool is_damaged(const struct sp_digest *digest)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_READ);
  SP_AUTO_KNOWN struct sp_known known;
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  const struct sp_known_digest *copy = sp_known_find_digest(&known, digest);
  assert_non_null(copy);
  assert_true(sp_known_needs_read(copy) == (copy->read_s == 0));
  return sp_known_needs_read(copy);
}

/* F25: it stands until it is disproved after that, whatever the dates say. */
static void test_damage_stands(void **state)
{
  (void)state;
  static const long ahead_s[] = {1, 3600, 86340, 2 * 86400L, 10 * 365 * 86400L, -3600, -86400L};
  for (unsigned i = 0; i < sizeof ahead_s / sizeof ahead_s[0]; i++) {
    struct sp_digest digest = digest_of(i);
    int64_t now_s = sp_clock_wall_s();
    prove(&digest, now_s - 60);
    assert_false(is_damaged(&digest));
    see_damage(ahead_s[i], &digest);
    if (!is_damaged(&digest))
      fail_msg("%ld: forgotten", ahead_s[i]);
    prove(&digest, now_s - 61); /* from a record, or another process */
    if (!is_damaged(&digest))
      fail_msg("%ld: ended by an older proof", ahead_s[i]);
    prove(&digest, sp_clock_wall_s());
    if (is_damaged(&digest))
      fail_msg("%ld: not ended by a proof", ahead_s[i]);
  }
}

static void check_dates(const struct sp_digest *digest, int64_t touched_s, int64_t read_s,
                        int64_t blob_read_s)
{
  struct sp_err err = SP_ERR_INIT;
  int64_t blob_s;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  SP_AUTO_KNOWN struct sp_known known;
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  const struct sp_known_digest *copy = sp_known_find_digest(&known, digest);
  assert_non_null(copy);
  assert_int_equal(copy->touched_s, touched_s);
  assert_int_equal(copy->read_s, read_s);
  assert_int_equal(copy->referrers_s, read_s);
  must(sp_known_read_blobs(journal, PLACE, digest, 1, &blob_s, &err), &err);
  assert_int_equal(blob_s, blob_read_s);
}

static void tell_all(const struct sp_digest *digest, int64_t at_s)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  const struct sp_known_digest proof = {
      .digest = *digest, .read_s = at_s, .touched_s = at_s, .referrers_s = at_s};
  must(sp_known_tell_digest(journal, PLACE, &proof, &err), &err);
  must(sp_known_tell_blob(journal, PLACE, digest, at_s, &err), &err);
}

/* F25: however little: what lies ahead is no proof, and the next one takes its place. */
static void test_a_proof_that_lies_ahead_is_none(void **state)
{
  (void)state;
  static const long ahead_s[] = {60, 3600, 86000, 86400, 40 * 86400L};
  for (unsigned i = 0; i < sizeof ahead_s / sizeof ahead_s[0]; i++) {
    struct sp_digest digest = digest_of(i);
    int64_t now_s = sp_clock_wall_s();
    clock_ahead_s = ahead_s[i];
    int64_t then_s = sp_clock_wall_s();
    tell_all(&digest, then_s);
    check_dates(&digest, then_s, then_s, then_s);
    clock_ahead_s = 0;
    check_dates(&digest, 0, 0, 0);
    tell_all(&digest, now_s);
    check_dates(&digest, now_s, now_s, now_s);
    clock_ahead_s = 2 * ahead_s[i]; /* it does not come true */
    check_dates(&digest, now_s, now_s, now_s);
    clock_ahead_s = 0;
    assert_true(sp_known_is_proof_date(now_s + 1, now_s)); /* (sp_rot_date_proof) */
    assert_false(sp_known_is_proof_date(now_s + 2, now_s) || sp_known_is_proof_date(0, now_s));
  }
}

/* "touched 5, read 3", "damaged 9 (read)", "-": what is known of a copy, as text. */
static const char *copy_text(const struct sp_known_digest *copy)
{
  static char text[64];
  if (!copy || (!copy->touched_s && !copy->read_s && !copy->damaged_s))
    return "-";
  if (sp_known_is_damaged(copy))
    snprintf(text, sizeof text, "damaged%s%s", sp_known_needs_read(copy) ? " (read)" : "",
             copy->touched_s || copy->read_s ? ", and proven" : "");
  else
    snprintf(text, sizeof text, "touched %lld, read %lld", (long long)copy->touched_s,
             (long long)copy->read_s);
  return text;
}

static void test_only_a_proof_that_can_see_it_ends_damage(void **state)
{
  (void)state;
  static const struct {
    struct sp_known_digest into, from;
    const char *want;
  } cases[] = {
      /* wrong bytes: a touch says nothing, however late */
      {{.damaged_s = 10, .needs_read = true}, {.touched_s = 99}, "damaged (read)"},
      {{.touched_s = 99}, {.damaged_s = 10, .needs_read = true}, "damaged (read)"},
      {{.damaged_s = 10, .needs_read = true}, {.touched_s = 99, .read_s = 9}, "damaged (read)"},
      {{.touched_s = 99, .read_s = 9}, {.damaged_s = 10, .needs_read = true}, "damaged (read)"},
      {{.damaged_s = 10, .needs_read = true}, {.read_s = 11}, "touched 11, read 11"},
      {{.read_s = 11}, {.damaged_s = 10, .needs_read = true}, "touched 11, read 11"},
      {{.damaged_s = 10, .needs_read = true}, {.read_s = 10}, "touched 10, read 10"},
      /* something missing: whoever looks sees it */
      {{.damaged_s = 10}, {.touched_s = 9}, "damaged"},
      {{.damaged_s = 10}, {.touched_s = 11}, "touched 11, read 0"},
      {{.touched_s = 11, .read_s = 3}, {.damaged_s = 10}, "touched 11, read 3"},
      {{.damaged_s = 10}, {.read_s = 11}, "touched 11, read 11"},
      /* both */
      {{.damaged_s = 10, .needs_read = true}, {.damaged_s = 20}, "damaged (read)"},
      {{.damaged_s = 20}, {.damaged_s = 10, .needs_read = true}, "damaged (read)"},
      {{.damaged_s = 20},
       {.damaged_s = 10, .needs_read = true, .first_seen_s = 1},
       "damaged (read)"},
      {{.damaged_s = 20}, {.damaged_s = 10}, "damaged"},
      {{.damaged_s = 10}, {.first_seen_s = 99, .referrers_s = 99}, "damaged"},
      {{.first_seen_s = 1}, {.referrers_s = 1}, "-"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sp_known_digest merged = cases[i].into;
    sp_known_merge(&merged, &cases[i].from);
    if (strcmp(copy_text(&merged), cases[i].want) != 0)
      fail_msg("case %zu: %s", i, copy_text(&merged));
  }
  const struct sp_known_digest unknown = {0};
  assert_false(sp_known_is_damaged(NULL) || sp_known_is_damaged(&unknown));
  assert_false(sp_known_needs_read(NULL) || sp_known_needs_read(&unknown));
}

static const char *copy_at(struct sp_journal *journal, const struct sp_digest *digest)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_KNOWN struct sp_known known;
  journal_flush_well(journal);
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  return copy_text(sp_known_find_digest(&known, digest));
}

/* By a clock that is some seconds ahead. */
static void tell_later(struct sp_journal *journal, const struct sp_known_digest *proof)
{
  struct sp_err err = SP_ERR_INIT;
  clock_ahead_s = 10;
  must(sp_known_tell_digest(journal, PLACE, proof, &err), &err);
  journal_flush_well(journal);
  clock_ahead_s = 0;
}

/* Facts of one second, in the order in which they are told. */
static void test_damage_stays_known(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  int64_t now_s = sp_clock_wall_s();
  struct sp_digest digest = digest_of(1);
  const struct sp_known_digest touch = {.digest = digest, .touched_s = now_s + 5};
  const struct sp_known_digest old = {.digest = digest, .read_s = now_s - 5};
  const struct sp_known_digest read = {.digest = digest, .read_s = now_s + 5};
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  tell_later(journal, &read);
  must(sp_known_tell_damage(journal, PLACE, &digest, true, &err), &err);
  assert_string_equal(copy_at(journal, &digest), "damaged (read)");
  tell_later(journal, &touch);
  must(sp_known_tell_digest(journal, PLACE, &old, &err), &err); /* an old record's */
  must(sp_known_tell_tag(journal, PLACE, "latest", &digest, now_s, &err), &err);
  assert_string_equal(copy_at(journal, &digest), "damaged (read)");
  must(sp_known_tell_damage(journal, PLACE, &digest, false, &err), &err);
  sp_journal_close(sp_steal(&journal));
  journal = journal_open_well(SP_JOURNAL_WRITE);
  assert_string_equal(copy_at(journal, &digest), "damaged (read)");
  tell_later(journal, &read);
  assert_string_not_equal(copy_at(journal, &digest), "damaged (read)");
  must(sp_known_tell_damage(journal, PLACE, &digest, false, &err), &err);
  assert_string_equal(copy_at(journal, &digest), "damaged");
  tell_later(journal, &touch);
  assert_string_not_equal(copy_at(journal, &digest), "damaged");
  digest = digest_of(2); /* that nobody has ever seen: a primary's, or a fresh host's */
  must(sp_known_tell_damage(journal, PLACE, &digest, true, &err), &err);
  assert_string_equal(copy_at(journal, &digest), "damaged (read)");
}

static void see_tag(struct sp_journal *journal, const char *tag, unsigned n, long ahead_s)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_digest digest = digest_of(n);
  clock_ahead_s = ahead_s;
  must(sp_known_tell_tag(journal, PLACE, tag, &digest, sp_clock_wall_s(), &err), &err);
  journal_flush_well(journal);
  clock_ahead_s = 0;
}

/* What the tag is known to have named at a time. */
static void check_tag(struct sp_journal *journal, const char *name, int64_t at_s, unsigned n,
                      bool is_undated, bool has_end)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_digest digest = digest_of(n);
  SP_AUTO_KNOWN struct sp_known known;
  must(sp_known_read(journal, PLACE, at_s, &known, &err), &err);
  const struct sp_known_tag *tag = sp_known_find_tag(&known, name);
  assert_non_null(tag);
  assert_true(sp_digest_eq(&tag->digest, &digest) && tag->since_s <= sp_clock_wall_s());
  assert_int_equal(tag->is_undated, is_undated);
  assert_int_equal(tag->left_s > 0, has_end);
}

/* Whichever clock is wrong: what was seen last is what it names, nobody knows since when. */
static void test_a_tag_that_was_seen_by_wrong_clocks(void **state)
{
  (void)state;
  static const long off_s[] = {3600, 80000, -3600, -3 * 86400L};
  for (unsigned i = 0; i < sizeof off_s / sizeof off_s[0]; i++) {
    const char tag[] = {(char)('a' + i), '\0'};
    SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
    see_tag(journal, tag, 1, -40 * 86400L);
    see_tag(journal, tag, 2, -30 * 86400L);
    see_tag(journal, tag, 3, -60);
    see_tag(journal, tag, 4, off_s[i]);
    check_tag(journal, tag, SP_KNOWN_NOW, 4, true, false);
    see_tag(journal, tag, 5, 0);
    check_tag(journal, tag, SP_KNOWN_NOW, 5, off_s[i] > 0, false);
    see_tag(journal, tag, 5, 5);
    clock_ahead_s = 5;
    int64_t now_s = sp_clock_wall_s();
    check_tag(journal, tag, SP_KNOWN_NOW, 5, false, false);
    check_tag(journal, tag, now_s - 35 * 86400L, 1, false, true);
    check_tag(journal, tag, now_s - 29 * 86400L, 2, false, false);
    clock_ahead_s = 0;
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_damage_stands),
      TEST(test_a_tag_that_was_seen_by_wrong_clocks),
      TEST(test_only_a_proof_that_can_see_it_ends_damage),
      TEST(test_damage_stays_known),
      TEST(test_a_proof_that_lies_ahead_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
