/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold between the keys of safeport.yaml, and which names may be chosen: called through
 * the table (schema.h). Each says what is wrong through the reader. */
#ifndef SP_CONFIG_CHECK_H
#define SP_CONFIG_CHECK_H

#include "config/reader.h"

/* A name of an image: the letters of a tag. */
bool sp_check_image_name(char *name);
/* A host as in references; made lower case; index.docker.io becomes docker.io. */
bool sp_check_registry_name(char *name);

/* keep (struct sp_config_keep): there is a rule; not everything is a candidate without `last`. */
void sp_check_keep(struct sp_reader *reader, const struct sp_yaml_node *map, void *item);
/* An image (struct sp_config_image): namespaces and {repo} belong together; no place twice. */
void sp_check_image(struct sp_reader *reader, const struct sp_yaml_node *map, void *item);
/* A registry (struct sp_config_registry): user and password belong together, a CA and plain http do
 * not. */
void sp_check_registry(struct sp_reader *reader, const struct sp_yaml_node *map, void *item);
/* The whole (struct sp_config): no two images share a backup, no host is there twice. */
void sp_check_root(struct sp_reader *reader, const struct sp_yaml_node *map, void *item);

#endif
