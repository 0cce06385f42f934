/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold between the keys of safeport.yaml, and which names may be chosen: called through
 * the table (schema.h). Each says what is wrong through the reader. */
#ifndef SP_CONFIG_CHECK_H
#define SP_CONFIG_CHECK_H

#include "config/config.h"
#include "config/reader.h"

/* A name of an image: the letters of a tag. */
bool sp_check_image_name(char *name);
/* A host as in references; made lower case; index.docker.io becomes docker.io. */
bool sp_check_registry_name(char *name);

/* keep (struct sp_config_keep): there is a rule; not everything is a candidate without `last`. */
void sp_check_keep(struct sp_reader *reader, const struct sp_yaml_node *map, void *item);
/* An image (struct sp_config_image): namespaces and {repo} belong together; no place twice, however
 * it is spelled. */
void sp_check_image(struct sp_reader *reader, const struct sp_yaml_node *map, void *item);
/* A registry (struct sp_config_registry): user and password belong together, a CA and plain http do
 * not. */
void sp_check_registry(struct sp_reader *reader, const struct sp_yaml_node *map, void *item);
/* The whole (struct sp_config): no two images share a backup, no backups lead back to their
 * primary, no layout lies in the vault, no host is there twice. */
void sp_check_root(struct sp_reader *reader, const struct sp_yaml_node *map, void *item);

/* -- for the files of these checks */

/* A node that stands where a value does, to complain at. */
#define SP_COMPLAIN_AT(reader, where, ...) \
  do { \
    const struct sp_yaml_node node_ = { \
        .kind = SP_YAML_SCALAR, .line = (where).line, .column = (where).column}; \
    sp_reader_complain((reader), &node_, __VA_ARGS__); \
  } while (0)

/* The key of a place (sp_config_place_key), the caller's. NULL: there is no memory, or no such
 * place; `at` is where that is complained of. */
char *sp_check_key(struct sp_reader *reader, const struct sp_config_place *place, const char *repo,
                   struct sp_config_at at);
/* Complains of each backup that is the primary of an image from which this one's primary is backed
 * up in turn, over however many images (cycle.c). */
void sp_check_cycles(struct sp_reader *reader, const struct sp_config *config);

#endif
