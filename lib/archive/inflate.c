/* SPDX-License-Identifier: Apache-2.0 */
/* One buffer of packed bytes, refilled from below; one step function per method takes from it. */
#include "archive/inflate.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/checked.h"
#include "base/i18n.h"
#include "base/limits.h"

#define BUFFER_BYTES (64u * SP_KIB)
#define GZIP_ONLY (15 + 16) /* zlib: largest window, gzip framing */
#define ZSTD_WINDOW_LOG 27  /* 128 MiB: what zstd itself takes without being asked */

struct inflate;
/* Puts 0..n bytes into out. *ended: the packed stream is whole at this point. */
typedef int step(struct inflate *, void *out, size_t n, size_t *got, struct sp_err *err);

struct inflate {
  struct sp_input base; /* first */
  struct sp_input *input;
  step *step;
  const char *name; /* "gzip" */
  z_stream gzip;
  bool has_gzip;
  ZSTD_DStream *zstd;
  bool is_between; /* a member or frame has ended and no other has begun */
  bool at_end;     /* of the packed bytes */
  uint64_t in_bytes, out_bytes;
  size_t begin, end; /* of what is left in the buffer */
  unsigned char buffer[BUFFER_BYTES];
};

enum sp_packing sp_packing_of(struct sp_span first)
{
  static const char gzip[] = "\x1f\x8b";
  static const char zstd[] = "\x28\xb5\x2f\xfd";
  if (sp_span_has_prefix(first, gzip))
    return SP_PACKING_GZIP;
  return sp_span_has_prefix(first, zstd) ? SP_PACKING_ZSTD : SP_PACKING_NONE;
}

static int refill(struct inflate *z, struct sp_err *err)
{
  size_t got = 0;
  if (z->begin < z->end || z->at_end)
    return 0;
  if (z->input->ops->read(z->input, z->buffer, sizeof z->buffer, &got, err) < 0)
    return -1;
  z->begin = 0;
  z->end = got;
  z->at_end = got == 0;
  return 0;
}

static int broken(const struct inflate *z, const char *why, struct sp_err *err)
{
  return sp_fail(err, SP_E_INVALID, "its %s data is broken after %llu bytes: %s", z->name,
                 (unsigned long long)z->in_bytes, why);
}

/* -- the methods */

static int step_none(struct inflate *z, void *out, size_t n, size_t *got, struct sp_err *err)
{
  (void)err;
  size_t left = z->end - z->begin;
  *got = left < n ? left : n;
  memcpy(out, z->buffer + z->begin, *got);
  z->begin += *got;
  z->in_bytes += *got;
  z->is_between = true; /* it may end anywhere */
  return 0;
}

static int step_gzip(struct inflate *z, void *out, size_t n, size_t *got, struct sp_err *err)
{
  z_stream *stream = &z->gzip;
  if (z->is_between && inflateReset(stream) != Z_OK)
    return sp_fail(err, SP_E_INTERNAL, "zlib cannot begin again");
  stream->next_in = z->buffer + z->begin;
  stream->avail_in = (uInt)(z->end - z->begin);
  stream->next_out = out;
  stream->avail_out = n < UINT32_MAX ? (uInt)n : UINT32_MAX;
  uInt room = stream->avail_out;
  int result = inflate(stream, Z_NO_FLUSH);
  z->in_bytes += (z->end - z->begin) - stream->avail_in;
  z->begin = z->end - stream->avail_in;
  *got = room - stream->avail_out;
  z->is_between = result == Z_STREAM_END;
  if (result == Z_MEM_ERROR)
    return sp_fail(err, SP_E_NOMEM, "out of memory to decompress");
  if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
    return broken(z, stream->msg ? stream->msg : _("not what gzip writes"), err);
  return 0;
}

static int step_zstd(struct inflate *z, void *out, size_t n, size_t *got, struct sp_err *err)
{
  ZSTD_inBuffer in = {z->buffer + z->begin, z->end - z->begin, 0};
  ZSTD_outBuffer to = {out, n, 0};
  size_t result = ZSTD_decompressStream(z->zstd, &to, &in);
  z->begin += in.pos;
  z->in_bytes += in.pos;
  *got = to.pos;
  if (ZSTD_isError(result))
    return broken(z, ZSTD_getErrorName(result), err);
  z->is_between = result == 0;
  return 0;
}

/* -- the stream */

static int check_bomb(const struct inflate *z, struct sp_err *err)
{
  uint64_t most;
  if (z->step == step_none)
    return 0;
  if (!sp_mul_u64(z->in_bytes, SP_INFLATE_MOST_TIMES, &most) ||
      !sp_add_u64(most, SP_INFLATE_FREE_BYTES, &most) || z->out_bytes <= most)
    return 0;
  return sp_fail(err, SP_E_LIMIT,
                 "%llu packed bytes became more than %u times as many: this is a bomb",
                 (unsigned long long)z->in_bytes, SP_INFLATE_MOST_TIMES);
}

static int inflate_read(struct sp_input *base, void *buf, size_t n, size_t *got, struct sp_err *err)
{
  struct inflate *z = (struct inflate *)base;
  *got = 0;
  while (*got == 0) {
    if (refill(z, err) < 0)
      return -1;
    if (z->at_end && z->is_between)
      return 0;
    size_t before = z->begin;
    if (z->step(z, buf, n, got, err) < 0)
      return -1;
    /* Output may still be pending when all input is taken; when nothing moves, nothing will. */
    if (z->at_end && *got == 0 && !z->is_between && z->begin == before)
      return broken(z, _("it ends in the middle"), err);
  }
  z->out_bytes += *got;
  return check_bomb(z, err);
}

static void inflate_close(struct sp_input *base)
{
  struct inflate *z = (struct inflate *)base;
  sp_input_close(z->input);
  if (z->has_gzip)
    inflateEnd(&z->gzip);
  ZSTD_freeDStream(z->zstd);
  free(z);
}

static const struct sp_input_ops ops = {.read = inflate_read, .close = inflate_close};

/* Bytes enough to tell, or all there are. */
static int fill_first(struct inflate *z, struct sp_err *err)
{
  while (z->end < 4) {
    size_t got = 0;
    if (z->input->ops->read(z->input, z->buffer + z->end, sizeof z->buffer - z->end, &got, err) < 0)
      return -1;
    if (got == 0)
      break;
    z->end += got;
  }
  return 0;
}

static int choose(struct inflate *z, enum sp_packing packing, struct sp_err *err)
{
  bool made = true;
  switch (packing) {
  case SP_PACKING_GZIP:
    z->step = step_gzip;
    z->name = "gzip";
    made = z->has_gzip = inflateInit2(&z->gzip, GZIP_ONLY) == Z_OK;
    break;
  case SP_PACKING_ZSTD:
    z->step = step_zstd;
    z->name = "zstd";
    z->zstd = ZSTD_createDStream();
    made = z->zstd &&
           !ZSTD_isError(ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG));
    break;
  case SP_PACKING_NONE:
    z->step = step_none;
    z->is_between = true;
    break;
  }
  return made ? 0 : sp_fail(err, SP_E_NOMEM, "out of memory to decompress");
}

static void close_draft(struct inflate **z)
{
  if (*z)
    inflate_close(&(*z)->base);
}

int sp_inflate_open_take(struct sp_input *input, struct sp_input **out, enum sp_packing *packing,
                         struct sp_err *err)
{
  SP_CLEANUP(close_draft) struct inflate *z = calloc(1, sizeof *z);
  if (!z) {
    sp_input_close(input);
    return sp_fail(err, SP_E_NOMEM, "out of memory to decompress");
  }
  z->base.ops = &ops;
  z->input = input;
  if (fill_first(z, err) < 0)
    return -1;
  enum sp_packing found = sp_packing_of(SP_SPAN((const char *)z->buffer, z->end));
  if (choose(z, found, err) < 0)
    return -1;
  if (packing)
    *packing = found;
  *out = &sp_steal(&z)->base;
  return 0;
}
