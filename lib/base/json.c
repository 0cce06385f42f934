/* SPDX-License-Identifier: Apache-2.0 */
/* jansson does the strict part (RFC 8259, UTF-8, no zero byte in strings, int64, no trailing
 * bytes). Depth is counted before it runs: its own ceiling of 2048 is too deep for our stacks. So
 * is the memory that it will take: an empty object of two bytes takes a hundred times as much. */
#include "base/json.h"

#include <malloc.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"

/* Not only a secret's own string passes through here, but copies that the parser makes on its way.
 */
static void wipe_and_free(void *memory)
{
  if (memory)
    explicit_bzero(memory, malloc_usable_size(memory));
  free(memory);
}

static void set_functions(void)
{
  json_set_alloc_funcs(malloc, wipe_and_free);
}

/* What jansson 2.14 takes, with malloc's rounding. A pair of an object is counted with its key. */
#define OBJECT_BYTES 240u
#define ARRAY_BYTES 128u
#define STRING_BYTES 72u /* and its text */
#define COMMA_BYTES 24u  /* a slot of an array, while it grows */
#define WORD_BYTES 32u   /* a number */

/* What a document will take. */
struct size {
  size_t deepest; /* nesting of [ and { outside strings */
  uint64_t bytes;
};

static bool is_word(char c)
{
  return (c >= '0' && c <= '9') || c == '-';
}

/* The position of the quote that ends the string which begins at `at`, or the end. */
static size_t end_of_string(struct sp_span text, size_t at)
{
  for (at++; at < text.len && text.ptr[at] != '"'; at++) {
    if (text.ptr[at] == '\\')
      at++; /* the escaped character ends no string */
  }
  return at;
}

/* Wrong JSON may give any numbers: the parser sees it next. */
static struct size measure(struct sp_span text)
{
  struct size size = {0};
  size_t depth = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (c == '"') {
      size_t end = end_of_string(text, i);
      size.bytes += STRING_BYTES + (end - i);
      i = end;
    } else if (c == '[' || c == '{') {
      size.bytes += c == '{' ? OBJECT_BYTES : ARRAY_BYTES;
      depth++;
    } else if (c == ',') {
      size.bytes += COMMA_BYTES;
    } else if (c == ']' || c == '}') {
      depth -= depth > 0;
    } else if (is_word(c) && !is_word(text.ptr[i - (i > 0)])) {
      size.bytes += WORD_BYTES;
    }
    if (depth > size.deepest)
      size.deepest = depth;
  }
  return size;
}

/* jansson quotes what it stumbled over: in a file of credentials that is a password. */
static int fail_syntax(const json_error_t *why, struct sp_err *err)
{
  char reason[2 * JSON_ERROR_TEXT_LENGTH];
  const char *quote = strstr(why->text, " near ");
  size_t len = quote ? (size_t)(quote - why->text) : strlen(why->text);
  sp_text_escape(reason, sizeof reason, SP_SPAN(why->text, len));
  return sp_fail(err, SP_E_INVALID, "not JSON: line %d column %d: %s", why->line, why->column,
                 reason);
}

int sp_json_parse(struct sp_span text, json_t **out, struct sp_err *err)
{
  if (text.len == 0)
    return sp_fail(err, SP_E_INVALID, "not JSON: it is empty");
  struct size size = measure(text);
  if (size.deepest > SP_MAX_JSON_DEPTH)
    return sp_fail(err, SP_E_INVALID, "not JSON that we read: nested deeper than %d levels",
                   SP_MAX_JSON_DEPTH);
  if (size.bytes > SP_JSON_FREE_BYTES + (uint64_t)SP_JSON_MOST_TIMES * text.len)
    return sp_fail(err, SP_E_LIMIT, "JSON of %zu bytes that would take %llu MiB of memory",
                   text.len, (unsigned long long)(size.bytes / SP_MIB));
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, set_functions);
  json_error_t why;
  json_t *doc = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
  if (doc) {
    *out = doc;
    return 0;
  }
  if (json_error_code(&why) == json_error_out_of_memory)
    return sp_fail(err, SP_E_NOMEM, "out of memory for JSON of %zu bytes", text.len);
  return fail_syntax(&why, err);
}

#define ESCAPED_MAX_BYTES 8192u

json_t *sp_json_text(const char *s)
{
  if (!s)
    return json_null();
  json_t *value = json_string(s);
  if (value)
    return value;
  char escaped[ESCAPED_MAX_BYTES];
  sp_text_escape(escaped, sizeof escaped, sp_span_str(s));
  return json_string(escaped);
}

json_t *sp_json_number(uint64_t n)
{
  return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *sp_json_time(int64_t unix_s)
{
  char text[SP_RFC3339_MAX];
  if (unix_s <= 0)
    return json_null();
  sp_clock_format_rfc3339(unix_s, text);
  return json_string(text);
}

json_t *sp_json_error(const struct sp_err *err)
{
  if (err->code == SP_OK)
    return json_null();
  return json_pack(
      "{s:s, s:o, s:o, s:o}", "code", sp_code_name(err->code), "message", sp_json_text(err->msg),
      "http_status", err->http_status ? json_integer(err->http_status) : json_null(),
      "retry_after_ms", err->retry_after_ms >= 0 ? json_integer(err->retry_after_ms) : json_null());
}

/* The member, or NULL if it is missing or null. */
static int get_member(const json_t *obj, const char *key, json_t **out, struct sp_err *err)
{
  if (!json_is_object(obj))
    return sp_fail(err, SP_E_INVALID, "not a JSON object where '%s' was looked for", key);
  json_t *member = json_object_get(obj, key);
  *out = json_is_null(member) ? NULL : member;
  return 0;
}

static int wrong_type(const char *key, const char *want, struct sp_err *err)
{
  return sp_fail(err, SP_E_INVALID, "member '%s' is not %s", key, want);
}

int sp_json_get_string(const json_t *obj, const char *key, const char **out, struct sp_err *err)
{
  json_t *member;
  if (get_member(obj, key, &member, err) < 0)
    return -1;
  if (member && !json_is_string(member))
    return wrong_type(key, _("a string"), err);
  *out = json_string_value(member);
  return 0;
}

int sp_json_get_int(const json_t *obj, const char *key, int64_t fallback, int64_t *out,
                    struct sp_err *err)
{
  json_t *member;
  if (get_member(obj, key, &member, err) < 0)
    return -1;
  if (member && !json_is_integer(member))
    return wrong_type(key, _("an integer"), err);
  *out = member ? json_integer_value(member) : fallback;
  return 0;
}

int sp_json_get_object(const json_t *obj, const char *key, json_t **out, struct sp_err *err)
{
  json_t *member;
  if (get_member(obj, key, &member, err) < 0)
    return -1;
  if (member && !json_is_object(member))
    return wrong_type(key, _("an object"), err);
  *out = member;
  return 0;
}

int sp_json_get_array(const json_t *obj, const char *key, json_t **out, struct sp_err *err)
{
  json_t *member;
  if (get_member(obj, key, &member, err) < 0)
    return -1;
  if (member && !json_is_array(member))
    return wrong_type(key, _("an array"), err);
  *out = member;
  return 0;
}

json_t *sp_json_with(json_t *object, const char *key, json_t *value)
{
  if (json_object_set_new(object, key, value) == 0)
    return object;
  json_decref(object);
  return NULL;
}

json_t *sp_json_with_item(json_t *array, json_t *item)
{
  if (json_array_append_new(array, item) == 0)
    return array;
  json_decref(array);
  return NULL;
}

/* -- writing */

struct sink {
  struct sp_buf *buf;
  struct sp_err *err;
  bool failed;
};

/* jansson goes on when a key could not be written: what failed once fails to the end. */
static int append_piece(const char *bytes, size_t len, void *ctx)
{
  struct sink *sink = ctx;
  if (sink->failed)
    return -1;
  if (sp_buf_append(sink->buf, bytes, len, sink->err) == 0)
    return 0;
  sink->failed = true;
  return -1;
}

int sp_json_write(const json_t *doc, size_t flags, struct sp_buf *out, struct sp_err *err)
{
  struct sink sink = {.buf = out, .err = err};
  size_t before = out->len;
  int rc = json_dump_callback(doc, append_piece, &sink, flags | JSON_ENCODE_ANY);
  if (rc == 0 && !sink.failed)
    return 0;
  sp_buf_truncate(out, before);
  return sink.failed ? -1 : sp_fail(err, SP_E_NOMEM, "cannot write a JSON document");
}

char *sp_json_print(const json_t *doc, size_t flags)
{
  SP_AUTO_BUF struct sp_buf text;
  struct sp_err ignored = SP_ERR_INIT;
  sp_buf_init(&text, SIZE_MAX);
  if (!doc || sp_json_write(doc, flags, &text, &ignored) < 0)
    return NULL;
  return sp_buf_take(&text, NULL);
}
