/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal shows: widths of text (a Chinese character takes two columns), wrapping, size,
 * colour. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Columns that a text takes. What is not valid in the locale's encoding counts one per byte. */
size_t terminal_width_of(const char *text);
/* Cuts the text in place so that it takes at most `columns`. */
void terminal_cut(char *text, size_t columns);
/* Prints `head`, then `text` wrapped into columns indent..columns of stdout, with a newline at the
 * end. A head that is too long gets a line of its own. */
void terminal_print_wrapped(const char *head, const char *text, size_t indent, size_t columns);

/* Can a block be redrawn there (a terminal that is not dumb)? */
bool terminal_is_live(int fd);
struct terminal_size {
  size_t columns, rows;
};
/* 80 x 24 if it cannot be asked. */
struct terminal_size terminal_get_size(int fd);

/* Whether stdout gets colours: a terminal, and neither NO_COLOR nor --no-color. */
void terminal_set_color(bool allowed);
enum terminal_color { COLOR_NONE, COLOR_GOOD, COLOR_BAD, COLOR_DIM };
/* The sequence that begins or (COLOR_NONE) ends a colour on stdout; "" without colours. */
const char *terminal_color(enum terminal_color color);

#endif
