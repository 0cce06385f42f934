/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables: parsing, and what help and completion are made of.
 *
 * A command declares its options beside the struct they fill:
 *
 *     struct push_args { struct text_list to; bool atomic; };
 *     static const struct option_row push_options[] = {
 *       {"to", 0, OPTION_LIST, offsetof(struct push_args, to), N_("REPO[:TAG]"), N_("...")},
 *       {"atomic", 0, OPTION_FLAG, offsetof(struct push_args, atomic), NULL, N_("...")},
 *       OPTION_END};
 *
 * Threads: none; used once, at the beginning of the program.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "safeport/err.h"

/* Texts in order, borrowed from argv. items is NULL-terminated, or NULL if there are none. */
struct text_list {
  const char **items;
  size_t count;
};
SP_MUST_CHECK int text_list_add(struct text_list *list, const char *text, struct sp_err *err);
void text_list_clear(struct text_list *list);

enum option_kind {
  OPTION_FLAG,     /* bool: set to true */
  OPTION_TEXT,     /* const char *: the last one counts */
  OPTION_MAYBE,    /* const char *: "" without a value; one is given as --name=VALUE only */
  OPTION_LIST,     /* struct text_list: every one counts */
  OPTION_DURATION, /* int64_t milliseconds: "15", "15s", "2m", "1h" */
};

struct option_row {
  const char *name; /* without the dashes */
  char letter;      /* 0 = none */
  enum option_kind kind;
  size_t at;            /* offset of the variable in the struct that the table fills */
  const char *argument; /* what the value is called in help (N_); NULL for a flag */
  const char *help;     /* one sentence without a full stop (N_) */
};
#define OPTION_END \
  { \
    0 \
  }

/* A table and the struct that it fills. */
struct option_group {
  const char *title; /* heading in help (N_) */
  const struct option_row *rows;
  void *base; /* NULL where only help is wanted */
};
#define OPTION_GROUPS_MAX 6

/* Parses argv[1..] into the groups' structs; options and operands may be mixed, "--" ends options.
 * Operands are appended to `operands`.
 * Fails: SP_E_USAGE (unknown option, with the nearest one; a value is missing or is none). */
SP_MUST_CHECK int options_parse(const struct option_group *groups, size_t group_count, int argc,
                                char **argv, struct text_list *operands, struct sp_err *err);
/* Prints the groups for people, to stdout. */
void options_print(const struct option_group *groups, size_t group_count);

/* "15", "15s", "2m", "1h" to milliseconds. Fails: SP_E_USAGE. */
SP_MUST_CHECK int options_parse_duration(const char *text, int64_t *ms, struct sp_err *err);
/* The number of an option ("limit"), from `least` to `most`; NULL leaves *n alone. Fails:
 * SP_E_USAGE.
 */
SP_MUST_CHECK int options_parse_number(const char *option, const char *text, uint64_t least,
                                       uint64_t most, uint64_t *n, struct sp_err *err);
/* Of --jobs: a number from 1 to SP_MAX_WORKERS; NULL leaves *jobs alone. Fails: SP_E_USAGE. */
SP_MUST_CHECK int options_parse_jobs(const char *text, unsigned *jobs, struct sp_err *err);

#endif
