/* SPDX-License-Identifier: Apache-2.0 */
/* Values of safeport.yaml that are more than a number or a word, read and written. Pure.
 *
 * Reading answers false for what is none; writing gives a text that reads as the same value. */
#ifndef SP_CONFIG_VALUE_H
#define SP_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define SP_VALUE_TEXT_MAX 48

/* "15m", "7d", "1h30m", "2w": numbers with w, d, h, m, s, each at most once, in this order; 100
 * years at most. To seconds. */
bool sp_value_parse_duration(struct sp_span text, int64_t *seconds);
void sp_value_format_duration(int64_t seconds, char out[SP_VALUE_TEXT_MAX]);

/* "20%" or "20": 0 to 100. */
bool sp_value_parse_percent(struct sp_span text, uint32_t *percent);

/* "2026-09-01", a day that there is, from 1970 to 9999; to the unix time of its beginning in UTC.
 */
bool sp_value_parse_date(struct sp_span text, int64_t *unix_s);
void sp_value_format_date(int64_t unix_s, char out[SP_VALUE_TEXT_MAX]);

/* "4MiB", "64KiB", "1GiB", "4194304"; to bytes. */
bool sp_value_parse_size(struct sp_span text, uint64_t *bytes);
void sp_value_format_size(uint64_t bytes, char out[SP_VALUE_TEXT_MAX]);

/* "$NAME" or "${NAME}", NAME as POSIX has it: the name, borrowed. */
bool sp_value_parse_variable(struct sp_span text, struct sp_span *name);

#endif
