/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/inflate.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* -- a stream from memory, that gives at most `most` bytes at once and may fail at its end */

struct memory {
  struct sp_input base;
  const char *at;
  size_t left, most;
  bool fails;
  bool *is_closed;
};

static int memory_read(struct sp_input *base, void *buf, size_t n, size_t *got, struct sp_err *err)
{
  struct memory *memory = (struct memory *)base;
  *got = n < memory->most ? n : memory->most;
  if (*got > memory->left)
    *got = memory->left;
  if (*got == 0 && memory->fails)
    return sp_fail(err, SP_E_NETWORK, "the line is cut");
  memcpy(buf, memory->at, *got);
  memory->at += *got;
  memory->left -= *got;
  return 0;
}

static void memory_close(struct sp_input *base)
{
  *((struct memory *)base)->is_closed = true;
}

static const struct sp_input_ops memory_ops = {.read = memory_read, .close = memory_close};

/* Everything that comes out, or -1. */
static int drain(struct sp_span packed, size_t in_most, size_t out_most, bool fails,
                 struct sp_buf *out, enum sp_packing *packing, struct sp_err *err)
{
  bool is_closed = false;
  struct memory memory = {.base = {.ops = &memory_ops},
                          .at = packed.ptr,
                          .left = packed.len,
                          .most = in_most,
                          .fails = fails,
                          .is_closed = &is_closed};
  struct sp_input *input = NULL;
  int failed = sp_inflate_open_take(&memory.base, &input, packing, err);
  SP_AUTO_FREE char *buffer = malloc(out_most);
  for (size_t got = 1; !failed && got > 0;) {
    failed = input->ops->read(input, buffer, out_most, &got, err);
    if (!failed && sp_buf_append(out, buffer, got, err) < 0)
      fail_msg("%s", err->msg);
  }
  sp_input_close(input);
  assert_true(is_closed);
  return failed;
}

/* -- packed bytes */

static char plain[300000];

static void make_plain(void)
{
  for (size_t i = 0; i < sizeof plain; i++)
    plain[i] = (char)(i * i >> 5);
}

static void add_gzip(struct sp_buf *out, const char *bytes, size_t len)
{
  struct sp_err err = SP_ERR_INIT;
  char *packed = malloc(len + 1000);
  z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes,
                .avail_in = (uInt)len,
                .next_out = (Bytef *)packed,
                .avail_out = (uInt)len + 1000};
  assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  assert_int_equal(sp_buf_append(out, packed, z.total_out, &err), 0);
  deflateEnd(&z);
  free(packed);
}

static void add_zstd(struct sp_buf *out, const char *bytes, size_t len)
{
  struct sp_err err = SP_ERR_INIT;
  size_t room = ZSTD_compressBound(len);
  char *packed = malloc(room);
  size_t n = ZSTD_compress(packed, room, bytes, len, 1);
  assert_false(ZSTD_isError(n));
  assert_int_equal(sp_buf_append(out, packed, n, &err), 0);
  free(packed);
}

static void add_plain(struct sp_buf *out, const char *bytes, size_t len)
{
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_buf_append(out, bytes, len, &err), 0);
}

typedef void adder(struct sp_buf *out, const char *bytes, size_t len);

static const struct {
  adder *add;
  enum sp_packing packing;
} methods[] = {
    {add_plain, SP_PACKING_NONE}, {add_gzip, SP_PACKING_GZIP}, {add_zstd, SP_PACKING_ZSTD}};

/* -- tests */

static void test_any_number_of_members_in_any_pieces(void **state)
{
  (void)state;
  static const size_t lengths[] = {0, 1, 65536, sizeof plain};
  static const size_t pieces[] = {1, 3, 4096, 1 << 20};
  for (size_t i = 0; i < COUNT(methods) * COUNT(lengths) * COUNT(pieces); i++) {
    size_t len = lengths[i / COUNT(methods) % COUNT(lengths)];
    size_t piece = pieces[i / COUNT(methods) / COUNT(lengths)];
    SP_AUTO_BUF struct sp_buf packed;
    SP_AUTO_BUF struct sp_buf out;
    struct sp_err err = SP_ERR_INIT;
    enum sp_packing packing;
    sp_buf_init(&packed, 1 << 24);
    sp_buf_init(&out, 1 << 24);
    methods[i % COUNT(methods)].add(&packed, plain, len);
    methods[i % COUNT(methods)].add(&packed, plain + 7, 100);
    methods[i % COUNT(methods)].add(&packed, "", 0);
    if (drain(sp_buf_span(&packed), piece, piece, false, &out, &packing, &err) < 0)
      fail_msg("%s", err.msg);
    assert_int_equal(packing, methods[i % COUNT(methods)].packing);
    assert_int_equal(out.len, len + 100);
    assert_memory_equal(out.data, plain, len);
    assert_memory_equal(out.data + len, plain + 7, 100);
  }
}

/* gzip has a checksum of its own; ZSTD_compress writes none. */
static void test_a_byte_changed_anywhere(void **state)
{
  (void)state;
  SP_AUTO_BUF struct sp_buf packed;
  sp_buf_init(&packed, 1 << 20);
  add_gzip(&packed, plain, 2000);
  for (size_t at = 10; at < packed.len; at++) { /* before: the header, which says little */
    SP_AUTO_BUF struct sp_buf out;
    struct sp_err err = SP_ERR_INIT;
    sp_buf_init(&out, 1 << 20);
    packed.data[at] ^= 0x10;
    if (drain(sp_buf_span(&packed), 999, 999, false, &out, NULL, &err) == 0)
      assert_memory_equal(out.data, plain, 2000); /* a bit that means nothing */
    else
      assert_int_equal(err.code, SP_E_INVALID);
    packed.data[at] ^= 0x10;
  }
}

static void test_cut_anywhere(void **state)
{
  (void)state;
  for (size_t m = 1; m < COUNT(methods); m++) {
    SP_AUTO_BUF struct sp_buf packed;
    sp_buf_init(&packed, 1 << 20);
    methods[m].add(&packed, plain, 2000);
    for (size_t len = 4; len < packed.len; len++) {
      SP_AUTO_BUF struct sp_buf out;
      struct sp_err err = SP_ERR_INIT;
      sp_buf_init(&out, 1 << 20);
      assert_int_equal(drain(SP_SPAN(packed.data, len), 999, 999, false, &out, NULL, &err), -1);
      assert_int_equal(err.code, SP_E_INVALID);
      assert_non_null(strstr(err.msg, "in the middle"));
    }
  }
}

static void test_the_stream_below_fails(void **state)
{
  (void)state;
  for (size_t m = 0; m < COUNT(methods); m++) {
    SP_AUTO_BUF struct sp_buf packed;
    SP_AUTO_BUF struct sp_buf out;
    struct sp_err err = SP_ERR_INIT;
    sp_buf_init(&packed, 1 << 20);
    sp_buf_init(&out, 1 << 20);
    methods[m].add(&packed, plain, 2000);
    assert_int_equal(drain(SP_SPAN(packed.data, 100), 10, 10, true, &out, NULL, &err), -1);
    assert_int_equal(err.code, SP_E_NETWORK);
    sp_err_clear(&err);
    assert_int_equal(drain(SP_SPAN(packed.data, 2), 10, 10, true, &out, NULL, &err), -1);
    assert_int_equal(err.code, SP_E_NETWORK);
  }
}

static void test_a_bomb_ends(void **state)
{
  (void)state;
  const size_t len = 128u << 20; /* zeros: zstd makes 4 KiB of them */
  char *zeros = calloc(1, len);
  SP_AUTO_BUF struct sp_buf packed;
  SP_AUTO_BUF struct sp_buf out;
  struct sp_err err = SP_ERR_INIT;
  sp_buf_init(&packed, 1 << 20);
  sp_buf_init(&out, len);
  add_zstd(&packed, zeros, len);
  free(zeros);
  assert_int_equal(drain(sp_buf_span(&packed), 65536, 1 << 20, false, &out, NULL, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_in_range(out.len, SP_INFLATE_FREE_BYTES / 2, SP_INFLATE_FREE_BYTES + (32u << 20));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_any_number_of_members_in_any_pieces),
      cmocka_unit_test(test_a_byte_changed_anywhere),
      cmocka_unit_test(test_cut_anywhere),
      cmocka_unit_test(test_the_stream_below_fails),
      cmocka_unit_test(test_a_bomb_ends),
  };
  make_plain();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
