/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/blob_ends.h"

#include "layout/blob_draft.h"
#include "layout/blob_file.h"
#include "store/file_reader.h"

/* -- reader */

int sp_blob_ends_open_reader(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                             uint64_t size_bytes, uint64_t offset, struct sp_reader **out,
                             struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  uint64_t have_bytes = 0;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  if (sp_blob_file_open(dir, digest, &fd, &have_bytes, err) < 0)
    return -1;
  if (have_bytes != size_bytes)
    return sp_fail(err, SP_E_DIGEST, "blob '%s' of '%s' has %llu bytes and should have %llu", text,
                   dir->name, (unsigned long long)have_bytes, (unsigned long long)size_bytes);
  if (offset > size_bytes)
    return sp_fail(err, SP_E_INTERNAL, "blob '%s' read from beyond its end", text);
  const struct sp_file_stretch stretch = {
      .fd = fd, .owns_fd = true, .size_bytes = size_bytes, .where = dir->name};
  if (sp_file_reader_new(&stretch, offset, out, err) < 0)
    return -1;
  fd = -1; /* the reader's now */
  return 0;
}

/* -- writer */

struct blob_writer {
  struct sp_writer base; /* first */
  struct sp_blob_draft draft;
  struct sp_ring *ring; /* borrowed between start and finish */
  size_t consumer;
};

static int start_writer(struct sp_writer *base, struct sp_ring *ring, size_t consumer,
                        struct sp_err *err)
{
  struct blob_writer *writer = (struct blob_writer *)base;
  (void)err;
  writer->ring = ring;
  writer->consumer = consumer;
  return 0;
}

static int pump_writer(struct sp_writer *base, struct sp_err *err)
{
  struct blob_writer *writer = (struct blob_writer *)base;
  for (;;) {
    const char *bytes;
    bool end;
    bool aborted;
    size_t n = sp_ring_peek(writer->ring, writer->consumer, &bytes, &end, &aborted);
    if (n == 0)
      return 0;
    if (sp_blob_draft_write(&writer->draft, bytes, n, err) < 0)
      return -1;
    sp_ring_consume(writer->ring, writer->consumer, n);
  }
}

static int finish_writer(struct sp_writer *base, struct sp_err *err)
{
  struct blob_writer *writer = (struct blob_writer *)base;
  return sp_blob_draft_commit(&writer->draft, err);
}

static void close_writer(struct sp_writer *base)
{
  struct blob_writer *writer = (struct blob_writer *)base;
  sp_blob_draft_clear(&writer->draft);
  free(writer);
}

static const struct sp_writer_ops writer_ops = {
    .start = start_writer, .pump = pump_writer, .finish = finish_writer, .close = close_writer};

int sp_blob_ends_open_writer(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                             uint64_t size_bytes, struct sp_writer **out, struct sp_err *err)
{
  struct blob_writer *writer = calloc(1, sizeof *writer);
  if (!writer)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a writer");
  *writer = (struct blob_writer){.base = {.ops = &writer_ops}, .draft = SP_BLOB_DRAFT_INIT};
  if (sp_blob_draft_begin(&writer->draft, dir, digest, size_bytes, err) < 0) {
    free(writer);
    return -1;
  }
  *out = &writer->base;
  return 0;
}
