/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression of a stream: gzip of any number of members (RFC 1952) or zstd of any number of
 * frames (RFC 8878); what is neither passes as it is.
 *
 * Bytes from outside: a bomb ends at SP_INFLATE_FREE_BYTES plus SP_INFLATE_MOST_TIMES what came in
 * (deflate cannot do more than 1032 times, so no honest gzip is refused); a zstd frame whose window
 * is larger than 128 MiB is refused; what is cut off, or has something behind its end, too. Memory
 * is bounded by the window. Threads: one at a time.
 */
#ifndef SP_ARCHIVE_INFLATE_H
#define SP_ARCHIVE_INFLATE_H

#include "base/span.h"
#include "base/stream.h"

#define SP_INFLATE_MOST_TIMES 1100u
#define SP_INFLATE_FREE_BYTES (64u * 1024 * 1024)

enum sp_packing { SP_PACKING_NONE, SP_PACKING_GZIP, SP_PACKING_ZSTD };
/* What the first bytes (4 are enough) say. */
enum sp_packing sp_packing_of(struct sp_span first);

/* Takes `input` (also on failure) and looks at its first bytes. `*out` is the caller's.
 *   packing   out   what was found; may be NULL
 * Its reads fail with SP_E_INVALID (not what it began as, cut off), SP_E_LIMIT (a bomb), and as
 * `input` does. Fails: SP_E_NOMEM; as `input` does. */
SP_MUST_CHECK int sp_inflate_open_take(struct sp_input *input, struct sp_input **out,
                                       enum sp_packing *packing, struct sp_err *err);

#endif
