/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and columns are counted as libyaml counts them: in characters, and NEL, LS and PS end lines
 * too. */
#include "config/excerpt.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define SHOWN_COLUMNS 100 /* of a long line */
#define BEFORE_CARET 60
#define CHAR_MAX_BYTES 4

/* A piece of the file that is not to be shown. */
struct hidden {
  unsigned line, column, end_line, end_column;
};

struct excerpt {
  struct sp_span yaml;
  const struct sp_yaml_node *root;
  struct hidden *hidden;
  size_t hidden_count;
};

/* -- characters and lines */

static size_t char_len(struct sp_span s)
{
  unsigned char c = (unsigned char)s.ptr[0];
  size_t len = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
  return len < s.len ? len : s.len;
}

/* Length of a line's end at s; 0 if there is none. */
static size_t break_len(struct sp_span s)
{
  static const char *const breaks[] = {"\r\n",     "\n",           "\r",
                                       "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};
  for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
    if (sp_span_has_prefix(s, breaks[i]))
      return strlen(breaks[i]);
  }
  return 0;
}

/* Cuts the first line off *rest. */
static struct sp_span take_line(struct sp_span *rest)
{
  struct sp_span line = SP_SPAN(rest->ptr, 0);
  while (rest->len > 0) {
    size_t end = break_len(*rest);
    size_t n = end ? end : char_len(*rest);
    *rest = sp_span_skip(*rest, n);
    if (end)
      break;
    line.len += n;
  }
  return line;
}

/* Columns of a terminal: Chinese, Japanese, Korean characters and pictures take two. */
static unsigned width_of(struct sp_span one)
{
  if (one.len < 3)
    return 1;
  if (one.len == 4)
    return 2;
  unsigned char a = (unsigned char)one.ptr[0], b = (unsigned char)one.ptr[1];
  bool is_wide = (a == 0xE1 && b == 0x84) || (a >= 0xE2 && a <= 0xED && !(a == 0xE2 && b < 0xBA)) ||
                 (a == 0xEF && b >= 0xA4);
  return is_wide ? 2 : 1;
}

/* -- what is hidden */

static void gather_hidden(struct excerpt *excerpt, const struct sp_yaml_node *node)
{
  for (size_t i = 0; i < node->count; i++)
    gather_hidden(excerpt, &node->items[i]);
  if (!node->is_hidden || node->kind != SP_YAML_SCALAR)
    return;
  struct hidden *more =
      reallocarray(excerpt->hidden, excerpt->hidden_count + 1, sizeof *excerpt->hidden);
  if (!more) {
    excerpt->yaml.len = 0; /* then nothing is shown */
    return;
  }
  excerpt->hidden = more;
  more[excerpt->hidden_count++] =
      (struct hidden){node->line, node->column, node->end_line, node->end_column};
}

static bool is_in(const struct hidden *hidden, unsigned line, unsigned column)
{
  bool is_behind = line > hidden->line || (line == hidden->line && column >= hidden->column);
  bool is_before =
      line < hidden->end_line || (line == hidden->end_line && column < hidden->end_column);
  return is_behind && is_before;
}

static bool is_hidden(const struct excerpt *excerpt, unsigned line, unsigned column)
{
  for (size_t i = 0; i < excerpt->hidden_count; i++) {
    if (is_in(&excerpt->hidden[i], line, column))
      return true;
  }
  return false;
}

static bool sounds_secret(struct sp_span line)
{
  static const char *const words[] = {"pass", "secret", "token", "webhook", "pwd", "auth"};
  char text[512];
  size_t n = line.len < sizeof text - 1 ? line.len : sizeof text - 1;
  if (n > 0)
    memcpy(text, line.ptr, n);
  text[n] = '\0';
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcasestr(text, words[i]))
      return true;
  }
  return n < line.len; /* too long to be looked at */
}

/* Without a tree: hides what follows the first ':' of a line that sounds like a secret, and the
 * whole line after one. */
static void guess_hidden(struct excerpt *excerpt, unsigned number, struct sp_span previous,
                         struct sp_span line)
{
  const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
  struct hidden hidden = {number, 1, number + 1, 1};
  if (sounds_secret(line) && colon) {
    hidden.column = 2;
    for (struct sp_span s = line; s.ptr < colon; s = sp_span_skip(s, char_len(s)))
      hidden.column++;
  } else if (!sounds_secret(previous)) {
    return;
  }
  excerpt->hidden = malloc(sizeof hidden);
  if (excerpt->hidden)
    *excerpt->hidden = hidden;
  excerpt->hidden_count = excerpt->hidden ? 1 : 0;
}

/* -- the two lines */

/* How one character is shown, and in how many columns. The first of what is hidden stands for all
 * of it. */
struct piece {
  char text[CHAR_MAX_BYTES * 4 + 1];
  unsigned width;
};

static struct piece piece_of(struct sp_span one, bool is_secret, bool was_secret)
{
  struct piece piece = {.text = ""};
  if (is_secret && was_secret)
    return piece;
  sp_text_escape(piece.text, sizeof piece.text,
                 is_secret            ? SP_SPAN_LIT("***")
                 : one.ptr[0] == '\t' ? SP_SPAN_LIT(" ")
                                      : one);
  bool is_as_it_was = strlen(piece.text) == one.len && !is_secret;
  piece.width = is_as_it_was ? width_of(one) : (unsigned)strlen(piece.text);
  return piece;
}

/* Puts the line from column `from` on into `text`, and into `under` the blanks before the caret. */
static int draw(const struct excerpt *excerpt, struct sp_span line, unsigned number, unsigned from,
                unsigned caret, struct sp_buf *text, struct sp_buf *under, struct sp_err *err)
{
  bool was_secret = false;
  if (from > 1 &&
      (sp_buf_append_str(text, "...", err) < 0 || sp_buf_append_str(under, "   ", err) < 0))
    return -1;
  for (unsigned column = 1; line.len > 0; column++) {
    struct sp_span one = SP_SPAN(line.ptr, char_len(line));
    line = sp_span_skip(line, one.len);
    if (column < from)
      continue;
    if (column - from == SHOWN_COLUMNS)
      return sp_buf_append_str(text, "...", err);
    bool is_secret = is_hidden(excerpt, number, column);
    struct piece piece = piece_of(one, is_secret, was_secret);
    was_secret = is_secret;
    if (sp_buf_append_str(text, piece.text, err) < 0)
      return -1;
    if (column < caret && sp_buf_appendf(under, err, "%*s", (int)piece.width, "") < 0)
      return -1;
  }
  return 0;
}

static void add_one(struct excerpt *excerpt, struct sp_complaint *complaint,
                    struct sp_span previous, struct sp_span line)
{
  SP_AUTO_BUF struct sp_buf text, under;
  struct sp_err err;
  sp_buf_init(&text, SP_KIB * 4);
  sp_buf_init(&under, SP_KIB * 4);
  if (!excerpt->root)
    guess_hidden(excerpt, complaint->line, previous, line);
  unsigned from = complaint->column > SHOWN_COLUMNS ? complaint->column - BEFORE_CARET : 1;
  int failed = draw(excerpt, line, complaint->line, from, complaint->column, &text, &under, &err);
  if (!excerpt->root) {
    free(sp_steal(&excerpt->hidden));
    excerpt->hidden_count = 0;
  }
  if (failed < 0 || sp_text_format(&complaint->excerpt, &err, "%6u | %s\n       | %s^\n",
                                   complaint->line, sp_buf_str(&text), sp_buf_str(&under)) < 0)
    complaint->excerpt = NULL;
}

void sp_excerpt_add(struct sp_complaints *complaints, struct sp_span yaml,
                    const struct sp_yaml_node *root)
{
  if (sp_span_has_prefix(yaml, "\xEF\xBB\xBF"))
    yaml = sp_span_skip(yaml, 3);
  struct excerpt excerpt = {.yaml = yaml, .root = root};
  if (root)
    gather_hidden(&excerpt, root);
  struct sp_span rest = excerpt.yaml, line = SP_SPAN(NULL, 0), previous = line;
  unsigned number = 0;
  for (size_t i = 0; i < complaints->count; i++) {
    struct sp_complaint *complaint = &complaints->items[i];
    while (number < complaint->line && rest.len > 0) {
      previous = line;
      line = take_line(&rest);
      number++;
    }
    if (number == complaint->line && number > 0)
      add_one(&excerpt, complaint, previous, line);
  }
  free(excerpt.hidden);
}
