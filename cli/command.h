/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: dispatch, help, completion and the tests are made of it.
 *
 * Adding a command: write cmd_x.c with its option table and its `const struct command cmd_x`; add
 * it to command.c and meson.build; write docs/man/safeport-x.1.scd. The tests in tests/cli then
 * watch that --help answers and agrees with the manual.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/options.h"

struct command {
  const char *name;
  const char *synopsis;             /* what follows the name: "SRC DST [options]" (N_) */
  const char *summary;              /* one line without a full stop (N_) */
  const char *about;                /* paragraphs for its help (N_) */
  const struct option_row *options; /* its own, on top of the common ones; NULL if it has none */
  bool has_config;                  /* it reads safeport.yaml: takes --config */
  bool has_network;                 /* it opens places: takes all common options */
  bool has_registry; /* it opens none, but talks to a registry: takes the options for that */
  size_t least_operands, most_operands;
  int (*run)(const struct command *self, int argc, char **argv); /* answers the exit status */
};

extern const struct command cmd_push, cmd_copy, cmd_sync, cmd_verify, cmd_status, cmd_restore,
    cmd_inspect, cmd_tags, cmd_config, cmd_log, cmd_login, cmd_logout, cmd_version, cmd_help;

/* All commands, in the order in which help lists them. */
extern const struct command *const commands[];
extern const size_t command_count;

/* NULL if there is none of that name. */
const struct command *command_find(const char *name);
/* The nearest name, or NULL. */
const char *command_nearest(const char *name);

/* Options that every command takes. */
struct common_args {
  bool help, quiet, verbose, debug, no_color;
  struct text_list ca, insecure, token_hosts, upload_hosts, chunked;
  const char *vault;
  const char *config;   /* --config; NULL = where it is looked for */
  int64_t retry_for_ms; /* -1 = not given */
  int64_t timeout_ms;   /* -1 = not given */
};
#define COMMON_ARGS_INIT ((struct common_args){.retry_for_ms = -1, .timeout_ms = -1})
void common_args_clear(struct common_args *common);

/* The option groups of a command, its own first; answers how many. own and common may be NULL where
 * only help is wanted. */
size_t command_groups(const struct command *command, void *own, struct common_args *common,
                      struct option_group out[OPTION_GROUPS_MAX]);
/* Prints a command's help to stdout. */
void command_print_help(const struct command *command);

/* A command line, read. */
struct command_line {
  struct common_args common;
  struct text_list operands;
};
/* Reads argv into `own` (the struct of the command's table) and `line`. Answers true if the command
 * is to go on; else it is done with *status: its help was printed, or what is wrong with the
 * command line was said on stderr. `line` needs command_line_clear in any case. */
bool command_line_read(struct command_line *line, const struct command *command, int argc,
                       char **argv, void *own, int *status);
void command_line_clear(struct command_line *line);

/* Says an error on stderr ("safeport: ...", escaped), and, if the command line has --json, as the
 * one document on stdout: {"schema": 1, "kind": "error", "command", "error": {"code", "message"},
 * "exit_status"}. Answers its exit status. */
int command_fail(const struct sp_err *err);
/* A document was begun: command_fail prints none. */
void command_forget_json(void);

#endif
