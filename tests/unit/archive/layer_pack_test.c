/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/layer_pack.h"

#include <signal.h>
#include <sys/mman.h>
#include <zlib.h>

#include "archive/fd_input.h"
#include "archive/inflate.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define LAYER_BYTES (5u * SP_MIB + 12345)

static char state_dir[] = "/tmp/safeport-pack-XXXXXX";

static int set_up(void **state)
{
  (void)state;
  return mkdtemp(state_dir) ? setenv("SAFEPORT_STATE", state_dir, 1) : -1;
}

static int tear_down(void **state)
{
  (void)state;
  char spool[64];
  snprintf(spool, sizeof spool, "%s/spool", state_dir);
  return rmdir(spool) || rmdir(state_dir); /* also says that nothing was left in it */
}

/* A file whose blocks all differ. */
static int make_layer(size_t size)
{
  int fd = memfd_create("layer", MFD_CLOEXEC);
  char *bytes = malloc(size + 1);
  uint32_t x = 1;
  for (size_t i = 0; i < size; i++) {
    x = x * 1103515245u + 12345u;
    bytes[i] = (char)(x >> 28);
  }
  assert_int_equal(write(fd, bytes, size), (ssize_t)size);
  free(bytes);
  return fd;
}

static int pack(struct sp_layer_pack *job, int from, size_t size, struct sp_spool *spool, int to,
                struct sp_err *err)
{
  job->from_fd = from;
  job->from_bytes = size;
  job->spool = spool;
  job->to_fd = to;
  return sp_layer_pack_run(job, err);
}

/* The digest of what is in a stretch of the spool once it is decompressed. */
static struct sp_digest unpacked(int fd, uint64_t begin, uint64_t size)
{
  struct sp_input *input;
  struct sp_hasher *hasher;
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  char buffer[4096];
  size_t got;
  assert_int_equal(sp_fd_input_new_stretch(fd, begin, size, NULL, &input, &err), 0);
  assert_int_equal(sp_inflate_open_take(input, &input, NULL, &err), 0);
  assert_int_equal(sp_hasher_new(SP_DIGEST_SHA256, &hasher, &err), 0);
  do {
    assert_int_equal(input->ops->read(input, buffer, sizeof buffer, &got, &err), 0);
    sp_hasher_update(hasher, buffer, got);
  } while (got > 0);
  sp_hasher_finish(hasher, &digest);
  sp_hasher_free(hasher);
  sp_input_close(input);
  return digest;
}

static void test_bytes_do_not_depend_on_threads(void **state)
{
  (void)state;
  static const struct sp_compression all[] = {{SP_COMPRESSION_GZIP, 4}, {SP_COMPRESSION_ZSTD, 3}};
  static const size_t sizes[] = {0, 1, SP_COMPRESSION_BLOCK_BYTES, LAYER_BYTES};
  static const unsigned threads[] = {1, 2, 8, SP_PACK_THREADS_MAX, 0};
  struct sp_spool *spool;
  struct sp_err err = SP_ERR_INIT;
  int to;
  assert_int_equal(sp_spool_open(&spool, &err), 0);
  assert_int_equal(sp_spool_file(spool, &to, &err), 0);
  for (size_t i = 0; i < COUNT(all) * COUNT(sizes); i++) {
    size_t size = sizes[i / COUNT(all)];
    int from = make_layer(size);
    struct sp_layer_pack first = {.compression = all[i % COUNT(all)], .threads = 1};
    assert_int_equal(pack(&first, from, size, spool, to, &err), 0);
    struct sp_digest back = unpacked(to, 0, first.size_bytes);
    assert_true(sp_digest_eq(&back, &first.diff_id));
    for (size_t k = 1; k < COUNT(threads); k++) {
      struct sp_layer_pack other = {
          .compression = all[i % COUNT(all)], .threads = threads[k], .to = 1000};
      assert_int_equal(pack(&other, from, size, spool, to, &err), 0);
      assert_true(sp_digest_eq(&other.digest, &first.digest));
      assert_true(sp_digest_eq(&other.diff_id, &first.diff_id));
      assert_int_equal(other.size_bytes, first.size_bytes);
    }
    close(from);
  }
  close(to);
  sp_spool_close(spool);
}

static void test_failures(void **state)
{
  (void)state;
  struct sp_spool *spool;
  struct sp_err err = SP_ERR_INIT;
  struct sp_cancel *cancel;
  int to;
  int from = make_layer(LAYER_BYTES);
  const struct sp_compression compression = SP_COMPRESSION_DEFAULT_INIT;
  assert_int_equal(sp_spool_open(&spool, &err), 0);
  assert_int_equal(sp_spool_file(spool, &to, &err), 0);
  for (unsigned threads = 1; threads <= 8; threads *= 2) {
    struct sp_layer_pack longer = {.compression = compression, .threads = threads};
    assert_int_equal(pack(&longer, from, LAYER_BYTES + 1, spool, to, &err), -1);
    assert_int_equal(err.code, SP_E_DIGEST);
    sp_err_clear(&err);
    struct sp_layer_pack unwritable = {.compression = compression, .threads = threads};
    assert_int_equal(pack(&unwritable, from, LAYER_BYTES, spool, -1, &err), -1);
    assert_int_equal(err.code, SP_E_IO);
    sp_err_clear(&err);
    assert_int_equal(sp_cancel_new(&cancel, &err), 0);
    sp_cancel_request(cancel, SIGTERM);
    struct sp_layer_pack stopped = {
        .compression = compression, .threads = threads, .cancel = cancel};
    assert_int_equal(pack(&stopped, from, LAYER_BYTES, spool, to, &err), -1);
    assert_int_equal(err.code, SP_E_INTERRUPTED);
    sp_err_clear(&err);
    sp_cancel_free(cancel);
  }
  close(from);
  close(to);
  sp_spool_close(spool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bytes_do_not_depend_on_threads),
      cmocka_unit_test(test_failures),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
