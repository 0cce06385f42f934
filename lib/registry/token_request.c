/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/token_request.h"

#include "base/log.h"
#include "base/text.h"
#include "registry/answer.h"

#define CLIENT_ID "safeport"

int sp_token_request_basic(const struct sp_credential *credential, struct sp_secret *value,
                           struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf pair;
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init_secret(&pair, SP_MAX_TOKEN_BYTES);
  sp_buf_init_secret(&text, 2 * SP_MAX_TOKEN_BYTES);
  if (sp_buf_appendf(&pair, err, "%s:", credential->user) < 0 ||
      sp_buf_append_span(&pair, sp_secret_reveal(&credential->password), err) < 0 ||
      sp_buf_append_str(&text, "Basic ", err) < 0 ||
      sp_text_base64_encode(&text, sp_buf_span(&pair), err) < 0)
    return -1;
  sp_log_add_secret(sp_span_skip(sp_buf_span(&text), strlen("Basic ")));
  return sp_secret_set(value, sp_buf_span(&text), err);
}

/* Each of the space-separated scopes as a parameter of its own. */
static int add_scopes(struct sp_url *url, const char *scope, struct sp_err *err)
{
  while (*scope) {
    size_t n = strcspn(scope, " ");
    SP_AUTO_FREE char *one = NULL;
    if (sp_text_dup_span(&one, SP_SPAN(scope, n), err) < 0)
      return -1;
    if (n > 0 && sp_url_add_query(url, "scope", one, err) < 0)
      return -1;
    scope += n + strspn(scope + n, " ");
  }
  return 0;
}

static int send_get(const struct sp_token_request *request, struct sp_http_response *response,
                    struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_SECRET struct sp_secret basic = SP_SECRET_INIT;
  if (sp_url_dup(request->realm, &url, err) < 0)
    return -1;
  if (request->service[0] && sp_url_add_query(&url, "service", request->service, err) < 0)
    return -1;
  if (add_scopes(&url, request->scope, err) < 0 ||
      sp_url_add_query(&url, "client_id", CLIENT_ID, err) < 0)
    return -1;
  bool is_known = !sp_secret_is_empty(&request->credential->password);
  if (is_known && sp_token_request_basic(request->credential, &basic, err) < 0)
    return -1;
  struct sp_http_request get = {
      .site = request->site,
      .method = SP_GET,
      .purpose = SP_HTTP_TOKEN,
      .url = &url,
      .max_body_bytes = SP_MAX_TOKEN_BODY_BYTES,
      .secret = is_known ? &basic : NULL,
  };
  return sp_http_perform(request->http, &get, response, err);
}

static int add_field(struct sp_buf *form, const char *name, struct sp_span value,
                     struct sp_err *err)
{
  if (sp_buf_appendf(form, err, "%s%s=", form->len ? "&" : "", name) < 0)
    return -1;
  return sp_text_percent_encode(form, value, err);
}

static int make_form(const struct sp_token_request *request, const struct sp_secret *refresh,
                     struct sp_buf *form, struct sp_err *err)
{
  const struct sp_credential *who = request->credential;
  const char *grant = refresh ? "refresh_token" : "password";
  if (add_field(form, "grant_type", sp_span_str(grant), err) < 0 ||
      add_field(form, "service", sp_span_str(request->service), err) < 0 ||
      add_field(form, "client_id", SP_SPAN_LIT(CLIENT_ID), err) < 0 ||
      add_field(form, "scope", sp_span_str(request->scope), err) < 0)
    return -1;
  if (refresh)
    return add_field(form, "refresh_token", sp_secret_reveal(refresh), err);
  if (add_field(form, "access_type", SP_SPAN_LIT("offline"), err) < 0 ||
      add_field(form, "username", sp_span_str(who->user), err) < 0)
    return -1;
  return add_field(form, "password", sp_secret_reveal(&who->password), err);
}

/* refresh NULL: the password grant. */
static int send_post(const struct sp_token_request *request, const struct sp_secret *refresh,
                     struct sp_http_response *response, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf form;
  sp_buf_init_secret(&form, SP_MAX_TOKEN_BODY_BYTES);
  if (make_form(request, refresh, &form, err) < 0)
    return -1;
  struct sp_http_request post = {
      .site = request->site,
      .method = SP_POST,
      .purpose = SP_HTTP_TOKEN,
      .url = request->realm,
      .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
      .header_count = 1,
      .body = sp_buf_span(&form),
      .max_body_bytes = SP_MAX_TOKEN_BODY_BYTES,
  };
  return sp_http_perform(request->http, &post, response, err);
}

/* The refresh token to use; NULL if there is none. */
static const struct sp_secret *refresh_of(const struct sp_token_request *request)
{
  if (!sp_secret_is_empty(request->refresh))
    return request->refresh;
  const struct sp_secret *identity = &request->credential->identity_token;
  return sp_secret_is_empty(identity) ? NULL : identity;
}

/* Registries that have no POST say so in many ways (protocol.md 2.3). */
static bool has_no_post(int status)
{
  return status == 400 || status == 401 || status == 404 || status == 405;
}

static int send_any(const struct sp_token_request *request, struct sp_http_response *response,
                    struct sp_err *err)
{
  const struct sp_secret *refresh = refresh_of(request);
  bool has_password = !sp_secret_is_empty(&request->credential->password);
  if (refresh) {
    if (send_post(request, refresh, response, err) < 0)
      return -1;
    if (!has_password || !has_no_post(response->status))
      return 0;
    sp_http_response_clear(response);
    sp_http_response_init(response);
  }
  if (send_get(request, response, err) < 0)
    return -1;
  if (!has_password || (response->status != 404 && response->status != 405))
    return 0;
  sp_http_response_clear(response);
  sp_http_response_init(response);
  return send_post(request, NULL, response, err);
}

int sp_token_request_send(const struct sp_token_request *request, struct sp_token *out,
                          struct sp_err *err)
{
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (send_any(request, &response, err) < 0)
    return sp_err_context(err, "cannot get a token for '%s'", request->host);
  int rc = response.status == 200 ? sp_token_parse(sp_buf_span(&response.body), out, err)
                                  : sp_answer_fail_token(request->host, &response, err);
  if (response.body.data)
    explicit_bzero(response.body.data, response.body.len);
  return rc < 0 ? sp_err_context(err, "cannot get a token for '%s'", request->host) : 0;
}
