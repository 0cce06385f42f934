/* SPDX-License-Identifier: Apache-2.0 */
#include "config/value.h"

#include <stdio.h>
#include <time.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

#define LONGEST_S (UINT64_C(100) * 366 * 86400)

static const struct {
  char letter;
  uint64_t seconds;
} units[] = {{'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
#define UNIT_COUNT (sizeof units / sizeof units[0])

static size_t digits_len(struct sp_span s)
{
  size_t n = 0;
  while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
    n++;
  return n;
}

bool sp_value_parse_duration(struct sp_span text, int64_t *seconds)
{
  uint64_t sum = 0;
  size_t next_unit = 0;
  if (text.len == 0)
    return false;
  while (text.len > 0) {
    uint64_t n, part;
    size_t len = digits_len(text);
    if (len == text.len || sp_text_parse_u64(SP_SPAN(text.ptr, len), &n) < 0)
      return false;
    while (next_unit < UNIT_COUNT && units[next_unit].letter != text.ptr[len])
      next_unit++;
    if (next_unit == UNIT_COUNT || !sp_mul_u64(n, units[next_unit].seconds, &part) ||
        !sp_add_u64(sum, part, &sum) || sum > LONGEST_S)
      return false;
    next_unit++;
    text = sp_span_skip(text, len + 1);
  }
  *seconds = (int64_t)sum;
  return true;
}

/* Weeks are written as days: "7d" is how people say it. */
void sp_value_format_duration(int64_t seconds, char out[SP_VALUE_TEXT_MAX])
{
  uint64_t left = seconds < 0 ? 0 : (uint64_t)seconds;
  size_t len = 0;
  snprintf(out, SP_VALUE_TEXT_MAX, "0s");
  for (size_t i = 1; i < UNIT_COUNT; i++) {
    uint64_t n = left / units[i].seconds;
    left %= units[i].seconds;
    if (n > 0)
      len += (size_t)snprintf(out + len, SP_VALUE_TEXT_MAX - len, "%llu%c", (unsigned long long)n,
                              units[i].letter);
  }
}

bool sp_value_parse_percent(struct sp_span text, uint32_t *percent)
{
  uint64_t n;
  if (text.len > 0 && text.ptr[text.len - 1] == '%')
    text.len--;
  if (sp_text_parse_u64(text, &n) < 0 || n > 100)
    return false;
  *percent = (uint32_t)n;
  return true;
}

bool sp_value_parse_date(struct sp_span text, int64_t *unix_s)
{
  char rfc3339[SP_RFC3339_MAX];
  if (text.len != strlen("2026-09-01") || memchr(text.ptr, '\0', text.len))
    return false;
  snprintf(rfc3339, sizeof rfc3339, "%.10sT00:00:00Z", text.ptr);
  return sp_clock_parse_rfc3339(rfc3339, unix_s) == 0 && *unix_s >= 0;
}

void sp_value_format_date(int64_t unix_s, char out[SP_VALUE_TEXT_MAX])
{
  char rfc3339[SP_RFC3339_MAX];
  sp_clock_format_rfc3339(unix_s, rfc3339);
  snprintf(out, SP_VALUE_TEXT_MAX, "%.10s", rfc3339);
}

static const struct {
  const char *name;
  uint64_t bytes;
} size_units[] = {{"GiB", UINT64_C(1) << 30}, {"MiB", SP_MIB}, {"KiB", SP_KIB}, {"", 1}};
#define SIZE_UNIT_COUNT (sizeof size_units / sizeof size_units[0])

bool sp_value_parse_size(struct sp_span text, uint64_t *bytes)
{
  uint64_t n;
  size_t len = digits_len(text);
  if (sp_text_parse_u64(SP_SPAN(text.ptr, len), &n) < 0)
    return false;
  for (size_t i = 0; i < SIZE_UNIT_COUNT; i++) {
    if (sp_span_eq_str(sp_span_skip(text, len), size_units[i].name))
      return sp_mul_u64(n, size_units[i].bytes, bytes);
  }
  return false;
}

void sp_value_format_size(uint64_t bytes, char out[SP_VALUE_TEXT_MAX])
{
  size_t i = 0;
  while (bytes % size_units[i].bytes != 0 || bytes < size_units[i].bytes)
    if (++i == SIZE_UNIT_COUNT - 1)
      break;
  snprintf(out, SP_VALUE_TEXT_MAX, "%llu%s", (unsigned long long)(bytes / size_units[i].bytes),
           size_units[i].name);
}

static bool is_name_char(char c, bool is_first)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!is_first && c >= '0' && c <= '9');
}

bool sp_value_parse_variable(struct sp_span text, struct sp_span *name)
{
  if (text.len < 2 || text.ptr[0] != '$')
    return false;
  struct sp_span inner = sp_span_skip(text, 1);
  if (inner.ptr[0] == '{') {
    if (inner.ptr[inner.len - 1] != '}')
      return false;
    inner = SP_SPAN(inner.ptr + 1, inner.len - 2);
  }
  for (size_t i = 0; i < inner.len; i++) {
    if (!is_name_char(inner.ptr[i], i == 0))
      return false;
  }
  *name = inner;
  return inner.len > 0;
}
