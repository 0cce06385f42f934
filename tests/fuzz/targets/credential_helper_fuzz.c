/* SPDX-License-Identifier: Apache-2.0 */
/* What a credential helper writes. Of what is accepted: a user and a password, or an identity
 * token, or nothing; what is refused shows nothing of what was written. */
#include <stdlib.h>

#include "registry/credential_helper.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const struct sp_helper helper = {.name = "x", .host = "h.io"};
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_CREDENTIAL struct sp_credential got = SP_CREDENTIAL_INIT;
  if (sp_helper_parse(&helper, SP_SPAN((const char *)data, size), &got, &err) < 0) {
    if ((err.code != SP_E_AUTH && err.code != SP_E_NOMEM) || strstr(err.msg, "canary"))
      abort();
    return 0;
  }
  bool has_user = got.user[0] != '\0';
  if (has_user == sp_secret_is_empty(&got.password))
    abort();
  if (has_user && !sp_secret_is_empty(&got.identity_token))
    abort();
  return 0;
}
