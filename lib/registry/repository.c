/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/repository.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

const char *sp_repository_scope(const struct sp_repository *repository, enum sp_access access)
{
  bool push = access == SP_ACCESS_WRITE || atomic_load(&repository->has_written);
  return push ? repository->push_scope : repository->pull_scope;
}

int sp_repository_url(struct sp_repository *repository, struct sp_url *out, struct sp_err *err,
                      const char *tail_fmt, ...)
{
  if (sp_remote_open(repository->remote, err) < 0)
    return -1;
  char tail[512];
  va_list args;
  va_start(args, tail_fmt);
  int n = vsnprintf(tail, sizeof tail, tail_fmt, args);
  va_end(args);
  if (n < 0 || (size_t)n >= sizeof tail)
    return sp_fail(err, SP_E_INTERNAL, "a request's path is too long");
  return sp_url_make(sp_http_site_origin(repository->remote->http_site), out, err, "/v2/%s/%s",
                     repository->name, tail);
}

void sp_repository_prepare(const struct sp_repository *repository, struct sp_http_request *request,
                           enum sp_access access, struct sp_auth *auth, bool is_upload)
{
  sp_auth_init(auth, repository->remote->auth, is_upload);
  request->site = repository->remote->http_site;
  request->auth = &auth->base;
  if (!request->scope)
    request->scope = sp_repository_scope(repository, access);
}

void sp_repository_note(struct sp_repository *repository, enum sp_access access,
                        struct sp_auth *auth, const struct sp_http_response *response)
{
  sp_auth_answered(auth, response->status);
  sp_pulls_note(&repository->remote->pulls, &response->headers);
  if (access == SP_ACCESS_WRITE && response->status >= 200 && response->status < 300)
    atomic_store(&repository->has_written, true);
}

int sp_repository_perform(struct sp_repository *repository, struct sp_http_request *request,
                          enum sp_access access, struct sp_http_response *response,
                          struct sp_err *err)
{
  SP_AUTO_AUTH struct sp_auth auth;
  sp_repository_prepare(repository, request, access, &auth, false);
  if (sp_http_perform(repository->remote->http, request, response, err) < 0)
    return -1;
  sp_repository_note(repository, access, &auth, response);
  return 0;
}

int sp_repository_fail(const struct sp_repository *repository, enum sp_answer_to to,
                       const struct sp_http_response *response, struct sp_err *err)
{
  const struct sp_remote *remote = repository->remote;
  sp_answer_fail(remote->host, to, response, err);
  if (response->status != 401 || sp_site_auth_has_credential(remote->auth, repository->name))
    return -1;
  return sp_err_context(err, "no credentials for '%s' were found", remote->host);
}

int sp_repository_check_digest(const struct sp_http_response *response,
                               const struct sp_digest *want, bool strict, struct sp_err *err)
{
  struct sp_digest said;
  struct sp_err ignored = SP_ERR_INIT;
  const char *value = sp_headers_get(&response->headers, "Docker-Content-Digest");
  if (!value || sp_digest_parse(sp_span_str(value), &said, &ignored) < 0)
    return 0;
  if (said.alg != want->alg) {
    if (!strict)
      return 0;
    return sp_fail(err, SP_E_UNSUPPORTED,
                   "the registry keeps it under a %s digest: %s is not supported there",
                   sp_digest_alg_name(said.alg), sp_digest_alg_name(want->alg));
  }
  if (sp_digest_eq(&said, want))
    return 0;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&said, text);
  return sp_fail(err, SP_E_DIGEST, "the registry says that it is '%s'", text);
}

uint64_t sp_repository_length(const struct sp_http_response *response)
{
  uint64_t length;
  const char *value = sp_headers_get(&response->headers, "Content-Length");
  if (!value || sp_text_parse_u64(sp_span_str(value), &length) < 0)
    return SP_SIZE_UNKNOWN;
  return length;
}
