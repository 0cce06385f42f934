/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fact.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/terminal.h"

#define LABEL_COLUMNS 11
#define SHOWN_MAX 4608 /* a name with a path of 4 KiB */

/* Answers how many columns it took. */
static size_t print_label(const char *label)
{
  size_t width = terminal_width_of(label);
  size_t gap = width < LABEL_COLUMNS ? LABEL_COLUMNS - width : 1;
  printf("  %s%*s", label, (int)gap, "");
  return 2 + width + gap;
}

void fact_print(const char *label, const char *fmt, ...)
{
  (void)print_label(label);
  va_list args;
  va_start(args, fmt);
  vprintf(fmt, args);
  va_end(args);
  putchar('\n');
}

void fact_print_escaped(FILE *to, const char *text)
{
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(text));
  fputs(shown, to);
}

void fact_print_outside(const char *label, const char *text)
{
  if (!text || !*text)
    return;
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(text));
  size_t taken = print_label(label);
  size_t columns = terminal_get_size(STDOUT_FILENO).columns;
  if (isatty(STDOUT_FILENO) && columns > taken)
    terminal_cut(shown, columns - taken);
  puts(shown);
}
