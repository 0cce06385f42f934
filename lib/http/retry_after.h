/* SPDX-License-Identifier: Apache-2.0 */
/* How long an answer asks us to wait, in all the shapes seen (protocol.md 3.7, 4.3). */
#ifndef SP_HTTP_RETRY_AFTER_H
#define SP_HTTP_RETRY_AFTER_H

#include <stdint.h>

#include "base/span.h"
#include "http/headers.h"

/* One value: seconds ("2", "0.5"), an HTTP date, a Go duration ("985.86us", "1m30s"), or a unix
 * time (a number over 10^9 is one). now_s: unix seconds. Answers milliseconds >= 0 (a date in the
 * past is 0), or -1: says nothing usable (negative, garbage). */
int64_t sp_retry_after_parse(struct sp_span value, int64_t now_s);
/* Of an answer: Retry-After, X-Retry-After, RateLimit-Reset with a spent window, then "retry-after:
 * X" in the body text. -1 if it does not say. */
int64_t sp_retry_after_of(const struct sp_headers *headers, struct sp_span body, int64_t now_s);

#endif
