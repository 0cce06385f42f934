/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as a tree in which every value knows its place. On libyaml's events; values are texts, and
 * what they mean is for the table of keys to say (so that `no` may be a tag).
 *
 * The YAML that is taken is that of files that people write by hand: one document, maps with plain
 * keys, lists, scalars. Anchors, aliases and tags are complaints; so are duplicate keys, zero
 * bytes, and what passes SP_MAX_YAML_*.
 *
 * Life cycle: sp_yaml_parse, sp_yaml_free. Threads: none of its own.
 */
#ifndef SP_CONFIG_YAML_H
#define SP_CONFIG_YAML_H

#include <stdbool.h>

#include "base/scope.h"
#include "base/span.h"
#include "config/complaint.h"
#include "safeport/err.h"

enum sp_yaml_kind {
  SP_YAML_NONE, /* something was wrong with it, and was said */
  SP_YAML_SCALAR,
  SP_YAML_LIST,
  SP_YAML_MAP,
};

struct sp_yaml_node {
  enum sp_yaml_kind kind;
  bool is_plain;                 /* a scalar without quotes */
  bool is_hidden;                /* it may be a secret: not to be shown */
  unsigned line, column;         /* of its first character, from 1 */
  unsigned end_line, end_column; /* behind its last one */
  char *text;                    /* SCALAR; without zero bytes */
  struct sp_yaml_node *items;    /* LIST: items; MAP: key, value, key, value, ... */
  size_t count;                  /* of items; even in a MAP */
};

/* Parses. *out is the caller's; NULL if the text could not be read to its end or is empty, which is
 * a complaint. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_yaml_parse(struct sp_span yaml, struct sp_yaml_node **out,
                                struct sp_complaints *complaints, struct sp_err *err);
/* NULL is nothing. */
void sp_yaml_free(struct sp_yaml_node *root);

/* Marks a node and all below it as hidden. */
void sp_yaml_hide(struct sp_yaml_node *node);

/* The value of a key of a MAP, or NULL; *key its key (may be NULL). */
struct sp_yaml_node *sp_yaml_get(const struct sp_yaml_node *map, const char *name,
                                 const struct sp_yaml_node **key);

SP_DEFINE_AUTO_FREE(struct sp_yaml_node, sp_yaml_free)

#endif
