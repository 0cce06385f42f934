/* SPDX-License-Identifier: Apache-2.0 */
/* `sent_bytes` is what the registry has confirmed; chunk[0..held) are the bytes after it. What it
 * had when we came (`base.resumed_bytes`) is taken from the ring and dropped.
 *
 * A session is left open, and remembered, where it ended for a reason that is not its own. One that
 * brought us no further is not: so none is tried for ever. */
#include "registry/chunk_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "http/range.h"
#include "registry/upload_cancel.h"
#include "registry/upload_memory.h"

#define MAX_CHUNK_BYTES (64u * SP_MIB) /* of memory, for one blob */

struct chunk_writer {
  struct sp_writer base; /* first */
  struct sp_digest digest;
  struct sp_upload upload;
  struct sp_ring *ring; /* borrowed */
  size_t consumer;
  char *chunk;
  size_t chunk_bytes, held;
  uint64_t sent_bytes;
  bool is_kept;      /* what was acknowledged is remembered */
  bool is_of_no_use; /* it failed, and nobody is to go on with the session */
  bool is_judged;    /* all bytes came and their hash was right, or it failed before that */
};

static int patch(struct chunk_writer *writer, struct sp_http_response *response, struct sp_err *err)
{
  char range[64];
  uint64_t last = writer->sent_bytes + writer->held - 1;
  snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, writer->sent_bytes, last);
  struct sp_http_request request = {
      .method = SP_PATCH,
      .url = &writer->upload.location,
      .headers = {{"Content-Type", "application/octet-stream"}, {"Content-Range", range}},
      .header_count = 2,
      .body = SP_SPAN(writer->chunk, writer->held),
  };
  return sp_repository_perform(writer->upload.repository, &request, SP_ACCESS_WRITE, response, err);
}

/* Has the registry what was sent, and nothing else? If not, the whole upload is tried again (fault
 * row 09). One byte in all is told as "0-0", as is none (protocol.md 1.5): it is left to the
 * digest.
 */
static int check_range(const struct sp_http_response *response, uint64_t want, struct sp_err *err)
{
  uint64_t has;
  const char *value = sp_headers_get(&response->headers, "Range");
  if (!value || want == 1)
    return 0;
  if (sp_range_parse_upload(sp_span_str(value), &has) == 0 && has == want)
    return 0;
  return sp_fail(err, SP_E_SERVER,
                 "the registry holds another part of the blob than was sent to it");
}

static int accepted(struct chunk_writer *writer, const struct sp_http_response *response,
                    struct sp_err *err)
{
  uint64_t total = writer->sent_bytes + writer->held;
  if (check_range(response, total, err) < 0 || sp_upload_follow(&writer->upload, response, err) < 0)
    return -1;
  writer->sent_bytes = total;
  writer->held = 0;
  writer->is_kept =
      sp_upload_keep(&writer->upload, &writer->digest, sp_ring_size(writer->ring), total);
  return 0;
}

/* Asks what the registry has, and drops from the chunk what it has of it. */
static int ask_status(struct chunk_writer *writer, struct sp_err *err)
{
  uint64_t has;
  if (sp_upload_ask(&writer->upload, &has, err) < 0)
    return -1;
  if (has < writer->sent_bytes || has > writer->sent_bytes + writer->held)
    return sp_fail(err, SP_E_SERVER, "the upload cannot go on where it broke off");
  size_t done = (size_t)(has - writer->sent_bytes);
  memmove(writer->chunk, writer->chunk + done, writer->held - done);
  writer->held -= done;
  writer->sent_bytes = has;
  return 0;
}

/* *lost: the registry may have all, some or nothing of the chunk. */
static int send_once(struct chunk_writer *writer, bool *lost, struct sp_err *err)
{
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  *lost = false;
  if (patch(writer, &response, err) < 0) {
    *lost = err->code == SP_E_NETWORK;
    return -1;
  }
  if (response.status == 202)
    return accepted(writer, &response, err);
  *lost = response.status == 416;
  return sp_repository_fail(writer->upload.repository, SP_ANSWER_TO_WRITE, &response, err);
}

static int send_chunk(struct chunk_writer *writer, struct sp_err *err)
{
  bool lost;
  struct sp_err why = SP_ERR_INIT;
  if (writer->held == 0 || send_once(writer, &lost, &why) == 0)
    return 0;
  if (!lost) {
    sp_err_copy(err, &why);
    return -1;
  }
  sp_log(SP_LOG_INFO, "a chunk is sent again: %s", why.msg);
  if (ask_status(writer, err) < 0)
    return -1;
  return writer->held == 0 ? 0 : send_once(writer, &lost, err);
}

static int writer_start(struct sp_writer *base, struct sp_ring *ring, size_t consumer,
                        struct sp_err *err)
{
  (void)err;
  struct chunk_writer *writer = (struct chunk_writer *)base;
  writer->ring = ring;
  writer->consumer = consumer;
  return 0;
}

/* Passes n bytes at the writer's place: drops what the registry has of them, holds the rest.
 * Answers how many were taken. */
static size_t take(struct chunk_writer *writer, const char *bytes, size_t n)
{
  uint64_t at = sp_ring_consumed(writer->ring, writer->consumer);
  if (at < writer->base.resumed_bytes) {
    uint64_t had = writer->base.resumed_bytes - at;
    return had < n ? (size_t)had : n;
  }
  size_t room = writer->chunk_bytes - writer->held;
  size_t count = n < room ? n : room;
  memcpy(writer->chunk + writer->held, bytes, count);
  writer->held += count;
  return count;
}

static int send_what_comes(struct chunk_writer *writer, struct sp_err *err)
{
  for (;;) {
    bool end;
    bool aborted;
    const char *bytes;
    size_t n = sp_ring_peek(writer->ring, writer->consumer, &bytes, &end, &aborted);
    if (n == 0)
      return 0;
    sp_ring_consume(writer->ring, writer->consumer, take(writer, bytes, n));
    if (writer->held == writer->chunk_bytes && send_chunk(writer, err) < 0)
      return -1;
  }
}

/* After a failure: may somebody go on with the session? */
static bool may_go_on(const struct chunk_writer *writer, const struct sp_err *err)
{
  bool is_away = err->code == SP_E_NETWORK || err->code == SP_E_UNREACHABLE ||
                 (err->http_status >= 502 && err->http_status <= 504); /* behind its proxy */
  bool is_unwilling = err->code == SP_E_THROTTLED || err->code == SP_E_AUTH;
  bool has_come_further = writer->sent_bytes > writer->base.resumed_bytes;
  return err->code == SP_E_INTERRUPTED || ((is_away || is_unwilling) && has_come_further);
}

static int judge(struct chunk_writer *writer, int failed, const struct sp_err *err)
{
  if (failed) {
    writer->is_judged = true;
    writer->is_of_no_use = !may_go_on(writer, err);
  }
  return failed;
}

static int writer_pump(struct sp_writer *base, struct sp_err *err)
{
  struct chunk_writer *writer = (struct chunk_writer *)base;
  return judge(writer, send_what_comes(writer, err), err);
}

static int close_session(struct chunk_writer *writer, struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (sp_upload_closing_url(&writer->upload, &writer->digest, &url, err) < 0)
    return -1;
  struct sp_http_request request = {
      .method = SP_PUT,
      .url = &url,
      .commit_bytes = writer->sent_bytes,
      .headers = {{"Content-Type", "application/octet-stream"}},
      .header_count = 1,
  };
  if (sp_repository_perform(writer->upload.repository, &request, SP_ACCESS_WRITE, &response, err) <
      0)
    return -1;
  return sp_upload_check_closed(&writer->upload, &response, &writer->digest, err);
}

static int writer_finish(struct sp_writer *base, struct sp_err *err)
{
  struct chunk_writer *writer = (struct chunk_writer *)base;
  writer->is_judged = true;
  int failed = send_chunk(writer, err) < 0 ? -1 : close_session(writer, err);
  return judge(writer, failed, err);
}

/* Closed from outside, with all bytes there: they were wrong, or the end was too slow beside others
 * that have them by now; its next writer begins anew, and need not be read back. */
static bool has_seen_all(const struct chunk_writer *writer)
{
  struct sp_err why = SP_ERR_INIT;
  if (writer->is_judged || !writer->ring)
    return false;
  return sp_ring_written(writer->ring) == sp_ring_size(writer->ring) ||
         (sp_ring_input_state(writer->ring, &why) == SP_RING_FAILED && why.code == SP_E_DIGEST);
}

static void writer_close(struct sp_writer *base)
{
  struct chunk_writer *writer = (struct chunk_writer *)base;
  bool stays_open = writer->is_kept && writer->upload.location.target && !writer->is_of_no_use &&
                    !has_seen_all(writer);
  if (writer->is_kept && !stays_open)
    sp_upload_forget(&writer->upload, &writer->digest);
  if (!stays_open)
    sp_upload_cancel(&writer->upload);
  sp_upload_clear(&writer->upload);
  free(writer->chunk);
  free(writer);
}

static const struct sp_writer_ops ops = {
    .start = writer_start, .pump = writer_pump, .finish = writer_finish, .close = writer_close};

static int allocate_chunk(struct chunk_writer *writer, uint64_t size_bytes, struct sp_err *err)
{
  const struct sp_upload *upload = &writer->upload;
  uint64_t want = upload->repository->remote->chunk_bytes;
  if (upload->chunk_min_bytes > want)
    want = upload->chunk_min_bytes;
  if (want > MAX_CHUNK_BYTES)
    return sp_fail(err, SP_E_UNSUPPORTED,
                   "the registry wants chunks of %" PRIu64 " bytes: at most %u are supported; "
                   "upload in one piece",
                   want, MAX_CHUNK_BYTES);
  if (size_bytes < want)
    want = size_bytes > 0 ? size_bytes : 1;
  writer->chunk_bytes = (size_t)want;
  writer->chunk = malloc(writer->chunk_bytes);
  return writer->chunk ? 0 : sp_fail(err, SP_E_NOMEM, "out of memory for a chunk");
}

/* Goes on with an earlier session, or opens one. */
static int begin(struct chunk_writer *writer, struct sp_repository *repository, uint64_t size_bytes,
                 struct sp_err *err)
{
  if (!sp_upload_resume(repository, &writer->digest, size_bytes, &writer->upload,
                        &writer->base.resumed_bytes))
    return sp_upload_begin(repository, &writer->upload, err);
  writer->sent_bytes = writer->base.resumed_bytes;
  writer->is_kept = true;
  return 0;
}

int sp_chunk_writer_open(struct sp_repository *repository, const struct sp_digest *digest,
                         uint64_t size_bytes, struct sp_writer **out, struct sp_err *err)
{
  struct chunk_writer *writer = calloc(1, sizeof *writer);
  if (!writer)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a blob");
  writer->base.ops = &ops;
  writer->digest = *digest;
  if (begin(writer, repository, size_bytes, err) < 0 ||
      allocate_chunk(writer, size_bytes, err) < 0) {
    writer_close(&writer->base);
    return -1;
  }
  *out = &writer->base;
  return 0;
}
