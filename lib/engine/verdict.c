/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/verdict.h"

#include "base/i18n.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"

void sp_verdict_init(struct sp_verdict *verdict)
{
  *verdict = (struct sp_verdict){0};
  sp_buf_init(&verdict->line, SP_MAX_ENGINE_LINE_BYTES);
}

void sp_verdict_clear(struct sp_verdict *verdict)
{
  sp_buf_clear(&verdict->line);
}

/* The text of an error in one object, borrowed; NULL if it holds none. */
static const char *error_of(const json_t *object)
{
  const char *text = json_string_value(json_object_get(object, "error"));
  const json_t *detail = json_object_get(object, "errorDetail");
  if (!text || !*text)
    text = json_string_value(json_object_get(detail, "message"));
  if (text && *text)
    return text;
  return json_is_object(detail) ? _("it does not say why") : NULL;
}

static bool is_white(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct sp_span without_end(struct sp_span text)
{
  while (text.len > 0 && is_white(text.ptr[text.len - 1]))
    text.len--;
  return text;
}

static int end_line(struct sp_verdict *verdict, struct sp_err *err)
{
  SP_AUTO_JSON json_t *object = NULL;
  struct sp_span line = without_end(sp_buf_span(&verdict->line));
  if (line.len == 0) {
    sp_buf_reset(&verdict->line);
    return 0;
  }
  struct sp_err why = SP_ERR_INIT;
  char shown[120];
  if (sp_json_parse(line, &object, &why) < 0 || !json_is_object(object)) {
    sp_text_escape(shown, sizeof shown, line);
    return sp_fail(err, SP_E_PROTOCOL, "the engine answered what engines do not say: '%s'", shown);
  }
  const char *error = error_of(object);
  if (error && !verdict->error[0])
    sp_text_escape(verdict->error, sizeof verdict->error, sp_span_str(error));
  const char *stream = json_string_value(json_object_get(object, "stream"));
  if (stream)
    sp_log(SP_LOG_DEBUG, "engine: %s", stream);
  sp_buf_reset(&verdict->line);
  return 0;
}

int sp_verdict_feed(struct sp_verdict *verdict, const char *bytes, size_t n, struct sp_err *err)
{
  while (n > 0) {
    const char *newline = memchr(bytes, '\n', n);
    size_t len = newline ? (size_t)(newline - bytes) : n;
    if (sp_buf_append(&verdict->line, bytes, len, err) < 0)
      return sp_err_context(err, "the engine's answer");
    if (!newline)
      return 0;
    if (end_line(verdict, err) < 0)
      return -1;
    bytes += len + 1;
    n -= len + 1;
  }
  return 0;
}

int sp_verdict_end(struct sp_verdict *verdict, struct sp_err *err)
{
  if (!verdict->error[0] && end_line(verdict, err) < 0)
    return -1;
  if (!verdict->error[0])
    return 0;
  if (strcasestr(verdict->error, "no space left"))
    return sp_fail(err, SP_E_STORE_FULL,
                   "the engine has no room for the image (%s): free some there ('docker system "
                   "df' shows what takes it)",
                   verdict->error);
  return sp_fail(err, SP_E_INVALID, "the engine did not take the image: %s", verdict->error);
}

/* A tar ends in zeros, so an object at the very end is the engine's. It begins at the first brace
 * from which on everything is one object. */
void sp_verdict_find_in_tail(struct sp_span tail, char out[SP_VERDICT_TEXT_MAX])
{
  out[0] = '\0';
  tail = without_end(tail);
  if (tail.len == 0 || tail.ptr[tail.len - 1] != '}')
    return;
  const char *begin = memmem(tail.ptr, tail.len, "{\"error", strlen("{\"error"));
  if (!begin)
    return;
  SP_AUTO_JSON json_t *object = NULL;
  struct sp_err ignored = SP_ERR_INIT;
  struct sp_span rest = sp_span_skip(tail, (size_t)(begin - tail.ptr));
  if (sp_json_parse(rest, &object, &ignored) == 0 && error_of(object))
    sp_text_escape(out, SP_VERDICT_TEXT_MAX, sp_span_str(error_of(object)));
}
