/* SPDX-License-Identifier: Apache-2.0 */
#include "config/json_schema.h"

#include "config/kind.h"
#include "config/schema.h"

static json_t *table_schema(const struct sp_config_table *table);

static json_t *entries_schema(const struct sp_config_row *row)
{
  return json_pack("{s:s, s:i, s:o}", "type", "object", "maxProperties", (int)row->most,
                   "additionalProperties", table_schema(row->table));
}

static json_t *row_schema(const struct sp_config_row *row)
{
  if (row->kind == SP_KIND_MAP || row->kind == SP_KIND_DEFAULTS)
    return table_schema(row->table);
  if (row->kind == SP_KIND_ENTRIES)
    return entries_schema(row);
  return sp_kind_of(row->kind)->schema(row);
}

/* The default as a value of JSON. */
static json_t *fallback_of(const struct sp_config_row *row)
{
  json_t *value = NULL;
  if (row->kind == SP_KIND_BOOL || row->kind == SP_KIND_INT)
    value = json_loads(row->fallback, JSON_DECODE_ANY, NULL);
  return value ? value : json_string(row->fallback);
}

/* Required keys come in with a row; `defaults` may leave out what an image has to say. */
static json_t *table_schema(const struct sp_config_table *table)
{
  json_t *properties = json_object();
  json_t *required = json_array();
  for (size_t i = 0; i < sp_config_row_count(table); i++) {
    const struct sp_config_row *row = sp_config_row(table, i);
    json_t *schema = row_schema(row);
    json_object_set_new(schema, "description", json_string(row->help));
    if (row->fallback)
      json_object_set_new(schema, "default", fallback_of(row));
    json_object_set_new(properties, row->key, schema);
    if (row->is_required)
      json_array_append_new(required, json_string(row->key));
  }
  json_t *schema = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
                             "properties", properties);
  if (json_array_size(required) > 0)
    json_object_set_new(schema, "required", required);
  else
    json_decref(required);
  return schema;
}

int sp_config_json_schema(json_t **out, struct sp_err *err)
{
  json_t *schema = table_schema(&sp_config_schema);
  *out = json_pack("{s:s, s:s}", "$schema", "http://json-schema.org/draft-07/schema#", "title",
                   "safeport.yaml");
  if (*out && schema && json_object_update(*out, schema) == 0) {
    json_decref(schema);
    return 0;
  }
  json_decref(schema);
  json_decref(*out);
  *out = NULL;
  return sp_fail(err, SP_E_NOMEM, "out of memory for a JSON schema");
}
