/* SPDX-License-Identifier: Apache-2.0 */
/* Times are counted in nanoseconds, saturating, and rounded up to milliseconds: an answer of
 * "985us" means a short wait, not none. */
#include "http/retry_after.h"

#include <ctype.h>
#include <strings.h>

#include "base/clock.h"

#define NS_PER_S 1000000000.0
#define UNIX_TIME_FROM 1000000000.0 /* larger "seconds" are a point in time (2001 and later) */
#define MS_MAX 9.0e15               /* any wait is cut to this: exact in a double */
#define VALUE_MAX 64                /* no shape is longer */

static int64_t to_ms(double ns)
{
  double ms = ns / 1e6;
  if (ms <= 0)
    return 0;
  if (ms >= MS_MAX)
    return (int64_t)MS_MAX;
  int64_t whole = (int64_t)ms;
  return (double)whole < ms ? whole + 1 : whole;
}

/* "12", "0.5": digits with at most one point, at least one digit. Moves *at. */
static bool read_decimal(const char **at, double *out)
{
  double value = 0;
  double scale = 1;
  bool digits = false;
  bool point = false;
  for (; isdigit((unsigned char)**at) || (**at == '.' && !point); (*at)++) {
    if (**at == '.') {
      point = true;
      continue;
    }
    digits = true;
    if (point)
      value += (double)(**at - '0') * (scale /= 10);
    else
      value = value * 10 + (double)(**at - '0');
  }
  *out = value;
  return digits;
}

/* The units of Go's time.Duration; "m" after "ms". */
static const struct {
  const char *name;
  double ns;
} units[] = {{"ns", 1},   {"us", 1e3}, {"\xC2\xB5s", 1e3}, {"\xCE\xBCs", 1e3},
             {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},        {"h", 3600e9}};

static double read_unit(const char **at)
{
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    size_t n = strlen(units[i].name);
    if (strncmp(*at, units[i].name, n) != 0)
      continue;
    *at += n;
    return units[i].ns;
  }
  return 0;
}

/* "1m30s". Answers ms, or -1. */
static int64_t parse_duration(const char *at)
{
  double total = 0;
  while (*at) {
    double value;
    if (!read_decimal(&at, &value))
      return -1;
    double unit = read_unit(&at);
    if (unit == 0)
      return -1;
    total += value * unit;
  }
  return to_ms(total);
}

static int64_t until(int64_t unix_s, int64_t now_s)
{
  return unix_s <= now_s ? 0 : to_ms(((double)unix_s - (double)now_s) * NS_PER_S);
}

static struct sp_span trim(struct sp_span s)
{
  while (s.len > 0 && isspace((unsigned char)s.ptr[0]))
    s = sp_span_skip(s, 1);
  while (s.len > 0 && isspace((unsigned char)s.ptr[s.len - 1]))
    s.len--;
  return s;
}

int64_t sp_retry_after_parse(struct sp_span value, int64_t now_s)
{
  char text[VALUE_MAX];
  int64_t unix_s;
  value = trim(value);
  if (value.len == 0 || value.len >= sizeof text || memchr(value.ptr, '\0', value.len))
    return -1;
  memcpy(text, value.ptr, value.len);
  text[value.len] = '\0';
  const char *at = text;
  double number;
  if (!read_decimal(&at, &number))
    return sp_clock_parse_http_date(text, &unix_s) == 0 ? until(unix_s, now_s) : -1;
  if (*at != '\0')
    return parse_duration(text);
  if (number > UNIX_TIME_FROM)
    return number < (double)now_s ? 0 : to_ms((number - (double)now_s) * NS_PER_S);
  return to_ms(number * NS_PER_S);
}

/* -- of a whole answer */

static int64_t parse_header(const struct sp_headers *headers, const char *name, int64_t now_s)
{
  const char *value = sp_headers_get(headers, name);
  return value ? sp_retry_after_parse(sp_span_str(value), now_s) : -1;
}

/* "0" or "0;w=21600": the window is spent. */
static bool is_spent(const struct sp_headers *headers, const char *name)
{
  const char *value = sp_headers_get(headers, name);
  return value && value[0] == '0' && (value[1] == '\0' || value[1] == ';');
}

static int64_t find_in_body(struct sp_span body, int64_t now_s)
{
  static const char mark[] = "retry-after:";
  const size_t n = sizeof mark - 1;
  for (size_t i = 0; i + n <= body.len; i++) {
    if (strncasecmp(body.ptr + i, mark, n) != 0)
      continue;
    struct sp_span rest = sp_span_skip(body, i + n);
    while (rest.len > 0 && rest.ptr[0] == ' ')
      rest = sp_span_skip(rest, 1);
    size_t len = 0;
    while (len < rest.len && !strchr(" ,;\"'}\r\n", rest.ptr[len]))
      len++;
    return sp_retry_after_parse(SP_SPAN(rest.ptr, len), now_s);
  }
  return -1;
}

int64_t sp_retry_after_of(const struct sp_headers *headers, struct sp_span body, int64_t now_s)
{
  static const struct {
    const char *name, *spent;
  } shapes[] = {{"Retry-After", NULL},
                {"X-Retry-After", NULL},
                {"RateLimit-Reset", "RateLimit-Remaining"},
                {"X-RateLimit-Reset", "X-RateLimit-Remaining"}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    if (shapes[i].spent && !is_spent(headers, shapes[i].spent))
      continue;
    int64_t ms = parse_header(headers, shapes[i].name, now_s);
    if (ms >= 0)
      return ms;
  }
  return find_in_body(body, now_s);
}
