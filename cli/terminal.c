/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

/* The character at s: its bytes (at least 1) and columns. */
static size_t next_char(const char *s, size_t *columns)
{
  wchar_t wide;
  mbstate_t state = {0};
  size_t n = mbrtowc(&wide, s, strlen(s), &state);
  if (n == 0 || n == (size_t)-1 || n == (size_t)-2) {
    *columns = 1;
    return 1;
  }
  int w = wcwidth(wide);
  *columns = w < 0 ? 0 : (size_t)w;
  return n;
}

size_t terminal_width_of(const char *text)
{
  size_t total = 0;
  while (*text) {
    size_t columns;
    text += next_char(text, &columns);
    total += columns;
  }
  return total;
}

void terminal_cut(char *text, size_t columns)
{
  size_t at = 0, total = 0;
  while (text[at]) {
    size_t width;
    size_t n = next_char(text + at, &width);
    if (total + width > columns)
      break;
    total += width;
    at += n;
  }
  text[at] = '\0';
}

/* Characters that do not begin a line in Chinese. */
static bool is_closing(const char *s, size_t n)
{
  static const char *const closing[] = {"、", "，", "。", "；", "：", "）"};
  for (size_t i = 0; i < sizeof closing / sizeof closing[0]; i++) {
    if (strlen(closing[i]) == n && memcmp(s, closing[i], n) == 0)
      return true;
  }
  return false;
}

/* How many bytes of text go onto a line of `columns`: up to the last blank, or between two wide
 * characters, or all of it. */
static size_t line_length(const char *text, size_t columns)
{
  size_t at = 0, total = 0, good = 0;
  while (text[at]) {
    size_t width;
    size_t n = next_char(text + at, &width);
    if (text[at] == '\n')
      return at;
    if (text[at] == ' ' || (width > 1 && !is_closing(text + at, n)))
      good = at;
    if (total + width > columns)
      return good > 0 ? good : at;
    total += width;
    at += n;
  }
  return at;
}

static void print_blanks(size_t n)
{
  for (size_t i = 0; i < n; i++)
    putchar(' ');
}

void terminal_print_wrapped(const char *head, const char *text, size_t indent, size_t columns)
{
  fputs(head, stdout);
  size_t at = terminal_width_of(head);
  if (at + 1 > indent && at > 0) {
    putchar('\n');
    at = 0;
  }
  while (*text) {
    size_t n = line_length(text, columns - indent);
    if (n > 0)
      print_blanks(indent - at);
    printf("%.*s\n", (int)n, text);
    at = 0;
    text += n;
    if (*text == '\n' || *text == ' ')
      text++;
  }
}

bool terminal_is_live(int fd)
{
  const char *term = getenv("TERM");
  return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

struct terminal_size terminal_get_size(int fd)
{
  struct winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
    return (struct terminal_size){.columns = 80, .rows = 24};
  return (struct terminal_size){.columns = size.ws_col, .rows = size.ws_row};
}

static bool has_color;

void terminal_set_color(bool allowed)
{
  const char *refused = getenv("NO_COLOR");
  has_color = allowed && !(refused && *refused) && terminal_is_live(STDOUT_FILENO);
}

const char *terminal_color(enum terminal_color color)
{
  static const char *const sequences[] = {
      [COLOR_NONE] = "\033[0m",
      [COLOR_GOOD] = "\033[32m",
      [COLOR_BAD] = "\033[31m",
      [COLOR_DIM] = "\033[2m",
  };
  return has_color ? sequences[color] : "";
}
