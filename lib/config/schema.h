/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys of safeport.yaml: the one place that says which keys there are, of which kind,
 * with which default, and what they mean. The reader (reader.h), `safeport config` (print.h), the
 * JSON schema (json_schema.h) and a test of the manual are made of it.
 *
 * Adding a key: a row here, a member in config.h, a paragraph in docs/man/safeport.yaml.5.scd, and
 * `safeport config --schema > docs/safeport.schema.json`; tests watch the last two. */
#ifndef SP_CONFIG_SCHEMA_H
#define SP_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sp_reader;
struct sp_yaml_node;

/* What a value is, and the type of the member that holds it. */
enum sp_config_kind {
  SP_KIND_BOOL,         /* bool */
  SP_KIND_INT,          /* uint32_t, least..most */
  SP_KIND_PERCENT,      /* uint32_t, ..most: 99 or 100 */
  SP_KIND_DURATION,     /* int64_t seconds, least..most */
  SP_KIND_DATE,         /* int64_t unix time; -1 = not given */
  SP_KIND_SIZE,         /* uint64_t bytes, least..most */
  SP_KIND_TEXT,         /* struct sp_config_text */
  SP_KIND_PATH,         /* struct sp_config_text, made absolute */
  SP_KIND_SECRET,       /* struct sp_config_secret */
  SP_KIND_PLACE,        /* struct sp_config_place */
  SP_KIND_PLACES,       /* struct sp_config_places, least..most */
  SP_KIND_HOSTS,        /* struct sp_config_names */
  SP_KIND_REPOSITORIES, /* struct sp_config_names */
  SP_KIND_PATTERNS,     /* struct sp_pattern_list */
  SP_KIND_MAP,          /* a struct of its own, with the keys of `table` */
  SP_KIND_ENTRIES,      /* {items, count} of structs with the keys of `table`; their own keys are
                           names that the user chose, and their first two members */
  SP_KIND_DEFAULTS,     /* no member: values for the rows that `table` shares with others */
  SP_KIND_COUNT
};

struct sp_config_table;

struct sp_config_row {
  const char *key;
  enum sp_config_kind kind;
  bool is_required;
  size_t at;            /* offset of the member */
  size_t given_at;      /* offset of a bool that is set where the key was given; 0 = none */
  const char *fallback; /* the default, as it would be written; NULL = none */
  int64_t least, most;
  const struct sp_config_table *table; /* MAP, ENTRIES, DEFAULTS */
  const char *help;                    /* one sentence without a full stop (N_) */
};

struct sp_config_table {
  const struct sp_config_row *rows;
  size_t row_count;
  const struct sp_config_table *shared; /* more rows, which `defaults` may give too; or NULL */
  size_t size;                          /* of the struct; only of ENTRIES and DEFAULTS */
  /* ENTRIES: is this a name that the user may choose? It may be changed in place. */
  bool (*check_name)(char *name);
  const char *name_form; /* what names are, for people (N_) */
  /* What must hold between keys; map is borrowed, `item` is the struct; may be NULL. Called only
   * where nothing is wrong with the keys alone. */
  void (*check)(struct sp_reader *reader, const struct sp_yaml_node *map, void *item);
};

/* The keys at the top; its struct is struct sp_config. */
extern const struct sp_config_table sp_config_schema;

/* Rows of a table with those it shares; i < sp_config_row_count. */
size_t sp_config_row_count(const struct sp_config_table *table);
const struct sp_config_row *sp_config_row(const struct sp_config_table *table, size_t i);
/* Is this row one that `defaults` may give? */
bool sp_config_row_is_shared(const struct sp_config_table *table, const struct sp_config_row *row);

/* Every list in config.h looks like this. */
struct sp_config_list {
  void *items;
  size_t count;
};

#endif
