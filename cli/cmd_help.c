/* SPDX-License-Identifier: Apache-2.0 */
/* Everything here is made of tables: commands, their options, the error codes. */
#include <stdio.h>

#include "base/i18n.h"
#include "base/scope.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/terminal.h"
#include "safeport/remedy.h"

/* What an exit status means; the codes that lead to it come from the table of errors. */
static const struct {
  int status;
  const char *meaning;
} statuses[] = {
    {0, N_("everything asked for is there, at the level of proof asked for")},
    {1, N_("only a part of it")},
    {2, N_("usage or configuration")},
    {3, N_("locked by another run")},
    {4, N_("a store could not be reached")},
    {5, N_("integrity: wrong bytes were seen")},
    {6, N_("refused by a safety rule")},
    {7, N_("local disk or state")},
    {8, N_("credentials or permission")},
    {130, N_("stopped by SIGINT (143: by SIGTERM)")},
};

static void print_exit_status(void)
{
  puts(_("exit statuses:"));
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
    char head[16];
    snprintf(head, sizeof head, "  %3d", statuses[i].status);
    terminal_print_wrapped(head, _(statuses[i].meaning), 8, 80);
  }
  printf("\n%s\n", _("codes of errors in --json, and the exit status that each alone leads to:"));
  for (int code = SP_OK + 1; code < SP_CODE_COUNT; code++) {
    char head[48];
    snprintf(head, sizeof head, "  %-13s %3d", sp_code_name((enum sp_code)code),
             sp_code_exit_status((enum sp_code)code));
    terminal_print_wrapped(head, _(sp_code_meaning((enum sp_code)code)), 22, 80);
  }
}

static void print_proof(void)
{
  static const struct {
    const char *name, *meaning;
  } levels[] = {
      {"claimed", N_("the store says that it is there, in the right length")},
      {"touched", N_("every manifest was hashed by us, and the last byte of every blob that this "
                     "run did not send itself was fetched: a wiped or cut blob shows")},
      {"read", N_("every byte was hashed")},
  };
  puts(_("levels of proof:"));
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    char head[32];
    snprintf(head, sizeof head, "  %s", levels[i].name);
    terminal_print_wrapped(head, _(levels[i].meaning), 12, 80);
  }
}

/* "ghcr.io 403 'denied'": which answers a row is about. */
static void format_answer(const struct sp_remedy *row, char *out, size_t out_size)
{
  char status[16] = "", text[80] = "";
  if (row->status)
    snprintf(status, sizeof status, " %d", row->status);
  if (row->text)
    snprintf(text, sizeof text, " '%s'", row->text);
  snprintf(out, out_size, "  %s%s%s", row->host ? row->host : _("any registry"), status, text);
}

static void print_errors(void)
{
  static const char *const topics_of[] = {
      [SP_REMEDY_ACCESS] = N_("credentials and permission:"),
      [SP_REMEDY_LIMITS] = N_("limits:"),
      [SP_REMEDY_CONTENT] = N_("content:"),
      [SP_REMEDY_SERVICE] = N_("the registry itself:"),
  };
  puts(_("what registries answer, what it means, and what to do:"));
  for (size_t topic = 0; topic < sizeof topics_of / sizeof topics_of[0]; topic++) {
    printf("\n%s\n", _(topics_of[topic]));
    const struct sp_remedy *row;
    for (size_t i = 0; (row = sp_remedy_at(i)); i++) {
      if (row->topic != topic)
        continue;
      char answer[160];
      format_answer(row, answer, sizeof answer);
      puts(answer);
      terminal_print_wrapped("", _(row->meaning), 6, 80);
      terminal_print_wrapped("    ->", _(row->advice), 7, 80);
    }
  }
}

/* What 'safeport help WORD' knows besides the commands. */
static const struct topic {
  const char *name, *summary; /* summary: N_ */
  void (*print)(void);
} topics[] = {
    {"exit-status", N_("what each exit status means"), print_exit_status},
    {"proof", N_("the levels of proof"), print_proof},
    {"errors", N_("what registries answer, what it means, and what to do"), print_errors},
    {"bash-completion", N_("a completion script for bash"), completion_print_bash},
};

static void print_overview(void)
{
  puts(_("usage: safeport COMMAND [ARGUMENTS]"));
  printf("\n%s\n\n%s\n",
         _("Keeps container images in a second place, and proves that the copy is good."),
         _("commands:"));
  for (size_t i = 0; i < command_count; i++) {
    char head[32];
    snprintf(head, sizeof head, "  %s", commands[i]->name);
    terminal_print_wrapped(head, _(commands[i]->summary), 19, 80);
  }
  printf("\n%s\n", _("topics:"));
  for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
    char head[32];
    snprintf(head, sizeof head, "  %s", topics[i].name);
    terminal_print_wrapped(head, _(topics[i].summary), 19, 80);
  }
  printf("\n%s\n", _("'safeport help COMMAND' says more about a command, 'safeport help TOPIC' "
                     "about a topic."));
}

static int print_about(const char *word)
{
  const struct command *command = command_find(word);
  if (command) {
    command_print_help(command);
    return 0;
  }
  for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
    if (strcmp(topics[i].name, word) != 0)
      continue;
    topics[i].print();
    return 0;
  }
  char shown[128];
  sp_text_escape(shown, sizeof shown, sp_span_str(word));
  const char *near = command_nearest(word);
  struct sp_err err = SP_ERR_INIT;
  if (near)
    (void)sp_fail(&err, SP_E_USAGE, "no help on '%s': did you mean '%s'?", shown, near);
  else
    (void)sp_fail(&err, SP_E_USAGE, "no help on '%s': try 'safeport help'", shown);
  return command_fail(&err);
}

static int help_run(const struct command *self, int argc, char **argv)
{
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, NULL, &status))
    return status;
  if (line.operands.count > 0)
    return print_about(line.operands.items[0]);
  print_overview();
  return 0;
}

const struct command cmd_help = {
    .name = "help",
    .synopsis = N_("[COMMAND | TOPIC]"),
    .summary = N_("explain a command or a topic"),
    .least_operands = 0,
    .most_operands = 1,
    .run = help_run,
};
