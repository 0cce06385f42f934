/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/upload_book.h"
#include "base/limits.h"

#define PLACE "r.example/a/b"
#define SIZE SP_RESUMABLE_BYTES

struct world {
  struct sp_journal *journal;
  struct sp_upload_book book;
  struct sp_digest a, b;
};

static void world_open(struct world *world)
{
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_journal_open(NULL, SP_JOURNAL_WRITE, &world->journal, &err), 0);
  sp_upload_book_init(&world->book, world->journal);
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, "a", 1, &world->a, &err), 0);
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, "b", 1, &world->b, &err), 0);
}

static void keep(struct world *world, const struct sp_digest *digest, uint64_t size,
                 uint64_t offset, const char *location)
{
  struct sp_upload_memory *memory = &world->book.memory;
  memory->keep(memory, PLACE, digest, size, offset, location);
}

/* Wanted NULL: nothing is to be known. */
static void expect(struct world *world, const char *place, const struct sp_digest *digest,
                   uint64_t size, uint64_t offset, const char *wanted)
{
  struct sp_upload_memory *memory = &world->book.memory;
  uint64_t found = 0;
  char *location = NULL;
  memory->find(memory, place, digest, size, &location, &found);
  if (!wanted) {
    assert_null(location);
    return;
  }
  assert_non_null(location);
  assert_string_equal(location, wanted);
  assert_int_equal(found, offset);
  free(location);
}

/* At once, without a flush of the caller's: the next moment may be the last. */
static void test_kept(void **state)
{
  (void)state;
  struct world world;
  world_open(&world);
  expect(&world, PLACE, &world.a, SIZE, 0, NULL);
  keep(&world, &world.a, SIZE, 10, "https://r.example/u/1");
  keep(&world, &world.b, SIZE + 1, 20, "https://r.example/u/2");
  keep(&world, &world.a, SIZE, 30, "https://r.example/u/1?s=2");
  expect(&world, PLACE, &world.a, SIZE, 30, "https://r.example/u/1?s=2");
  expect(&world, PLACE, &world.b, SIZE + 1, 20, "https://r.example/u/2");
  expect(&world, "r.example/a/c", &world.a, SIZE, 0, NULL);
  expect(&world, PLACE, &world.b, SIZE, 0, NULL); /* another length */
  world.book.memory.forget(&world.book.memory, PLACE, &world.a);
  expect(&world, PLACE, &world.a, SIZE, 0, NULL);
  expect(&world, PLACE, &world.b, SIZE + 1, 20, "https://r.example/u/2");
  sp_journal_close(world.journal);
}

static void test_small_blobs_are_not(void **state)
{
  (void)state;
  struct world world;
  world_open(&world);
  keep(&world, &world.a, SIZE - 1, 10, "https://r.example/u/1");
  expect(&world, PLACE, &world.a, SIZE - 1, 0, NULL);
  sp_journal_close(world.journal);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept),
                                     cmocka_unit_test(test_small_blobs_are_not)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
