/* SPDX-License-Identifier: Apache-2.0 */
/* sp_remote_check_login: one request with an authorization of its own. */
#include "registry/answer.h"
#include "registry/remote.h"

SP_DEFINE_AUTO_FREE(struct sp_site_auth, sp_site_auth_free)

/* What is neither "come in" nor "not you". */
static int no_registry(const struct sp_remote *remote, const struct sp_http_response *response,
                       struct sp_err *err)
{
  int status = response->status;
  if (status == 429 || status >= 500)
    return sp_answer_fail(remote->host, SP_ANSWER_TO_READ, response, err);
  return sp_fail(err, SP_E_PROTOCOL,
                 "'%s' does not answer as a registry (status %d): check its name and port",
                 remote->host, status);
}

static int judge(const struct sp_remote *remote, const struct sp_http_response *response,
                 struct sp_err *err)
{
  if (response->status == 200)
    return 0;
  if (response->status == 401 || response->status == 403)
    return sp_fail(err, SP_E_AUTH,
                   "'%s' does not accept this user name with this password or token (status %d): "
                   "check both; the token may have expired",
                   remote->host, response->status);
  return no_registry(remote, response, err);
}

int sp_remote_check_login(struct sp_remote *remote, const struct sp_credential *credential,
                          bool *asked, struct sp_err *err)
{
  if (sp_remote_open(remote, err) < 0)
    return -1;
  SP_CLEANUP(sp_site_auth_free_auto_) struct sp_site_auth *site = NULL;
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (sp_site_auth_new(remote->http, remote->http_site, remote->host, &site, err) < 0 ||
      sp_site_auth_set_credential(site, credential, err) < 0 ||
      sp_url_make(sp_http_site_origin(remote->http_site), &url, err, "/v2/") < 0)
    return -1;
  SP_AUTO_AUTH struct sp_auth auth;
  sp_auth_init(&auth, site, false);
  const struct sp_http_request request = {
      .site = remote->http_site,
      .method = SP_GET,
      .url = &url,
      .auth = &auth.base,
      .scope = "",
  };
  if (sp_http_perform(remote->http, &request, &response, err) < 0)
    return -1;
  *asked = sp_site_auth_was_challenged(site);
  return judge(remote, &response, err);
}
