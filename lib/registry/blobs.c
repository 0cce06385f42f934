/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/blobs.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "http/range.h"
#include "registry/upload_cancel.h"

#define READ_WHOLE_BYTES SP_MIB /* where Range is ignored: smaller blobs are read to their end */

static int make_url(struct sp_repository *repository, const struct sp_digest *digest,
                    struct sp_url *out, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  return sp_repository_url(repository, out, err, "blobs/%s", text);
}

static int perform(struct sp_repository *repository, enum sp_http_method method,
                   const struct sp_digest *digest, const char *range,
                   struct sp_http_response *response, struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  if (make_url(repository, digest, &url, err) < 0)
    return -1;
  struct sp_http_request request = {
      .method = method,
      .url = &url,
      .headers = {{"Range", range}},
      .header_count = range ? 1 : 0,
      .max_body_bytes = READ_WHOLE_BYTES,
  };
  return sp_repository_perform(repository, &request, SP_ACCESS_READ, response, err);
}

static void set_damaged(struct sp_blob_state *out, uint64_t size_bytes)
{
  *out = (struct sp_blob_state){.state = SP_BLOB_DAMAGED, .size_bytes = size_bytes};
}

static void set_present(struct sp_blob_state *out, enum sp_proof proof, uint64_t size_bytes)
{
  *out = (struct sp_blob_state){.state = SP_BLOB_PRESENT, .proof = proof, .size_bytes = size_bytes};
}

static void set_absent(struct sp_blob_state *out)
{
  *out = (struct sp_blob_state){.state = SP_BLOB_ABSENT, .size_bytes = SP_SIZE_UNKNOWN};
}

/* -- touched */

/* 206: one byte, the last of so many? */
static int judge_part(const struct sp_http_response *response, size_t got, uint64_t size_bytes,
                      struct sp_blob_state *out, struct sp_err *err)
{
  struct sp_content_range range;
  const char *value = sp_headers_get(&response->headers, "Content-Range");
  if (!value || sp_range_parse_content_range(sp_span_str(value), &range) < 0)
    return sp_fail(err, SP_E_PROTOCOL, "the registry answered 206 without a Content-Range");
  if (range.has_total && range.total != size_bytes) {
    set_damaged(out, range.total);
    return 0;
  }
  if (range.first != size_bytes - 1 || range.last != size_bytes - 1)
    return sp_fail(err, SP_E_PROTOCOL, "the registry answered another Range than was asked for");
  if (got != 1) {
    set_damaged(out, SP_SIZE_UNKNOWN);
    return 0;
  }
  set_present(out, range.has_total ? SP_PROOF_TOUCHED : SP_PROOF_CLAIMED, size_bytes);
  return 0;
}

/* 200: Range was ignored, and the body is there whole. */
static void judge_whole(uint64_t got, uint64_t size_bytes, struct sp_blob_state *out)
{
  if (got != size_bytes)
    set_damaged(out, SP_SIZE_UNKNOWN);
  else
    set_present(out, SP_PROOF_TOUCHED, size_bytes);
}

static int judge_touch(struct sp_repository *repository, const struct sp_http_response *response,
                       uint64_t size_bytes, struct sp_blob_state *out, struct sp_err *err)
{
  switch (response->status) {
  case 206:
    return judge_part(response, response->body.len, size_bytes, out, err);
  case 200:
    judge_whole(response->body.len, size_bytes, out);
    return 0;
  case 404:
    set_absent(out);
    return 0;
  case 416:
    set_damaged(out, SP_SIZE_UNKNOWN);
    return 0;
  default:
    return sp_repository_fail(repository, SP_ANSWER_TO_READ, response, err);
  }
}

/* Waits for a body that flows into a ring of its length. *whole: it came as promised. */
static int await_body(struct sp_http_download *download, uint64_t size_bytes, bool *whole,
                      struct sp_err *err)
{
  SP_AUTO_RING struct sp_ring *ring = NULL;
  if (sp_ring_new(size_bytes, (size_t)size_bytes, 0, &ring, err) < 0) {
    sp_http_download_close(download);
    return -1;
  }
  sp_http_download_start(download, ring);
  uint64_t seen = 0;
  struct sp_err why = SP_ERR_INIT;
  while (sp_ring_input_state(ring, &why) == SP_RING_OPEN)
    seen = sp_ring_wait(ring, seen, 1000);
  sp_http_download_close(download);
  *whole = sp_ring_input_state(ring, &why) == SP_RING_COMPLETE;
  if (*whole || why.code == SP_E_NETWORK || why.code == SP_E_PROTOCOL || why.code == SP_E_DIGEST)
    return 0;
  sp_err_copy(err, &why);
  return -1;
}

/* The answer has begun and its body waits: is it what the headers promise? */
static int judge_stream_take(struct sp_http_download *download,
                             const struct sp_http_response *response, uint64_t size_bytes,
                             struct sp_blob_state *out, struct sp_err *err)
{
  bool is_part = response->status == 206;
  uint64_t length = sp_repository_length(response);
  bool is_other = !is_part && length != SP_SIZE_UNKNOWN && length != size_bytes;
  if (is_other || (!is_part && size_bytes > READ_WHOLE_BYTES)) {
    sp_http_download_close(download);
    if (is_other)
      set_damaged(out, length);
    else
      set_present(out, SP_PROOF_CLAIMED, size_bytes);
    return 0;
  }
  bool whole;
  if (await_body(download, is_part ? 1 : size_bytes, &whole, err) < 0)
    return -1;
  if (is_part)
    return judge_part(response, whole ? 1 : 0, size_bytes, out, err);
  judge_whole(whole ? size_bytes : 0, size_bytes, out);
  return 0;
}

/* The same request as a stream: slower, but it tells headers and body apart where the body is cut
 * off or far too long. */
static int touch_as_stream(struct sp_repository *repository, const struct sp_digest *digest,
                           uint64_t size_bytes, const char *range, struct sp_blob_state *out,
                           struct sp_err *err)
{
  struct sp_http_download *download = NULL;
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (make_url(repository, digest, &url, err) < 0)
    return -1;
  struct sp_http_request request = {
      .method = SP_GET, .url = &url, .headers = {{"Range", range}}, .header_count = 1};
  SP_AUTO_AUTH struct sp_auth auth;
  sp_repository_prepare(repository, &request, SP_ACCESS_READ, &auth, false);
  if (sp_http_download_open(repository->remote->http, &request, &response, &download, err) < 0)
    return -1;
  sp_repository_note(repository, SP_ACCESS_READ, &auth, &response);
  if (!download)
    return judge_touch(repository, &response, size_bytes, out, err);
  return judge_stream_take(download, &response, size_bytes, out, err);
}

static int touch(struct sp_repository *repository, const struct sp_digest *digest,
                 uint64_t size_bytes, struct sp_blob_state *out, struct sp_err *err)
{
  char range[64];
  snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, size_bytes - 1, size_bytes - 1);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  struct sp_err why = SP_ERR_INIT;
  if (perform(repository, SP_GET, digest, range, &response, &why) == 0)
    return judge_touch(repository, &response, size_bytes, out, err);
  /* A body that is cut off (twice: a blob that cannot be read; once: the line), or too long. */
  if (why.code == SP_E_NETWORK || why.code == SP_E_PROTOCOL || why.code == SP_E_LIMIT)
    return touch_as_stream(repository, digest, size_bytes, range, out, err);
  sp_err_copy(err, &why);
  return -1;
}

/* -- claimed */

/* Storage behind a registry often refuses a HEAD of the URL it signed for GET (protocol.md 1.4). */
static bool is_refused_elsewhere(const struct sp_repository *repository,
                                 const struct sp_http_response *response)
{
  const struct sp_origin *own = sp_http_site_origin(repository->remote->http_site);
  return response->status >= 400 && response->url.target &&
         !sp_origin_eq(&response->url.origin, own);
}

/* Of a blob without bytes there is nothing more to touch than its length. */
static int claim(struct sp_repository *repository, const struct sp_digest *digest,
                 uint64_t size_bytes, enum sp_proof want, struct sp_blob_state *out,
                 struct sp_err *err)
{
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (perform(repository, SP_HEAD, digest, NULL, &response, err) < 0)
    return -1;
  if (size_bytes > 0 && is_refused_elsewhere(repository, &response))
    return touch(repository, digest, size_bytes, out, err);
  if (response.status == 404) {
    set_absent(out);
    return 0;
  }
  if (response.status != 200)
    return sp_repository_fail(repository, SP_ANSWER_TO_READ, &response, err);
  uint64_t length = sp_repository_length(&response);
  if (length != SP_SIZE_UNKNOWN && length != size_bytes)
    set_damaged(out, length);
  else
    set_present(out, size_bytes == 0 ? want : SP_PROOF_CLAIMED, length);
  return 0;
}

int sp_blobs_check(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                   enum sp_proof want, struct sp_blob_state *out, struct sp_err *err)
{
  struct sp_repository *repository = (struct sp_repository *)store;
  if (want >= SP_PROOF_TOUCHED && size_bytes > 0)
    return touch(repository, digest, size_bytes, out, err);
  return claim(repository, digest, size_bytes, want, out, err);
}

/* -- mount */

bool sp_blobs_is_sibling(const struct sp_store *store, const struct sp_store *other)
{
  const struct sp_repository *a = sp_repository_of(store);
  const struct sp_repository *b = sp_repository_of(other);
  return a && b && a->remote == b->remote && strcmp(a->name, b->name) != 0;
}

static int mount_answered(struct sp_repository *repository, const struct sp_http_response *response,
                          const struct sp_digest *digest, bool *mounted, struct sp_err *err)
{
  SP_AUTO_UPLOAD struct sp_upload session = {.repository = repository};
  if (response->status == 201) {
    *mounted = true;
    return sp_repository_check_digest(response, digest, true, err);
  }
  if (response->status == 202) {
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_upload_follow(&session, response, &ignored) == 0)
      sp_upload_cancel(&session);
    return 0;
  }
  if (response->status >= 400 && response->status < 500 && response->status != 429)
    return 0;
  return sp_repository_fail(repository, SP_ANSWER_TO_WRITE, response, err);
}

static int mount(struct sp_repository *repository, const struct sp_repository *from,
                 const struct sp_digest *digest, bool *mounted, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  char scope[2 * SP_SCOPE_TEXT_MAX];
  sp_digest_format(digest, text);
  snprintf(scope, sizeof scope, "%s %s", repository->push_scope, from->pull_scope);
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (sp_repository_url(repository, &url, err, "blobs/uploads/") < 0 ||
      sp_url_add_query(&url, "mount", text, err) < 0 ||
      sp_url_add_query(&url, "from", from->name, err) < 0)
    return -1;
  struct sp_http_request request = {.method = SP_POST, .url = &url, .scope = scope};
  if (sp_repository_perform(repository, &request, SP_ACCESS_WRITE, &response, err) < 0)
    return -1;
  return mount_answered(repository, &response, digest, mounted, err);
}

int sp_blobs_mount(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                   struct sp_store *from, bool *mounted, struct sp_err *err)
{
  (void)size_bytes; /* the registry has the blob already: its length is proved by check_blob */
  *mounted = false;
  if (!sp_blobs_is_sibling(store, from))
    return 0;
  return mount((struct sp_repository *)store, sp_repository_of(from), digest, mounted, err);
}
