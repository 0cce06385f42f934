/* SPDX-License-Identifier: Apache-2.0 */
/* What is accepted formats to a text that means the same place. */
#include "oci/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_place place;
  struct sp_place again;
  SP_AUTO_FREE char *text = strndup((const char *)data, size);
  if (!text || sp_place_parse(text, true, &place, &err) < 0)
    return 0;
  if (place.transport == SP_TRANSPORT_VAULT &&
      !sp_ref_is_repository(sp_span_str(place.ref.repository)))
    abort();
  char formatted[SP_PLACE_TEXT_MAX + SP_MAX_TAG + SP_DIGEST_TEXT_MAX];
  sp_place_format(&place, formatted);
  if (sp_place_parse(formatted, false, &again, &err) < 0)
    abort();
  if (memcmp(&place, &again, sizeof place) != 0)
    abort();
  return 0;
}
