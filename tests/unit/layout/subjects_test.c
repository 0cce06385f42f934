/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "layout/subjects.h"

static struct sp_digest numbered(unsigned n)
{
  struct sp_digest digest = {.alg = SP_DIGEST_SHA256};
  memcpy(digest.raw, &n, sizeof n);
  return digest;
}

/* Is it known that this manifest does not refer to `subject`? */
static bool rules_out(struct sp_subjects *subjects, const struct sp_digest *manifest,
                      const struct sp_digest *subject)
{
  struct sp_digest have;
  return sp_subjects_get(subjects, manifest, &have) && !sp_digest_eq(&have, subject);
}

static void test_rules_out_only_what_it_knows(void **state)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_subjects *subjects = NULL;
  struct sp_digest image = numbered(1);
  struct sp_digest other = numbered(2);
  struct sp_digest signature = numbered(3);
  (void)state;
  fx_must(sp_subjects_new(&subjects, &err), &err);
  assert_false(rules_out(subjects, &signature, &image));
  sp_subjects_note(subjects, &signature, &image);
  assert_false(rules_out(subjects, &signature, &image));
  assert_true(rules_out(subjects, &signature, &other));
  sp_subjects_note(subjects, &image, NULL);
  assert_true(rules_out(subjects, &image, &other));
  sp_subjects_note(subjects, &signature, &other); /* a digest never changes its mind */
  assert_false(rules_out(subjects, &signature, &image));
  sp_subjects_free(subjects);
  sp_subjects_free(NULL);
}

static void test_what_cannot_be_used_rules_nothing_out(void **state)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_subjects *subjects = NULL;
  struct sp_digest image = numbered(1);
  struct sp_digest signature = numbered(2);
  (void)state;
  fx_must(sp_subjects_new(&subjects, &err), &err);
  assert_true(sp_subjects_note_unusable(subjects, &signature));
  assert_false(sp_subjects_note_unusable(subjects, &signature)); /* told already */
  assert_false(rules_out(subjects, &signature, &image));
  sp_subjects_note(subjects, &signature, NULL); /* it was mended */
  assert_true(rules_out(subjects, &signature, &image));
  assert_true(sp_subjects_note_unusable(subjects, &signature));
  assert_false(rules_out(subjects, &signature, &image));
  sp_subjects_free(subjects);
}

static void test_remembers_no_more_than_it_may(void **state)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_subjects *subjects = NULL;
  struct sp_digest none = numbered(0);
  (void)state;
  fx_must(sp_subjects_new(&subjects, &err), &err);
  unsigned known = 0;
  for (unsigned i = 1; i <= 60000; i++) {
    struct sp_digest digest = numbered(i);
    sp_subjects_note(subjects, &digest, NULL);
    known += rules_out(subjects, &digest, &none);
  }
  assert_int_equal(known, 50000);
  sp_subjects_free(subjects);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rules_out_only_what_it_knows),
      cmocka_unit_test(test_what_cannot_be_used_rules_nothing_out),
      cmocka_unit_test(test_remembers_no_more_than_it_may),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
