/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of values of safeport.yaml: how each is read, shown, freed and described in a JSON
 * schema. One row of a table a kind (kind.c; lists in kind_list.c); who walks tables (reader,
 * print, json_schema) need not know any of them.
 *
 * MAP, ENTRIES and DEFAULTS are not here: walking them is the walkers' own work. */
#ifndef SP_CONFIG_KIND_H
#define SP_CONFIG_KIND_H

#include <jansson.h>

#include "config/reader.h"

struct sp_kind {
  /* What it takes, for a complaint ("a duration such as 15m, 7d or 1h30m") (N_). */
  const char *form;
  /* Puts the node's value into the member; false if it is none, where nothing was said yet. */
  bool (*read)(struct sp_reader *reader, const struct sp_config_row *row, struct sp_yaml_node *node,
               void *at);
  /* What was understood, as it would be written; secrets hidden. json_null() = not given, and no
   * default; NULL = no memory. */
  json_t *(*show)(const struct sp_config_row *row, const void *at);
  /* Frees what the member owns; may be NULL. */
  void (*clear)(void *at);
  /* Its JSON schema, without description and default; NULL = no memory. */
  json_t *(*schema)(const struct sp_config_row *row);
};

/* Never NULL for kinds that are here. */
const struct sp_kind *sp_kind_of(enum sp_config_kind kind);
/* Those of lists, for the table of kind.c. */
extern const struct sp_kind sp_kind_places, sp_kind_hosts, sp_kind_repositories, sp_kind_patterns;

/* A plain scalar that means nothing: empty, ~ or null. */
bool sp_kind_is_null(const struct sp_yaml_node *node);
/* Reads one place (struct sp_config_place). */
bool sp_kind_read_place(struct sp_reader *reader, const struct sp_config_row *row,
                        struct sp_yaml_node *node, void *at);
/* The path made absolute, malloc'ed; NULL if it is empty or begins with '~' (said), or there is no
 * memory. */
char *sp_kind_absolute(struct sp_reader *reader, const struct sp_yaml_node *node, const char *path);

#endif
