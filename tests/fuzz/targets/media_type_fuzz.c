/* SPDX-License-Identifier: Apache-2.0 */
/* A stripped type lies inside the input, is stable, and may be sent as a header value. */
#include <stdint.h>

#include "oci/media_type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_span text = SP_SPAN((const char *)data, size);
  struct sp_span type = sp_media_strip(text);
  for (size_t i = 0; i < type.len; i++) {
    if (type.ptr[i] <= ' ' || type.ptr[i] > '~')
      abort();
  }
  if (!sp_span_eq(sp_media_strip(type), type))
    abort();
  if (sp_media_is_index(text) + sp_media_is_manifest(text) + sp_media_is_schema1(text) +
          sp_media_is_nondistributable(text) >
      1)
    abort();
  return 0;
}
