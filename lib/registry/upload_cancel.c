/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upload_cancel.h"

#include "base/log.h"

void sp_upload_cancel(struct sp_upload *upload)
{
  if (!upload->location.target || upload->is_inherited)
    return;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  struct sp_http_request request = {.method = SP_DELETE, .url = &upload->location};
  struct sp_err ignored = SP_ERR_INIT;
  if (sp_repository_perform(upload->repository, &request, SP_ACCESS_WRITE, &response, &ignored) < 0)
    sp_log(SP_LOG_DEBUG, "upload not cancelled: %s", ignored.msg);
  sp_url_clear(&upload->location);
}
