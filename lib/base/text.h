/* SPDX-License-Identifier: Apache-2.0 */
/* Text: copies, and what makes text from outside safe to show. */
#ifndef SP_BASE_TEXT_H
#define SP_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "safeport/err.h"

/* Copies of text, malloc'ed, zero-terminated. Fail: SP_E_NOMEM. NULL in gives NULL out. */
SP_MUST_CHECK int sp_text_dup(char **out, const char *s, struct sp_err *err);
SP_MUST_CHECK int sp_text_dup_span(char **out, struct sp_span s, struct sp_err *err);
SP_MUST_CHECK int sp_text_format(char **out, struct sp_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends to the text in a fixed array; what does not fit is cut off. */
void sp_text_append(char *text, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds a name to a list of them in a fixed array: "v1, v2". From the first that does not fit on,
 * the list ends with "...". */
void sp_text_append_name(char *list, size_t size, const char *name);
/* Copies into a fixed array with its terminator. Fails: SP_E_LIMIT if it does not fit (out is then
 * ""). */
SP_MUST_CHECK int sp_text_copy(char *out, size_t out_size, struct sp_span s, struct sp_err *err);

/* Makes outside text safe for a terminal or a log, in place of every byte that is a control
 * character, DEL, not valid UTF-8 or a bidirectional control: `\xHH`. Cuts at max_bytes of output
 * with "...". "##[" is broken up too: in the log of GitHub Actions it would be a command, wherever
 * it stands in a line. Writes to out (out_size bytes). */
void sp_text_escape(char *out, size_t out_size, struct sp_span text);
/* The first character that sp_text_escape would not leave as it is: answers its length in bytes, 0
 * if there is none. `*at` is where it begins, `*code` its code point (of a byte that is not UTF-8:
 * the byte). */
size_t sp_text_find_unsafe(struct sp_span text, size_t *at, uint32_t *code);

/* A size for people: "0 B", "1.5 KiB", "163 MiB". */
#define SP_SIZE_TEXT_MAX 24
void sp_text_format_size(char out[SP_SIZE_TEXT_MAX], uint64_t bytes);

/* Unsigned decimal number of the whole span, no sign, no blanks, fits in uint64. Answers 0 or -1.
 */
int sp_text_parse_u64(struct sp_span s, uint64_t *out);

/* Base64 (RFC 4648, padded). Encoding appends to out. Decoding accepts the standard alphabet,
 * padding optional. Fails: SP_E_INVALID (not base64), SP_E_LIMIT, SP_E_NOMEM. */
SP_MUST_CHECK int sp_text_base64_encode(struct sp_buf *out, struct sp_span bytes,
                                        struct sp_err *err);
SP_MUST_CHECK int sp_text_base64_decode(struct sp_buf *out, struct sp_span text,
                                        struct sp_err *err);

/* Appends s percent-encoded: everything but A-Z a-z 0-9 - . _ ~ (RFC 3986 2.3). */
SP_MUST_CHECK int sp_text_percent_encode(struct sp_buf *out, struct sp_span s, struct sp_err *err);

#endif
