/* SPDX-License-Identifier: Apache-2.0 */
/* What is accepted formats back to itself. */
#include <stdlib.h>

#include "oci/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest;
  struct sp_span text = SP_SPAN((const char *)data, size);
  if (sp_digest_parse(text, &digest, &err) < 0) {
    if (err.code != SP_E_USAGE && err.code != SP_E_UNSUPPORTED)
      abort();
    return 0;
  }
  char formatted[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&digest, formatted);
  if (!sp_span_eq_str(text, formatted))
    abort();
  return 0;
}
