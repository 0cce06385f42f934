/* SPDX-License-Identifier: Apache-2.0 */
/* What is accepted is made of good pieces, and its canonical form means the same. */
#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sp_ref *ref)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_ref again;
  char text[SP_REF_TEXT_MAX];
  sp_ref_format(ref, text);
  if (sp_ref_parse(sp_span_str(text), false, &again, &err) < 0)
    abort();
  if (strcmp(ref->host, again.host) != 0 || strcmp(ref->repository, again.repository) != 0 ||
      strcmp(ref->tag, again.tag) != 0 || !sp_digest_eq(&ref->digest, &again.digest))
    abort();
  if (!sp_ref_is_host(sp_span_str(ref->host)) ||
      !sp_ref_is_repository(sp_span_str(ref->repository)) || strstr(ref->repository, ".."))
    abort();
  if (sp_ref_tag_rank(ref->tag) < 0 || sp_ref_tag_rank(ref->tag) > 2)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_span text = SP_SPAN((const char *)data, size);
  for (int lower = 0; lower < 2; lower++) {
    struct sp_err err = SP_ERR_INIT;
    struct sp_ref ref;
    if (sp_ref_parse(text, lower, &ref, &err) == 0)
      check(&ref);
    else if (err.code != SP_E_USAGE)
      abort();
  }
  return 0;
}
