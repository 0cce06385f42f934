/* SPDX-License-Identifier: Apache-2.0 */
/* Labelled lines of a result: "  digest     sha256:...". Threads: none; stdout is one. */
#ifndef CLI_FACT_H
#define CLI_FACT_H

#include <stdio.h>

/* Prints "  label      text" to stdout. The text is trusted: ours, or checked, or escaped. */
void fact_print(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with a text from outside: escaped, and on a terminal cut to its width. NULL and "" print
 * nothing. */
void fact_print_outside(const char *label, const char *text);
/* Prints a text from outside, escaped. NULL is "". */
void fact_print_escaped(FILE *to, const char *text);

#endif
