/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/diff_ids.h"

#include <stdlib.h>

#include "base/json.h"
#include "oci/media_type.h"

static int parse_one(const json_t *entry, struct sp_digest *out, struct sp_err *err)
{
  if (!json_is_string(entry))
    return sp_fail(err, SP_E_INVALID, "it is no text");
  if (sp_digest_parse(SP_SPAN(json_string_value(entry), json_string_length(entry)), out, err) == 0)
    return 0;
  if (err->code == SP_E_USAGE)
    err->code = SP_E_INVALID; /* not the user's mistake */
  return -1;
}

int sp_diff_ids_parse(struct sp_span config, struct sp_diff_ids *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  json_t *rootfs, *list;
  *out = (struct sp_diff_ids){0};
  if (sp_json_parse(config, &doc, err) < 0)
    return -1;
  if (!json_is_object(doc))
    return sp_fail(err, SP_E_INVALID, "it is no config of an image");
  if (sp_json_get_object(doc, "rootfs", &rootfs, err) < 0)
    return -1;
  if (!rootfs)
    return sp_fail(err, SP_E_INVALID, "it has no 'rootfs'");
  if (sp_json_get_array(rootfs, "diff_ids", &list, err) < 0)
    return -1;
  size_t count = json_array_size(list);
  if (count > SP_MAX_DESCRIPTORS)
    return sp_fail(err, SP_E_LIMIT, "more than %d diff_ids", SP_MAX_DESCRIPTORS);
  SP_AUTO_DIFF_IDS struct sp_diff_ids ids = {.items = calloc(count + 1, sizeof *ids.items)};
  if (!ids.items)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the layers of an image");
  for (; ids.count < count; ids.count++) {
    if (parse_one(json_array_get(list, ids.count), &ids.items[ids.count], err) < 0)
      return sp_err_context(err, "entry %zu of 'diff_ids'", ids.count);
  }
  *out = ids;
  ids = (struct sp_diff_ids){0};
  return 0;
}

void sp_diff_ids_clear(struct sp_diff_ids *ids)
{
  free(ids->items);
  *ids = (struct sp_diff_ids){0};
}

static int append_desc(const struct sp_desc *desc, struct sp_buf *out, struct sp_err *err)
{
  char digest[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&desc->digest, digest);
  return sp_buf_appendf(out, err, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu}",
                        desc->media_type, digest, (unsigned long long)desc->size_bytes);
}

int sp_image_manifest_make(const struct sp_desc *config, const struct sp_desc *layers,
                           size_t layer_count, struct sp_buf *out, struct sp_err *err)
{
  if (sp_buf_append_str(
          out, "{\"schemaVersion\":2,\"mediaType\":\"" SP_MEDIA_OCI_MANIFEST "\",\"config\":",
          err) < 0 ||
      append_desc(config, out, err) < 0 || sp_buf_append_str(out, ",\"layers\":[", err) < 0)
    return -1;
  for (size_t i = 0; i < layer_count; i++) {
    if ((i > 0 && sp_buf_append_str(out, ",", err) < 0) || append_desc(&layers[i], out, err) < 0)
      return -1;
  }
  return sp_buf_append_str(out, "]}", err);
}
