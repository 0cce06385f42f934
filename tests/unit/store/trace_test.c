/* SPDX-License-Identifier: Apache-2.0 */
#include "store/trace.h"

#include "base/pool.h"
#include "sample.h"
#include "store/fault.h"
#include "store/relay.h"

struct heard {
  char lines[64][160];
  size_t count;
};

static void listen(void *ctx, const char *store, const char *operation, const char *subject,
                   enum sp_code code)
{
  struct heard *heard = ctx;
  assert_string_equal(store, "memory");
  assert_true(heard->count < 64);
  snprintf(heard->lines[heard->count++], sizeof heard->lines[0], "%s %.16s %s", operation, subject,
           sp_code_name(code));
}

static void every_operation_is_told_once_with_its_end(void **state)
{
  (void)state;
  struct sample sample;
  struct heard heard = {0};
  struct sp_err err = SP_ERR_INIT;
  struct sp_store *faulty = NULL;
  struct sp_store *store = NULL;
  struct sp_fault_plan plan = {.operation = "get_manifest", .nth = 1, .code = SP_E_SERVER};
  sample_init(&sample);
  assert_int_equal(sp_fault_wrap_take(sample.memory, &plan, &faulty, &err), 0);
  assert_int_equal(sp_trace_wrap_take(faulty, listen, &heard, &store, &err), 0);
  enum sp_code codes[SAMPLE_OPERATIONS];
  sample_call_all(&sample, store, codes);
  assert_int_equal(heard.count, SAMPLE_OPERATIONS);
  char digest[SP_DIGEST_TEXT_MAX];
  char blob[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&sample.manifest.digest, digest);
  sp_digest_format(&sample.blob, blob);
  const char *const subjects[SAMPLE_OPERATIONS] = {digest, "v1",   "latest", digest, digest,
                                                   "",     digest, blob,     blob,   blob};
  for (size_t i = 0; i < SAMPLE_OPERATIONS; i++) {
    char want[160];
    snprintf(want, sizeof want, "%s %.16s %s", sample_operations[i], subjects[i],
             sp_code_name(i == 4 ? SP_E_SERVER : SP_OK));
    assert_string_equal(heard.lines[i], want);
  }
  sp_store_close(store);
  sample_clear(&sample);
}

static void a_finished_blob_is_told(void **state)
{
  (void)state;
  struct sample from;
  struct heard heard = {0};
  struct sp_err err = SP_ERR_INIT;
  struct sp_store *to = NULL;
  struct sp_store *store = NULL;
  sample_init(&from);
  assert_int_equal(sp_memory_new("memory", &to, &err), 0);
  assert_int_equal(sp_trace_wrap_take(to, listen, &heard, &store, &err), 0);
  struct sp_relay_end end = {.store = store};
  struct sp_relay relay = {
      .source = from.memory, .digest = from.blob, .size_bytes = 2, .ends = &end, .end_count = 1};
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  assert_int_equal(heard.count, 2);
  assert_int_equal(strncmp(heard.lines[0], "begin_write sha256:", 19), 0);
  assert_int_equal(strncmp(heard.lines[1], "finish sha256:", 14), 0);
  sp_store_close(store);
  sp_store_close(from.memory);
  sample_clear(&from);
}

static void resolve_often(void *ctx, size_t i)
{
  (void)i;
  struct sp_named named;
  for (int k = 0; k < 5; k++) {
    struct sp_err err = SP_ERR_INIT;
    if (sp_store_resolve(ctx, "absent", &named, &err) == 0)
      abort();
  }
}

static void the_listener_hears_one_at_a_time(void **state)
{
  (void)state;
  struct sample sample;
  struct heard heard = {0};
  struct sp_err err = SP_ERR_INIT;
  struct sp_store *store = NULL;
  sample_init(&sample);
  assert_int_equal(sp_trace_wrap_take(sample.memory, listen, &heard, &store, &err), 0);
  sp_pool_run(8, 8, resolve_often, store);
  assert_int_equal(heard.count, 40);
  assert_string_equal(heard.lines[39], "resolve absent not-found");
  sp_store_close(store);
  sample_clear(&sample);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operation_is_told_once_with_its_end),
      cmocka_unit_test(a_finished_blob_is_told),
      cmocka_unit_test(the_listener_hears_one_at_a_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
