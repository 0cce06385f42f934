/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/referrer.h"

#include <stdio.h>

#include "base/json.h"

int sp_referrer_describe(const struct sp_manifest_bytes *bytes, const struct sp_manifest *manifest,
                         struct sp_desc *desc, json_t **raw, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  SP_AUTO_JSON json_t *made = NULL;
  json_t *annotations;
  if (sp_json_parse(sp_buf_span(&bytes->bytes), &doc, err) < 0 ||
      sp_json_get_object(doc, "annotations", &annotations, err) < 0)
    return -1;
  *desc = (struct sp_desc){.digest = bytes->digest, .size_bytes = bytes->bytes.len};
  const char *type = manifest->artifact_type;
  if (type[0] == '\0' && manifest->blob_count > 0)
    type = manifest->blobs[0].media_type; /* the config's */
  snprintf(desc->media_type, sizeof desc->media_type, "%s", manifest->media_type);
  snprintf(desc->artifact_type, sizeof desc->artifact_type, "%s", type);
  if (sp_desc_to_json(desc, &made, err) < 0)
    return -1;
  if (annotations && json_object_set(made, "annotations", annotations) < 0)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a descriptor");
  *raw = sp_steal(&made);
  return 0;
}
