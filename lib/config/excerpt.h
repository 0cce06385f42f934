/* SPDX-License-Identifier: Apache-2.0 */
/* The line of the file under a complaint, with a caret. Values that may be secrets are shown as
 * "***": those that the reader has marked in the tree; where there is no tree (the YAML cannot be
 * read), everything behind a key that sounds like one, on its line and the next. */
#ifndef SP_CONFIG_EXCERPT_H
#define SP_CONFIG_EXCERPT_H

#include "config/complaint.h"
#include "config/yaml.h"

/* Fills in the excerpts of all complaints; one that cannot be made stays away. root may be NULL. */
void sp_excerpt_add(struct sp_complaints *complaints, struct sp_span yaml,
                    const struct sp_yaml_node *root);

#endif
