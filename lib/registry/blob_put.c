/* SPDX-License-Identifier: Apache-2.0 */
/* A writer that is closed before it was finished cancels its session: the connection first, so that
 * the registry is not busy with it. */
#include "registry/blob_put.h"

#include <stdlib.h>

#include "registry/chunk_writer.h"
#include "registry/upload_cancel.h"

struct blob_writer {
  struct sp_writer base; /* first */
  struct sp_digest digest;
  struct sp_upload upload;
  struct sp_url closing; /* these three live as long as the PUT */
  struct sp_auth auth;
  struct sp_http_upload *put;
};

static struct sp_repository *repository_of(const struct blob_writer *writer)
{
  return writer->upload.repository;
}

static int writer_start(struct sp_writer *base, struct sp_ring *ring, size_t consumer,
                        struct sp_err *err)
{
  struct blob_writer *writer = (struct blob_writer *)base;
  struct sp_repository *repository = repository_of(writer);
  if (sp_upload_closing_url(&writer->upload, &writer->digest, &writer->closing, err) < 0)
    return -1;
  struct sp_http_request request = {
      .method = SP_PUT,
      .url = &writer->closing,
      .headers = {{"Content-Type", "application/octet-stream"}},
      .header_count = 1,
  };
  sp_repository_prepare(repository, &request, SP_ACCESS_WRITE, &writer->auth, true);
  return sp_http_upload_start(repository->remote->http, &request, ring, consumer, &writer->put,
                              err);
}

/* The body is gone, so the PUT cannot be repeated here; but the next try will have another token.
 */
static int token_ended(struct blob_writer *writer, const struct sp_http_response *response,
                       struct sp_err *err)
{
  bool again = false;
  struct sp_http_auth *auth = &writer->auth.base;
  const char *scope = sp_repository_scope(repository_of(writer), SP_ACCESS_WRITE);
  if (auth->challenged(auth, scope, &response->headers, &again, err) < 0)
    return -1;
  if (!again)
    return sp_repository_fail(repository_of(writer), SP_ANSWER_TO_WRITE, response, err);
  sp_fail(err, SP_E_NETWORK, "the token ended before the upload began: it must be sent again");
  err->http_status = 401;
  return -1;
}

static int writer_finish(struct sp_writer *base, struct sp_err *err)
{
  struct blob_writer *writer = (struct blob_writer *)base;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (sp_http_upload_finish(writer->put, &response, err) < 0)
    return -1;
  sp_repository_note(repository_of(writer), SP_ACCESS_WRITE, &writer->auth, &response);
  if (response.status == 401)
    return token_ended(writer, &response, err);
  return sp_upload_check_closed(&writer->upload, &response, &writer->digest, err);
}

static void writer_close(struct sp_writer *base)
{
  struct blob_writer *writer = (struct blob_writer *)base;
  sp_http_upload_close(writer->put);
  sp_auth_clear(&writer->auth);
  sp_upload_cancel(&writer->upload);
  sp_upload_clear(&writer->upload);
  sp_url_clear(&writer->closing);
  free(writer);
}

static const struct sp_writer_ops ops = {
    .start = writer_start, .finish = writer_finish, .close = writer_close};

static int open_whole(struct sp_repository *repository, const struct sp_digest *digest,
                      struct sp_writer **out, struct sp_err *err)
{
  struct blob_writer *writer = calloc(1, sizeof *writer);
  if (!writer)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a blob");
  writer->base.ops = &ops;
  writer->digest = *digest;
  if (sp_upload_begin(repository, &writer->upload, err) < 0) {
    writer_close(&writer->base);
    return -1;
  }
  *out = &writer->base;
  return 0;
}

int sp_blob_put_open(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                     struct sp_writer **out, struct sp_err *err)
{
  struct sp_repository *repository = (struct sp_repository *)store;
  if (repository->remote->chunked)
    return sp_chunk_writer_open(repository, digest, size_bytes, out, err);
  return open_whole(repository, digest, out, err);
}
