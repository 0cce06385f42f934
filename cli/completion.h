/* SPDX-License-Identifier: Apache-2.0 */
/* Shell completion, made from the table of commands: what is written cannot disagree with what is
 * parsed. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

/* Prints a completion script for bash to stdout. */
void completion_print_bash(void);

#endif
