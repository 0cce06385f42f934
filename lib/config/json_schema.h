/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON schema of safeport.yaml (draft-07), for editors, made of the table of keys. */
#ifndef SP_CONFIG_JSON_SCHEMA_H
#define SP_CONFIG_JSON_SCHEMA_H

#include <jansson.h>

#include "safeport/err.h"

/* *out is the caller's. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_config_json_schema(json_t **out, struct sp_err *err);

#endif
