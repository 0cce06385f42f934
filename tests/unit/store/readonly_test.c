/* SPDX-License-Identifier: Apache-2.0 */
#include "store/readonly.h"

#include "sample.h"
#include "store/trace.h"

/* Writes that reached the store inside. */
static void count_writes(void *ctx, const char *store, const char *operation, const char *subject,
                         enum sp_code code)
{
  (void)store;
  (void)subject;
  (void)code;
  static const char *const writes[] = {"put_manifest", "set_tags", "mount_blob", "begin_write"};
  for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++)
    *(unsigned *)ctx += strcmp(operation, writes[i]) == 0;
}

static void writes_are_refused_and_reads_pass(void **state)
{
  static const bool refused[SAMPLE_OPERATIONS] = {[0] = true, [1] = true, [9] = true};
  (void)state;
  struct sample sample;
  struct sp_err err = SP_ERR_INIT;
  struct sp_store *traced = NULL;
  struct sp_store *store = NULL;
  unsigned writes = 0;
  size_t done;
  sample_init(&sample);
  sample_put(&sample);
  assert_int_equal(sp_store_set_tags(sample.memory, (const char *[]){"latest"}, 1, &sample.manifest,
                                     &done, &err),
                   0);
  assert_int_equal(sp_trace_wrap_take(sample.memory, count_writes, &writes, &traced, &err), 0);
  assert_int_equal(sp_readonly_wrap_take(traced, &store, &err), 0);
  enum sp_code codes[SAMPLE_OPERATIONS];
  sample_call_all(&sample, store, codes);
  for (size_t i = 0; i < SAMPLE_OPERATIONS; i++)
    assert_int_equal(codes[i], refused[i] ? SP_E_UNSUPPORTED : SP_OK);
  assert_int_equal(writes, 0);
  sp_store_close(store);
  sample_clear(&sample);
}

static void mounting_is_a_write(void **state)
{
  (void)state;
  struct sample from;
  struct sample to;
  struct sp_err err = SP_ERR_INIT;
  struct sp_store *store = NULL;
  bool mounted = false;
  sample_init(&from);
  sample_init(&to);
  sp_memory_set_group(from.memory, "g");
  sp_memory_set_group(to.memory, "g");
  assert_int_equal(sp_readonly_wrap_take(to.memory, &store, &err), 0);
  assert_true(sp_store_is_sibling(store, from.memory));
  assert_true(sp_store_is_sibling(from.memory, store));
  assert_int_equal(sp_store_mount_blob(store, &from.blob, 2, from.memory, &mounted, &err), -1);
  assert_int_equal(err.code, SP_E_UNSUPPORTED);
  sp_err_clear(&err);
  /* Being the source of a mount is none. */
  assert_int_equal(sp_store_mount_blob(from.memory, &to.blob, 2, store, &mounted, &err), 0);
  assert_true(mounted);
  sp_store_close(store);
  sp_store_close(from.memory);
  sample_clear(&from);
  sample_clear(&to);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_are_refused_and_reads_pass),
      cmocka_unit_test(mounting_is_a_write),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
