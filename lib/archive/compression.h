/* SPDX-License-Identifier: Apache-2.0 */
/* How layers that come uncompressed are compressed: gzip (libdeflate) or zstd, block by block.
 *
 * Each block of SP_COMPRESSION_BLOCK_BYTES is a whole gzip member (RFC 1952) or zstd frame (RFC
 * 8878) of its own, and the blocks in their order are the layer. So the bytes depend on nothing but
 * the input, the method, its level and the library: not on cores, threads or CPU.
 *
 * Threads: a compressor belongs to one thread at a time.
 */
#ifndef SP_ARCHIVE_COMPRESSION_H
#define SP_ARCHIVE_COMPRESSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/scope.h"
#include "safeport/err.h"

enum sp_compression_method { SP_COMPRESSION_GZIP, SP_COMPRESSION_ZSTD };

struct sp_compression {
  enum sp_compression_method method;
  int level;
};
/* As fast as Go's gzip at its default, and smaller (DESIGN.md, "Decisions"). */
#define SP_COMPRESSION_GZIP_LEVEL 4
#define SP_COMPRESSION_ZSTD_LEVEL 3
#define SP_COMPRESSION_DEFAULT_INIT \
  { \
    .method = SP_COMPRESSION_GZIP, .level = SP_COMPRESSION_GZIP_LEVEL \
  }

/* Parses "gzip", "gzip:1".."gzip:12", "zstd", "zstd:1".."zstd:19". NULL is gzip.
 * Fails: SP_E_USAGE. */
SP_MUST_CHECK int sp_compression_parse(const char *text, struct sp_compression *out,
                                       struct sp_err *err);
/* The media type of a layer so compressed (OCI image-spec layer.md). */
const char *sp_compression_media_type(enum sp_compression_method method);

/* What the compressor is, in a word that may be part of a file name ("gzip-4-0a1b2c3d4e5f6071"):
 * method, level, and a hash of what it makes of a sample. Another version of the library that
 * compresses otherwise is another compressor. Fails: SP_E_NOMEM. */
#define SP_COMPRESSION_ID_MAX 48
SP_MUST_CHECK int sp_compression_id(const struct sp_compression *compression,
                                    char out[SP_COMPRESSION_ID_MAX], struct sp_err *err);

struct sp_compressor;
SP_MUST_CHECK int sp_compressor_new(const struct sp_compression *compression,
                                    struct sp_compressor **out, struct sp_err *err);
void sp_compressor_free(struct sp_compressor *compressor);
/* Memory that it holds for itself, once it has compressed a whole block. */
size_t sp_compressor_size(const struct sp_compressor *compressor);
/* Room that one block may need. */
#define SP_COMPRESSION_BLOCK_BYTES (1u * SP_MIB)
size_t sp_compressor_bound(const struct sp_compressor *compressor);
/* Compresses one block (0..SP_COMPRESSION_BLOCK_BYTES bytes) into out, which has
 * sp_compressor_bound bytes; answers how many it took. */
size_t sp_compressor_block(struct sp_compressor *compressor, const void *bytes, size_t len,
                           void *out);

SP_DEFINE_AUTO_FREE(struct sp_compressor, sp_compressor_free)
#define SP_AUTO_COMPRESSOR SP_CLEANUP(sp_compressor_free_auto_)

#endif
