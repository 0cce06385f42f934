/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/checked.h"

int sp_text_dup(char **out, const char *s, struct sp_err *err)
{
  if (!s) {
    *out = NULL;
    return 0;
  }
  return sp_text_dup_span(out, sp_span_str(s), err);
}

int sp_text_dup_span(char **out, struct sp_span s, struct sp_err *err)
{
  if (!s.ptr) {
    *out = NULL;
    return 0;
  }
  size_t size;
  char *copy = sp_add_size(s.len, 1, &size) ? malloc(size) : NULL;
  if (!copy)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a text of %zu bytes", s.len);
  memcpy(copy, s.ptr, s.len);
  copy[s.len] = '\0';
  *out = copy;
  return 0;
}

int sp_text_format(char **out, struct sp_err *err, const char *fmt, ...)
{
  va_list args;
  va_start(args, fmt);
  char *text;
  int n = vasprintf(&text, fmt, args);
  va_end(args);
  if (n < 0)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a text");
  *out = text;
  return 0;
}

void sp_text_append(char *text, size_t size, const char *fmt, ...)
{
  size_t len = strlen(text);
  va_list args;
  va_start(args, fmt);
  vsnprintf(text + len, size - len, fmt, args);
  va_end(args);
}

void sp_text_append_name(char *list, size_t size, const char *name)
{
  static const char rest[] = "...";
  size_t len = strlen(list);
  const char *comma = len > 0 ? ", " : "";
  if (len >= strlen(rest) && strcmp(list + len - strlen(rest), rest) == 0)
    return;
  bool fits = len + strlen(comma) + strlen(name) + sizeof ", ..." <= size;
  sp_text_append(list, size, "%s%s", comma, fits ? name : rest);
}

int sp_text_copy(char *out, size_t out_size, struct sp_span s, struct sp_err *err)
{
  if (s.len >= out_size) {
    if (out_size > 0)
      out[0] = '\0';
    return sp_fail(err, SP_E_LIMIT, "a text of %zu bytes is longer than %zu", s.len,
                   out_size > 0 ? out_size - 1 : 0);
  }
  if (s.len > 0)
    memcpy(out, s.ptr, s.len);
  out[s.len] = '\0';
  return 0;
}

/* Two decimals are never needed: below 10 one digit after the point says enough. */
void sp_text_format_size(char out[SP_SIZE_TEXT_MAX], uint64_t bytes)
{
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  unsigned unit = 0;
  uint64_t whole = bytes;
  uint64_t tenths = 0; /* of the present unit, rounded */
  while (whole >= 1024 && unit < 6) {
    uint64_t rest = whole & 1023;
    whole >>= 10;
    tenths = (rest * 10 + 512) >> 10;
    unit++;
  }
  if (whole >= 10) {
    whole += tenths >= 5;
    tenths = 0;
  }
  if (tenths == 10) {
    whole++;
    tenths = 0;
  }
  if (whole == 1024 && unit < 6) {
    whole = 1;
    unit++;
  }
  if (tenths == 0)
    snprintf(out, SP_SIZE_TEXT_MAX, "%u %s", (unsigned)whole, units[unit]);
  else
    snprintf(out, SP_SIZE_TEXT_MAX, "%u.%u %s", (unsigned)whole, (unsigned)tenths, units[unit]);
}

int sp_text_parse_u64(struct sp_span s, uint64_t *out)
{
  uint64_t n = 0;
  if (s.len == 0)
    return -1;
  for (size_t i = 0; i < s.len; i++) {
    if (s.ptr[i] < '0' || s.ptr[i] > '9')
      return -1;
    if (!sp_mul_u64(n, 10, &n) || !sp_add_u64(n, (uint64_t)(s.ptr[i] - '0'), &n))
      return -1;
  }
  *out = n;
  return 0;
}

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int sp_text_base64_encode(struct sp_buf *out, struct sp_span bytes, struct sp_err *err)
{
  size_t before = out->len;
  for (size_t i = 0; i < bytes.len; i += 3) {
    size_t left = bytes.len - i;
    uint32_t group = (uint32_t)(uint8_t)bytes.ptr[i] << 16;
    if (left > 1)
      group |= (uint32_t)(uint8_t)bytes.ptr[i + 1] << 8;
    if (left > 2)
      group |= (uint8_t)bytes.ptr[i + 2];
    const char quad[4] = {base64_alphabet[group >> 18], base64_alphabet[group >> 12 & 63],
                          left > 1 ? base64_alphabet[group >> 6 & 63] : '=',
                          left > 2 ? base64_alphabet[group & 63] : '='};
    if (sp_buf_append(out, quad, sizeof quad, err) < 0) {
      sp_buf_truncate(out, before);
      return -1;
    }
  }
  return 0;
}

static int base64_value(char c)
{
  const char *p = c ? strchr(base64_alphabet, c) : NULL;
  return p ? (int)(p - base64_alphabet) : -1;
}

/* The text without its padding; false if the padding or the length cannot be. */
static bool strip_padding(struct sp_span *text)
{
  size_t padding = 0;
  while (padding < 2 && padding < text->len && text->ptr[text->len - 1 - padding] == '=')
    padding++;
  if (padding > 0 && text->len % 4 != 0)
    return false;
  text->len -= padding;
  return text->len % 4 != 1;
}

int sp_text_base64_decode(struct sp_buf *out, struct sp_span text, struct sp_err *err)
{
  size_t before = out->len;
  if (!strip_padding(&text))
    return sp_fail(err, SP_E_INVALID, "not base64: wrong length or padding");
  uint32_t bits = 0;
  int have = 0;
  for (size_t i = 0; i < text.len; i++) {
    int value = base64_value(text.ptr[i]);
    if (value < 0) {
      sp_buf_truncate(out, before);
      return sp_fail(err, SP_E_INVALID, "not base64: wrong character at byte %zu", i);
    }
    bits = (bits << 6 | (uint32_t)value) & 0xFFFFFF;
    have += 6;
    if (have < 8)
      continue;
    have -= 8;
    char byte = (char)(bits >> have & 0xFF);
    if (sp_buf_append(out, &byte, 1, err) < 0) {
      sp_buf_truncate(out, before);
      return -1;
    }
  }
  return 0;
}

static bool is_unreserved(char c)
{
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int sp_text_percent_encode(struct sp_buf *out, struct sp_span s, struct sp_err *err)
{
  size_t before = out->len;
  for (size_t i = 0; i < s.len; i++) {
    int failed = is_unreserved(s.ptr[i])
                     ? sp_buf_append(out, &s.ptr[i], 1, err)
                     : sp_buf_appendf(out, err, "%%%02X", (unsigned)(uint8_t)s.ptr[i]);
    if (failed < 0) {
      sp_buf_truncate(out, before);
      return -1;
    }
  }
  return 0;
}

/* Length of the well-formed UTF-8 character at s (RFC 3629: no overlong form, no surrogate), and
 * its code point; 0 if there is none. */
static size_t utf8_char(struct sp_span s, uint32_t *code)
{
  static const struct {
    uint8_t mask, lead;
    uint32_t least;
  } forms[] = {{0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
  uint8_t lead = (uint8_t)s.ptr[0];
  for (size_t more = 0; more < 4; more++) {
    if ((lead & forms[more].mask) != forms[more].lead)
      continue;
    if (s.len <= more)
      return 0;
    uint32_t c = lead & (uint8_t)~forms[more].mask;
    for (size_t i = 1; i <= more; i++) {
      if (((uint8_t)s.ptr[i] & 0xC0) != 0x80)
        return 0;
      c = c << 6 | ((uint8_t)s.ptr[i] & 0x3F);
    }
    *code = c;
    bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    return c < forms[more].least || c > 0x10FFFF || surrogate ? 0 : more + 1;
  }
  return 0;
}

/* Controls (C0, DEL, C1), line separators, and what turns the direction of text. */
static bool is_unsafe(uint32_t c)
{
  static const struct {
    uint32_t first, last;
  } ranges[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x61C, 0x61C},
                {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}};
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    if (c >= ranges[i].first && c <= ranges[i].last)
      return true;
  }
  return false;
}

/* Length of the character at text[at] if it can be shown as it is there, and its code point; 0 if
 * not. (`*code` of a byte that begins no character is the byte.) */
static size_t safe_char(struct sp_span text, size_t at, uint32_t *code, size_t *len)
{
  struct sp_span rest = sp_span_skip(text, at);
  size_t n = utf8_char(rest, code);
  *len = n > 0 ? n : 1;
  if (n == 0)
    *code = (uint8_t)rest.ptr[0];
  bool is_command = *code == '[' && at >= 2 && memcmp(rest.ptr - 2, "##", 2) == 0;
  return n > 0 && !is_unsafe(*code) && !is_command ? n : 0;
}

size_t sp_text_find_unsafe(struct sp_span text, size_t *at, uint32_t *code)
{
  size_t len = 0;
  for (*at = 0; *at < text.len; *at += len) {
    if (safe_char(text, *at, code, &len) == 0)
      return len;
  }
  return 0;
}

#define ESCAPE_PIECE_MAX (4 * 4 + 1) /* four bytes of one character, each \xHH */

/* The safe form of the character at text[at]; answers how many bytes of text it stands for. */
static size_t escape_one(struct sp_span text, size_t at, char piece[ESCAPE_PIECE_MAX])
{
  uint32_t code;
  size_t n;
  const char *bytes = text.ptr + at;
  if (safe_char(text, at, &code, &n) > 0) {
    memcpy(piece, bytes, n);
    piece[n] = '\0';
    return n;
  }
  for (size_t i = 0; i < n; i++)
    snprintf(piece + 4 * i, 5, "\\x%02x", (unsigned)(uint8_t)bytes[i]);
  return n;
}

void sp_text_escape(char *out, size_t out_size, struct sp_span text)
{
  static const char dots[] = "...";
  if (out_size == 0)
    return;
  size_t len = 0;
  size_t dots_at = 0; /* the last place where the dots still fit */
  for (size_t at = 0; at < text.len;) {
    char piece[ESCAPE_PIECE_MAX];
    at += escape_one(text, at, piece);
    size_t n = strlen(piece);
    if (len + n >= out_size) {
      size_t room = out_size - 1 - dots_at;
      len = dots_at + (room < 3 ? room : 3);
      memcpy(out + dots_at, dots, len - dots_at);
      break;
    }
    memcpy(out + len, piece, n);
    len += n;
    if (len + 3 < out_size)
      dots_at = len;
  }
  out[len] = '\0';
}
