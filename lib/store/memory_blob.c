/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends block, that is: the relay pumps them, and they are done as soon as the ring is full or
 * empty. */
#include "store/memory_blob.h"

#define HELD_MAX_BYTES ((uint64_t)1 << 40) /* more is not in any machine that runs tests */

int sp_held_new(size_t len, struct sp_held **out, struct sp_err *err)
{
  struct sp_held *held = malloc(sizeof *held + len);
  if (!held)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu bytes", len);
  atomic_init(&held->holders, 1);
  held->len = len;
  *out = held;
  return 0;
}

struct sp_held *sp_held_keep(struct sp_held *held)
{
  if (held)
    atomic_fetch_add(&held->holders, 1);
  return held;
}

void sp_held_drop(struct sp_held *held)
{
  if (held && atomic_fetch_sub(&held->holders, 1) == 1)
    free(held);
}

/* -- reading */

struct held_reader {
  struct sp_reader reader; /* first */
  struct sp_held *content;
  size_t pos;
};

static int reader_pump(struct sp_reader *base, struct sp_ring *ring, struct sp_err *err)
{
  (void)err;
  struct held_reader *reader = (struct held_reader *)base;
  size_t left = reader->content->len - reader->pos;
  char *room;
  for (size_t n = sp_ring_reserve(ring, &room); n > 0 && left > 0;
       n = sp_ring_reserve(ring, &room)) {
    size_t take = n < left ? n : left;
    memcpy(room, reader->content->bytes + reader->pos, take);
    sp_ring_commit(ring, take);
    reader->pos += take;
    left -= take;
  }
  if (left == 0)
    sp_ring_close_input(ring, NULL);
  return 0;
}

static void reader_close(struct sp_reader *base)
{
  struct held_reader *reader = (struct held_reader *)base;
  sp_held_drop(reader->content);
  free(reader);
}

static const struct sp_reader_ops reader_ops = {.pump = reader_pump, .close = reader_close};

int sp_held_read(struct sp_held *content, size_t offset, struct sp_reader **out, struct sp_err *err)
{
  struct held_reader *reader = calloc(1, sizeof *reader);
  if (!reader)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  reader->reader.ops = &reader_ops;
  reader->content = sp_held_keep(content);
  reader->pos = offset;
  *out = &reader->reader;
  return 0;
}

/* -- writing */

struct held_writer {
  struct sp_writer writer; /* first */
  sp_held_taker *taker;
  void *ctx;
  struct sp_digest digest;
  struct sp_held *content;
  struct sp_hasher *hasher;
  struct sp_ring *ring;
  size_t consumer;
  size_t pos;
};

static int writer_start(struct sp_writer *base, struct sp_ring *ring, size_t consumer,
                        struct sp_err *err)
{
  (void)err;
  struct held_writer *writer = (struct held_writer *)base;
  writer->ring = ring;
  writer->consumer = consumer;
  return 0;
}

static int writer_pump(struct sp_writer *base, struct sp_err *err)
{
  struct held_writer *writer = (struct held_writer *)base;
  const char *bytes;
  bool end;
  bool aborted;
  for (;;) {
    size_t n = sp_ring_peek(writer->ring, writer->consumer, &bytes, &end, &aborted);
    if (n == 0)
      return 0;
    if (n > writer->content->len - writer->pos)
      return sp_fail(err, SP_E_INTERNAL, "more bytes came than the blob has");
    memcpy(writer->content->bytes + writer->pos, bytes, n);
    sp_hasher_update(writer->hasher, bytes, n);
    sp_ring_consume(writer->ring, writer->consumer, n);
    writer->pos += n;
  }
}

static int writer_finish(struct sp_writer *base, struct sp_err *err)
{
  struct held_writer *writer = (struct held_writer *)base;
  struct sp_digest have;
  sp_hasher_finish(writer->hasher, &have);
  if (writer->pos != writer->content->len || !sp_digest_eq(&have, &writer->digest))
    return sp_fail(err, SP_E_DIGEST, "the %zu bytes that came do not have its digest", writer->pos);
  return writer->taker(writer->ctx, &writer->digest, writer->content, err);
}

static void writer_close(struct sp_writer *base)
{
  struct held_writer *writer = (struct held_writer *)base;
  sp_held_drop(writer->content);
  sp_hasher_free(writer->hasher);
  free(writer);
}

static const struct sp_writer_ops writer_ops = {
    .start = writer_start, .pump = writer_pump, .finish = writer_finish, .close = writer_close};

int sp_held_write(const struct sp_digest *digest, uint64_t size_bytes, sp_held_taker *taker,
                  void *ctx, struct sp_writer **out, struct sp_err *err)
{
  if (size_bytes > HELD_MAX_BYTES)
    return sp_fail(err, SP_E_STORE_FULL, "it does not fit in memory");
  SP_AUTO_HELD struct sp_held *content = NULL;
  SP_AUTO_HASHER struct sp_hasher *hasher = NULL;
  if (sp_held_new((size_t)size_bytes, &content, err) < 0 ||
      sp_hasher_new(digest->alg, &hasher, err) < 0)
    return -1;
  struct held_writer *writer = calloc(1, sizeof *writer);
  if (!writer)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  writer->writer.ops = &writer_ops;
  writer->taker = taker;
  writer->ctx = ctx;
  writer->digest = *digest;
  writer->content = sp_steal(&content);
  writer->hasher = sp_steal(&hasher);
  *out = &writer->writer;
  return 0;
}
