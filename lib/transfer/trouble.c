/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/trouble.h"

static bool is_gateway(int http_status)
{
  return http_status >= 502 && http_status <= 504;
}

bool sp_trouble_is_damage(const struct sp_err *err)
{
  if (err->code == SP_E_SERVER)
    return !is_gateway(err->http_status);
  return err->code == SP_E_DIGEST || err->code == SP_E_INVALID || err->code == SP_E_LIMIT;
}

bool sp_trouble_is_of_place(const struct sp_err *err)
{
  return err->code != SP_OK && err->code != SP_E_NOT_FOUND && !sp_trouble_is_damage(err);
}
