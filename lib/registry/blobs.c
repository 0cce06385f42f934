/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/blobs.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/text.h"
#include "http/range.h"
#include "registry/upload_cancel.h"

#define READ_WHOLE_BYTES SP_MIB /* where Range is ignored: smaller blobs are read to their end */

static int perform(struct sp_repository *repository, enum sp_http_method method,
                   const struct sp_digest *digest, const char *range,
                   struct sp_http_response *response, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  SP_AUTO_URL struct sp_url url = {0};
  if (sp_repository_url(repository, &url, err, "blobs/%s", text) < 0)
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
static int judge_part(const struct sp_http_response *response, uint64_t size_bytes,
                      struct sp_blob_state *out, struct sp_err *err)
{
  struct sp_content_range range;
  const char *value = sp_headers_get(&response->headers, "Content-Range");
  if (!value || sp_range_parse_content_range(sp_span_str(value), &range) < 0)
    return sp_fail(err, SP_E_PROTOCOL, _("the registry answered 206 without a Content-Range"));
  if (range.has_total && range.total != size_bytes) {
    set_damaged(out, range.total);
    return 0;
  }
  if (range.first != size_bytes - 1 || range.last != size_bytes - 1)
    return sp_fail(err, SP_E_PROTOCOL, _("the registry answered another Range than was asked for"));
  if (response->body.len != 1) {
    set_damaged(out, SP_SIZE_UNKNOWN);
    return 0;
  }
  set_present(out, range.has_total ? SP_PROOF_TOUCHED : SP_PROOF_CLAIMED, size_bytes);
  return 0;
}

/* 200: Range was ignored, and the body is there whole. */
static void judge_whole(const struct sp_http_response *response, uint64_t size_bytes,
                        struct sp_blob_state *out)
{
  if (response->body.len != size_bytes)
    set_damaged(out, response->body.len);
  else
    set_present(out, SP_PROOF_TOUCHED, size_bytes);
}

/* The body did not come as promised: too large to read it here, or cut off. */
static int judge_broken(const struct sp_http_response *response, uint64_t size_bytes,
                        struct sp_blob_state *out, struct sp_err *err)
{
  bool has_begun = response->status == 200 || response->status == 206;
  uint64_t length = sp_repository_length(response);
  if (!has_begun)
    return -1;
  if (response->status == 200 && length != SP_SIZE_UNKNOWN && length != size_bytes) {
    set_damaged(out, length);
    return 0;
  }
  if (err->code == SP_E_LIMIT && response->status == 200) {
    if (size_bytes <= READ_WHOLE_BYTES)
      set_damaged(out, SP_SIZE_UNKNOWN);
    else
      set_present(out, SP_PROOF_CLAIMED, size_bytes);
    return 0;
  }
  if (err->code != SP_E_NETWORK && err->code != SP_E_PROTOCOL)
    return -1;
  set_damaged(out, SP_SIZE_UNKNOWN);
  return 0;
}

static int judge_touch(struct sp_repository *repository, const struct sp_http_response *response,
                       uint64_t size_bytes, struct sp_blob_state *out, struct sp_err *err)
{
  switch (response->status) {
  case 206:
    return judge_part(response, size_bytes, out, err);
  case 200:
    judge_whole(response, size_bytes, out);
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

/* *broken: the answer began and was cut off. */
static int touch_once(struct sp_repository *repository, const struct sp_digest *digest,
                      uint64_t size_bytes, struct sp_blob_state *out, bool *broken,
                      struct sp_err *err)
{
  char range[64];
  snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, size_bytes - 1, size_bytes - 1);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  *broken = false;
  if (perform(repository, SP_GET, digest, range, &response, err) == 0)
    return judge_touch(repository, &response, size_bytes, out, err);
  *broken = err->code == SP_E_NETWORK || err->code == SP_E_PROTOCOL;
  return judge_broken(&response, size_bytes, out, err);
}

/* A body that is cut off twice is a blob that cannot be read; once may be the line. */
static int touch(struct sp_repository *repository, const struct sp_digest *digest,
                 uint64_t size_bytes, struct sp_blob_state *out, struct sp_err *err)
{
  bool broken;
  struct sp_err why = SP_ERR_INIT;
  if (touch_once(repository, digest, size_bytes, out, &broken, &why) == 0 && !broken)
    return 0;
  if (broken)
    return touch_once(repository, digest, size_bytes, out, &broken, err);
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

static int claim(struct sp_repository *repository, const struct sp_digest *digest,
                 uint64_t size_bytes, struct sp_blob_state *out, struct sp_err *err)
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
    set_present(out, size_bytes == 0 ? SP_PROOF_TOUCHED : SP_PROOF_CLAIMED, length);
  return 0;
}

int sp_blobs_check(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                   enum sp_proof want, struct sp_blob_state *out, struct sp_err *err)
{
  struct sp_repository *repository = (struct sp_repository *)store;
  if (want >= SP_PROOF_TOUCHED && size_bytes > 0)
    return touch(repository, digest, size_bytes, out, err);
  return claim(repository, digest, size_bytes, out, err);
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
