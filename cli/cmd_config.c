/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/i18n.h"
#include "base/json.h"
#include "cli/config_file.h"
#include "config/json_schema.h"
#include "config/print.h"

struct config_args {
  bool strict, json, schema;
};

static const struct option_row config_options[] = {
    {"strict", 0, OPTION_FLAG, offsetof(struct config_args, strict), NULL,
     N_("a variable that is not set is a mistake, whether a command needs it or not")},
    {"json", 0, OPTION_FLAG, offsetof(struct config_args, json), NULL,
     N_("print it as one JSON document")},
    {"schema", 0, OPTION_FLAG, offsetof(struct config_args, schema), NULL,
     N_("print the JSON schema of safeport.yaml, for editors, and read no file")},
    OPTION_END};

static int print_json(json_t *document)
{
  char *text = sp_json_print(document, JSON_INDENT(2));
  if (!text) {
    struct sp_err err;
    (void)sp_fail(&err, SP_E_NOMEM, "out of memory for the result");
    return command_fail(&err);
  }
  puts(text);
  free(text);
  return 0;
}

static int print_schema(void)
{
  SP_AUTO_JSON json_t *schema = NULL;
  struct sp_err err;
  if (sp_config_json_schema(&schema, &err) < 0)
    return command_fail(&err);
  return print_json(schema);
}

static json_t *idle_json(const struct sp_config *config)
{
  const char *keys[SP_CONFIG_IDLE_MAX];
  json_t *list = json_array();
  size_t count = sp_config_idle_keys(config, keys);
  for (size_t i = 0; i < count; i++)
    list = sp_json_with_item(list, json_string(keys[i]));
  return list;
}

static int print_config_json(const struct sp_config *config, const struct sp_complaints *unset)
{
  SP_AUTO_JSON json_t *shown = NULL;
  struct sp_err err;
  if (sp_config_show(config, &shown, &err) < 0)
    return command_fail(&err);
  json_t *notes = json_array();
  for (size_t i = 0; i < unset->count; i++) {
    const struct sp_complaint *note = &unset->items[i];
    notes = sp_json_with_item(notes, json_pack("{s:i, s:i, s:s}", "line", (int)note->line, "column",
                                               (int)note->column, "text", note->text));
  }
  SP_AUTO_JSON json_t *document =
      json_pack("{s:s, s:O, s:o, s:o}", "file", config->path, "config", shown, "unset", notes,
                "no_effect_yet", idle_json(config));
  return print_json(document);
}

static int print_config_text(const struct sp_config *config, const struct sp_complaints *unset)
{
  SP_AUTO_BUF struct sp_buf text;
  struct sp_err err;
  sp_buf_init(&text, SP_MAX_REPORT_BYTES);
  if (sp_config_print(config, &text, &err) < 0)
    return command_fail(&err);
  printf("# %s\n%s", config->path, sp_buf_str(&text));
  for (size_t i = 0; i < unset->count; i++)
    printf("# %s:%u:%u: %s\n", config->path, unset->items[i].line, unset->items[i].column,
           unset->items[i].text);
  if (unset->has_more)
    puts("# ...");
  char idle[SP_CONFIG_IDLE_TEXT_MAX];
  sp_config_format_idle_keys(config, idle);
  if (idle[0])
    printf(_("# no effect yet: %s (for commands that are not there yet)\n"), idle);
  return 0;
}

static int fail_unset(const struct sp_config *config, const struct sp_complaints *unset)
{
  struct sp_err err;
  config_file_print_complaints(config->path, unset);
  (void)sp_fail(&err, SP_E_USAGE, "variables that '%s' names are not set", config->path);
  return command_fail(&err);
}

static int config_run(const struct command *self, int argc, char **argv)
{
  struct config_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  SP_CLEANUP(sp_config_free_auto_) struct sp_config *config = NULL;
  SP_CLEANUP(sp_complaints_clear_auto_) struct sp_complaints unset = SP_COMPLAINTS_INIT;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  if (args.schema)
    return print_schema();
  if (!config_file_load(&line.common, &config, &status))
    return status;
  sp_config_find_unset(config, &unset);
  if (args.strict && (unset.count > 0 || unset.has_more))
    return fail_unset(config, &unset);
  return args.json ? print_config_json(config, &unset) : print_config_text(config, &unset);
}

const struct command cmd_config = {
    .name = "config",
    .synopsis = N_("[--strict] [--json] [--config FILE]"),
    .summary = N_("check safeport.yaml, and print what was understood"),
    .about = N_("Prints the configuration with all defaults filled in and secrets hidden, and says "
                "which file it was read from. All that is wrong with the file is said at once, "
                "with line and column. Exit status 2: something is."),
    .options = config_options,
    .has_config = true,
    .run = config_run,
};
