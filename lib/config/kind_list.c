/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: each item is read by a function of its kind. A single scalar is not a list of one: what is
 * a list is written as one. */
#include <stdlib.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/text.h"
#include "config/config.h"
#include "config/kind.h"

/* Reads one item into zeroed memory of its size. */
typedef void item_reader(struct sp_reader *reader, const struct sp_config_row *row,
                         struct sp_yaml_node *node, void *item);

/* The items of a node into *list, `size` bytes each; list->count counts those that were begun, so
 * that clearing finds them all. */
static bool read_items(struct sp_reader *reader, const struct sp_config_row *row,
                       struct sp_yaml_node *node, struct sp_config_list *list, size_t size,
                       item_reader *read)
{
  if (node->kind != SP_YAML_LIST)
    return false;
  if (row->most > 0 && node->count > (size_t)row->most) {
    sp_reader_complain(reader, node, _("'%s' has %zu items: at most %lld"), row->key, node->count,
                       (long long)row->most);
    return true;
  }
  if (node->count < (size_t)row->least || node->count == 0) {
    sp_reader_complain(reader, node, _("'%s' is an empty list"), row->key);
    return true;
  }
  list->items = calloc(node->count, size);
  if (!list->items) {
    sp_reader_fail(reader);
    return true;
  }
  for (size_t i = 0; i < node->count; i++) {
    struct sp_yaml_node *item = &node->items[i];
    bool is_scalar = item->kind == SP_YAML_SCALAR && !sp_kind_is_null(item);
    if (!is_scalar && item->kind != SP_YAML_NONE)
      sp_reader_complain(reader, item, _("an item of '%s' is a word or a text"), row->key);
    if (is_scalar)
      read(reader, row, item, (char *)list->items + size * list->count++);
  }
  return true;
}

static json_t *list_schema(const struct sp_config_row *row)
{
  json_t *schema = json_pack("{s:s, s:{s:[s,s,s]}, s:i}", "type", "array", "items", "type",
                             "string", "number", "boolean", "minItems", 1);
  return row->most > 0 ? sp_json_with(schema, "maxItems", json_integer(row->most)) : schema;
}

/* -- places */

static void read_place_item(struct sp_reader *reader, const struct sp_config_row *row,
                            struct sp_yaml_node *node, void *item)
{
  (void)sp_kind_read_place(reader, row, node, item);
}

static bool read_places(struct sp_reader *reader, const struct sp_config_row *row,
                        struct sp_yaml_node *node, void *at)
{
  return read_items(reader, row, node, at, sizeof(struct sp_config_place), read_place_item);
}

static json_t *show_places(const struct sp_config_row *row, const void *at)
{
  (void)row;
  const struct sp_config_places *places = at;
  json_t *list = places->count ? json_array() : json_null();
  for (size_t i = 0; i < places->count; i++)
    list = sp_json_with_item(list, json_string(places->items[i].text));
  return list;
}

static void clear_places(void *at)
{
  struct sp_config_places *places = at;
  for (size_t i = 0; i < places->count; i++)
    free(places->items[i].text);
  free(places->items);
  *places = (struct sp_config_places){0};
}

const struct sp_kind sp_kind_places = {N_("a list of places"), read_places, show_places,
                                       clear_places, list_schema};

/* -- names: hosts and repositories */

static void read_name(struct sp_reader *reader, struct sp_yaml_node *node, bool is_one,
                      const char *form, void *item)
{
  struct sp_err err;
  char shown[128];
  sp_text_escape(shown, sizeof shown, sp_span_str(node->text));
  if (!is_one)
    sp_reader_complain(reader, node, _("'%s' is not %s"), shown, form);
  if (sp_text_dup(item, node->text, &err) < 0)
    sp_reader_fail(reader);
}

static void read_host(struct sp_reader *reader, const struct sp_config_row *row,
                      struct sp_yaml_node *node, void *item)
{
  (void)row;
  read_name(reader, node, sp_ref_is_host(sp_span_str(node->text)), _("a host, or host:port"), item);
}

static bool read_hosts(struct sp_reader *reader, const struct sp_config_row *row,
                       struct sp_yaml_node *node, void *at)
{
  return read_items(reader, row, node, at, sizeof(char *), read_host);
}

static void read_repository(struct sp_reader *reader, const struct sp_config_row *row,
                            struct sp_yaml_node *node, void *item)
{
  (void)row;
  read_name(reader, node, sp_ref_is_repository(sp_span_str(node->text)),
            _("the name of a repository, in lower case, below the namespace"), item);
}

static bool read_repositories(struct sp_reader *reader, const struct sp_config_row *row,
                              struct sp_yaml_node *node, void *at)
{
  return read_items(reader, row, node, at, sizeof(char *), read_repository);
}

static json_t *show_names(const struct sp_config_row *row, const void *at)
{
  (void)row;
  const struct sp_config_names *names = at;
  json_t *list = names->count ? json_array() : json_null();
  for (size_t i = 0; i < names->count; i++)
    list = sp_json_with_item(list, json_string(names->items[i]));
  return list;
}

static void clear_names(void *at)
{
  struct sp_config_names *names = at;
  for (size_t i = 0; i < names->count; i++)
    free(names->items[i]);
  free(names->items);
  *names = (struct sp_config_names){0};
}

const struct sp_kind sp_kind_hosts = {N_("a list of hosts"), read_hosts, show_names, clear_names,
                                      list_schema};
const struct sp_kind sp_kind_repositories = {N_("a list of repositories"), read_repositories,
                                             show_names, clear_names, list_schema};

/* -- patterns */

static void read_pattern(struct sp_reader *reader, const struct sp_config_row *row,
                         struct sp_yaml_node *node, void *item)
{
  (void)row;
  struct sp_err err = SP_ERR_INIT;
  if (sp_pattern_parse(sp_span_str(node->text), item, &err) == 0)
    return;
  if (err.code == SP_E_NOMEM)
    sp_reader_fail(reader);
  else
    sp_reader_complain(reader, node, "%s", err.msg);
}

static bool read_patterns(struct sp_reader *reader, const struct sp_config_row *row,
                          struct sp_yaml_node *node, void *at)
{
  /* An empty list means something where "absent" means something else. */
  if (node->kind == SP_YAML_LIST && node->count == 0 && row->given_at)
    return true;
  if (node->kind == SP_YAML_LIST && node->count > SP_MAX_PATTERNS) {
    sp_reader_complain(reader, node, _("'%s' has %zu items: at most %lld"), row->key, node->count,
                       (long long)SP_MAX_PATTERNS);
    return true;
  }
  return read_items(reader, row, node, at, sizeof(struct sp_pattern), read_pattern);
}

static json_t *show_patterns(const struct sp_config_row *row, const void *at)
{
  const struct sp_pattern_list *patterns = at;
  if (patterns->count == 0 && !row->given_at)
    return json_null();
  json_t *list = json_array();
  for (size_t i = 0; i < patterns->count; i++)
    list = sp_json_with_item(list, json_string(patterns->items[i].text));
  return list;
}

static void clear_patterns(void *at)
{
  sp_pattern_list_clear(at);
}

static json_t *patterns_schema(const struct sp_config_row *row)
{
  return json_pack("{s:s, s:{s:[s,s,s], s:s, s:i}, s:i, s:i}", "type", "array", "items", "type",
                   "string", "number", "boolean", "pattern",
                   "^(glob:[A-Za-z0-9_.*?!\\[\\]-]+|semver:.*|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$",
                   "maxLength", SP_MAX_PATTERN, "minItems", row->given_at ? 0 : 1, "maxItems",
                   SP_MAX_PATTERNS);
}

const struct sp_kind sp_kind_patterns = {N_("a list of patterns of tags"), read_patterns,
                                         show_patterns, clear_patterns, patterns_schema};
