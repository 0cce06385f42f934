/* SPDX-License-Identifier: Apache-2.0 */
/* A scanner of positions over JSON that is known to be sound: it finds where members begin and end,
 * and never needs to understand a value. Out of bounds it cannot get: every step looks at the
 * end. */
#include "base/json_edit.h"

#include "base/json.h"
#include "base/text.h"

/* Where a member stands: [key, value_end) with its value at [value, value_end). */
struct member {
  size_t key, key_end;
  size_t value, value_end;
};

/* An object at [open, close]: its braces. */
struct object {
  size_t open, close;
};

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_blanks(struct sp_span doc, size_t at)
{
  while (at < doc.len && is_blank(doc.ptr[at]))
    at++;
  return at;
}

/* The position after the string that begins at `at`. */
static size_t skip_string(struct sp_span doc, size_t at)
{
  for (at++; at < doc.len && doc.ptr[at] != '"'; at++) {
    if (doc.ptr[at] == '\\')
      at++;
  }
  return at < doc.len ? at + 1 : doc.len;
}

/* The position after the value that begins at `at`: a string, a bracketed one, or a bare word. */
static size_t skip_value(struct sp_span doc, size_t at)
{
  size_t depth = 0;
  while (at < doc.len) {
    char c = doc.ptr[at];
    if (depth == 0 && (c == ',' || c == '}' || c == ']' || is_blank(c)))
      break;
    if (c == '"') {
      at = skip_string(doc, at);
      continue;
    }
    if (c == '{' || c == '[')
      depth++;
    else if (c == '}' || c == ']')
      depth--;
    at++;
  }
  return at;
}

/* The member that begins at or after `at`; false at the end of the object. */
static bool next_member(struct sp_span doc, size_t at, struct member *out)
{
  at = skip_blanks(doc, at);
  if (at < doc.len && doc.ptr[at] == ',')
    at = skip_blanks(doc, at + 1);
  if (at >= doc.len || doc.ptr[at] != '"')
    return false;
  out->key = at;
  out->key_end = skip_string(doc, at);
  at = skip_blanks(doc, out->key_end);
  if (at < doc.len && doc.ptr[at] == ':')
    at++;
  out->value = skip_blanks(doc, at);
  out->value_end = skip_value(doc, out->value);
  return true;
}

/* A key may be written with escapes: it is read as JSON. */
static bool is_key(struct sp_span doc, const struct member *member, const char *key)
{
  SP_AUTO_JSON json_t *text =
      json_loadb(doc.ptr + member->key, member->key_end - member->key, JSON_DECODE_ANY, NULL);
  return text && json_is_string(text) && strcmp(json_string_value(text), key) == 0;
}

/* *last: the last member before the one that was found, or of all. */
static bool find(struct sp_span doc, struct object in, const char *key, struct member *found,
                 struct member *last, bool *has_last)
{
  struct member one;
  *has_last = false;
  for (size_t at = in.open + 1; next_member(doc, at, &one); at = one.value_end) {
    if (is_key(doc, &one, key)) {
      *found = one;
      return true;
    }
    *last = one;
    *has_last = true;
  }
  return false;
}

static int object_at(struct sp_span doc, size_t at, struct object *out, struct sp_err *err)
{
  size_t end = at < doc.len ? skip_value(doc, at) : at;
  if (end - at < 2 || doc.ptr[at] != '{')
    return sp_fail(err, SP_E_INVALID, "not a JSON object where one was looked for");
  *out = (struct object){.open = at, .close = end - 1};
  return 0;
}

/* Appends the document with its bytes [from, to) replaced by `text`. */
static int splice(struct sp_buf *out, struct sp_span doc, size_t from, size_t to,
                  struct sp_span text, struct sp_err *err)
{
  if (sp_buf_append(out, doc.ptr, from, err) < 0 || sp_buf_append_span(out, text, err) < 0)
    return -1;
  return sp_buf_append_span(out, sp_span_skip(doc, to), err);
}

/* What stands before a key on its line, with the line break: the indentation of the object. */
static struct sp_span indentation(struct sp_span doc, size_t key)
{
  size_t from = key;
  while (from > 0 && is_blank(doc.ptr[from - 1]))
    from--;
  return SP_SPAN(doc.ptr + from, key - from);
}

static int quote(struct sp_buf *out, const char *key, struct sp_err *err)
{
  SP_AUTO_JSON json_t *text = json_string(key);
  SP_AUTO_FREE char *quoted = sp_json_print(text, 0);
  if (!quoted)
    return sp_fail(err, SP_E_INVALID, "a member's name is not UTF-8");
  return sp_buf_append_str(out, quoted, err);
}

/* "key": value, after the last member, or as the only one (indented by tabs, as docker does). */
static int insert(struct sp_buf *out, struct sp_span doc, struct object in,
                  const struct member *last, const char *key, struct sp_span value, int depth,
                  struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, out->max_bytes);
  struct sp_span tabs = SP_SPAN("\n\t\t", (size_t)depth + 1);
  struct sp_span before = last ? indentation(doc, last->key) : tabs;
  if ((last && sp_buf_append_str(&text, ",", err) < 0) ||
      sp_buf_append_span(&text, before, err) < 0 || quote(&text, key, err) < 0 ||
      sp_buf_append_str(&text, ": ", err) < 0 || sp_buf_append_span(&text, value, err) < 0)
    return -1;
  if (last)
    return splice(out, doc, last->value_end, last->value_end, sp_buf_span(&text), err);
  if (sp_buf_append(&text, tabs.ptr, (size_t)depth, err) < 0)
    return -1;
  return splice(out, doc, in.open + 1, in.close, sp_buf_span(&text), err);
}

/* Sets a member of an object that is there. */
static int set_in(struct sp_buf *out, struct sp_span doc, struct object in, const char *key,
                  struct sp_span value, int depth, struct sp_err *err)
{
  struct member found, last;
  bool has_last;
  if (find(doc, in, key, &found, &last, &has_last))
    return splice(out, doc, found.value, found.value_end, value, err);
  return insert(out, doc, in, has_last ? &last : NULL, key, value, depth, err);
}

/* The section's object; *found false if there is none, or null. */
static int find_section(struct sp_span doc, struct object top, const char *section,
                        struct object *out, bool *found, struct sp_err *err)
{
  struct member member, last;
  bool has_last;
  *found = find(doc, top, section, &member, &last, &has_last) && doc.ptr[member.value] != 'n';
  return *found ? object_at(doc, member.value, out, err) : 0;
}

int sp_json_edit_set(struct sp_buf *out, struct sp_span doc, const char *section, const char *key,
                     struct sp_span value, struct sp_err *err)
{
  struct object top, in;
  bool found;
  if (skip_blanks(doc, 0) == doc.len)
    doc = SP_SPAN_LIT("{}\n");
  if (object_at(doc, skip_blanks(doc, 0), &top, err) < 0 ||
      find_section(doc, top, section, &in, &found, err) < 0)
    return -1;
  if (found)
    return set_in(out, doc, in, key, value, 2, err);
  SP_AUTO_BUF struct sp_buf object;
  sp_buf_init(&object, out->max_bytes);
  if (sp_buf_append_str(&object, "{\n\t\t", err) < 0 || quote(&object, key, err) < 0 ||
      sp_buf_append_str(&object, ": ", err) < 0 || sp_buf_append_span(&object, value, err) < 0 ||
      sp_buf_append_str(&object, "\n\t}", err) < 0)
    return -1;
  return set_in(out, doc, top, section, sp_buf_span(&object), 1, err);
}

/* With the comma that it leaves over: the one before it, or, of the first, the one after it. */
static int remove_from(struct sp_buf *out, struct sp_span doc, struct object in, const char *key,
                       struct sp_err *err)
{
  struct member found, last, next;
  bool has_last;
  if (!find(doc, in, key, &found, &last, &has_last))
    return sp_buf_append_span(out, doc, err);
  if (has_last)
    return splice(out, doc, last.value_end, found.value_end, SP_SPAN_LIT(""), err);
  if (next_member(doc, found.value_end, &next))
    return splice(out, doc, found.key, next.key, SP_SPAN_LIT(""), err);
  return splice(out, doc, in.open + 1, in.close, SP_SPAN_LIT(""), err);
}

int sp_json_edit_remove(struct sp_buf *out, struct sp_span doc, const char *section,
                        const char *key, struct sp_err *err)
{
  struct object top, in;
  bool found;
  if (object_at(doc, skip_blanks(doc, 0), &top, err) < 0 ||
      find_section(doc, top, section, &in, &found, err) < 0)
    return -1;
  return found ? remove_from(out, doc, in, key, err) : sp_buf_append_span(out, doc, err);
}
