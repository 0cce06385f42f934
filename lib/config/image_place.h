/* SPDX-License-Identifier: Apache-2.0 */
/* The holes in the places of an image: is a place one with a hole? What fills them is in config.h
 * (sp_config_place_get). */
#ifndef SP_CONFIG_IMAGE_PLACE_H
#define SP_CONFIG_IMAGE_PLACE_H

#include "config/config.h"

/* "HOST/PATH/[*]": the repositories below a path. */
bool sp_config_place_is_namespace(const struct sp_config_place *place);
/* It has a "{repo}". */
bool sp_config_place_is_template(const struct sp_config_place *place);

#endif
