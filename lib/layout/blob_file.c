/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/blob_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "layout/beneath.h"

#define HASH_PIECE_BYTES (128u * SP_KIB)

static void finish_path(struct sp_blob_path *path, const struct sp_digest *digest)
{
  sp_digest_format_hex(digest, path->name);
  snprintf(path->text, sizeof path->text, "%s/%s", path->parent, path->name);
}

void sp_blob_path_in_layout(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                            struct sp_blob_path *out)
{
  out->dir_fd = dir->fd;
  snprintf(out->parent, sizeof out->parent, SP_LAYOUT_BLOBS "/%s", sp_digest_alg_name(digest->alg));
  finish_path(out, digest);
}

void sp_blob_path_in_pool(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                          struct sp_blob_path *out)
{
  out->dir_fd = dir->root_fd;
  snprintf(out->parent, sizeof out->parent, "%s/%s/%02x", dir->pool,
           sp_digest_alg_name(digest->alg), digest->raw[0]);
  finish_path(out, digest);
}

int sp_blob_file_open(const struct sp_layout_dir *dir, const struct sp_digest *digest, int *fd,
                      uint64_t *size_bytes, struct sp_err *err)
{
  struct sp_blob_path path;
  sp_blob_path_in_layout(dir, digest, &path);
  return sp_beneath_open_file(path.dir_fd, path.text, fd, size_bytes, err);
}

/* -- checking */

static bool is_last_byte_readable(int fd, uint64_t size_bytes)
{
  char last;
  ssize_t n;
  if (size_bytes == 0)
    return true;
  do {
    n = pread(fd, &last, 1, (off_t)(size_bytes - 1));
  } while (n < 0 && errno == EINTR);
  return n == 1;
}

int sp_blob_file_check(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                       uint64_t size_bytes, enum sp_proof want, struct sp_blob_state *out,
                       struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  uint64_t have_bytes = 0;
  struct sp_err why = SP_ERR_INIT;
  *out = (struct sp_blob_state){.state = SP_BLOB_ABSENT, .size_bytes = SP_SIZE_UNKNOWN};
  if (sp_blob_file_open(dir, digest, &fd, &have_bytes, &why) < 0) {
    if (why.code == SP_E_NOT_FOUND)
      return 0;
    out->state = SP_BLOB_DAMAGED;
    if (why.code == SP_E_INVALID)
      return 0;
    sp_err_copy(err, &why);
    return -1;
  }
  out->size_bytes = have_bytes;
  out->state = SP_BLOB_DAMAGED;
  if (size_bytes != SP_SIZE_UNKNOWN && have_bytes != size_bytes)
    return 0;
  if (want >= SP_PROOF_TOUCHED && !is_last_byte_readable(fd, have_bytes))
    return 0;
  out->state = SP_BLOB_PRESENT;
  out->proof = want >= SP_PROOF_TOUCHED ? SP_PROOF_TOUCHED : SP_PROOF_CLAIMED;
  return 0;
}

/* -- reading whole */

static int read_exactly(int fd, size_t len, struct sp_buf *out, struct sp_err *err)
{
  char chunk[16384];
  for (size_t done = 0; done < len;) {
    size_t want = len - done < sizeof chunk ? len - done : sizeof chunk;
    ssize_t n = pread(fd, chunk, want, (off_t)done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return sp_fail_sys(err, SP_E_IO, errno, "cannot read");
    if (n == 0)
      return sp_fail(err, SP_E_DIGEST, "it became shorter while it was read");
    if (sp_buf_append(out, chunk, (size_t)n, err) < 0)
      return -1;
    done += (size_t)n;
  }
  return 0;
}

int sp_blob_file_read(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                      struct sp_buf *out, struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  uint64_t size_bytes = 0;
  char text[SP_DIGEST_TEXT_MAX];
  if (sp_blob_file_open(dir, digest, &fd, &size_bytes, err) < 0)
    return -1;
  sp_digest_format(digest, text);
  /* A file of holes may call itself a terabyte: compared before anything is read. */
  if (size_bytes > out->max_bytes - out->len)
    return sp_fail(err, SP_E_LIMIT,
                   "cannot read '%s' of '%s': %llu bytes are more than a manifest may have", text,
                   dir->name, (unsigned long long)size_bytes);
  size_t before = out->len;
  if (read_exactly(fd, (size_t)size_bytes, out, err) == 0 &&
      sp_digest_check(digest, sp_buf_str(out) + before, out->len - before, err) == 0)
    return 0;
  sp_buf_truncate(out, before);
  return -1;
}

/* -- the pool */

static int open_in_pool(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                        uint64_t size_bytes, int *fd)
{
  struct sp_blob_path path;
  struct sp_err ignored = SP_ERR_INIT;
  uint64_t have_bytes = 0;
  if (!dir->pool)
    return -1;
  sp_blob_path_in_pool(dir, digest, &path);
  if (sp_beneath_open_file(path.dir_fd, path.text, fd, &have_bytes, &ignored) < 0)
    return -1;
  return have_bytes == size_bytes ? 0 : -1;
}

bool sp_blob_file_is_in_pool(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                             uint64_t size_bytes)
{
  SP_AUTO_CLOSE int fd = -1;
  return open_in_pool(dir, digest, size_bytes, &fd) == 0;
}

bool sp_blob_file_is_whole_in_pool(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                                   uint64_t size_bytes)
{
  SP_AUTO_CLOSE int fd = -1;
  SP_AUTO_HASHER struct sp_hasher *hasher = NULL;
  SP_AUTO_FREE char *piece = malloc(HASH_PIECE_BYTES);
  struct sp_err ignored = SP_ERR_INIT;
  if (!piece || sp_hasher_new(digest->alg, &hasher, &ignored) < 0 ||
      open_in_pool(dir, digest, size_bytes, &fd) < 0)
    return false;
  ssize_t n;
  while ((n = read(fd, piece, HASH_PIECE_BYTES)) != 0) {
    if (n < 0 && errno != EINTR)
      return false;
    if (n > 0)
      sp_hasher_update(hasher, piece, (size_t)n);
  }
  struct sp_digest have;
  sp_hasher_finish(hasher, &have);
  return sp_digest_eq(&have, digest);
}
