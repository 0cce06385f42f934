/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/i18n.h"
#include "base/nearest.h"
#include "base/text.h"
#include "config/config.h"
#include "config/kind.h"

#define SHOWN_MAX 128

void sp_reader_complain(struct sp_reader *reader, const struct sp_yaml_node *at, const char *fmt,
                        ...)
{
  char *text;
  reader->mistakes++;
  if (reader->is_quiet)
    return;
  va_list args;
  va_start(args, fmt);
  int n = vasprintf(&text, fmt, args);
  va_end(args);
  if (n < 0) {
    sp_reader_fail(reader);
    return;
  }
  sp_complaints_add(reader->complaints, at->line, at->column, "%s", text);
  free(text);
}

void sp_reader_fail(struct sp_reader *reader)
{
  if (!reader->has_failed)
    (void)sp_fail(reader->err, SP_E_NOMEM, "out of memory for a configuration");
  reader->has_failed = true;
}

/* -- what cannot be read */

static const char *kind_name(const struct sp_yaml_node *node)
{
  if (node->kind == SP_YAML_LIST)
    return _("a list");
  return node->kind == SP_YAML_MAP ? _("keys") : _("nothing");
}

static void complain_of_kind(struct sp_reader *reader, const struct sp_yaml_node *node,
                             const char *key, const char *form)
{
  if (node->kind == SP_YAML_NONE)
    return;
  if (node->kind != SP_YAML_SCALAR || sp_kind_is_null(node) || !*node->text) {
    sp_reader_complain(reader, node, _("'%s' takes %s, not %s"), key, form, kind_name(node));
    return;
  }
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(node->text));
  if (node->is_plain)
    sp_reader_complain(reader, node, _("'%s' takes %s, not '%s'"), key, form,
                       node->is_hidden ? "***" : shown);
  else
    sp_reader_complain(reader, node, _("'%s' takes %s, not the text '%s' in quotes"), key, form,
                       node->is_hidden ? "***" : shown);
}

/* Keys were expected. What is there instead may be a secret that somebody put one level too high.
 */
static void complain_of_no_map(struct sp_reader *reader, struct sp_yaml_node *node, const char *key,
                               const char *form)
{
  sp_yaml_hide(node);
  if (node->kind == SP_YAML_SCALAR && !sp_kind_is_null(node))
    sp_reader_complain(reader, node, _("'%s' takes %s, not a text"), key, form);
  else
    complain_of_kind(reader, node, key, form);
}

static const struct sp_config_row *find_row(const struct sp_config_table *table, const char *key)
{
  for (size_t i = 0; i < sp_config_row_count(table); i++) {
    const struct sp_config_row *row = sp_config_row(table, i);
    if (strcmp(row->key, key) == 0)
      return row;
  }
  return NULL;
}

/* The row that a mistyped key was likely meant to be, or NULL. */
static const struct sp_config_row *nearest_row(const struct sp_config_table *table, const char *key)
{
  const char *names[32];
  size_t count = 0;
  for (size_t i = 0; i < sp_config_row_count(table) && count < 32; i++)
    names[count++] = sp_config_row(table, i)->key;
  const char *near = sp_nearest(key, names, count);
  return near ? find_row(table, near) : NULL;
}

/* -- of what is there twice (yaml.c) or under a wrong key all is hidden: what is known to be no
 * secret may be seen */

static void show(const struct sp_config_row *row, struct sp_yaml_node *node);

/* Of a value that may hold credentials ("https://user:password@host") nothing. */
static void show_text(struct sp_yaml_node *node)
{
  if (node->kind == SP_YAML_SCALAR)
    node->is_hidden = node->is_hidden && strchr(node->text, '@');
  for (size_t i = 0; node->kind == SP_YAML_LIST && i < node->count; i++)
    show_text(&node->items[i]);
}

static void show_keys(const struct sp_config_table *table, struct sp_yaml_node *map)
{
  for (size_t i = 0; map->kind == SP_YAML_MAP && i + 1 < map->count; i += 2) {
    struct sp_yaml_node *key = &map->items[i];
    const struct sp_config_row *row =
        key->kind == SP_YAML_SCALAR ? find_row(table, key->text) : NULL;
    if (!row)
      continue;
    key->is_hidden = false;
    show(row, &map->items[i + 1]);
  }
}

static void show(const struct sp_config_row *row, struct sp_yaml_node *node)
{
  if (row->kind == SP_KIND_SECRET)
    return;
  if (!row->table)
    show_text(node);
  else if (row->kind != SP_KIND_ENTRIES)
    show_keys(row->table, node);
  for (size_t i = 0;
       row->kind == SP_KIND_ENTRIES && node->kind == SP_YAML_MAP && i + 1 < node->count; i += 2) {
    show_text(&node->items[i]);
    show_keys(row->table, &node->items[i + 1]);
  }
}

/* -- keys */

/* The value of a key that nobody knows may be a secret, unless the key was likely meant to be one
 * of another kind. */
static void on_unknown(struct sp_reader *reader, const struct sp_config_table *table,
                       const struct sp_yaml_node *key, struct sp_yaml_node *value)
{
  const struct sp_config_row *near = nearest_row(table, key->text);
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(key->text));
  if (!near || near->table || near->kind == SP_KIND_SECRET || near->kind == SP_KIND_TEXT)
    sp_yaml_hide(value);
  if (near && near->table)
    show(near, value);
  if (strcmp(key->text, "<<") == 0)
    sp_reader_complain(reader, key,
                       _("merge keys are not taken: put what is shared under 'defaults'"));
  else if (near)
    sp_reader_complain(reader, key, _("unknown key '%s': did you mean '%s'?"), shown, near->key);
  else
    sp_reader_complain(reader, key, _("unknown key '%s'"), shown);
}

/* Unknown keys, and what is to be hidden, before anything is read. */
static void look_at_keys(struct sp_reader *reader, const struct sp_config_table *table,
                         struct sp_yaml_node *map)
{
  for (size_t i = 0; i + 1 < map->count; i += 2) {
    struct sp_yaml_node *key = &map->items[i];
    if (key->kind != SP_YAML_SCALAR)
      continue;
    const struct sp_config_row *row = find_row(table, key->text);
    if (!row)
      on_unknown(reader, table, key, &map->items[i + 1]);
    else if (row->kind == SP_KIND_SECRET)
      sp_yaml_hide(&map->items[i + 1]);
    else
      show(row, &map->items[i + 1]);
  }
}

/* -- entries: keys that the user chose */

static void read_entry(struct sp_reader *reader, const struct sp_config_row *row,
                       struct sp_yaml_node *key, struct sp_yaml_node *value, void *item)
{
  struct sp_err err;
  char **name = item;
  struct sp_config_at *at = (struct sp_config_at *)(name + 1);
  *at = (struct sp_config_at){key->line, key->column};
  if (sp_text_dup(name, key->text, &err) < 0) {
    sp_reader_fail(reader);
    return;
  }
  if (!row->table->check_name(*name)) {
    char shown[SHOWN_MAX];
    if (strchr(key->text, '@')) /* "https://user:password@host" */
      sp_yaml_hide(key);
    sp_text_escape(shown, sizeof shown, sp_span_str(key->is_hidden ? "***" : key->text));
    sp_reader_complain(reader, key, _("'%s' is not %s"), shown, _(row->table->name_form));
  }
  if (value->kind == SP_YAML_MAP)
    sp_reader_read(reader, row->table, value, key, item);
  else
    complain_of_no_map(reader, value, key->text, _("keys of its own"));
}

static void read_entries(struct sp_reader *reader, const struct sp_config_row *row,
                         struct sp_yaml_node *map, struct sp_config_list *list)
{
  if (map->kind != SP_YAML_MAP) {
    complain_of_no_map(reader, map, row->key, _("names, each with keys of its own"));
    return;
  }
  if (map->count / 2 > (size_t)row->most) {
    sp_reader_complain(reader, map, _("'%s' has %zu items: at most %lld"), row->key, map->count / 2,
                       (long long)row->most);
    return;
  }
  list->items = calloc(map->count / 2 + 1, row->table->size);
  if (!list->items) {
    sp_reader_fail(reader);
    return;
  }
  for (size_t i = 0; i + 1 < map->count; i += 2) {
    if (map->items[i].kind != SP_YAML_SCALAR)
      continue;
    void *item = (char *)list->items + row->table->size * list->count++;
    read_entry(reader, row, &map->items[i], &map->items[i + 1], item);
  }
}

/* -- rows */

/* Looked at once as if they were an image's, for the sake of complaints; then lent to each image.
 */
static void read_defaults(struct sp_reader *reader, const struct sp_config_row *row,
                          struct sp_yaml_node *map)
{
  void *scratch = calloc(1, row->table->size);
  if (!scratch) {
    sp_reader_fail(reader);
    return;
  }
  sp_reader_read(reader, row->table, map, map, scratch);
  sp_reader_clear(row->table, scratch);
  free(scratch);
  reader->defaults = map;
}

static void read_value(struct sp_reader *reader, const struct sp_config_row *row,
                       struct sp_yaml_node *node, char *item)
{
  bool is_map = row->kind == SP_KIND_MAP || row->kind == SP_KIND_DEFAULTS;
  if (is_map && node->kind != SP_YAML_MAP)
    complain_of_no_map(reader, node, row->key, _("keys of its own"));
  else if (row->kind == SP_KIND_MAP)
    sp_reader_read(reader, row->table, node, node, item + row->at);
  else if (row->kind == SP_KIND_DEFAULTS)
    read_defaults(reader, row, node);
  else if (row->kind == SP_KIND_ENTRIES)
    read_entries(reader, row, node, (struct sp_config_list *)(item + row->at));
  else if (!sp_kind_of(row->kind)->read(reader, row, node, item + row->at))
    complain_of_kind(reader, node, row->key, _(sp_kind_of(row->kind)->form));
}

/* What holds where nothing was said. */
static void read_fallback(struct sp_reader *reader, const struct sp_config_row *row, char *item)
{
  struct sp_yaml_node nothing = {.kind = SP_YAML_MAP};
  if (row->kind == SP_KIND_DATE)
    *(int64_t *)(item + row->at) = -1;
  if (row->kind == SP_KIND_MAP) {
    bool was_quiet = reader->is_quiet;
    size_t mistakes = reader->mistakes; /* its required keys are required only where it is there */
    reader->is_quiet = true;
    sp_reader_read(reader, row->table, &nothing, &nothing, item + row->at);
    reader->is_quiet = was_quiet;
    reader->mistakes = mistakes;
  }
  if (!row->fallback)
    return;
  SP_AUTO_FREE char *text = strdup(row->fallback);
  struct sp_yaml_node node = {.kind = SP_YAML_SCALAR, .is_plain = true, .text = text};
  if (text)
    read_value(reader, row, &node, item);
  else
    sp_reader_fail(reader);
}

static void read_row(struct sp_reader *reader, const struct sp_config_table *table,
                     const struct sp_config_row *row, struct sp_yaml_node *map,
                     const struct sp_yaml_node *at, void *item)
{
  struct sp_yaml_node *value = sp_yaml_get(map, row->key, NULL);
  bool was_quiet = reader->is_quiet;
  if (!value && reader->defaults && sp_config_row_is_shared(table, row)) {
    value = sp_yaml_get(reader->defaults, row->key, NULL);
    reader->is_quiet = true;
  }
  if (value && row->given_at)
    *(bool *)((char *)item + row->given_at) = true;
  if (value)
    read_value(reader, row, value, item);
  else
    read_fallback(reader, row, item);
  reader->is_quiet = was_quiet;
  if (!value && row->is_required)
    sp_reader_complain(reader, at, _("key '%s' is missing: %s"), row->key, _(row->help));
}

void sp_reader_read(struct sp_reader *reader, const struct sp_config_table *table,
                    struct sp_yaml_node *map, const struct sp_yaml_node *at, void *item)
{
  size_t before = reader->mistakes;
  look_at_keys(reader, table, map);
  for (size_t i = 0; i < sp_config_row_count(table); i++)
    read_row(reader, table, sp_config_row(table, i), map, at, item);
  if (table->check && reader->mistakes == before && !reader->has_failed)
    table->check(reader, map, item);
}

/* -- the way back */

static void clear_entries(const struct sp_config_row *row, struct sp_config_list *list)
{
  for (size_t i = 0; i < list->count; i++) {
    char *entry = (char *)list->items + i * row->table->size;
    free(*(char **)entry);
    sp_reader_clear(row->table, entry);
  }
  free(list->items);
  *list = (struct sp_config_list){0};
}

static void clear_row(const struct sp_config_row *row, char *item)
{
  if (row->kind == SP_KIND_DEFAULTS)
    return;
  if (row->kind == SP_KIND_MAP)
    sp_reader_clear(row->table, item + row->at);
  else if (row->kind == SP_KIND_ENTRIES)
    clear_entries(row, (struct sp_config_list *)(item + row->at));
  else if (sp_kind_of(row->kind)->clear)
    sp_kind_of(row->kind)->clear(item + row->at);
}

void sp_reader_clear(const struct sp_config_table *table, void *item)
{
  for (size_t i = 0; i < sp_config_row_count(table); i++)
    clear_row(sp_config_row(table, i), item);
}
