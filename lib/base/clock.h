/* SPDX-License-Identifier: Apache-2.0 */
/* Two clocks that are never mixed: the monotonic one for timeouts and rates, the wall clock for
 * what people read. */
#ifndef SP_BASE_CLOCK_H
#define SP_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds on a clock that never jumps; its zero means nothing. */
int64_t sp_clock_mono_ms(void);
/* Seconds since 1970 UTC, as this machine believes. */
int64_t sp_clock_wall_s(void);

#define SP_RFC3339_MAX 32
/* "2026-11-23T10:15:00Z" of unix_s into out. */
void sp_clock_format_rfc3339(int64_t unix_s, char out[SP_RFC3339_MAX]);
/* Parses an RFC 3339 time ("2026-11-23T10:15:00.5+02:00") to unix seconds. Answers 0, or -1 if it
 * is none. */
int sp_clock_parse_rfc3339(const char *text, int64_t *unix_s);
/* Parses an HTTP date (RFC 9110 5.6.7, the IMF-fixdate form) to unix seconds. Answers 0, or -1 if
 * it is none. */
int sp_clock_parse_http_date(const char *text, int64_t *unix_s);

/* Somebody else says what time it is just now (a registry, with every answer). Threads: any. */
void sp_clock_note_witness(int64_t unix_s);
/* By how much the wall clock of this machine is wrong, if all witnesses of this process say that it
 * is: what they say, less what it says, of the one that is closest. 0: nobody has said anything, or
 * one of them agrees within some minutes. Threads: any. */
int64_t sp_clock_off_s(void);
/* Does a witness agree? Threads: any. */
bool sp_clock_is_agreed(void);
/* What time it is, as far as anybody knows: ours, or that of the witness that is closest. Only for
 * when something of others was seen: what is decided by age goes by sp_clock_wall_s, for a witness
 * may lie. Threads: any. */
int64_t sp_clock_seen_s(void);

#endif
