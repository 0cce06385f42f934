/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upload.h"

#include "base/log.h"
#include "base/text.h"
#include "http/range.h"

int sp_upload_follow(struct sp_upload *upload, const struct sp_http_response *response,
                     struct sp_err *err)
{
  const char *location = sp_headers_get(&response->headers, "Location");
  if (!location && upload->location.target)
    return 0;
  if (!location || !*location)
    return sp_fail(err, SP_E_PROTOCOL, "the registry opened an upload without a Location");
  SP_AUTO_URL struct sp_url url = {0};
  if (sp_url_resolve(&response->url, sp_span_str(location), &url, err) < 0)
    return sp_err_context(err, "the registry's upload Location cannot be used");
  if (sp_http_site_check_upload(upload->repository->remote->http_site, &url, err) < 0)
    return -1;
  sp_url_clear(&upload->location);
  upload->location = url;
  url = (struct sp_url){0};
  return 0;
}

static void note_chunk_min(struct sp_upload *upload, const struct sp_http_response *response)
{
  const char *value = sp_headers_get(&response->headers, "OCI-Chunk-Min-Length");
  uint64_t n;
  if (value && sp_text_parse_u64(sp_span_str(value), &n) == 0)
    upload->chunk_min_bytes = n;
}

int sp_upload_begin(struct sp_repository *repository, struct sp_upload *upload, struct sp_err *err)
{
  *upload = (struct sp_upload){.repository = repository};
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (sp_repository_url(repository, &url, err, "blobs/uploads/") < 0)
    return -1;
  struct sp_http_request request = {.method = SP_POST, .url = &url, .lane = SP_LANE_WRITE};
  if (sp_repository_perform(repository, &request, SP_ACCESS_WRITE, &response, err) < 0)
    return -1;
  if (response.status != 202)
    return sp_repository_fail(repository, SP_ANSWER_TO_WRITE, &response, err);
  note_chunk_min(upload, &response);
  return sp_upload_follow(upload, &response, err);
}

int sp_upload_ask(struct sp_upload *upload, uint64_t *has, struct sp_err *err)
{
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  struct sp_repository *repository = upload->repository;
  struct sp_http_request request = {.method = SP_GET, .url = &upload->location};
  if (sp_repository_perform(repository, &request, SP_ACCESS_WRITE, &response, err) < 0)
    return -1;
  if (response.status != 204 && response.status != 200)
    return sp_repository_fail(repository, SP_ANSWER_TO_WRITE, &response, err);
  const char *value = sp_headers_get(&response.headers, "Range");
  if (!value || sp_range_parse_upload(sp_span_str(value), has) < 0)
    return sp_fail(err, SP_E_SERVER, "the registry does not say how far the upload is");
  return sp_upload_follow(upload, &response, err);
}

int sp_upload_closing_url(const struct sp_upload *upload, const struct sp_digest *digest,
                          struct sp_url *out, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  if (sp_url_dup(&upload->location, out, err) < 0)
    return -1;
  return sp_url_add_query(out, "digest", text, err);
}

int sp_upload_check_closed(struct sp_upload *upload, const struct sp_http_response *response,
                           const struct sp_digest *digest, struct sp_err *err)
{
  const struct sp_repository *repository = upload->repository;
  int status = response->status;
  if (status == 200 || status == 204)
    sp_log(SP_LOG_INFO, "%s answered %d to a blob, not 201", repository->full_name, status);
  else if (status != 201)
    return sp_repository_fail(repository, SP_ANSWER_TO_WRITE, response, err);
  sp_url_clear(&upload->location);
  return sp_repository_check_digest(response, digest, true, err);
}

void sp_upload_clear(struct sp_upload *upload)
{
  sp_url_clear(&upload->location);
}
