/* SPDX-License-Identifier: Apache-2.0 */
/* diffIDs that were read can be layers of a manifest that we make, and that is one. */
#include "archive/diff_ids.h"
#include "oci/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_DIFF_IDS struct sp_diff_ids ids = {0};
  SP_AUTO_BUF struct sp_buf made;
  SP_AUTO_MANIFEST struct sp_manifest parsed = {0};
  sp_buf_init(&made, SP_MAX_MANIFEST_BYTES);
  if (sp_diff_ids_parse(SP_SPAN((const char *)data, size), &ids, &err) < 0)
    return 0;
  SP_AUTO_FREE struct sp_desc *layers = calloc(ids.count + 1, sizeof *layers);
  if (!layers)
    return 0;
  for (size_t i = 0; i < ids.count + 1; i++) {
    layers[i] = (struct sp_desc){.digest = ids.items[i % (ids.count ? ids.count : 1)],
                                 .media_type = SP_MEDIA_OCI_CONFIG};
  }
  if (ids.count == 0)
    return 0;
  if (sp_image_manifest_make(&layers[ids.count], layers, ids.count, &made, &err) < 0)
    return 0;
  if (sp_manifest_parse(sp_buf_span(&made), SP_SPAN(NULL, 0), &parsed, &err) < 0 ||
      parsed.blob_count != ids.count + 1)
    abort();
  return 0;
}
