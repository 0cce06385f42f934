/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of tags that are gone. */
#include "journal/known.h"
#include "scratch.h"

#define PLACE "ghcr.io/acme/app"
#define T 1700000000

/* n = 0: it is gone. */
static void tell(struct sp_journal *journal, const char *tag, unsigned n, int64_t at_s)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = digest_of(n);
  must(sp_known_tell_tag(journal, PLACE, tag, n ? &digest : NULL, at_s, &err), &err);
}

/* Since when it was there, whatever it named, and whether its loss was meant. */
static void test_how_it_went(void **state)
{
  (void)state;
  static const struct {
    unsigned told[6]; /* at T, T + 1, ...; 7: it is gone; 9: that its loss is meant; 0: nothing */
    int came, since, named; /* the last: -1: not known */
    bool is_gone, is_meant;
  } cases[] = {
      {{1}, 0, 0, -1, false, false},
      {{1, 2, 3}, 0, 2, -1, false, false},
      {{1, 2, 7}, 0, 2, -1, true, false},
      {{1, 2, 0, 7}, 0, 3, 1, true, false},
      {{1, 2, 7, 7, 9}, 0, 2, -1, true, true},
      {{1, 7, 9, 7}, 0, 1, -1, true, true},
      {{1, 7, 9, 2, 3}, 3, 4, -1, false, false},
      {{1, 7, 9, 2, 3, 7}, 3, 5, -1, true, false},
      {{1, 7, 0, 2, 0, 7}, 3, 5, 3, true, false},
      {{1, 9, 7}, 0, 2, 0, true, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_KNOWN struct sp_known known;
    SP_AUTO_JOURNAL struct sp_journal *journal = NULL;
    must(sp_journal_open(NULL, SP_JOURNAL_WRITE, &journal, &err), &err);
    for (int k = 0; k < 6; k++) {
      unsigned told = cases[i].told[k];
      if (told == 9)
        must(sp_known_tell_meant(journal, PLACE, "v1", T + k, &err), &err);
      else if (told != 0)
        tell(journal, "v1", told == 7 ? 0 : told, T + k);
    }
    must(sp_known_tell_meant(journal, PLACE, "never", T + 9, &err), &err);
    journal_flush_well(journal);
    must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
    assert_int_equal(known.tag_count, 1);
    int64_t named_s = cases[i].named < 0 ? 0 : T + cases[i].named;
    if (known.tags[0].came_s != T + cases[i].came || known.tags[0].since_s != T + cases[i].since ||
        known.tags[0].named_s != named_s || known.tags[0].is_gone != cases[i].is_gone ||
        known.tags[0].is_meant != cases[i].is_meant)
      fail_msg("case %zu: came %lld, since %lld", i, (long long)known.tags[0].came_s - T,
               (long long)known.tags[0].since_s - T);
  }
}

/* Another host saw earlier that it was gone; that it was meant stays said. */
static void test_a_loss_that_was_meant_and_began_earlier(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_KNOWN struct sp_known known;
  SP_AUTO_JOURNAL struct sp_journal *journal = NULL;
  must(sp_journal_open(NULL, SP_JOURNAL_WRITE, &journal, &err), &err);
  tell(journal, "v1", 1, T);
  tell(journal, "v1", 0, T + 5);
  must(sp_known_tell_meant(journal, PLACE, "v1", T + 5, &err), &err);
  tell(journal, "v1", 0, T + 2);
  journal_flush_well(journal);
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  assert_int_equal(known.tags[0].since_s, T + 2);
  assert_true(known.tags[0].is_gone && known.tags[0].is_meant);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_how_it_went),
      cmocka_unit_test(test_a_loss_that_was_meant_and_began_earlier),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
