/* SPDX-License-Identifier: Apache-2.0 */
/* The holes in the places of an image: is a place one with a hole, and which places are the same?
 * What fills them is in config.h (sp_config_place_get). */
#ifndef SP_CONFIG_IMAGE_PLACE_H
#define SP_CONFIG_IMAGE_PLACE_H

#include "config/config.h"

/* "HOST/PATH/[*]": the repositories below a path. */
bool sp_config_place_is_namespace(const struct sp_config_place *place);
/* It has a "{repo}". */
bool sp_config_place_is_template(const struct sp_config_place *place);

/* The key of the place (oci/place_key.h) with `repo` in its hole. Without one (NULL) the hole
 * stays, as SP_HOLE, be it a star or "{repo}". `*out` is the caller's. Fails: as
 * sp_config_place_get. */
#define SP_HOLE "{repo}"
SP_MUST_CHECK int sp_config_place_key(const struct sp_config_place *place, const char *repo,
                                      char **out, struct sp_err *err);
/* Can two such keys be of one place, if something is put into their holes? Pure. */
bool sp_config_keys_meet(const char *a, const char *b);

#endif
