/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/compression.h"

#include <zlib.h>
#include <zstd.h>

#include "base/span.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_what_users_write(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    enum sp_compression_method method;
    int level; /* 0: refused */
  } cases[] = {
      {"", 0, 0},
      {"gz", 0, 0},
      {"gzip:", 0, 0},
      {"gzip:0", 0, 0},
      {"gzip:13", 0, 0},
      {"gzip:-1", 0, 0},
      {"gzip: 1", 0, 0},
      {"gzip:1x", 0, 0},
      {"GZIP", 0, 0},
      {"zstd:0", 0, 0},
      {"zstd:20", 0, 0},
      {"zstd:99999999999999999999", 0, 0},
      {"xz", 0, 0},
      {"none", 0, 0},
      {NULL, SP_COMPRESSION_GZIP, SP_COMPRESSION_GZIP_LEVEL},
      {"gzip", SP_COMPRESSION_GZIP, SP_COMPRESSION_GZIP_LEVEL},
      {"gzip:1", SP_COMPRESSION_GZIP, 1},
      {"gzip:12", SP_COMPRESSION_GZIP, 12},
      {"zstd", SP_COMPRESSION_ZSTD, SP_COMPRESSION_ZSTD_LEVEL},
      {"zstd:19", SP_COMPRESSION_ZSTD, 19},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_compression out;
    struct sp_err err = SP_ERR_INIT;
    int failed = sp_compression_parse(cases[i].text, &out, &err);
    if (failed != (cases[i].level ? 0 : -1))
      fail_msg("'%s': %d", cases[i].text, failed);
    if (failed) {
      assert_int_equal(err.code, SP_E_USAGE);
      continue;
    }
    assert_int_equal(out.method, cases[i].method);
    assert_int_equal(out.level, cases[i].level);
  }
}

static void test_an_id_is_of_one_compressor(void **state)
{
  (void)state;
  static const struct sp_compression all[] = {{SP_COMPRESSION_GZIP, 4},
                                              {SP_COMPRESSION_GZIP, 6},
                                              {SP_COMPRESSION_ZSTD, 3},
                                              {SP_COMPRESSION_ZSTD, 4}};
  char ids[COUNT(all)][SP_COMPRESSION_ID_MAX];
  struct sp_err err = SP_ERR_INIT;
  for (size_t i = 0; i < COUNT(all); i++) {
    char again[SP_COMPRESSION_ID_MAX];
    assert_int_equal(sp_compression_id(&all[i], ids[i], &err), 0);
    assert_int_equal(sp_compression_id(&all[i], again, &err), 0);
    assert_string_equal(ids[i], again);
    assert_null(strpbrk(ids[i], "/. "));
    for (size_t k = 0; k < i; k++)
      assert_string_not_equal(ids[i], ids[k]);
  }
  /* The level changes what comes out, not only the name: the hash is of something that differs. */
  assert_string_not_equal(strrchr(ids[0], '-'), strrchr(ids[1], '-'));
}

static size_t unpack(enum sp_compression_method method, const char *packed, size_t len, char *out,
                     size_t room)
{
  if (method == SP_COMPRESSION_ZSTD)
    return ZSTD_decompress(out, room, packed, len);
  z_stream z = {.next_in = (Bytef *)(uintptr_t)packed,
                .avail_in = (uInt)len,
                .next_out = (Bytef *)out,
                .avail_out = (uInt)room};
  assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
  assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
  assert_int_equal(z.avail_in, 0);
  inflateEnd(&z);
  return z.total_out;
}

static void test_a_block_is_whole(void **state)
{
  (void)state;
  static const size_t lengths[] = {0, 1, 4096, SP_COMPRESSION_BLOCK_BYTES};
  static const struct sp_compression all[] = {{SP_COMPRESSION_GZIP, 1},
                                              {SP_COMPRESSION_GZIP, 12},
                                              {SP_COMPRESSION_ZSTD, 1},
                                              {SP_COMPRESSION_ZSTD, 19}};
  char *bytes = malloc(SP_COMPRESSION_BLOCK_BYTES), *back = malloc(SP_COMPRESSION_BLOCK_BYTES);
  for (size_t i = 0; i < SP_COMPRESSION_BLOCK_BYTES; i++)
    bytes[i] = (char)(i * i >> 7);
  for (size_t m = 0; m < COUNT(all); m++) {
    struct sp_compressor *compressor;
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_compressor_new(&all[m], &compressor, &err), 0);
    char *packed = malloc(sp_compressor_bound(compressor));
    for (size_t i = 0; i < COUNT(lengths); i++) {
      size_t n = sp_compressor_block(compressor, bytes, lengths[i], packed);
      assert_in_range(n, 1, sp_compressor_bound(compressor));
      assert_int_equal(unpack(all[m].method, packed, n, back, SP_COMPRESSION_BLOCK_BYTES),
                       lengths[i]);
      assert_memory_equal(bytes, back, lengths[i]);
    }
    free(packed);
    sp_compressor_free(compressor);
  }
  free(bytes);
  free(back);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_users_write),
      cmocka_unit_test(test_an_id_is_of_one_compressor),
      cmocka_unit_test(test_a_block_is_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
