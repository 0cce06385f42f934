/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/rot.h"

#include "base/limits.h"
#include "journal/known.h"
#include "journal/rot_said.h"
#include "scratch.h"

#define APP "ghcr.io/acme/app"
#define WEB "ghcr.io/acme/web"
#define OTHER "ghcr.io/acme/other"
#define T 1700000000

static struct sp_journal *journal;

static int setup(void **state)
{
  if (scratch_make(state) < 0)
    return -1;
  journal = journal_open_well(SP_JOURNAL_WRITE);
  return 0;
}

static int teardown(void **state)
{
  sp_journal_close(journal);
  return scratch_remove(state);
}

static void see(const char *place, unsigned n, int64_t at_s)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_digest digest = digest_of(n);
  must(sp_rot_tell_seen(journal, place, &digest, T + at_s, &err), &err);
  journal_flush_well(journal);
}

static void hear(const char *place, unsigned n, int64_t seen_s, int64_t at_s)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_digest digest = digest_of(n);
  must(sp_rot_tell_said(journal, place, &digest, T + seen_s, T + at_s, &err), &err);
  journal_flush_well(journal);
}

static void read_good(const char *place, unsigned n, int64_t at_s)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_digest digest = digest_of(n);
  must(sp_known_tell_blob(journal, place, &digest, T + at_s, &err), &err);
  journal_flush_well(journal);
}

/* "here@10": the state of the digest at a place, and since when anything in doubt there is known.
 */
static const char *at(const char *place, unsigned n)
{
  static const char *const names[] = {
      [SP_ROT_NONE] = "none", [SP_ROT_DOUBT] = "doubt", [SP_ROT_HERE] = "here"};
  static char text[64];
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_ROT struct sp_rot rot = {0};
  const struct sp_digest digest = digest_of(n);
  must(sp_rot_read(journal, place, &rot, &err), &err);
  snprintf(text, sizeof text, "%s@%lld", names[sp_rot_state(&rot, &digest)],
           rot.known_s ? (long long)rot.known_s - T : -1);
  return text;
}

static void test_kept_by_place_and_asked_by_store(void **state)
{
  (void)state;
  assert_string_equal(at(APP, 1), "none@-1");
  see(APP, 1, 10);
  see(APP, 7, 20);
  assert_string_equal(at(APP, 1), "here@20");
  assert_string_equal(at(WEB, 1), "doubt@20");
  assert_string_equal(at(WEB, 2), "none@20");
  assert_string_equal(at("ghcr.io:5000/acme/app", 1), "none@-1");
  assert_string_equal(at("quay.io/acme/app", 1), "none@-1");
  see("vault:app", 3, 30);
  assert_string_equal(at("vault:ghcr.io/acme/web", 3), "doubt@30");
  assert_string_equal(at(APP, 3), "none@20");
  see("oci:dir/a", 4, 40);
  assert_string_equal(at("oci:dir/a", 4), "here@40");
  assert_string_equal(at("oci:dir/b", 4), "none@-1");
}

static void test_only_a_reading_there_ends_it(void **state)
{
  (void)state;
  see(APP, 1, 10);
  read_good(APP, 1, 9); /* an old one */
  assert_string_equal(at(APP, 1), "here@10");
  read_good(WEB, 1, 10); /* in the same second: who knows which came first */
  assert_string_equal(at(WEB, 1), "doubt@10");
  read_good(WEB, 1, 11);
  assert_string_equal(at(WEB, 1), "none@-1");
  assert_string_equal(at(APP, 1), "here@10");
  read_good(APP, 2, 20); /* another blob */
  assert_string_equal(at(APP, 1), "here@10");
  read_good(APP, 1, 20);
  assert_string_equal(at(APP, 1), "none@-1");
  see(APP, 1, 30); /* again */
  assert_string_equal(at(APP, 1), "here@30");
  assert_string_equal(at(WEB, 1), "doubt@30");
}

/* Seen again, or at another place that had it in mind, it outdates no more proofs than before. */
static void test_what_was_known_is_no_news(void **state)
{
  (void)state;
  see(APP, 1, 10);
  see(APP, 1, 50);
  assert_string_equal(at(APP, 1), "here@10");
  see(WEB, 1, 60);
  assert_string_equal(at(WEB, 1), "here@10");
  read_good(APP, 1, 70);
  assert_string_equal(at(APP, 1), "none@-1");
  assert_string_equal(at(WEB, 1), "here@10");
  see(APP, 1, 80); /* it was good in between: proofs of that time say nothing of it now */
  assert_string_equal(at(APP, 1), "here@80");
  assert_string_equal(at(WEB, 1), "here@80");
}

/* A disk that fails gives now one, now the other: what was proven since a good reading, at the
 * place that read, says nothing of what was seen after it. */
static void test_it_comes_back_after_a_good_reading_elsewhere(void **state)
{
  (void)state;
  see(APP, 1, 10);
  read_good(WEB, 1, 20);
  assert_string_equal(at(WEB, 1), "none@-1");
  assert_string_equal(at(OTHER, 1), "doubt@10");
  see(APP, 1, 30);
  assert_string_equal(at(WEB, 1), "doubt@30");
  assert_string_equal(at(OTHER, 1), "doubt@10"); /* nobody took it for good there */
  read_good(WEB, 1, 40);
  assert_string_equal(at(WEB, 1), "none@-1");
  hear(APP, 1, 50, 60);
  assert_string_equal(at(WEB, 1), "doubt@50");
}

static void test_what_others_say(void **state)
{
  (void)state;
  hear(APP, 1, 10, 100);
  assert_string_equal(at(APP, 1), "here@100"); /* nobody here had it in mind before */
  hear(APP, 1, 20, 200);
  assert_string_equal(at(APP, 1), "here@100");
  read_good(APP, 1, 150);
  hear(APP, 1, 20, 300); /* they have not heard of that */
  assert_string_equal(at(APP, 1), "none@-1");
  hear(APP, 1, 160, 310);
  assert_string_equal(at(APP, 1), "here@310");
}

static void hear_elsewhere(const char *place, unsigned n, int64_t seen_s, int64_t at_s)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_digest digest = digest_of(n);
  must(sp_rot_tell_elsewhere(journal, place, &digest, T + seen_s, T + at_s, &err), &err);
  journal_flush_well(journal);
}

/* Nobody says where: any good reading in the store ends it, and nothing that is known by itself. */
static void test_what_others_say_of_the_store(void **state)
{
  (void)state;
  hear_elsewhere(APP, 1, 10, 100);
  assert_string_equal(at(APP, 1), "doubt@100");
  assert_string_equal(at(WEB, 1), "doubt@100");
  read_good(WEB, 1, 110);
  assert_string_equal(at(APP, 1), "none@-1");
  hear_elsewhere(OTHER, 1, 110, 200); /* they have not heard of that */
  assert_string_equal(at(OTHER, 1), "none@-1");
  hear_elsewhere(OTHER, 1, 111, 210);
  assert_string_equal(at(APP, 1), "doubt@210");
  see(APP, 1, 220);
  assert_string_equal(at(APP, 1), "here@210");
  read_good(WEB, 1, 230);
  assert_string_equal(at(APP, 1), "here@210");
  assert_string_equal(at(OTHER, 1), "doubt@210");
  read_good(APP, 1, 240);
  assert_string_equal(at(OTHER, 1), "none@-1");
  hear_elsewhere("vault:@disk/a", 2, 10, 100);
  assert_string_equal(at("vault:@disk/b", 2), "doubt@100");
  assert_string_equal(at("vault:b", 2), "none@-1");
}

static void say(const char *record, unsigned n, bool is_elsewhere)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record said;
  sp_record_init(&said);
  const struct sp_record_rot rot = {
      .digest = digest_of(n), .seen_s = T + n, .is_elsewhere = is_elsewhere};
  if (n > 0)
    must(sp_record_add_rot(&said, &rot, &err), &err);
  must(sp_rot_said_tell(journal, record, &said, &err), &err);
  journal_flush_well(journal);
}

/* "2 elsewhere": the one thing that the record says, or "". */
static const char *said_by(const char *record)
{
  static char text[64];
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record said;
  sp_record_init(&said);
  must(sp_rot_said_read(journal, record, &said, &err), &err);
  assert_in_range(said.rot_count, 0, 1);
  snprintf(text, sizeof text, "%lld%s", said.rot_count ? (long long)said.rot[0].seen_s - T : 0,
           said.rot_count && said.rot[0].is_elsewhere ? " elsewhere" : "");
  return text;
}

/* It is no rot of any place. */
static void test_what_a_record_says(void **state)
{
  (void)state;
  assert_string_equal(said_by(APP ":safeport-record"), "0");
  say(APP ":safeport-record", 1, false);
  say(WEB ":safeport-record", 2, true);
  assert_string_equal(said_by(APP ":safeport-record"), "1");
  assert_string_equal(said_by(WEB ":safeport-record"), "2 elsewhere");
  assert_string_equal(at(APP, 1), "none@-1");
  say(APP ":safeport-record", 3, true);
  assert_string_equal(said_by(APP ":safeport-record"), "3 elsewhere");
  say(APP ":safeport-record", 0, false);
  assert_string_equal(said_by(APP ":safeport-record"), "0");
  assert_string_equal(said_by(WEB ":safeport-record"), "2 elsewhere");
}

/* A date of reading does not outlive what was seen after it. */
static void test_a_reading_before_is_forgotten(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  const struct sp_digest digest = digest_of(1);
  int64_t read_s;
  read_good(APP, 1, 50);
  see(APP, 1, 40); /* told later, whatever the clock says */
  must(sp_known_read_blobs(journal, APP, &digest, 1, &read_s, &err), &err);
  assert_int_equal(read_s, 0);
  assert_true(strncmp(at(APP, 1), "here", 4) == 0);
}

static void test_proofs(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_ROT struct sp_rot rot = {0};
  must(sp_rot_read(journal, APP, &rot, &err), &err);
  assert_false(sp_rot_outdates(&rot, 0));
  assert_int_equal(sp_rot_date_proof(&rot, T), T);
  see(WEB, 1, 10);
  must(sp_rot_read(journal, APP, &rot, &err), &err);
  assert_true(sp_rot_outdates(&rot, T + 9));
  assert_true(sp_rot_outdates(&rot, T + 10));
  assert_false(sp_rot_outdates(&rot, T + 11));
  assert_int_equal(sp_rot_date_proof(&rot, T + 5), T + 11);
  assert_int_equal(sp_rot_date_proof(&rot, T + 12), T + 12);
  const struct sp_digest known = digest_of(1), unknown = digest_of(2);
  sp_rot_settle(&rot, &known, SP_ROT_HERE);
  sp_rot_settle(&rot, &unknown, SP_ROT_HERE);
  assert_int_equal(sp_rot_state(&rot, &known), SP_ROT_HERE);
  assert_int_equal(sp_rot_state(&rot, &unknown), SP_ROT_NONE);
}

/* Beyond the bound nothing is believed, and proofs made before the last are old. */
static void test_more_than_are_told_apart(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_ROT struct sp_rot rot = {0};
  for (unsigned n = 1; n <= SP_MAX_ROT + 2; n++) {
    const struct sp_digest digest = digest_of(n);
    must(sp_rot_tell_seen(journal, APP, &digest, T + n, &err), &err);
  }
  journal_flush_well(journal);
  must(sp_rot_read(journal, APP, &rot, &err), &err);
  const struct sp_digest other = digest_of(SP_MAX_ROT + 9);
  assert_int_equal(rot.count, SP_MAX_ROT);
  assert_true(rot.is_more);
  assert_int_equal(sp_rot_state(&rot, &other), SP_ROT_DOUBT);
  assert_int_equal(rot.known_s, T + SP_MAX_ROT + 2);
}

/* What is no fact is not taken. */
static void test_no_facts(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  const struct sp_digest none = {0}, one = digest_of(1);
  must(sp_rot_tell_seen(journal, APP, &none, T, &err), &err);
  must(sp_rot_tell_seen(journal, APP, &one, 0, &err), &err);
  must(sp_rot_tell_said(journal, APP, &one, sp_clock_wall_s() + 2 * SP_DAY_S, T, &err), &err);
  journal_flush_well(journal);
  assert_string_equal(at(APP, 1), "none@-1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_kept_by_place_and_asked_by_store),
      TEST(test_only_a_reading_there_ends_it),
      TEST(test_what_was_known_is_no_news),
      TEST(test_what_others_say),
      TEST(test_what_others_say_of_the_store),
      TEST(test_what_a_record_says),
      TEST(test_it_comes_back_after_a_good_reading_elsewhere),
      TEST(test_a_reading_before_is_forgotten),
      TEST(test_proofs),
      TEST(test_more_than_are_told_apart),
      TEST(test_no_facts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
