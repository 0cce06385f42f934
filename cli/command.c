/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include "base/i18n.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/output.h"
#include "cli/terminal.h"

const struct command *const commands[] = {
    &cmd_push, &cmd_copy,   &cmd_sync, &cmd_verify, &cmd_status, &cmd_restore, &cmd_inspect,
    &cmd_tags, &cmd_config, &cmd_log,  &cmd_login,  &cmd_logout, &cmd_version, &cmd_help};
const size_t command_count = sizeof commands / sizeof commands[0];

static const struct option_row common_registry[] = {
    {"ca", 0, OPTION_LIST, offsetof(struct common_args, ca), N_("[HOST=]FILE"),
     N_("trust the certificates of this PEM file in place of the system's, for all registries or "
        "for one")},
    {"insecure", 0, OPTION_LIST, offsetof(struct common_args, insecure), N_("HOST"),
     N_("speak plain http with this registry; loopback needs no such word")},
    {"token-host", 0, OPTION_LIST, offsetof(struct common_args, token_hosts), N_("REGISTRY=HOST"),
     N_("let this host see the registry's credentials when it asks for a token")},
    {"retry-for", 0, OPTION_DURATION, offsetof(struct common_args, retry_for_ms), N_("SECONDS"),
     N_("give up on what can be tried again after this long (15s if not said; 0: never try "
        "again)")},
    {"timeout", 0, OPTION_DURATION, offsetof(struct common_args, timeout_ms), N_("SECONDS"),
     N_("take a silent connection for dead after this long (60s if not said)")},
    OPTION_END};

static const struct option_row common_places[] = {
    {"upload-host", 0, OPTION_LIST, offsetof(struct common_args, upload_hosts), N_("REGISTRY=HOST"),
     N_("let the registry take uploads on this host")},
    {"chunked", 0, OPTION_LIST, offsetof(struct common_args, chunked), N_("REGISTRY[=BYTES]"),
     N_("upload to this registry in chunks of that size (4 MiB if not said)")},
    {"vault", 0, OPTION_TEXT, offsetof(struct common_args, vault), N_("DIR"),
     N_("directory of the vault, in place of $SAFEPORT_VAULT and "
        "$XDG_DATA_HOME/safeport/vault")},
    OPTION_END};

static const struct option_row common_config[] = {
    {"config", 0, OPTION_TEXT, offsetof(struct common_args, config), N_("FILE"),
     N_("read this file, in place of $SAFEPORT_CONFIG, ./safeport.yaml, "
        "~/.config/safeport/safeport.yaml and /etc/safeport/safeport.yaml")},
    OPTION_END};

static const struct option_row common_output[] = {
    {"quiet", 'q', OPTION_FLAG, offsetof(struct common_args, quiet), NULL,
     N_("no progress and no warnings, only the result and errors")},
    {"verbose", 'v', OPTION_FLAG, offsetof(struct common_args, verbose), NULL,
     N_("say more on stderr: what is tried again, and notes")},
    {"debug", 0, OPTION_FLAG, offsetof(struct common_args, debug), NULL,
     N_("say each request on stderr; secrets are left out")},
    {"no-color", 0, OPTION_FLAG, offsetof(struct common_args, no_color), NULL,
     N_("no colours; $NO_COLOR does the same")},
    OPTION_END};

static const struct option_row common_help[] = {
    {"help", 'h', OPTION_FLAG, offsetof(struct common_args, help), NULL, N_("show this help")},
    OPTION_END};

const struct command *command_find(const char *name)
{
  for (size_t i = 0; i < command_count; i++) {
    if (strcmp(commands[i]->name, name) == 0)
      return commands[i];
  }
  return NULL;
}

const char *command_nearest(const char *name)
{
  const char *names[16];
  size_t count = 0;
  for (size_t i = 0; i < command_count && count < 16; i++)
    names[count++] = commands[i]->name;
  return sp_nearest(name, names, count);
}

void common_args_clear(struct common_args *common)
{
  text_list_clear(&common->ca);
  text_list_clear(&common->insecure);
  text_list_clear(&common->token_hosts);
  text_list_clear(&common->upload_hosts);
  text_list_clear(&common->chunked);
}

size_t command_groups(const struct command *command, void *own, struct common_args *common,
                      struct option_group out[OPTION_GROUPS_MAX])
{
  size_t n = 0;
  if (command->options)
    out[n++] = (struct option_group){N_("options:"), command->options, own};
  if (command->has_config)
    out[n++] = (struct option_group){N_("configuration:"), common_config, common};
  if (command->has_network || command->has_registry)
    out[n++] = (struct option_group){N_("registries:"), common_registry, common};
  if (command->has_network)
    out[n++] = (struct option_group){N_("places:"), common_places, common};
  if (command->has_network || command->has_registry)
    out[n++] = (struct option_group){N_("output:"), common_output, common};
  out[n++] = (struct option_group){N_("help:"), common_help, common};
  return n;
}

void command_print_help(const struct command *command)
{
  struct option_group groups[OPTION_GROUPS_MAX];
  size_t count = command_groups(command, NULL, NULL, groups);
  printf(_("usage: safeport %s %s\n"), command->name, _(command->synopsis));
  printf("\n%s\n", _(command->summary));
  if (command->about) {
    putchar('\n');
    terminal_print_wrapped("", _(command->about), 0, 80);
  }
  options_print(groups, count);
}

/* -- failing */

/* The command whose result is to be one JSON document, and has none yet. */
static const char *json_command;

/* Looked for before the command line is parsed: it may be what is wrong. */
static void look_for_json(const struct command *command, int argc, char **argv)
{
  const struct option_row *row = command->options;
  while (row && row->name && strcmp(row->name, "json") != 0)
    row++;
  if (!row || !row->name)
    return;
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (strcmp(argv[i], "--json") == 0)
      json_command = command->name;
  }
}

void command_forget_json(void)
{
  json_command = NULL;
}

static void print_error_json(const struct sp_err *err, int exit_status)
{
  SP_AUTO_JSON json_t *document =
      json_pack("{s:i, s:s, s:s, s:{s:s, s:o}, s:i}", "schema", 1, "kind", "error", "command",
                json_command, "error", "code", sp_code_name(err->code), "message",
                sp_json_text(err->msg), "exit_status", exit_status);
  SP_AUTO_FREE char *text = sp_json_print(document, JSON_INDENT(2));
  if (text)
    output_json(stdout, text);
  putchar('\n');
  command_forget_json();
}

int command_fail(const struct sp_err *err)
{
  int status = sp_code_exit_status(err->code);
  if (err->code == SP_E_INTERRUPTED && err->sys)
    status = 128 + err->sys;
  if (json_command)
    print_error_json(err, status);
  fflush(stdout);
  ci_print_error(err->msg);
  return status;
}

static int check_operands(const struct command *command, const struct text_list *operands,
                          struct sp_err *err)
{
  if (operands->count < command->least_operands)
    return sp_fail(err, SP_E_USAGE, "too few arguments: safeport %s %s", command->name,
                   _(command->synopsis));
  if (operands->count <= command->most_operands)
    return 0;
  char shown[256];
  sp_text_escape(shown, sizeof shown, sp_span_str(operands->items[command->most_operands]));
  return sp_fail(err, SP_E_USAGE, "'%s' is one argument too many: safeport %s %s", shown,
                 command->name, _(command->synopsis));
}

bool command_line_read(struct command_line *line, const struct command *command, int argc,
                       char **argv, void *own, int *status)
{
  *line = (struct command_line){.common = COMMON_ARGS_INIT};
  struct option_group groups[OPTION_GROUPS_MAX];
  size_t count = command_groups(command, own, &line->common, groups);
  struct sp_err err = SP_ERR_INIT;
  look_for_json(command, argc, argv);
  int failed = options_parse(groups, count, argc, argv, &line->operands, &err);
  if (line->common.help) {
    command_print_help(command);
    *status = 0;
    return false;
  }
  if (failed == 0)
    failed = check_operands(command, &line->operands, &err);
  if (failed == 0) {
    terminal_set_color(!line->common.no_color);
    return true;
  }
  *status = command_fail(&err);
  fprintf(stderr, _("try 'safeport %s --help'\n"), command->name);
  return false;
}

void command_line_clear(struct command_line *line)
{
  common_args_clear(&line->common);
  text_list_clear(&line->operands);
}
