/* SPDX-License-Identifier: Apache-2.0 */
#include "config/json_schema.h"

#include "base/json.h"
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
  bool is_bare = row->kind == SP_KIND_BOOL || row->kind == SP_KIND_INT;
  return is_bare ? json_loads(row->fallback, JSON_DECODE_ANY, NULL) : json_string(row->fallback);
}

static json_t *described(const struct sp_config_row *row)
{
  json_t *schema = sp_json_with(row_schema(row), "description", json_string(row->help));
  return row->fallback ? sp_json_with(schema, "default", fallback_of(row)) : schema;
}

static json_t *table_schema(const struct sp_config_table *table)
{
  json_t *properties = json_object();
  json_t *required = json_array();
  for (size_t i = 0; i < sp_config_row_count(table); i++) {
    const struct sp_config_row *row = sp_config_row(table, i);
    properties = sp_json_with(properties, row->key, described(row));
    if (row->is_required)
      required = sp_json_with_item(required, json_string(row->key));
  }
  bool has_required = !required || json_array_size(required) > 0;
  json_t *schema = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
                             "properties", properties);
  if (has_required)
    return sp_json_with(schema, "required", required);
  json_decref(required);
  return schema;
}

int sp_config_json_schema(json_t **out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *table = table_schema(&sp_config_schema);
  SP_AUTO_JSON json_t *schema = json_pack(
      "{s:s, s:s}", "$schema", "http://json-schema.org/draft-07/schema#", "title", "safeport.yaml");
  if (!table || !schema || json_object_update(schema, table) < 0)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a JSON schema");
  *out = sp_steal(&schema);
  return 0;
}
