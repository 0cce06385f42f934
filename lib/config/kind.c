/* SPDX-License-Identifier: Apache-2.0 */
#include "config/kind.h"

#include <stdlib.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/text.h"
#include "config/config.h"
#include "config/value.h"

bool sp_kind_is_null(const struct sp_yaml_node *node)
{
  static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
  if (node->kind != SP_YAML_SCALAR || !node->is_plain)
    return false;
  for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++) {
    if (strcmp(node->text, nulls[i]) == 0)
      return true;
  }
  return false;
}

static bool is_text(const struct sp_yaml_node *node)
{
  return node->kind == SP_YAML_SCALAR && !sp_kind_is_null(node);
}

/* -- pieces of JSON schemas; NULL where there is no memory, which jansson passes on */

/* A number or a boolean without quotes is a text here: "1.10" may be a tag. */
static json_t *text_schema(const char *pattern)
{
  json_t *schema = json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
  return pattern ? sp_json_with(schema, "pattern", json_string(pattern)) : schema;
}

static json_t *any_text_schema(const struct sp_config_row *row)
{
  (void)row;
  return text_schema(NULL);
}

static json_t *string_schema(const char *pattern)
{
  return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

/* -- booleans and numbers */

static bool read_bool(struct sp_reader *reader, const struct sp_config_row *row,
                      struct sp_yaml_node *node, void *at)
{
  (void)reader;
  (void)row;
  if (node->kind != SP_YAML_SCALAR || !node->is_plain)
    return false;
  bool is_true = strcmp(node->text, "true") == 0;
  *(bool *)at = is_true;
  return is_true || strcmp(node->text, "false") == 0;
}

static json_t *show_bool(const struct sp_config_row *row, const void *at)
{
  (void)row;
  return json_boolean(*(const bool *)at);
}

static json_t *bool_schema(const struct sp_config_row *row)
{
  (void)row;
  return json_pack("{s:s}", "type", "boolean");
}

/* A decimal number in YAML's and JSON's sense: no quotes, no sign, no leading zero. */
static bool parse_plain_int(const struct sp_yaml_node *node, uint64_t *out)
{
  if (node->kind != SP_YAML_SCALAR || !node->is_plain)
    return false;
  bool has_leading_zero = node->text[0] == '0' && node->text[1] != '\0';
  return !has_leading_zero && sp_text_parse_u64(sp_span_str(node->text), out) == 0;
}

static bool read_int(struct sp_reader *reader, const struct sp_config_row *row,
                     struct sp_yaml_node *node, void *at)
{
  uint64_t n;
  if (!parse_plain_int(node, &n))
    return false;
  if (n < (uint64_t)row->least || n > (uint64_t)row->most) {
    if (row->least == row->most)
      sp_reader_complain(reader, node, _("'%s' is %lld here"), row->key, (long long)row->least);
    else
      sp_reader_complain(reader, node, _("'%s' is from %lld to %lld"), row->key,
                         (long long)row->least, (long long)row->most);
    return true;
  }
  *(uint32_t *)at = (uint32_t)n;
  return true;
}

static json_t *show_int(const struct sp_config_row *row, const void *at)
{
  if (!row->fallback && *(const uint32_t *)at == 0)
    return json_null();
  return json_integer(*(const uint32_t *)at);
}

static json_t *int_schema(const struct sp_config_row *row)
{
  return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)row->least,
                   "maximum", (json_int_t)row->most);
}

static bool read_percent(struct sp_reader *reader, const struct sp_config_row *row,
                         struct sp_yaml_node *node, void *at)
{
  uint32_t *percent = at;
  if (!is_text(node))
    return false;
  if (sp_value_parse_percent(sp_span_str(node->text), percent) && *percent <= row->most)
    return true;
  if (row->most == 100)
    return false;
  sp_reader_complain(reader, node, _("'%s' is from 0%% to %lld%%"), row->key, (long long)row->most);
  return true;
}

static json_t *show_percent(const struct sp_config_row *row, const void *at)
{
  (void)row;
  return json_sprintf("%u%%", *(const uint32_t *)at);
}

static json_t *percent_schema(const struct sp_config_row *row)
{
  return json_pack("{s:[{s:s, s:i, s:I}, {s:s, s:s}]}", "oneOf", "type", "integer", "minimum", 0,
                   "maximum", (json_int_t)row->most, "type", "string", "pattern",
                   row->most < 100 ? "^0*[0-9]{1,2}%?$" : "^0*(100|[0-9]{1,2})%?$");
}

/* -- durations, dates, sizes */

static bool read_duration(struct sp_reader *reader, const struct sp_config_row *row,
                          struct sp_yaml_node *node, void *at)
{
  int64_t seconds;
  if (!is_text(node) || !sp_value_parse_duration(sp_span_str(node->text), &seconds))
    return false;
  if (seconds < row->least || seconds > row->most) {
    char least[SP_VALUE_TEXT_MAX], most[SP_VALUE_TEXT_MAX];
    sp_value_format_duration(row->least, least);
    sp_value_format_duration(row->most, most);
    sp_reader_complain(reader, node, _("'%s' is from %s to %s"), row->key, least, most);
    return true;
  }
  *(int64_t *)at = seconds;
  return true;
}

static json_t *show_duration(const struct sp_config_row *row, const void *at)
{
  if (!row->fallback && *(const int64_t *)at == 0)
    return json_null();
  char text[SP_VALUE_TEXT_MAX];
  sp_value_format_duration(*(const int64_t *)at, text);
  return json_string(text);
}

static json_t *duration_schema(const struct sp_config_row *row)
{
  (void)row;
  return string_schema("^(?=.)([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$");
}

static bool read_date(struct sp_reader *reader, const struct sp_config_row *row,
                      struct sp_yaml_node *node, void *at)
{
  (void)reader;
  (void)row;
  return is_text(node) && sp_value_parse_date(sp_span_str(node->text), at);
}

static json_t *show_date(const struct sp_config_row *row, const void *at)
{
  (void)row;
  if (*(const int64_t *)at < 0)
    return json_null();
  char text[SP_VALUE_TEXT_MAX];
  sp_value_format_date(*(const int64_t *)at, text);
  return json_string(text);
}

static json_t *date_schema(const struct sp_config_row *row)
{
  (void)row;
  return string_schema("^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
}

static bool read_size(struct sp_reader *reader, const struct sp_config_row *row,
                      struct sp_yaml_node *node, void *at)
{
  uint64_t bytes;
  if (!is_text(node) || !sp_value_parse_size(sp_span_str(node->text), &bytes))
    return false;
  if (bytes < (uint64_t)row->least || bytes > (uint64_t)row->most) {
    char least[SP_VALUE_TEXT_MAX], most[SP_VALUE_TEXT_MAX];
    sp_value_format_size((uint64_t)row->least, least);
    sp_value_format_size((uint64_t)row->most, most);
    sp_reader_complain(reader, node, _("'%s' is from %s to %s"), row->key, least, most);
    return true;
  }
  *(uint64_t *)at = bytes;
  return true;
}

static json_t *show_size(const struct sp_config_row *row, const void *at)
{
  if (!row->fallback && *(const uint64_t *)at == 0)
    return json_null();
  char text[SP_VALUE_TEXT_MAX];
  sp_value_format_size(*(const uint64_t *)at, text);
  return json_string(text);
}

static json_t *size_schema(const struct sp_config_row *row)
{
  return json_pack("{s:[{s:s, s:I, s:I}, {s:s, s:s}]}", "oneOf", "type", "integer", "minimum",
                   (json_int_t)row->least, "maximum", (json_int_t)row->most, "type", "string",
                   "pattern", "^[0-9]+([KMG]iB)?$");
}

/* -- texts, and variables in their place */

/* What a scalar comes to: *value borrowed from the node or the environment, NULL if its variable is
 * unset (or empty: CI systems pass secrets that a run may not see as empty ones); *variable its
 * name, malloc'ed, or NULL. */
static bool resolve(struct sp_reader *reader, const struct sp_yaml_node *node, const char **value,
                    char **variable)
{
  struct sp_span name;
  struct sp_err err;
  *value = node->text;
  *variable = NULL;
  if (node->text[0] != '$')
    return true;
  if (node->text[1] == '$') {
    (*value)++;
    return true;
  }
  if (!sp_value_parse_variable(sp_span_str(node->text), &name)) {
    sp_reader_complain(reader, node,
                       _("this is no $VARIABLE: write '$$' for a value that begins with '$'"));
    *value = NULL;
    return false;
  }
  if (sp_text_dup_span(variable, name, &err) < 0) {
    sp_reader_fail(reader);
    return false;
  }
  *value = getenv(*variable);
  if (*value && !**value)
    *value = NULL;
  return true;
}

static void clear_text(void *at)
{
  struct sp_config_text *text = at;
  free(text->text);
  free(text->variable);
  *text = (struct sp_config_text){0};
}

static bool read_text(struct sp_reader *reader, const struct sp_config_row *row,
                      struct sp_yaml_node *node, void *at)
{
  (void)row;
  struct sp_config_text *text = at;
  const char *value;
  struct sp_err err;
  if (!is_text(node) || !*node->text)
    return false;
  text->at = (struct sp_config_at){node->line, node->column};
  if (resolve(reader, node, &value, &text->variable) && sp_text_dup(&text->text, value, &err) < 0)
    sp_reader_fail(reader);
  return true;
}

/* As it was written. */
static json_t *show_written(const char *value, const char *variable)
{
  if (variable)
    return json_sprintf("$%s", variable);
  if (!value)
    return json_null();
  return value[0] == '$' ? json_sprintf("$%s", value) : json_string(value);
}

static json_t *show_text(const struct sp_config_row *row, const void *at)
{
  (void)row;
  const struct sp_config_text *text = at;
  return show_written(text->text, text->variable);
}

char *sp_kind_absolute(struct sp_reader *reader, const struct sp_yaml_node *node, const char *path)
{
  char *absolute;
  struct sp_err err;
  if (!*path || *path == '~') {
    sp_reader_complain(reader, node, _("write the path in full: '~' is not looked up"));
    return NULL;
  }
  while (strncmp(path, "./", 2) == 0)
    path += 2;
  const char *between = strcmp(reader->dir, "/") == 0 ? "" : "/";
  int failed = *path == '/' ? sp_text_dup(&absolute, path, &err)
                            : sp_text_format(&absolute, &err, "%s%s%s", reader->dir, between, path);
  if (failed == 0)
    return absolute;
  sp_reader_fail(reader);
  return NULL;
}

static bool read_path(struct sp_reader *reader, const struct sp_config_row *row,
                      struct sp_yaml_node *node, void *at)
{
  struct sp_config_text *text = at;
  if (!read_text(reader, row, node, text))
    return false;
  if (!text->text)
    return true;
  char *absolute = sp_kind_absolute(reader, node, text->text);
  free(text->text);
  text->text = absolute;
  return true;
}

static void clear_secret(void *at)
{
  struct sp_config_secret *secret = at;
  sp_secret_clear(&secret->secret);
  free(secret->variable);
  *secret = (struct sp_config_secret){0};
}

static bool read_secret(struct sp_reader *reader, const struct sp_config_row *row,
                        struct sp_yaml_node *node, void *at)
{
  (void)row;
  struct sp_config_secret *secret = at;
  const char *value;
  struct sp_err err;
  if (!is_text(node) || !*node->text)
    return false;
  secret->at = (struct sp_config_at){node->line, node->column};
  if (resolve(reader, node, &value, &secret->variable) && value &&
      sp_secret_set(&secret->secret, sp_span_str(value), &err) < 0)
    sp_reader_fail(reader);
  return true;
}

static json_t *show_secret(const struct sp_config_row *row, const void *at)
{
  (void)row;
  const struct sp_config_secret *secret = at;
  if (secret->variable)
    return json_sprintf("$%s", secret->variable);
  return sp_secret_is_empty(&secret->secret) ? json_null() : json_string("(hidden)");
}

/* -- one place */

static void clear_place(void *at)
{
  struct sp_config_place *place = at;
  free(place->text);
  *place = (struct sp_config_place){0};
}

static json_t *show_place(const struct sp_config_row *row, const void *at)
{
  (void)row;
  const struct sp_config_place *place = at;
  return place->text ? json_string(place->text) : json_null();
}

static const struct sp_kind kinds[SP_KIND_COUNT] = {
    [SP_KIND_BOOL] = {N_("true or false"), read_bool, show_bool, NULL, bool_schema},
    [SP_KIND_INT] = {N_("a number"), read_int, show_int, NULL, int_schema},
    [SP_KIND_PERCENT] = {N_("a share from 0% to 100%"), read_percent, show_percent, NULL,
                         percent_schema},
    [SP_KIND_DURATION] = {N_("a duration such as 15m, 7d or 1h30m"), read_duration, show_duration,
                          NULL, duration_schema},
    [SP_KIND_DATE] = {N_("a day such as 2026-09-01"), read_date, show_date, NULL, date_schema},
    [SP_KIND_SIZE] = {N_("a size such as 4MiB"), read_size, show_size, NULL, size_schema},
    [SP_KIND_TEXT] = {N_("a text or a $VARIABLE"), read_text, show_text, clear_text,
                      any_text_schema},
    [SP_KIND_PATH] = {N_("a path or a $VARIABLE"), read_path, show_text, clear_text,
                      any_text_schema},
    [SP_KIND_SECRET] = {N_("a text or a $VARIABLE"), read_secret, show_secret, clear_secret,
                        any_text_schema},
    [SP_KIND_PLACE] = {N_("a place such as ghcr.io/owner/app, vault:NAME or oci:DIR"),
                       sp_kind_read_place, show_place, clear_place, any_text_schema},
};

const struct sp_kind *sp_kind_of(enum sp_config_kind kind)
{
  static const struct sp_kind *const lists[SP_KIND_COUNT] = {
      [SP_KIND_PLACES] = &sp_kind_places,
      [SP_KIND_HOSTS] = &sp_kind_hosts,
      [SP_KIND_REPOSITORIES] = &sp_kind_repositories,
      [SP_KIND_PATTERNS] = &sp_kind_patterns,
  };
  return lists[kind] ? lists[kind] : &kinds[kind];
}
