/* SPDX-License-Identifier: Apache-2.0 */
/* Every nth call of every operation fails, before it was done or after (the answer is lost), once
 * or for good. After each run: every tag names something whole (I1), exit 0 only if all is there
 * (I7), the destination without the fault is as it should be, and an ordinary run finishes the work
 * (I5). */
#include "fixture.h"

static const char *const operations[] = {
    "resolve",    "stat_manifest", "get_manifest", "put_manifest", "set_tags", "list_referrers",
    "check_blob", "mount_blob",    "open_read",    "begin_write",  "write",    "finish"};
#define OPERATIONS (sizeof operations / sizeof operations[0])

/* Retryable, about the whole place, about one object, and "missing". */
static const enum sp_code codes[] = {SP_E_SERVER, SP_E_AUTH, SP_E_BLOB_UNKNOWN, SP_E_DIGEST,
                                     SP_E_NOT_FOUND};
#define CODES (sizeof codes / sizeof codes[0])

#define RUNS_MAX 400 /* calls of one operation in one run: far fewer */

/* A source with an image and a referrer; destination one holds an older image under all tags and
 * some of the blobs. */
static struct fx_ref prepare(struct fx *fx, bool native)
{
  fx_init(fx, 2);
  sp_memory_set_native_referrers(fx->memory[0], true);
  sp_memory_set_native_referrers(fx->memory[1], native);
  struct fx_ref children[2] = {fx_add_image(fx->memory[0], 1, 1, NULL),
                               fx_add_image(fx->memory[0], 2, 2, NULL)};
  struct fx_ref index = fx_add_index(fx->memory[0], children, 2);
  fx_tag(fx->memory[0], "latest", &index);
  fx_add_image(fx->memory[0], 5, 1, &index);
  struct fx_ref old = fx_add_image(fx->memory[1], 2, 1, NULL);
  for (size_t i = 0; i < FX_TAG_COUNT; i++)
    fx_tag(fx->memory[1], fx_tags[i], &old);
  return index;
}

static bool is_complete(struct fx *fx, size_t place, const struct fx_ref *index)
{
  for (size_t i = 0; i < FX_TAG_COUNT; i++) {
    if (!fx_has(fx->memory[place], fx_tags[i], index))
      return false;
  }
  return true;
}

static void check(struct fx *fx, size_t faulty, const struct fx_ref *index, int status)
{
  for (size_t i = 1; i <= 2; i++)
    fx_assert_closed(fx->memory[i]);
  if (status == 0) {
    assert_true(is_complete(fx, 1, index));
    assert_true(is_complete(fx, 2, index));
  }
  for (size_t i = 1; i <= 2 && faulty != 0; i++) {
    if (i != faulty)
      assert_true(is_complete(fx, i, index));
  }
}

/* Answers false if the fault never came about: the loop over n is done. */
static bool try_fault(size_t place, const struct fx_fault *fault, bool native)
{
  struct fx fx;
  struct fx_ref index = prepare(&fx, native);
  fx.spy[place]->fault = *fault;
  int status = fx_run_status(&fx);
  bool came = fx.spy[place]->matched >= fault->nth;
  check(&fx, place, &index, status);
  if (!came)
    assert_int_equal(status, 0);
  fx.spy[place]->fault = (struct fx_fault){0};
  assert_int_equal(fx_run_status(&fx), 0);
  assert_true(is_complete(&fx, 1, &index));
  assert_true(is_complete(&fx, 2, &index));
  if (fault->nth == 1) {
    fx_forget_log(&fx);
    assert_int_equal(fx_run_status(&fx), 0);
    assert_int_equal(fx_writes(&fx, 1) + fx_writes(&fx, 2), 0);
  }
  fx_clear(&fx);
  return came;
}

static void try_all(size_t place, const char *operation, enum sp_code code, bool after,
                    unsigned times)
{
  struct fx_fault fault = {.op = operation, .nth = 1, .times = times, .after = after, .code = code};
  while (try_fault(place, &fault, after)) {
    fault.nth++;
    assert_true(fault.nth < RUNS_MAX);
  }
}

static void loop_place(size_t place)
{
  for (size_t i = 0; i < OPERATIONS; i++) {
    for (size_t c = 0; c < CODES; c++) {
      /* "Not there" and "wrong bytes" are no answers to some questions; and an operation that was
       * done is not answered with them. */
      bool is_answer = codes[c] != SP_E_NOT_FOUND && codes[c] != SP_E_DIGEST;
      if (codes[c] == SP_E_BLOB_UNKNOWN && strcmp(operations[i], "put_manifest") != 0)
        continue;
      try_all(place, operations[i], codes[c], false, 1);
      if (is_answer && codes[c] != SP_E_AUTH)
        try_all(place, operations[i], codes[c], true, 1);
    }
    try_all(place, operations[i], SP_E_SERVER, false, 0);
    try_all(place, operations[i], SP_E_STORE_FULL, false, 0);
  }
}

static void test_destination(void **state)
{
  (void)state;
  loop_place(1);
}

static void test_source(void **state)
{
  (void)state;
  for (size_t i = 0; i < OPERATIONS; i++) {
    static const enum sp_code at_source[] = {SP_E_SERVER, SP_E_AUTH, SP_E_NOT_FOUND};
    for (size_t c = 0; c < 3; c++) {
      struct fx_fault fault = {.op = operations[i], .nth = 1, .code = at_source[c]};
      bool came = true;
      for (; came; fault.nth++) {
        struct fx fx;
        struct fx_ref index = prepare(&fx, true);
        fx.spy[0]->fault = fault;
        int status = fx_run_status(&fx);
        came = fx.spy[0]->matched >= fault.nth;
        check(&fx, 0, &index, status);
        fx.spy[0]->fault = (struct fx_fault){0};
        assert_int_equal(fx_run_status(&fx), 0);
        fx_clear(&fx);
      }
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_destination),
      cmocka_unit_test(test_source),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
