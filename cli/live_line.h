/* SPDX-License-Identifier: Apache-2.0 */
/* The one line on stderr that says how far a run over many images is: redrawn on a terminal, and
 * elsewhere (the log of a CI) a line now and then. Threads: the caller's lock keeps calls apart.
 */
#ifndef CLI_LIVE_LINE_H
#define CLI_LIVE_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct live_line {
  bool quiet;
  bool is_live;  /* stderr is a terminal: the line is redrawn */
  bool is_shown; /* it stands on the screen */
  int64_t shown_ms;
};

void live_line_init(struct live_line *line, bool quiet);
/* Takes it from the screen: before anything else is printed. */
void live_line_hide(struct live_line *line);
/* Is it time to show it again? */
bool live_line_is_due(const struct live_line *line);
/* Shows it. */
void live_line_show(struct live_line *line, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
