/* SPDX-License-Identifier: Apache-2.0 */
/* Content-Range of a 206 (RFC 9110 14.4) and Range of an upload's status (distribution-spec:
 * "0-<end>", no unit). */
#ifndef SP_HTTP_RANGE_H
#define SP_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct sp_content_range {
  uint64_t first; /* inclusive */
  uint64_t last;  /* inclusive */
  bool has_total;
  uint64_t total;
};

/* "bytes 0-99/1000" or ".../"*". Answers 0, or -1 if it is none or contradicts itself. */
int sp_range_parse_content_range(struct sp_span value, struct sp_content_range *out);
/* "0-1023" (also "bytes=0-1023"): *held = 1024. "0-0" is 0 or 1 byte, nobody knows: -1. Answers 0
 * or -1. */
int sp_range_parse_upload(struct sp_span value, uint64_t *held);

#endif
