/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/semver.h"

#include "base/text.h"

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static bool is_identifier_char(char c)
{
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static size_t digits_len(struct sp_span s)
{
  size_t n = 0;
  while (n < s.len && is_digit(s.ptr[n]))
    n++;
  return n;
}

bool sp_semver_take_number(struct sp_span *rest, uint64_t *out)
{
  size_t n = digits_len(*rest);
  bool has_leading_zero = n > 1 && rest->ptr[0] == '0';
  uint64_t number;
  if (n == 0 || has_leading_zero || sp_text_parse_u64(SP_SPAN(rest->ptr, n), &number) < 0 ||
      number > SP_SEMVER_NUMBER_MAX)
    return false;
  *out = number;
  *rest = sp_span_skip(*rest, n);
  return true;
}

static bool is_numeric(struct sp_span identifier)
{
  return digits_len(identifier) == identifier.len;
}

/* Cuts dotted identifiers off *rest. `is_strict`: numeric ones have no leading zeros (pre-releases,
 * not builds). */
static bool take_identifiers(struct sp_span *rest, bool is_strict, struct sp_span *out)
{
  struct sp_span left = *rest;
  for (;;) {
    size_t n = 0;
    while (n < left.len && is_identifier_char(left.ptr[n]))
      n++;
    struct sp_span identifier = SP_SPAN(left.ptr, n);
    if (n == 0 || (is_strict && n > 1 && left.ptr[0] == '0' && is_numeric(identifier)))
      return false;
    left = sp_span_skip(left, n);
    if (left.len == 0 || left.ptr[0] != '.')
      break;
    left = sp_span_skip(left, 1);
  }
  *out = SP_SPAN(rest->ptr, rest->len - left.len);
  *rest = left;
  return true;
}

bool sp_semver_take_suffix(struct sp_span *rest, struct sp_span *pre)
{
  struct sp_span left = *rest, build;
  *pre = SP_SPAN(NULL, 0);
  if (left.len > 0 && left.ptr[0] == '-') {
    left = sp_span_skip(left, 1);
    if (!take_identifiers(&left, true, pre))
      return false;
  }
  if (left.len > 0 && left.ptr[0] == '+') {
    left = sp_span_skip(left, 1);
    if (!take_identifiers(&left, false, &build))
      return false;
  }
  *rest = left;
  return true;
}

bool sp_semver_parse(struct sp_span text, struct sp_semver *out)
{
  struct sp_semver version;
  if (sp_span_has_prefix(text, "v"))
    text = sp_span_skip(text, 1);
  for (int i = 0; i < 3; i++) {
    if (i > 0) {
      if (text.len == 0 || text.ptr[0] != '.')
        return false;
      text = sp_span_skip(text, 1);
    }
    if (!sp_semver_take_number(&text, &version.number[i]))
      return false;
  }
  if (!sp_semver_take_suffix(&text, &version.pre) || text.len > 0)
    return false;
  *out = version;
  return true;
}

/* Cuts the next identifier off a pre-release. */
static struct sp_span next_identifier(struct sp_span *pre)
{
  const char *dot = pre->len ? memchr(pre->ptr, '.', pre->len) : NULL;
  struct sp_span identifier = SP_SPAN(pre->ptr, dot ? (size_t)(dot - pre->ptr) : pre->len);
  *pre = sp_span_skip(*pre, identifier.len + (dot ? 1 : 0));
  return identifier;
}

static int sign(bool is_greater, bool is_less)
{
  return (int)is_greater - (int)is_less;
}

/* Numbers below words; numbers by value (without leading zeros the longer one is greater), words by
 * ASCII. */
static int compare_identifiers(struct sp_span a, struct sp_span b)
{
  bool a_numeric = is_numeric(a), b_numeric = is_numeric(b);
  if (a_numeric != b_numeric)
    return b_numeric ? 1 : -1;
  if (a_numeric && a.len != b.len)
    return sign(a.len > b.len, a.len < b.len);
  size_t n = a.len < b.len ? a.len : b.len;
  int order = memcmp(a.ptr, b.ptr, n);
  return order ? order : sign(a.len > b.len, a.len < b.len);
}

static int compare_pre(struct sp_span a, struct sp_span b)
{
  if (a.len == 0 || b.len == 0)
    return sign(a.len == 0, b.len == 0); /* a release is above its pre-releases */
  while (a.len > 0 && b.len > 0) {
    int order = compare_identifiers(next_identifier(&a), next_identifier(&b));
    if (order)
      return order;
  }
  return sign(a.len > 0, b.len > 0);
}

int sp_semver_compare(const struct sp_semver *a, const struct sp_semver *b)
{
  for (int i = 0; i < 3; i++) {
    if (a->number[i] != b->number[i])
      return a->number[i] > b->number[i] ? 1 : -1;
  }
  return compare_pre(a->pre, b->pre);
}
