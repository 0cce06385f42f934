/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What is written is read back by tar_index.h; sizes beyond what octal holds, in both directions.
 */
#include "archive/tar_output.h"

#include <stdio.h>
#include <sys/mman.h>

#include "archive/tar_index.h"
#include "base/buf.h"

#define GIB (1024ull * 1024 * 1024)

/* -- a stream into a file, that may be full */

struct sink {
  struct sp_output base;
  int fd;
  size_t room;
};

static int sink_write(struct sp_output *base, const void *bytes, size_t n, struct sp_err *err)
{
  struct sink *sink = (struct sink *)base;
  if (n > sink->room)
    return sp_fail(err, SP_E_STORE_FULL, "the engine has no room");
  sink->room -= n;
  assert_int_equal(write(sink->fd, bytes, n), (ssize_t)n);
  return 0;
}

static int sink_finish(struct sp_output *base, struct sp_err *err)
{
  (void)base, (void)err;
  return 0;
}

static void sink_close(struct sp_output *base)
{
  (void)base;
}

static const struct sp_output_ops sink_ops = {
    .write = sink_write, .finish = sink_finish, .close = sink_close};

static int write_some(struct sink *sink, struct sp_err *err)
{
  SP_AUTO_TAR_OUTPUT struct sp_tar_output *tar = NULL;
  SP_AUTO_CLOSE int file = memfd_create("file", MFD_CLOEXEC);
  char name[256];
  assert_int_equal(write(file, "0123456789", 10), 10);
  memset(name, 'n', sizeof name);
  memcpy(name, "blobs/sha512/", 13);
  name[sizeof name - 1] = '\0';
  assert_int_equal(sp_tar_output_new(&sink->base, NULL, &tar, err), 0);
  if (sp_tar_output_add(tar, "b", SP_SPAN_LIT("bytes"), err) < 0 ||
      sp_tar_output_add(tar, "empty", SP_SPAN_LIT(""), err) < 0 ||
      sp_tar_output_add_file(tar, name, file, 10, err) < 0)
    return -1;
  return sp_tar_output_end(tar, err);
}

static void test_is_read_back(void **state)
{
  (void)state;
  SP_AUTO_TAR_INDEX struct sp_tar_index index = {0};
  SP_AUTO_CLOSE int fd = memfd_create("tar", MFD_CLOEXEC);
  SP_AUTO_CLOSE int again = memfd_create("tar", MFD_CLOEXEC);
  struct sink sink = {.base = {.ops = &sink_ops}, .fd = fd, .room = SIZE_MAX};
  struct sink other = {.base = {.ops = &sink_ops}, .fd = again, .room = SIZE_MAX};
  struct sp_err err = SP_ERR_INIT;
  char bytes[20000], same[20000];
  assert_int_equal(write_some(&sink, &err), 0);
  assert_int_equal(sp_tar_index_read(&index, fd, NULL, &err), 0);
  assert_int_equal(index.count, 3);
  const struct sp_tar_member *member = sp_tar_index_lookup(&index, "b");
  assert_int_equal(member->size_bytes, 5);
  assert_int_equal(pread(fd, bytes, 5, (off_t)member->begin), 5);
  assert_memory_equal(bytes, "bytes", 5);
  assert_int_equal(sp_tar_index_lookup(&index, "empty")->size_bytes, 0);
  assert_int_equal(index.members[1].size_bytes, 10);
  assert_int_equal(write_some(&other, &err), 0);
  ssize_t n = pread(fd, bytes, sizeof bytes, 0);
  assert_int_equal(pread(again, same, sizeof same, 0), n);
  assert_memory_equal(bytes, same, (size_t)n);
}

static void test_the_stream_says_why(void **state)
{
  (void)state;
  SP_AUTO_CLOSE int fd = memfd_create("tar", MFD_CLOEXEC);
  struct sink sink = {.base = {.ops = &sink_ops}, .fd = fd};
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(write_some(&sink, &err), -1);
  assert_int_equal(err.code, SP_E_STORE_FULL);
  assert_non_null(strstr(err.msg, "the engine has no room"));
}

/* A header as GNU tar writes it, its size in base-256. */
static void put_header(int fd, off_t at, const char *name, uint64_t size)
{
  unsigned char block[512] = {0};
  unsigned sum = 0;
  snprintf((char *)block, 100, "%s", name);
  memcpy(block + 100, "0000644\0000000000\0000000000", 24);
  block[124] = 0x80;
  for (int i = 0; i < 8; i++)
    block[135 - i] = (unsigned char)(size >> 8 * i);
  memcpy(block + 136, "00000000000", 11);
  memset(block + 148, ' ', 8);
  block[156] = '0';
  memcpy(block + 257, "ustar  ", 8);
  for (size_t i = 0; i < sizeof block; i++)
    sum += block[i];
  snprintf((char *)block + 148, 8, "%06o", sum);
  assert_int_equal(pwrite(fd, block, sizeof block, at), sizeof block);
}

static void test_members_of_more_than_8_gib(void **state)
{
  (void)state;
  SP_AUTO_TAR_INDEX struct sp_tar_index index = {0};
  SP_AUTO_CLOSE int fd = memfd_create("tar", MFD_CLOEXEC);
  struct sp_err err = SP_ERR_INIT;
  put_header(fd, 0, "large", 20 * GIB + 1);
  put_header(fd, (off_t)(512 + 20 * GIB + 512), "behind", 3);
  assert_int_equal(ftruncate(fd, (off_t)(20 * GIB + 10 * 512)), 0);
  if (sp_tar_index_read(&index, fd, NULL, &err) < 0)
    fail_msg("%s", err.msg);
  assert_int_equal(index.count, 2);
  assert_int_equal(index.members[1].size_bytes, 20 * GIB + 1);
  assert_int_equal(index.members[0].begin, 512 + 20 * GIB + 512 + 512);
}

static void test_large_members_are_announced(void **state)
{
  (void)state;
  SP_AUTO_CLOSE int fd = memfd_create("tar", MFD_CLOEXEC);
  SP_AUTO_CLOSE int file = memfd_create("file", MFD_CLOEXEC);
  struct sink sink = {.base = {.ops = &sink_ops}, .fd = fd, .room = 1024 * 1024};
  struct sp_err err = SP_ERR_INIT;
  struct sp_tar_output *tar;
  char bytes[4096] = {0};
  assert_int_equal(ftruncate(file, 9 * GIB), 0);
  assert_int_equal(sp_tar_output_new(&sink.base, NULL, &tar, &err), 0);
  assert_int_equal(sp_tar_output_add_file(tar, "large", file, 9 * GIB, &err), -1); /* full */
  assert_int_equal(err.code, SP_E_STORE_FULL);
  assert_true(pread(fd, bytes, sizeof bytes - 1, 0) > 0);
  assert_non_null(
      memmem(bytes, sizeof bytes, "size=9663676416\n", 16)); /* PAX: octal ends at 8 GiB */
  sp_tar_output_free(tar);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_is_read_back),
      cmocka_unit_test(test_the_stream_says_why),
      cmocka_unit_test(test_members_of_more_than_8_gib),
      cmocka_unit_test(test_large_members_are_announced),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
