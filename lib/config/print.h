/* SPDX-License-Identifier: Apache-2.0 */
/* What was understood of a safeport.yaml, defaults included, secrets hidden: a document of the same
 * form, which reads as the same configuration (but for secrets that stood in the file). Variables
 * are shown by name. `defaults` is not shown: each image has what it took from there. */
#ifndef SP_CONFIG_PRINT_H
#define SP_CONFIG_PRINT_H

#include <jansson.h>

#include "base/buf.h"
#include "config/config.h"

/* As JSON; *out is the caller's. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_config_show(const struct sp_config *config, json_t **out, struct sp_err *err);
/* Appends it as YAML. Fails: SP_E_LIMIT, SP_E_NOMEM. */
SP_MUST_CHECK int sp_config_print(const struct sp_config *config, struct sp_buf *out,
                                  struct sp_err *err);

#endif
