/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/live_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/terminal.h"

#define LIVE_EVERY_MS 200
#define LINE_EVERY_MS 30000

void live_line_init(struct live_line *line, bool quiet)
{
  *line = (struct live_line){
      .quiet = quiet, .is_live = terminal_is_live(STDERR_FILENO), .shown_ms = sp_clock_mono_ms()};
}

void live_line_hide(struct live_line *line)
{
  if (line->is_shown)
    fputs("\r\033[K", stderr);
  line->is_shown = false;
}

bool live_line_is_due(const struct live_line *line)
{
  return !line->quiet &&
         sp_clock_mono_ms() - line->shown_ms >= (line->is_live ? LIVE_EVERY_MS : LINE_EVERY_MS);
}

void live_line_show(struct live_line *line, const char *fmt, ...)
{
  live_line_hide(line);
  line->shown_ms = sp_clock_mono_ms();
  va_list args;
  va_start(args, fmt);
  vfprintf(stderr, fmt, args);
  va_end(args);
  line->is_shown = line->is_live;
  if (!line->is_live)
    fputc('\n', stderr);
}
