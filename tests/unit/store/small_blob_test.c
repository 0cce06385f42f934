/* SPDX-License-Identifier: Apache-2.0 */
#include "store/small_blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "store/memory.h"

enum damage { NOTHING, FLIPPED, CUT, WIPED };

static enum sp_code read_one(size_t size, uint64_t claimed, enum damage damage, size_t room)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_STORE struct sp_store *store = NULL;
  SP_AUTO_FREE char *bytes = malloc(size + 1);
  struct sp_digest digest;
  assert_non_null(bytes);
  for (size_t i = 0; i < size; i++)
    bytes[i] = (char)(i * 7 + i / 251);
  assert_int_equal(sp_memory_new("m", &store, &err), 0);
  assert_int_equal(sp_memory_add_blob(store, SP_SPAN(bytes, size), &digest, &err), 0);
  if (damage == FLIPPED)
    assert_true(sp_memory_flip(store, &digest, size / 2));
  if (damage == CUT)
    assert_true(sp_memory_truncate(store, &digest, size / 2));
  if (damage == WIPED)
    assert_true(sp_memory_wipe(store, &digest));
  SP_AUTO_BUF struct sp_buf out;
  sp_buf_init(&out, room);
  const struct sp_retry_policy policy = {.retry_for_ms = 0};
  if (sp_small_blob_read(store, &digest, claimed, &policy, &out, &err) < 0) {
    assert_int_equal(out.len, 0);
    return err.code;
  }
  assert_int_equal(out.len, size);
  assert_memory_equal(sp_buf_str(&out), bytes, size);
  return SP_OK;
}

static void reads_all_of_it_or_nothing(void **state)
{
  (void)state;
  static const struct {
    size_t size;
    uint64_t claimed;
    enum damage damage;
    size_t room;
    enum sp_code want;
  } rows[] = {
      {100, UINT64_MAX, NOTHING, SP_MIB, SP_E_LIMIT},
      {100, SP_MAX_SMALL_BLOB_BYTES + 1, NOTHING, SP_MIB, SP_E_LIMIT},
      {100, 100, FLIPPED, SP_MIB, SP_E_DIGEST},
      {100, 100, CUT, SP_MIB, SP_E_DIGEST},
      {100, 100, WIPED, SP_MIB, SP_E_NOT_FOUND},
      {100, 100, NOTHING, 99, SP_E_LIMIT},
      {100, 99, NOTHING, SP_MIB, SP_E_DIGEST},
      {1, 1, NOTHING, SP_MIB, SP_OK},
      {100, 100, NOTHING, 100, SP_OK},
      {3 * SP_MIB + 17, 3 * SP_MIB + 17, NOTHING, SP_MAX_SMALL_BLOB_BYTES, SP_OK},
      {SP_MAX_SMALL_BLOB_BYTES, SP_MAX_SMALL_BLOB_BYTES, NOTHING, SP_MAX_SMALL_BLOB_BYTES, SP_OK},
      {0, 0, NOTHING, SP_MIB, SP_OK},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    enum sp_code got = read_one(rows[i].size, rows[i].claimed, rows[i].damage, rows[i].room);
    if (got != rows[i].want)
      fail_msg("row %zu: %s", i, sp_code_name(got));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(reads_all_of_it_or_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
