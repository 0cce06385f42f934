/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs: written whole or not at all, read from anywhere, by many at once. */
#include <stdatomic.h>

#include "base/limits.h"
#include "base/pool.h"
#include "check.h"
#include "store/relay.h"

#define LARGE_BYTES (3u * SP_MIB + 1)
#define THREADS 8

static const size_t sizes[] = {0, 1, 4095, 65536, LARGE_BYTES};
#define SIZE_COUNT (sizeof sizes / sizeof sizes[0])

static void assert_state(struct sp_store *store, const struct sp_digest *digest, uint64_t size,
                         int state)
{
  for (int proof = SP_PROOF_CLAIMED; proof <= SP_PROOF_TOUCHED; proof++) {
    struct sp_blob_state got = drive_state(store, digest, size, (enum sp_proof)proof);
    assert_int_equal(got.state, state);
    if (state == SP_BLOB_PRESENT)
      assert_in_range(got.proof, SP_PROOF_CLAIMED, proof);
  }
}

static void written_and_read(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    SP_AUTO_FREE char *bytes = drive_bytes(sizes[i], 1);
    struct sp_digest digest = drive_put_blob(store, bytes, sizes[i]);
    assert_state(store, &digest, sizes[i], SP_BLOB_PRESENT);
    assert_int_equal(drive_read(store, &digest, bytes, sizes[i], 0), SP_OK);
  }
}

static void written_twice(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    SP_AUTO_FREE char *bytes = drive_bytes(sizes[i], 2);
    drive_put_blob(store, bytes, sizes[i]);
    struct sp_digest digest = drive_put_blob(store, bytes, sizes[i]);
    assert_int_equal(drive_read(store, &digest, bytes, sizes[i], 0), SP_OK);
  }
}

static void sha512(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  SP_AUTO_FREE char *bytes = drive_bytes(70000, 3);
  struct sp_digest digest = drive_digest(SP_DIGEST_SHA512, bytes, 70000);
  assert_int_equal(drive_write(store, &digest, bytes, 70000, DRIVE_FINISHED), SP_OK);
  assert_state(store, &digest, 70000, SP_BLOB_PRESENT);
  assert_int_equal(drive_read(store, &digest, bytes, 70000, 0), SP_OK);
}

static void read_from_an_offset(struct sp_store *store, const struct contract_factory *factory)
{
  static const size_t offsets[] = {1, 4096, LARGE_BYTES / 2, LARGE_BYTES - 1, LARGE_BYTES};
  (void)factory;
  SP_AUTO_FREE char *bytes = drive_bytes(LARGE_BYTES, 4);
  struct sp_digest digest = drive_put_blob(store, bytes, LARGE_BYTES);
  for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
    assert_int_equal(drive_read(store, &digest, bytes, LARGE_BYTES, offsets[i]), SP_OK);
}

static void another_length_is_not_it(struct sp_store *store, const struct contract_factory *factory)
{
  static const size_t wrong[] = {0, 99, 101, 1000};
  (void)factory;
  SP_AUTO_FREE char *bytes = drive_bytes(1000, 5);
  struct sp_digest digest = drive_put_blob(store, bytes, 100);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    assert_state(store, &digest, wrong[i], SP_BLOB_DAMAGED);
    if (wrong[i] > 0)
      assert_int_not_equal(drive_read(store, &digest, bytes, wrong[i], 0), SP_OK);
  }
}

static void wrong_bytes_leave_nothing(struct sp_store *store,
                                      const struct contract_factory *factory)
{
  static const size_t lengths[] = {0, 1, 65536, LARGE_BYTES};
  (void)factory;
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    SP_AUTO_FREE char *bytes = drive_bytes(lengths[i], 6);
    struct sp_digest other = drive_digest(SP_DIGEST_SHA256, "other", 5);
    struct sp_digest real = drive_digest(SP_DIGEST_SHA256, bytes, lengths[i]);
    assert_int_not_equal(drive_write(store, &other, bytes, lengths[i], DRIVE_FINISHED), SP_OK);
    assert_state(store, &other, lengths[i], SP_BLOB_ABSENT);
    assert_state(store, &real, lengths[i], SP_BLOB_ABSENT);
  }
}

static void unfinished_leaves_nothing(struct sp_store *store,
                                      const struct contract_factory *factory)
{
  static const enum drive_until ends[] = {DRIVE_BEGIN, DRIVE_START, DRIVE_HALF, DRIVE_ALL};
  (void)factory;
  SP_AUTO_FREE char *bytes = drive_bytes(LARGE_BYTES, 7);
  struct sp_digest digest = drive_digest(SP_DIGEST_SHA256, bytes, LARGE_BYTES);
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    assert_int_equal(drive_write(store, &digest, bytes, LARGE_BYTES, ends[i]), SP_OK);
    assert_state(store, &digest, LARGE_BYTES, SP_BLOB_ABSENT);
  }
  drive_put_blob(store, bytes, LARGE_BYTES); /* and is not in the way */
  assert_int_equal(drive_read(store, &digest, bytes, LARGE_BYTES, 0), SP_OK);
}

static void an_unfinished_second_writer_does_no_harm(struct sp_store *store,
                                                     const struct contract_factory *factory)
{
  (void)factory;
  SP_AUTO_FREE char *bytes = drive_bytes(LARGE_BYTES, 8);
  struct sp_digest digest = drive_put_blob(store, bytes, LARGE_BYTES);
  assert_int_equal(drive_write(store, &digest, bytes, LARGE_BYTES, DRIVE_HALF), SP_OK);
  assert_int_equal(drive_read(store, &digest, bytes, LARGE_BYTES, 0), SP_OK);
}

static void a_reader_closed_early(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  SP_AUTO_FREE char *bytes = drive_bytes(LARGE_BYTES, 9);
  struct sp_digest digest = drive_put_blob(store, bytes, LARGE_BYTES);
  SP_AUTO_FREE char *wrong = drive_bytes(LARGE_BYTES, 10);
  struct sp_reader *reader = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_store_open_read(store, &digest, LARGE_BYTES, 0, &reader, &err), 0);
  reader->ops->close(reader); /* never started */
  /* Given up at the first bytes that differ from what is expected. */
  assert_int_equal(drive_read(store, &digest, wrong, LARGE_BYTES, 0), SP_E_DIGEST);
  assert_int_equal(drive_read(store, &digest, bytes, LARGE_BYTES, 0), SP_OK);
}

/* As users see it: from this store to itself, by the relay. */
static void through_the_relay(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    SP_AUTO_FREE char *bytes = drive_bytes(sizes[i], 11);
    struct sp_digest digest = drive_put_blob(store, bytes, sizes[i]);
    struct sp_relay_end ends[2] = {{.store = store}, {.store = store}};
    struct sp_relay relay = {.source = store,
                             .digest = digest,
                             .size_bytes = sizes[i],
                             .ends = ends,
                             .end_count = i % 3};
    struct sp_err err = SP_ERR_INIT;
    if (sp_relay_run(&relay, &err) < 0)
      fail_msg("%s", err.msg);
    for (size_t e = 0; e < relay.end_count; e++)
      assert_int_equal(ends[e].result, SP_RELAY_DONE);
    assert_int_equal(relay.read_bytes, sizes[i]);
    assert_int_equal(drive_read(store, &digest, bytes, sizes[i], 0), SP_OK);
  }
}

static void a_stranger_is_not_mounted_from(struct sp_store *store,
                                           const struct contract_factory *factory)
{
  (void)factory;
  static const struct sp_store_ops no_ops;
  struct sp_store stranger = {.ops = &no_ops, .name = "stranger"};
  struct sp_digest digest = drive_digest(SP_DIGEST_SHA256, "x", 1);
  struct sp_err err = SP_ERR_INIT;
  bool mounted = true;
  assert_false(sp_store_is_sibling(store, &stranger));
  assert_int_equal(sp_store_mount_blob(store, &digest, 1, &stranger, &mounted, &err), 0);
  assert_false(mounted);
}

/* -- many at once. Threads only note what went wrong: cmocka asserts on one thread. */

struct crowd {
  struct sp_store *store;
  char *bytes[THREADS];
  size_t len;
  bool same; /* all write the blob of thread 0 */
  atomic_uint failed;
};

static void crowd_member(void *ctx, size_t i)
{
  struct crowd *crowd = ctx;
  const char *bytes = crowd->bytes[crowd->same ? 0 : i];
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  if (sp_digest_of(SP_DIGEST_SHA256, bytes, crowd->len, &digest, &err) < 0 ||
      drive_write(crowd->store, &digest, bytes, crowd->len, DRIVE_FINISHED) != SP_OK ||
      drive_read(crowd->store, &digest, bytes, crowd->len, 0) != SP_OK)
    atomic_fetch_add(&crowd->failed, 1);
}

static void run_crowd(struct sp_store *store, bool same, size_t len)
{
  struct crowd crowd = {.store = store, .same = same, .len = len};
  for (unsigned i = 0; i < THREADS; i++)
    crowd.bytes[i] = drive_bytes(len, 20 + i);
  sp_pool_run(THREADS, THREADS, crowd_member, &crowd);
  assert_int_equal(crowd.failed, 0);
  for (size_t i = 0; i < THREADS; i++) {
    struct sp_digest digest = drive_digest(SP_DIGEST_SHA256, crowd.bytes[same ? 0 : i], len);
    assert_state(store, &digest, len, SP_BLOB_PRESENT);
  }
  for (size_t i = 0; i < THREADS; i++)
    free(crowd.bytes[i]);
}

static void eight_write_the_same(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  run_crowd(store, true, 0);
  run_crowd(store, true, 300001);
}

static void eight_write_different_ones(struct sp_store *store,
                                       const struct contract_factory *factory)
{
  (void)factory;
  run_crowd(store, false, 300001);
}

const struct contract_check contract_blob_checks[] = {
    {"wrong bytes leave nothing", wrong_bytes_leave_nothing, CONTRACT_TRUSTS_APPROVAL, 0, false},
    {"unfinished leaves nothing", unfinished_leaves_nothing, 0, 0, false},
    {"an unfinished second writer does no harm", an_unfinished_second_writer_does_no_harm, 0, 0,
     false},
    {"another length is not it", another_length_is_not_it, 0, 0, false},
    {"a reader closed early", a_reader_closed_early, 0, 0, false},
    {"a stranger is not mounted from", a_stranger_is_not_mounted_from, 0, 0, true},
    {"written and read", written_and_read, 0, 0, false},
    {"written twice", written_twice, 0, 0, false},
    {"sha512", sha512, CONTRACT_NO_SHA512, 0, false},
    {"read from an offset", read_from_an_offset, 0, 0, false},
    {"through the relay", through_the_relay, 0, 0, false},
    {"eight write the same", eight_write_the_same, 0, 0, false},
    {"eight write different ones", eight_write_different_ones, 0, 0, false},
};
const size_t contract_blob_check_count =
    sizeof contract_blob_checks / sizeof contract_blob_checks[0];
