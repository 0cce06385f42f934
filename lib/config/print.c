/* SPDX-License-Identifier: Apache-2.0 */
/* Structs to JSON as the table of keys says, JSON to YAML by two rules: maps on lines of their own,
 * lists in brackets. */
#include "config/print.h"

#include <stdlib.h>

#include "base/json.h"
#include "config/kind.h"
#include "config/schema.h"

/* -- structs to JSON; as kinds do: json_null() = not given, NULL = no memory */

static json_t *show_table(const struct sp_config_table *table, const char *item);

static json_t *show_entries(const struct sp_config_row *row, const struct sp_config_list *list)
{
  json_t *map = list->count ? json_object() : json_null();
  for (size_t i = 0; i < list->count; i++) {
    const char *entry = (const char *)list->items + i * row->table->size;
    map = sp_json_with(map, *(char *const *)entry, show_table(row->table, entry));
  }
  return map;
}

/* A map in which nothing is given is not given itself. */
static json_t *show_map(const struct sp_config_row *row, const char *item)
{
  json_t *map = show_table(row->table, item);
  if (!map || json_object_size(map) > 0)
    return map;
  json_decref(map);
  return json_null();
}

static json_t *show_row(const struct sp_config_row *row, const char *item)
{
  bool is_absent = row->given_at && !*(const bool *)(item + row->given_at);
  if (is_absent || row->kind == SP_KIND_DEFAULTS)
    return json_null();
  if (row->kind == SP_KIND_MAP)
    return show_map(row, item + row->at);
  if (row->kind == SP_KIND_ENTRIES)
    return show_entries(row, (const struct sp_config_list *)(item + row->at));
  return sp_kind_of(row->kind)->show(row, item + row->at);
}

static json_t *show_table(const struct sp_config_table *table, const char *item)
{
  json_t *map = json_object();
  for (size_t i = 0; i < sp_config_row_count(table); i++) {
    const struct sp_config_row *row = sp_config_row(table, i);
    json_t *value = show_row(row, item);
    if (!json_is_null(value))
      map = sp_json_with(map, row->key, value);
  }
  return map;
}

int sp_config_show(const struct sp_config *config, json_t **out, struct sp_err *err)
{
  *out = show_table(&sp_config_schema, (const char *)config);
  return *out ? 0 : sp_fail(err, SP_E_NOMEM, "out of memory for a configuration");
}

/* -- JSON to YAML */

/* May this text stand without quotes, also within brackets, and stay a text for every reader? */
static bool is_plain(const char *text)
{
  static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  bool begins_well = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                     *text == '/' || *text == '$';
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcasecmp(text, words[i]) == 0)
      return false;
  }
  size_t safe =
      strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./$@+-");
  /* A ':' with something behind it, as in "vault:app". */
  bool has_inner_colon = text[safe] == ':' && text[safe + 1] && !strchr(text + safe + 1, ' ') &&
                         is_plain(text + safe + 1);
  return begins_well && (text[safe] == '\0' || has_inner_colon);
}

/* A duration or a share begins with a digit and ends in a unit. */
static bool is_measure(const char *text)
{
  size_t digits = strspn(text, "0123456789");
  return digits > 0 && text[digits] &&
         strspn(text + digits, "0123456789wdhmsKMGiB%") == strlen(text + digits);
}

static int print_scalar(const json_t *value, struct sp_buf *out, struct sp_err *err)
{
  const char *text = json_string_value(value);
  if (text && (is_plain(text) || is_measure(text)))
    return sp_buf_append_str(out, text, err);
  char *quoted = sp_json_print(value, 0);
  if (!quoted)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a configuration");
  int failed = sp_buf_append_str(out, quoted, err);
  free(quoted);
  return failed;
}

static int print_list(const json_t *list, struct sp_buf *out, struct sp_err *err)
{
  size_t i;
  json_t *item;
  if (sp_buf_append_str(out, "[", err) < 0)
    return -1;
  json_array_foreach(list, i, item)
  {
    if ((i > 0 && sp_buf_append_str(out, ", ", err) < 0) || print_scalar(item, out, err) < 0)
      return -1;
  }
  return sp_buf_append_str(out, "]", err);
}

static int print_map(json_t *map, int indent, struct sp_buf *out, struct sp_err *err);

/* What stands behind a ':', to the end of the line or of the map. */
static int print_value(json_t *value, int indent, struct sp_buf *out, struct sp_err *err)
{
  if (json_is_object(value))
    return sp_buf_append_str(out, "\n", err) < 0 ? -1 : print_map(value, indent + 2, out, err);
  if (sp_buf_append_str(out, " ", err) < 0)
    return -1;
  int failed = json_is_array(value) ? print_list(value, out, err) : print_scalar(value, out, err);
  return failed < 0 ? -1 : sp_buf_append_str(out, "\n", err);
}

static int print_map(json_t *map, int indent, struct sp_buf *out, struct sp_err *err)
{
  const char *key;
  json_t *value;
  json_object_foreach(map, key, value)
  {
    SP_AUTO_JSON json_t *name = json_string(key);
    if (!name)
      return sp_fail(err, SP_E_NOMEM, "out of memory for a configuration");
    if (sp_buf_appendf(out, err, "%*s", indent, "") < 0 || print_scalar(name, out, err) < 0 ||
        sp_buf_append_str(out, ":", err) < 0 || print_value(value, indent, out, err) < 0)
      return -1;
  }
  return 0;
}

int sp_config_print(const struct sp_config *config, struct sp_buf *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *map = NULL;
  if (sp_config_show(config, &map, err) < 0)
    return -1;
  return print_map(map, 0, out, err);
}
