/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of one answer, within SP_MAX_HEADER_BYTES and SP_MAX_HEADER_LINES. Names compare
 * without case. */
#ifndef SP_HTTP_HEADERS_H
#define SP_HTTP_HEADERS_H

#include <stdbool.h>

#include "base/buf.h"

struct sp_headers {
  struct sp_buf text; /* "name\0value\0" pairs */
  size_t count;
};

void sp_headers_init(struct sp_headers *headers);
void sp_headers_clear(struct sp_headers *headers);
/* Adds one raw line ("Name: value", line end optional). A line that is no header (control
 * characters, no name, obs-fold) is SP_E_PROTOCOL; too many is SP_E_LIMIT. */
SP_MUST_CHECK int sp_headers_add_line(struct sp_headers *headers, struct sp_span line,
                                      struct sp_err *err);
/* The first value of a name (trimmed), borrowed; NULL if absent. */
const char *sp_headers_get(const struct sp_headers *headers, const char *name);
/* The nth value (0-based) of a name; NULL if there are fewer. */
const char *sp_headers_get_nth(const struct sp_headers *headers, const char *name, size_t n);

SP_DEFINE_AUTO_CLEAR(struct sp_headers, sp_headers_clear)

/* May this text be a header's value on the wire: no control characters, at most
 * SP_MAX_HEADER_VALUE_BYTES (S09). */
bool sp_headers_is_safe_value(struct sp_span value);

#endif
