/* SPDX-License-Identifier: Apache-2.0 */
/* A page of a registry's list of tags. Of what is accepted: tags that are tags. */
#include <stdlib.h>
#include <string.h>

#include "oci/reference.h"
#include "registry/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_tag_page page = {0};
  struct sp_err err = SP_ERR_INIT;
  int failed = sp_tags_parse(SP_SPAN((const char *)data, size), "acme/app", &page, &err);
  if (failed && err.code != SP_E_PROTOCOL && err.code != SP_E_LIMIT && err.code != SP_E_NOMEM)
    abort();
  for (size_t i = 0; i < page.count; i++) {
    if (!sp_ref_is_tag(sp_span_str(page.tags[i])))
      abort();
  }
  sp_tag_page_clear(&page);
  return 0;
}
