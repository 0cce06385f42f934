/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends: one hands the download the relay's ring; the other lets it flow into a small ring of
 * its own, drops what stands before the offset, and copies the rest. */
#include "registry/blob_get.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "http/range.h"
#include "registry/repository.h"

#define SKIP_RING_BYTES (256u * SP_KIB)
#define SKIP_WAIT_MS 1000

struct blob_reader {
  struct sp_reader base;             /* first */
  struct sp_http_download *download; /* NULL: nothing is left to read */
  struct sp_ring *skip_ring;         /* of the skipping end */
  uint64_t skip_bytes;               /* still to be dropped */
};

static void reader_close(struct sp_reader *base)
{
  struct blob_reader *reader = (struct blob_reader *)base;
  sp_http_download_close(reader->download);
  sp_ring_free(reader->skip_ring);
  free(reader);
}

static int reader_start(struct sp_reader *base, struct sp_ring *ring, struct sp_err *err)
{
  (void)err;
  struct blob_reader *reader = (struct blob_reader *)base;
  if (reader->download)
    sp_http_download_start(reader->download, ring);
  else
    sp_ring_close_input(ring, NULL);
  return 0;
}

/* Drops or copies what is there now. False: nothing more can be done before the ring changes. */
static bool skip_step(struct blob_reader *reader, struct sp_ring *ring, const char *bytes, size_t n)
{
  if (reader->skip_bytes > 0) {
    size_t drop = n < reader->skip_bytes ? n : (size_t)reader->skip_bytes;
    sp_ring_consume(reader->skip_ring, 0, drop);
    reader->skip_bytes -= drop;
    return true;
  }
  char *to;
  size_t room = sp_ring_reserve(ring, &to);
  size_t take = n < room ? n : room;
  if (take > 0) {
    memcpy(to, bytes, take);
    sp_ring_commit(ring, take);
  }
  sp_ring_consume(reader->skip_ring, 0, take);
  return take > 0;
}

/* Blocks until it has moved something: the relay calls again when there is room, not when there are
 * bytes. */
static int skip_pump(struct sp_reader *base, struct sp_ring *ring, struct sp_err *err)
{
  (void)err;
  struct blob_reader *reader = (struct blob_reader *)base;
  struct sp_ring *from = reader->skip_ring;
  while (sp_ring_input_state(ring, NULL) == SP_RING_OPEN) {
    bool end;
    bool aborted;
    const char *bytes;
    uint64_t seen = sp_ring_wait(from, UINT64_MAX, 0);
    size_t n = sp_ring_peek(from, 0, &bytes, &end, &aborted);
    if (n > 0) {
      if (!skip_step(reader, ring, bytes, n))
        return 0;
      continue;
    }
    struct sp_err why = SP_ERR_INIT;
    if (end || sp_ring_input_state(from, &why) == SP_RING_FAILED) {
      sp_ring_close_input(ring, end ? NULL : &why);
      return 0;
    }
    sp_ring_wait(from, seen, SKIP_WAIT_MS);
  }
  return 0;
}

static const struct sp_reader_ops straight_ops = {.start = reader_start, .close = reader_close};
static const struct sp_reader_ops skipping_ops = {.pump = skip_pump, .close = reader_close};

/* -- opening */

static int wrong_length(uint64_t has, uint64_t want, struct sp_err *err)
{
  return sp_fail(err, SP_E_DIGEST, "it has another length there: %" PRIu64 " bytes, not %" PRIu64,
                 has, want);
}

static int check_part(const struct sp_http_response *response, uint64_t size_bytes, uint64_t offset,
                      struct sp_err *err)
{
  struct sp_content_range range;
  const char *value = sp_headers_get(&response->headers, "Content-Range");
  if (!value || sp_range_parse_content_range(sp_span_str(value), &range) < 0)
    return sp_fail(err, SP_E_PROTOCOL, "the registry answered 206 without a Content-Range");
  if (range.has_total && range.total != size_bytes)
    return wrong_length(range.total, size_bytes, err);
  if (!range.has_total || range.first != offset || range.last != size_bytes - 1)
    return sp_fail(err, SP_E_PROTOCOL, "the registry answered another Range than was asked for");
  return 0;
}

/* *skip: so many bytes come first that were not asked for. */
static int check_answer(struct sp_repository *repository, const struct sp_http_response *response,
                        uint64_t size_bytes, uint64_t offset, uint64_t *skip, struct sp_err *err)
{
  uint64_t length = sp_repository_length(response);
  uint64_t expected = response->status == 206 ? size_bytes - offset : size_bytes;
  *skip = response->status == 200 ? offset : 0;
  if (response->status == 416)
    return sp_fail(err, SP_E_DIGEST, "it is shorter there than %" PRIu64 " bytes", size_bytes);
  if (response->status != 200 && response->status != 206)
    return sp_repository_fail(repository, SP_ANSWER_TO_READ, response, err);
  if (response->status == 206 && offset == 0)
    return sp_fail(err, SP_E_PROTOCOL, "the registry answered 206 to a request without Range");
  if (response->status == 206 && check_part(response, size_bytes, offset, err) < 0)
    return -1;
  if (length != SP_SIZE_UNKNOWN && length != expected)
    return wrong_length(length, expected, err);
  return 0;
}

static int open_download(struct sp_repository *repository, const struct sp_digest *digest,
                         uint64_t size_bytes, uint64_t offset, struct blob_reader *reader,
                         struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  char range[64];
  sp_digest_format(digest, text);
  snprintf(range, sizeof range, "bytes=%" PRIu64 "-", offset);
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (sp_repository_url(repository, &url, err, "blobs/%s", text) < 0)
    return -1;
  struct sp_http_request request = {
      .method = SP_GET,
      .url = &url,
      .headers = {{"Range", range}},
      .header_count = offset > 0 ? 1 : 0,
  };
  SP_AUTO_AUTH struct sp_auth auth;
  sp_repository_prepare(repository, &request, SP_ACCESS_READ, &auth, false);
  if (sp_http_download_open(repository->remote->http, &request, &response, &reader->download, err) <
      0)
    return -1;
  sp_repository_note(repository, SP_ACCESS_READ, &auth, &response);
  return check_answer(repository, &response, size_bytes, offset, &reader->skip_bytes, err);
}

static int begin_skipping(struct blob_reader *reader, uint64_t size_bytes, struct sp_err *err)
{
  sp_log(SP_LOG_INFO, "the registry ignores Range: %" PRIu64 " bytes are read again",
         reader->skip_bytes);
  reader->base.ops = &skipping_ops;
  if (sp_ring_new(size_bytes, SKIP_RING_BYTES, 1, &reader->skip_ring, err) < 0)
    return -1;
  sp_ring_set_exempt(reader->skip_ring, 0); /* the relay's ring holds the last byte back */
  sp_http_download_start(reader->download, reader->skip_ring);
  return 0;
}

static int reader_open(struct sp_repository *repository, const struct sp_digest *digest,
                       uint64_t size_bytes, uint64_t offset, struct blob_reader *reader,
                       struct sp_err *err)
{
  if (offset > 0 && offset == size_bytes)
    return 0;
  if (open_download(repository, digest, size_bytes, offset, reader, err) < 0)
    return -1;
  return reader->skip_bytes > 0 ? begin_skipping(reader, size_bytes, err) : 0;
}

int sp_blob_get_open(struct sp_store *store, const struct sp_digest *digest, uint64_t size_bytes,
                     uint64_t offset, struct sp_reader **out, struct sp_err *err)
{
  struct blob_reader *reader = calloc(1, sizeof *reader);
  if (!reader)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a blob");
  reader->base.ops = &straight_ops;
  struct sp_repository *repository = (struct sp_repository *)store;
  if (reader_open(repository, digest, size_bytes, offset, reader, err) < 0) {
    reader_close(&reader->base);
    return -1;
  }
  *out = &reader->base;
  return 0;
}
