/* SPDX-License-Identifier: Apache-2.0 */
#include "http/headers.h"

#include <ctype.h>
#include <strings.h>

#include "base/limits.h"

void sp_headers_init(struct sp_headers *headers)
{
  sp_buf_init(&headers->text, SP_MAX_HEADER_BYTES);
  headers->count = 0;
}

void sp_headers_clear(struct sp_headers *headers)
{
  sp_buf_clear(&headers->text);
  headers->count = 0;
}

static bool is_token_char(unsigned char c)
{
  return isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct sp_span s)
{
  for (size_t i = 0; i < s.len; i++)
    if (!is_token_char((unsigned char)s.ptr[i]))
      return false;
  return s.len > 0;
}

static bool is_field_text(struct sp_span s)
{
  for (size_t i = 0; i < s.len; i++) {
    unsigned char c = (unsigned char)s.ptr[i];
    if ((c < ' ' && c != '\t') || c == 0x7F)
      return false;
  }
  return true;
}

static struct sp_span trim(struct sp_span s)
{
  while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
    s = sp_span_skip(s, 1);
  while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
    s.len--;
  return s;
}

static struct sp_span without_line_end(struct sp_span line)
{
  if (line.len > 0 && line.ptr[line.len - 1] == '\n')
    line.len--;
  if (line.len > 0 && line.ptr[line.len - 1] == '\r')
    line.len--;
  return line;
}

static int append_pair(struct sp_headers *headers, struct sp_span name, struct sp_span value,
                       struct sp_err *err)
{
  size_t before = headers->text.len;
  if (sp_buf_append_span(&headers->text, name, err) == 0 &&
      sp_buf_append(&headers->text, "", 1, err) == 0 &&
      sp_buf_append_span(&headers->text, value, err) == 0 &&
      sp_buf_append(&headers->text, "", 1, err) == 0)
    return 0;
  sp_buf_truncate(&headers->text, before);
  return -1;
}

int sp_headers_add_line(struct sp_headers *headers, struct sp_span line, struct sp_err *err)
{
  line = without_line_end(line);
  const char *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
  if (!colon)
    return sp_fail(err, SP_E_PROTOCOL, "a header line has no ':'");
  struct sp_span name = SP_SPAN(line.ptr, (size_t)(colon - line.ptr));
  struct sp_span value = trim(SP_SPAN(colon + 1, line.len - name.len - 1));
  if (!is_token(name))
    return sp_fail(err, SP_E_PROTOCOL, "a header line has no proper name");
  if (!is_field_text(value))
    return sp_fail(err, SP_E_PROTOCOL, "the value of header '%.*s' holds control characters",
                   (int)name.len, name.ptr);
  if (headers->count >= SP_MAX_HEADER_LINES)
    return sp_fail(err, SP_E_LIMIT, "the answer has more than %d header lines",
                   SP_MAX_HEADER_LINES);
  if (append_pair(headers, name, value, err) != 0)
    return -1;
  headers->count++;
  return 0;
}

const char *sp_headers_get_nth(const struct sp_headers *headers, const char *name, size_t n)
{
  const char *at = headers->text.data;
  for (size_t i = 0; i < headers->count; i++) {
    const char *value = at + strlen(at) + 1;
    if (strcasecmp(at, name) == 0 && n-- == 0)
      return value;
    at = value + strlen(value) + 1;
  }
  return NULL;
}

const char *sp_headers_get(const struct sp_headers *headers, const char *name)
{
  return sp_headers_get_nth(headers, name, 0);
}

bool sp_headers_is_safe_value(struct sp_span value)
{
  if (value.len > SP_MAX_HEADER_VALUE_BYTES)
    return false;
  return is_field_text(value) && !(value.len > 0 && memchr(value.ptr, '\t', value.len));
}
