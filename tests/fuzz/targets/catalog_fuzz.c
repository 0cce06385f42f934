/* SPDX-License-Identifier: Apache-2.0 */
/* A page of a registry's list of repositories. Of what is accepted: names that are names. */
#include <stdlib.h>
#include <string.h>

#include "oci/reference.h"
#include "registry/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_catalog_page page = {0};
  struct sp_err err = SP_ERR_INIT;
  int failed = sp_catalog_parse(SP_SPAN((const char *)data, size), &page, &err);
  if (failed && err.code != SP_E_PROTOCOL && err.code != SP_E_NOMEM)
    abort();
  for (size_t i = 0; i < page.count; i++) {
    if (!sp_ref_is_repository(sp_span_str(page.names[i])))
      abort();
  }
  sp_catalog_page_clear(&page);
  return 0;
}
