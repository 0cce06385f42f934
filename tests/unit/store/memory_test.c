/* SPDX-License-Identifier: Apache-2.0 */
/* What only the memory store has: damage, groups, and the two kinds of referrers. That it is a
 * store at all is tested in tests/contract. */
#include "store/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/media_type.h"
#include "store/relay.h"

static struct sp_store *memory(const char *name)
{
  struct sp_store *store = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_memory_new(name, &store, &err), 0);
  return store;
}

static struct sp_digest add(struct sp_store *store, const char *text)
{
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_memory_add_blob(store, sp_span_str(text), &digest, &err), 0);
  return digest;
}

static int state_of(struct sp_store *store, const struct sp_digest *digest, uint64_t size,
                    enum sp_proof want)
{
  struct sp_blob_state state;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_store_check_blob(store, digest, size, want, &state, &err), 0);
  return (int)state.state;
}

/* The code that reading the whole blob ends with. */
static enum sp_code read_code(struct sp_store *store, const struct sp_digest *digest, uint64_t size)
{
  struct sp_relay relay = {.source = store, .digest = *digest, .size_bytes = size};
  struct sp_err err = SP_ERR_INIT;
  return sp_relay_run(&relay, &err) == 0 ? SP_OK : err.code;
}

enum damage { NOTHING, FLIP, CUT, CUT_TO_NOTHING, WIPE };

static void damage_shows_as_it_does_on_a_registry(void **state)
{
  static const struct {
    enum damage damage;
    int claimed, touched;
    enum sp_code read;
  } rows[] = {
      {NOTHING, SP_BLOB_PRESENT, SP_BLOB_PRESENT, SP_OK},
      {FLIP, SP_BLOB_PRESENT, SP_BLOB_PRESENT, SP_E_DIGEST},
      {CUT, SP_BLOB_PRESENT, SP_BLOB_DAMAGED, SP_E_DIGEST},
      {CUT_TO_NOTHING, SP_BLOB_PRESENT, SP_BLOB_DAMAGED, SP_E_DIGEST},
      {WIPE, SP_BLOB_PRESENT, SP_BLOB_DAMAGED, SP_E_NOT_FOUND},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    SP_AUTO_STORE struct sp_store *store = memory("m");
    struct sp_digest digest = add(store, "hello");
    if (rows[i].damage == FLIP)
      assert_true(sp_memory_flip(store, &digest, 4));
    if (rows[i].damage == CUT)
      assert_true(sp_memory_truncate(store, &digest, 4));
    if (rows[i].damage == CUT_TO_NOTHING)
      assert_true(sp_memory_truncate(store, &digest, 0));
    if (rows[i].damage == WIPE)
      assert_true(sp_memory_wipe(store, &digest));
    assert_int_equal(state_of(store, &digest, 5, SP_PROOF_CLAIMED), rows[i].claimed);
    assert_int_equal(state_of(store, &digest, 5, SP_PROOF_TOUCHED), rows[i].touched);
    assert_int_equal(read_code(store, &digest, 5), rows[i].read);
    add(store, "hello"); /* sent again, it is whole again */
    assert_int_equal(state_of(store, &digest, 5, SP_PROOF_TOUCHED), SP_BLOB_PRESENT);
    assert_int_equal(read_code(store, &digest, 5), SP_OK);
  }
}

static void what_is_not_there_cannot_be_damaged(void **state)
{
  (void)state;
  SP_AUTO_STORE struct sp_store *store = memory("m");
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, "x", 1, &digest, &err), 0);
  assert_false(sp_memory_flip(store, &digest, 0));
  assert_false(sp_memory_truncate(store, &digest, 0));
  assert_false(sp_memory_wipe(store, &digest));
}

static void a_wiped_manifest_is_claimed_and_cannot_be_got(void **state)
{
  static const char text[] =
      "{\"schemaVersion\":2,\"mediaType\":\"" SP_MEDIA_OCI_INDEX "\",\"manifests\":[]}";
  (void)state;
  SP_AUTO_STORE struct sp_store *store = memory("m");
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  sp_manifest_bytes_init(&manifest);
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  bool handled;
  assert_int_equal(sp_buf_append_str(&manifest.bytes, text, &err), 0);
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, text, sizeof text - 1, &manifest.digest, &err),
                   0);
  assert_int_equal(sp_store_put_manifest(store, &manifest, &handled, &err), 0);
  struct sp_digest digest = manifest.digest;
  assert_true(sp_memory_wipe(store, &digest));
  assert_int_equal(sp_store_stat_manifest(store, &digest, &named, &err), 0);
  assert_int_equal(sp_store_get_manifest(store, &digest, &manifest, &err), -1);
  assert_int_equal(err.code, SP_E_NOT_FOUND);
}

static void blobs_are_mounted_between_siblings_only(void **state)
{
  static const struct {
    const char *ours, *theirs;
    bool mounted;
  } rows[] = {{"g", "g", true}, {"g", "h", false}, {NULL, "g", false}, {NULL, NULL, false}};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    SP_AUTO_STORE struct sp_store *from = memory("from");
    SP_AUTO_STORE struct sp_store *to = memory("to");
    struct sp_digest digest = add(from, "hello");
    struct sp_digest absent = add(to, "only here");
    struct sp_err err = SP_ERR_INIT;
    bool mounted = true;
    if (rows[i].ours)
      sp_memory_set_group(to, rows[i].ours);
    if (rows[i].theirs)
      sp_memory_set_group(from, rows[i].theirs);
    assert_int_equal(sp_store_is_sibling(to, from), rows[i].mounted);
    assert_false(sp_store_is_sibling(to, to));
    assert_int_equal(sp_store_mount_blob(to, &digest, 5, from, &mounted, &err), 0);
    assert_int_equal(mounted, rows[i].mounted);
    assert_int_equal(state_of(to, &digest, 5, SP_PROOF_TOUCHED),
                     mounted ? SP_BLOB_PRESENT : SP_BLOB_ABSENT);
    assert_int_equal(sp_store_mount_blob(to, &absent, 9, from, &mounted, &err), 0);
    assert_false(mounted);
  }
}

static void a_reader_keeps_what_it_opened(void **state)
{
  (void)state;
  SP_AUTO_STORE struct sp_store *store = memory("m");
  struct sp_digest digest = add(store, "hello");
  struct sp_reader *reader = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_store_open_read(store, &digest, 5, 0, &reader, &err), 0);
  assert_true(sp_memory_wipe(store, &digest));
  SP_AUTO_RING struct sp_ring *ring = NULL;
  assert_int_equal(sp_ring_new(5, 64, 1, &ring, &err), 0);
  sp_ring_set_exempt(ring, 0);
  assert_int_equal(reader->ops->pump(reader, ring, &err), 0);
  const char *bytes;
  bool end;
  bool aborted;
  assert_int_equal(sp_ring_peek(ring, 0, &bytes, &end, &aborted), 5);
  assert_memory_equal(bytes, "hello", 5);
  reader->ops->close(reader);
}

static void a_blob_larger_than_memory_is_refused(void **state)
{
  (void)state;
  SP_AUTO_STORE struct sp_store *store = memory("m");
  struct sp_digest digest = add(store, "hello");
  struct sp_writer *writer = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_store_begin_write(store, &digest, INT64_MAX, &writer, &err), -1);
  assert_int_equal(err.code, SP_E_STORE_FULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(damage_shows_as_it_does_on_a_registry),
      cmocka_unit_test(what_is_not_there_cannot_be_damaged),
      cmocka_unit_test(a_wiped_manifest_is_claimed_and_cannot_be_got),
      cmocka_unit_test(blobs_are_mounted_between_siblings_only),
      cmocka_unit_test(a_reader_keeps_what_it_opened),
      cmocka_unit_test(a_blob_larger_than_memory_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
