/* SPDX-License-Identifier: Apache-2.0 */
/* Every pair of factory and check is a test of its own: "memory: blob round trip". */
#include "contract.h"

#include "base/text.h"
#include "check.h"

struct pair {
  const struct contract_factory *factory;
  const struct contract_check *check;
};

static void run_pair(void **state)
{
  const struct pair *pair = *state;
  const struct contract_factory *factory = pair->factory;
  struct sp_store *store = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (factory->make(factory->ctx, &store, &err) < 0)
    fail_msg("cannot make '%s': %s", factory->name, err.msg);
  pair->check->run(store, factory);
  sp_store_close(store);
}

/* After a check that failed as well: its directory would be in the way of the next. */
static int after_pair(void **state)
{
  const struct pair *pair = *state;
  if (pair->factory->after)
    pair->factory->after(pair->factory->ctx);
  return 0;
}

/* The store is closed and opened again between the two halves: its own pair of functions. */
static void what_was_stored_outlives_the_store(void **state)
{
  const struct pair *pair = *state;
  const struct contract_factory *factory = pair->factory;
  struct sp_store *store = NULL;
  struct sp_err err = SP_ERR_INIT;
  struct sp_manifest_bytes manifest;
  struct sp_named named;
  size_t done;
  assert_int_equal(factory->make(factory->ctx, &store, &err), 0);
  drive_put_image(store, 1, &manifest);
  assert_int_equal(sp_store_set_tags(store, (const char *[]){"v1"}, 1, &manifest, &done, &err), 0);
  sp_store_close(store);
  assert_int_equal(factory->reopen(factory->ctx, &store, &err), 0);
  assert_int_equal(sp_store_resolve(store, "v1", &named, &err), 0);
  assert_true(sp_digest_eq(&named.digest, &manifest.digest));
  assert_int_equal(sp_store_get_manifest(store, &named.digest, &manifest, &err), 0);
  sp_store_close(store);
  sp_manifest_bytes_clear(&manifest);
}

static const struct contract_check *check_at(size_t i)
{
  if (i < contract_tag_check_count)
    return &contract_tag_checks[i];
  i -= contract_tag_check_count;
  if (i < contract_manifest_check_count)
    return &contract_manifest_checks[i];
  return &contract_blob_checks[i - contract_manifest_check_count];
}

/* Is the check for stores such as these? NULL is the one of reopening. */
static bool is_for(const struct contract_check *check, const struct contract_factory *factory)
{
  bool is_readonly = factory->cannot & CONTRACT_NO_WRITES;
  if (!check)
    return factory->reopen && !is_readonly;
  return (factory->cannot & check->needs) == 0 &&
         (factory->cannot & check->without) == check->without &&
         (!is_readonly || check->is_for_readers);
}

static struct CMUnitTest test_of(struct pair *pair)
{
  static const char reopening[] = "what was stored outlives the store";
  char *name = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (sp_text_format(&name, &err, "%s: %s", pair->factory->name,
                     pair->check ? pair->check->name : reopening) < 0)
    abort();
  return (struct CMUnitTest){.name = name,
                             .test_func =
                                 pair->check ? run_pair : what_was_stored_outlives_the_store,
                             .teardown_func = after_pair,
                             .initial_state = pair};
}

/* Adds the tests of one factory. Answers how many. */
static size_t add_tests(const struct contract_factory *factory, size_t checks,
                        struct CMUnitTest *tests, struct pair *pairs)
{
  size_t n = 0;
  for (size_t i = 0; i <= checks; i++) {
    const struct contract_check *check = i < checks ? check_at(i) : NULL;
    if (!is_for(check, factory))
      continue;
    pairs[n] = (struct pair){factory, check};
    tests[n] = test_of(&pairs[n]);
    n++;
  }
  return n;
}

int contract_run(const struct contract_factory *factories, size_t count)
{
  size_t checks =
      contract_tag_check_count + contract_manifest_check_count + contract_blob_check_count;
  struct CMUnitTest *tests = calloc(count * (checks + 1), sizeof *tests);
  struct pair *pairs = calloc(count * (checks + 1), sizeof *pairs);
  if (!tests || !pairs)
    abort();
  size_t n = 0;
  for (size_t i = 0; i < count; i++)
    n += add_tests(&factories[i], checks, &tests[n], &pairs[n]);
  int failed = _cmocka_run_group_tests("contract", tests, n, NULL, NULL);
  for (size_t i = 0; i < n; i++)
    free((void *)(uintptr_t)tests[i].name);
  free(tests);
  free(pairs);
  return failed;
}
