/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of YAML into structs, as a table of keys says (schema.h): unknown and missing keys, wrong
 * kinds, defaults. Used by config.c; the kinds of values and the checks complain through it.
 *
 * Threads: none of its own.
 */
#ifndef SP_CONFIG_READER_H
#define SP_CONFIG_READER_H

#include "config/complaint.h"
#include "config/schema.h"
#include "config/yaml.h"

struct sp_reader {
  struct sp_complaints *complaints;
  const char *dir;               /* absolute: what relative paths are relative to */
  struct sp_yaml_node *defaults; /* of images; NULL = none */
  bool is_quiet;                 /* these values were complained about elsewhere */
  size_t mistakes;               /* complaints made through this reader, quiet ones too */
  struct sp_err *err;
  bool has_failed; /* out of memory; err says so */
};

/* Reads a MAP into `item` (zeroed, the table's struct). `at` is where missing keys are complained
 * of. Mistakes and failures are noted in the reader; item is to be cleared in any case. */
void sp_reader_read(struct sp_reader *reader, const struct sp_config_table *table,
                    struct sp_yaml_node *map, const struct sp_yaml_node *at, void *item);
/* Frees what reading has put into `item`, not the item itself. */
void sp_reader_clear(const struct sp_config_table *table, void *item);

/* Complains at a node. */
void sp_reader_complain(struct sp_reader *reader, const struct sp_yaml_node *at, const char *fmt,
                        ...) __attribute__((format(printf, 3, 4)));
/* Out of memory: what is read is of no use. */
void sp_reader_fail(struct sp_reader *reader);

#endif
