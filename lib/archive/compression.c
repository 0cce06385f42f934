/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/compression.h"

#include <libdeflate.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/text.h"
#include "oci/digest.h"

#define SAMPLE_BYTES (64u * SP_KIB)

/* -- what users write */

static const struct method {
  const char *name;
  int default_level, max_level;
  const char *media_type;
} methods[] = {
    [SP_COMPRESSION_GZIP] = {"gzip", SP_COMPRESSION_GZIP_LEVEL, 12,
                             "application/vnd.oci.image.layer.v1.tar+gzip"},
    [SP_COMPRESSION_ZSTD] = {"zstd", SP_COMPRESSION_ZSTD_LEVEL, 19,
                             "application/vnd.oci.image.layer.v1.tar+zstd"},
};
#define METHOD_COUNT (sizeof methods / sizeof methods[0])

static int refuse(const char *text, struct sp_err *err)
{
  char shown[64];
  sp_text_escape(shown, sizeof shown, sp_span_str(text));
  return sp_fail(err, SP_E_USAGE, "'%s' is no compression: write gzip[:1-%d] or zstd[:1-%d]", shown,
                 methods[SP_COMPRESSION_GZIP].max_level, methods[SP_COMPRESSION_ZSTD].max_level);
}

int sp_compression_parse(const char *text, struct sp_compression *out, struct sp_err *err)
{
  *out = (struct sp_compression)SP_COMPRESSION_DEFAULT_INIT;
  if (!text)
    return 0;
  size_t len = strcspn(text, ":");
  for (size_t i = 0; i < METHOD_COUNT; i++) {
    uint64_t level = (uint64_t)methods[i].default_level;
    if (!sp_span_eq_str(SP_SPAN(text, len), methods[i].name))
      continue;
    if (text[len] && (sp_text_parse_u64(sp_span_str(text + len + 1), &level) < 0 || level < 1 ||
                      level > (uint64_t)methods[i].max_level))
      return refuse(text, err);
    *out = (struct sp_compression){.method = (enum sp_compression_method)i, .level = (int)level};
    return 0;
  }
  return refuse(text, err);
}

const char *sp_compression_media_type(enum sp_compression_method method)
{
  return methods[method].media_type;
}

/* -- compressing */

struct sp_compressor {
  struct sp_compression compression;
  struct libdeflate_compressor *gzip; /* one of the two */
  size_t gzip_bytes;
  ZSTD_CCtx *zstd;
  size_t bound;
};

/* libdeflate does not tell how large a compressor is, which depends on its level by a factor of
 * ten; but it asks for it in one piece. */
static _Thread_local size_t asked_bytes;

static void *alloc_counted(size_t n)
{
  asked_bytes = n;
  return malloc(n);
}

static void count_allocations(void)
{
  libdeflate_set_memory_allocator(alloc_counted, free);
}

static bool set_up(struct sp_compressor *c)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  if (c->compression.method == SP_COMPRESSION_GZIP) {
    pthread_once(&once, count_allocations);
    c->gzip = libdeflate_alloc_compressor(c->compression.level);
    c->gzip_bytes = asked_bytes;
    if (c->gzip)
      c->bound = libdeflate_gzip_compress_bound(c->gzip, SP_COMPRESSION_BLOCK_BYTES);
    return c->gzip != NULL;
  }
  c->zstd = ZSTD_createCCtx();
  c->bound = ZSTD_compressBound(SP_COMPRESSION_BLOCK_BYTES);
  return c->zstd &&
         !ZSTD_isError(
             ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, c->compression.level)) &&
         !ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_checksumFlag, 1));
}

int sp_compressor_new(const struct sp_compression *compression, struct sp_compressor **out,
                      struct sp_err *err)
{
  SP_AUTO_COMPRESSOR struct sp_compressor *c = calloc(1, sizeof *c);
  if (c)
    c->compression = *compression;
  if (!c || !set_up(c))
    return sp_fail(err, SP_E_NOMEM, "out of memory for a compressor");
  *out = sp_steal(&c);
  return 0;
}

void sp_compressor_free(struct sp_compressor *c)
{
  if (!c)
    return;
  libdeflate_free_compressor(c->gzip);
  ZSTD_freeCCtx(c->zstd);
  free(c);
}

size_t sp_compressor_size(const struct sp_compressor *c)
{
  return c->gzip ? c->gzip_bytes : ZSTD_sizeof_CCtx(c->zstd);
}

size_t sp_compressor_bound(const struct sp_compressor *c)
{
  return c->bound;
}

/* Neither can fail: the room is what the library asks for, and the memory is there already. zstd
 * takes some on first use; what fails then is seen by the caller as 0 bytes. */
size_t sp_compressor_block(struct sp_compressor *c, const void *bytes, size_t len, void *out)
{
  if (c->gzip)
    return libdeflate_gzip_compress(c->gzip, bytes, len, out, c->bound);
  size_t n = ZSTD_compress2(c->zstd, out, c->bound, bytes, len);
  return ZSTD_isError(n) ? 0 : n;
}

/* -- which compressor it is */

/* Text-like bytes with repeats near and far, the same everywhere. */
static void fill_sample(unsigned char *sample)
{
  uint32_t state = 1;
  for (size_t i = 0; i < SAMPLE_BYTES; i++) {
    state = state * 1664525u + 1013904223u;
    bool repeats = (state >> 28) > 3 && i > 600;
    sample[i] = repeats ? sample[i - 1 - (state >> 8) % 600] : (unsigned char)(state >> 24);
  }
}

int sp_compression_id(const struct sp_compression *compression, char out[SP_COMPRESSION_ID_MAX],
                      struct sp_err *err)
{
  SP_AUTO_COMPRESSOR struct sp_compressor *compressor = NULL;
  if (sp_compressor_new(compression, &compressor, err) < 0)
    return -1;
  SP_AUTO_FREE unsigned char *sample = malloc(SAMPLE_BYTES);
  SP_AUTO_FREE char *packed = malloc(compressor->bound);
  if (!sample || !packed)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a compressor");
  fill_sample(sample);
  struct sp_digest digest;
  char hex[SP_DIGEST_HEX_MAX];
  size_t len = sp_compressor_block(compressor, sample, SAMPLE_BYTES, packed);
  if (sp_digest_of(SP_DIGEST_SHA256, packed, len, &digest, err) < 0)
    return -1;
  sp_digest_format_hex(&digest, hex);
  snprintf(out, SP_COMPRESSION_ID_MAX, "%s-%d-%.16s", methods[compression->method].name,
           compression->level, hex);
  return 0;
}
