/* SPDX-License-Identifier: Apache-2.0 */
/* First some text is made of the body (JSON, HTML or as it is), then it is redacted, then escaped
 * and cut. Every step works on bytes of which nothing is known. */
#include "oci/errors.h"

#include <ctype.h>
#include <strings.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"

#define DRAFT_MAX_BYTES (2 * SP_MAX_ERROR_BODY_BYTES)
#define DETAIL_MAX_BYTES 200 /* a longer detail hides the message */
#define SHOWN_ERRORS 3

/* -- JSON */

/* Members that hold the text in answers that are not of the distribution-spec. */
static const char *const text_members[] = {"message", "details", "detail", "error_description",
                                           "error"};

static const char *member_text(const json_t *obj, const char *key)
{
  const char *text = json_string_value(json_object_get(obj, key));
  return text && text[0] ? text : NULL;
}

/* " (detail)", where it is short: what blob is missing, which permission. */
static int add_detail(struct sp_buf *draft, const json_t *error, struct sp_err *err)
{
  const json_t *detail = json_object_get(error, "detail");
  if (json_is_string(detail)) {
    const char *text = json_string_value(detail);
    if (!text[0] || strlen(text) > DETAIL_MAX_BYTES)
      return 0;
    return sp_buf_appendf(draft, err, " (%s)", text);
  }
  if (json_object_size(detail) == 0 && json_array_size(detail) == 0)
    return 0;
  SP_AUTO_FREE char *dump = sp_json_print(detail, JSON_COMPACT);
  if (!dump || strlen(dump) > DETAIL_MAX_BYTES)
    return 0;
  return sp_buf_appendf(draft, err, " (%s)", dump);
}

static int add_error(struct sp_buf *draft, const json_t *error, struct sp_err *err)
{
  const char *code = member_text(error, "code");
  const char *message = json_is_string(error) ? json_string_value(error) : NULL;
  if (!message)
    message = member_text(error, "message");
  const char *separator = draft->len > 0 ? "; " : "";
  if (sp_buf_appendf(draft, err, "%s%s%s%s", separator, code ? code : "",
                     code && message ? ": " : "", message ? message : "") < 0)
    return -1;
  return add_detail(draft, error, err);
}

static int add_errors(struct sp_buf *draft, const json_t *errors, struct sp_oci_error *out,
                      struct sp_err *err)
{
  const char *code = member_text(json_array_get(errors, 0), "code");
  sp_text_escape(out->code, sizeof out->code, sp_span_str(code));
  size_t count = json_array_size(errors);
  for (size_t i = 0; i < count && i < SHOWN_ERRORS; i++) {
    if (add_error(draft, json_array_get(errors, i), err) < 0)
      return -1;
  }
  return 0;
}

static int add_other_json(struct sp_buf *draft, const json_t *doc, struct sp_err *err)
{
  for (size_t i = 0; i < sizeof text_members / sizeof text_members[0]; i++) {
    const char *text = member_text(doc, text_members[i]);
    if (text)
      return sp_buf_append_str(draft, text, err);
  }
  return 0;
}

/* -- HTML and plain text */

static struct sp_span find_no_case(struct sp_span s, const char *word)
{
  size_t n = strlen(word);
  for (; s.len >= n; s = sp_span_skip(s, 1)) {
    if (strncasecmp(s.ptr, word, n) == 0)
      return s;
  }
  return SP_SPAN(NULL, 0);
}

/* What stands in <title>, or an empty span. */
static struct sp_span title_of(struct sp_span body)
{
  struct sp_span title = find_no_case(body, "<title");
  const char *end_of_tag = title.len ? memchr(title.ptr, '>', title.len) : NULL;
  if (!end_of_tag)
    return SP_SPAN(NULL, 0);
  struct sp_span text = sp_span_skip(title, (size_t)(end_of_tag - title.ptr) + 1);
  struct sp_span end = find_no_case(text, "</title");
  text.len -= end.len;
  return end.len > 0 ? text : SP_SPAN(NULL, 0);
}

static bool is_tag_begin(struct sp_span s)
{
  return s.len > 1 && s.ptr[0] == '<' &&
         (isalpha((unsigned char)s.ptr[1]) || s.ptr[1] == '/' || s.ptr[1] == '!');
}

/* The text without tags, each run of blanks and controls made one blank. */
static int add_plain(struct sp_buf *draft, struct sp_span s, struct sp_err *err)
{
  bool pending = false; /* a blank is due before the next character */
  while (s.len > 0) {
    const char *close = is_tag_begin(s) ? memchr(s.ptr, '>', s.len) : NULL;
    unsigned char c = (unsigned char)s.ptr[0];
    if (close || c <= ' ') {
      pending = draft->len > 0;
      s = sp_span_skip(s, close ? (size_t)(close - s.ptr) + 1 : 1);
      continue;
    }
    if (pending && sp_buf_append(draft, " ", 1, err) < 0)
      return -1;
    pending = false;
    if (sp_buf_append(draft, s.ptr, 1, err) < 0)
      return -1;
    s = sp_span_skip(s, 1);
  }
  return 0;
}

/* -- all together */

static int make_draft(struct sp_span body, struct sp_oci_error *out, struct sp_buf *draft,
                      struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  struct sp_err not_json;
  if (sp_json_parse(body, &doc, &not_json) == 0) {
    const json_t *errors = json_object_get(doc, "errors");
    int failed = json_is_array(errors) ? add_errors(draft, errors, out, err)
                                       : add_other_json(draft, doc, err);
    if (failed < 0 || draft->len > 0)
      return failed;
  }
  struct sp_span title = title_of(body);
  return add_plain(draft, title.len > 0 ? title : body, err);
}

void sp_oci_error_parse(struct sp_span body, struct sp_oci_error *out)
{
  *out = (struct sp_oci_error){0};
  struct sp_err err;
  SP_AUTO_BUF struct sp_buf draft;
  sp_buf_init(&draft, DRAFT_MAX_BYTES);
  if (body.len > SP_MAX_ERROR_BODY_BYTES)
    body.len = SP_MAX_ERROR_BODY_BYTES;
  if (make_draft(body, out, &draft, &err) < 0)
    return;
  if (draft.len == 0)
    return;
  sp_log_redact(draft.data);
  sp_text_escape(out->text, sizeof out->text, sp_span_str(draft.data));
}
