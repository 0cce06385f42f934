/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/pool.h"
#include "base/ring.h"
#include "rig.h"

#define BLOB_BYTES (3u * 1024 * 1024 + 17)
/* What a source brings before it pauses; worth waking the upload for (a quarter of the ring). */
#define BEGUN_BYTES 20000u
#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"

static unsigned char byte_at(uint64_t i)
{
  return (unsigned char)(i * 31 + (i >> 11));
}

/* What the server does with an upload, and what it saw. */
struct sink {
  size_t read_bytes; /* of the body before it answers; SIZE_MAX: all */
  const char *answer;
  bool reset, hang, slow;
  atomic_ullong good;
};

static bool take_body(struct server *server, int fd, const char *head)
{
  struct sink *sink = (struct sink *)(uintptr_t)server->ctx;
  size_t length = (size_t)server_length(head);
  size_t want = length < sink->read_bytes ? length : sink->read_bytes;
  unsigned char piece[5000];
  for (size_t at = 0; at < want;) {
    size_t n = server_read(fd, (char *)piece, want - at < sizeof piece ? want - at : sizeof piece);
    if (n == 0)
      return false;
    for (size_t i = 0; i < n; i++)
      if (piece[i] == byte_at(at + i))
        atomic_fetch_add(&sink->good, 1);
    at += n;
    if (sink->slow)
      usleep(500);
  }
  server_say(fd, sink->answer);
  if (sink->hang)
    server_read(fd, NULL, length - want + 1);
  if (sink->reset)
    server_reset(fd);
  return !sink->hang && !sink->reset && want == length;
}

static struct sp_ring *new_ring(uint64_t size, size_t capacity)
{
  struct sp_ring *ring = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_ring_new(size, capacity, 1, &ring, &err), 0);
  return ring;
}

/* Fills the ring like a source would; stops when the consumer is gone. */
static void fill(struct sp_ring *ring, uint64_t size, useconds_t nap_us)
{
  unsigned char piece[16384];
  uint64_t seen = 0;
  for (uint64_t at = 0; at < size && sp_ring_is_attached(ring, 0, NULL);) {
    size_t n = size - at < 7000 ? (size_t)(size - at) : 7000;
    n = n < sp_ring_capacity(ring) ? n : sp_ring_capacity(ring);
    for (size_t i = 0; i < n; i++)
      piece[i] = byte_at(at + i);
    while (!sp_ring_write(ring, piece, n) && sp_ring_is_attached(ring, 0, NULL))
      seen = sp_ring_wait(ring, seen, 100);
    at += n;
    if (nap_us)
      usleep(nap_us);
  }
  if (sp_ring_written(ring) == sp_ring_size(ring)) {
    sp_ring_close_input(ring, NULL);
    sp_ring_approve(ring);
  }
}

static int start_upload(struct rig *rig, enum sp_http_method method, struct sp_ring *ring,
                        struct sp_http_upload **out, struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  assert_int_equal(sp_url_make(sp_http_site_origin(rig->site), &url, err, "/upload?digest=x"), 0);
  struct sp_http_request request = {
      .site = rig->site,
      .method = method,
      .url = &url,
      .headers = {{"Content-Type", "application/octet-stream"}},
      .header_count = 1,
  };
  return sp_http_upload_start(rig->http, &request, ring, 0, out, err);
}

static void a_body_goes_out_whole_from_any_ring(void **state)
{
  (void)state;
  static const struct {
    enum sp_http_method method;
    size_t bytes, capacity;
    bool slow;
    useconds_t nap_us;
  } rows[] = {
      {SP_PUT, BLOB_BYTES, 1 << 20, false, 0},
      {SP_PATCH, BLOB_BYTES, 64 * 1024, false, 0},
      {SP_PUT, BLOB_BYTES, 1000, false, 0},
      {SP_PUT, BLOB_BYTES, 64 * 1024, true, 0},
      {SP_PUT, BLOB_BYTES, 64 * 1024, false, 300},
      {SP_PUT, 1, 1 << 20, false, 0},
      {SP_PUT, 0, 1 << 20, false, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sink sink = {.read_bytes = SIZE_MAX, .answer = CREATED, .slow = rows[i].slow};
    struct rig rig = set_up(take_body, &sink);
    struct sp_err err = SP_ERR_INIT;
    struct sp_http_upload *upload = NULL;
    char length[40];
    SP_AUTO_RING struct sp_ring *ring = new_ring(rows[i].bytes, rows[i].capacity);
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    assert_int_equal(start_upload(&rig, rows[i].method, ring, &upload, &err), 0);
    fill(ring, rows[i].bytes, rows[i].nap_us);
    int rc = sp_http_upload_finish(upload, &response, &err);
    if (rc != 0 || response.status != 201 || atomic_load(&sink.good) != rows[i].bytes)
      fail_msg("row %zu: rc %d, '%s', %llu bytes", i, rc, err.msg,
               (unsigned long long)atomic_load(&sink.good));
    assert_true(sp_ring_is_attached(ring, 0, NULL));
    snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", rows[i].bytes);
    assert_true(server_saw(rig.server, 0, length));
    assert_true(
        server_saw(rig.server, 0,
                   rows[i].method == SP_PUT ? "PUT /upload?digest=x" : "PATCH /upload?digest=x"));
    assert_false(server_saw(rig.server, 0, "Expect"));
    assert_false(server_saw(rig.server, 0, "Transfer-Encoding"));
    sp_http_upload_close(upload);
    tear_down(&rig);
  }
}

static void an_early_answer_detaches_and_is_delivered(void **state)
{
  (void)state;
  static const struct {
    const char *answer;
    size_t fed; /* bytes that the ring ever gets */
    bool reset;
    int rc, status;
    enum sp_code code;
  } rows[] = {
      {"HTTP/1.1 413 Large\r\nContent-Length: 3\r\n\r\nbig", BLOB_BYTES, false, 0, 413, SP_OK},
      {"HTTP/1.1 413 Large\r\nContent-Length: 3\r\n\r\nbig", BEGUN_BYTES, false, 0, 413, SP_OK},
      {"HTTP/1.1 401 No\r\nContent-Length: 3\r\n\r\nbig", BEGUN_BYTES, false, 0, 401, SP_OK},
      {"HTTP/1.1 401 No\r\nContent-Length: 30\r\n\r\nbig", BEGUN_BYTES, true, 0, 401, SP_OK},
      {"HTTP/1.1 307 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", BLOB_BYTES, false, -1, 0,
       SP_E_PROTOCOL},
      {"HTTP/1.1 307 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", BEGUN_BYTES, false, -1, 0,
       SP_E_PROTOCOL},
      {CREATED, BEGUN_BYTES, false, -1, 0, SP_E_PROTOCOL},
      {CREATED, BLOB_BYTES, false, -1, 0, SP_E_PROTOCOL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sink sink = {.read_bytes = 100,
                        .answer = rows[i].answer,
                        .reset = rows[i].reset,
                        .hang = !rows[i].reset};
    struct rig rig = set_up(take_body, &sink);
    struct sp_err err = SP_ERR_INIT;
    struct sp_http_upload *upload = NULL;
    SP_AUTO_RING struct sp_ring *ring = new_ring(BLOB_BYTES, 64 * 1024);
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    assert_int_equal(start_upload(&rig, SP_PUT, ring, &upload, &err), 0);
    fill(ring, rows[i].fed, 0);
    int rc = sp_http_upload_finish(upload, &response, &err);
    if (rc != rows[i].rc || response.status != rows[i].status || err.code != rows[i].code)
      fail_msg("row %zu: rc %d, status %d, '%s'", i, rc, response.status, err.msg);
    assert_false(sp_ring_is_attached(ring, 0, NULL));
    sp_http_upload_close(upload);
    tear_down(&rig);
  }
}

static void a_broken_upload_detaches_with_its_error(void **state)
{
  (void)state;
  static const struct {
    size_t read_bytes;
    bool reset, hang;
    enum sp_code code;
  } rows[] = {
      {1000, true, false, SP_E_NETWORK},
      {1000, false, true, SP_E_NETWORK},     /* stops reading */
      {SIZE_MAX, true, false, SP_E_NETWORK}, /* the answer never comes */
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sink sink = {.read_bytes = rows[i].read_bytes,
                        .answer = "",
                        .reset = rows[i].reset,
                        .hang = rows[i].hang};
    struct rig rig = {.server = server_new(take_body, &sink), .http = new_client(300, NULL)};
    rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
    struct sp_err err = SP_ERR_INIT;
    struct sp_err why = SP_ERR_INIT;
    struct sp_http_upload *upload = NULL;
    SP_AUTO_RING struct sp_ring *ring = new_ring(BLOB_BYTES, 64 * 1024);
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    assert_int_equal(start_upload(&rig, SP_PUT, ring, &upload, &err), 0);
    fill(ring, BLOB_BYTES, 0);
    assert_int_equal(sp_http_upload_finish(upload, &response, &err), -1);
    assert_int_equal(err.code, rows[i].code);
    assert_false(sp_ring_is_attached(ring, 0, &why));
    assert_int_equal(why.code, rows[i].code);
    sp_http_upload_close(upload);
    tear_down(&rig);
  }
}

/* Whatever the moment, closing or giving up ends the transfer and lets go of the ring. */
static void giving_up_lets_go(void **state)
{
  (void)state;
  for (int i = 0; i < 12; i++) {
    struct sink sink = {.read_bytes = SIZE_MAX, .answer = CREATED, .slow = true};
    struct rig rig = set_up(take_body, &sink);
    struct sp_err err = SP_ERR_INIT;
    struct sp_http_upload *upload = NULL;
    SP_AUTO_RING struct sp_ring *ring = new_ring(BLOB_BYTES, 128 * 1024);
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    assert_int_equal(start_upload(&rig, SP_PUT, ring, &upload, &err), 0);
    fill(ring, (uint64_t)i * 10000, 0);
    if (i % 2 == 0) {
      sp_ring_abort(ring);
      assert_int_equal(sp_http_upload_finish(upload, &response, &err), -1);
      assert_int_equal(err.code, SP_E_INTERRUPTED);
    }
    sp_http_upload_close(upload);
    assert_false(sp_ring_is_attached(ring, 0, NULL));
    tear_down(&rig);
  }
}

/* An empty ring is no stall: the source is slow, not the destination. */
static void waiting_for_the_source_is_no_stall(void **state)
{
  (void)state;
  struct sink sink = {.read_bytes = SIZE_MAX, .answer = CREATED};
  struct rig rig = {.server = server_new(take_body, &sink), .http = new_client(500, NULL)};
  rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
  struct sp_err err = SP_ERR_INIT;
  struct sp_http_upload *upload = NULL;
  SP_AUTO_RING struct sp_ring *ring = new_ring(1000, 1000);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  assert_int_equal(start_upload(&rig, SP_PUT, ring, &upload, &err), 0);
  usleep(1200000);
  fill(ring, 1000, 0);
  assert_int_equal(sp_http_upload_finish(upload, &response, &err), 0);
  assert_int_equal(response.status, 201);
  sp_http_upload_close(upload);
  tear_down(&rig);
}

/* Storing takes as long as the blob is large: a small one that gets no answer is soon given up,
 * though a large one may take ten times the idle timeout. */
static void no_answer_is_waited_for_by_size(void **state)
{
  (void)state;
  static const struct {
    uint64_t size;
    int64_t least_ms, most_ms;
  } rows[] = {{1000, 300, 2500}, {6u * 1024 * 1024, 1500, 10000}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sink sink = {.read_bytes = SIZE_MAX, .answer = "", .hang = true};
    struct rig rig = {.server = server_new(take_body, &sink), .http = new_client(300, NULL)};
    rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
    struct sp_err err = SP_ERR_INIT;
    struct sp_http_upload *upload = NULL;
    SP_AUTO_RING struct sp_ring *ring = new_ring(rows[i].size, 100000);
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    assert_int_equal(start_upload(&rig, SP_PUT, ring, &upload, &err), 0);
    fill(ring, rows[i].size, 0);
    int64_t start = sp_clock_mono_ms();
    assert_int_equal(sp_http_upload_finish(upload, &response, &err), -1);
    assert_int_equal(err.code, SP_E_NETWORK);
    int64_t waited = sp_clock_mono_ms() - start;
    assert_true(waited >= rows[i].least_ms - 100 && waited < rows[i].most_ms);
    sp_http_upload_close(upload);
    tear_down(&rig);
  }
}

/* -- a source and two destinations over one small ring, several at once: no wake-up is lost */

#define RELAYS 10 /* more than a gate lets in, twice over */
#define RELAY_BYTES (700u * 1024 + 13)

static char relay_bytes[RELAY_BYTES];

static bool send_or_take(struct server *server, int fd, const char *head)
{
  char answer[80];
  if (strncmp(head, "GET", 3) != 0)
    return take_body(server, fd, head);
  snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", RELAY_BYTES);
  server_say(fd, answer);
  server_send(fd, relay_bytes, sizeof relay_bytes);
  return true;
}

static void wait_for_input(struct sp_ring *ring)
{
  uint64_t seen = 0;
  while (sp_ring_input_state(ring, NULL) == SP_RING_OPEN)
    seen = sp_ring_wait(ring, seen, 1000);
}

static void relay(void *ctx, size_t i)
{
  struct rig *rig = ctx;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_URL struct sp_url url = {0};
  struct sp_ring *ring = NULL;
  struct sp_http_download *download = NULL;
  struct sp_http_upload *uploads[2] = {NULL};
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (sp_url_make(sp_http_site_origin(rig->site), &url, &err, "/%zu", i) != 0 ||
      sp_ring_new(RELAY_BYTES, 20000 + 3000 * i, 2, &ring, &err) != 0)
    abort();
  struct sp_http_request get_blob = {.site = rig->site, .url = &url};
  struct sp_http_request put_blob = {.site = rig->site, .method = SP_PUT, .url = &url};
  if (sp_http_download_open(rig->http, &get_blob, &response, &download, &err) != 0)
    abort();
  for (size_t n = 0; n < 2; n++)
    if (sp_http_upload_start(rig->http, &put_blob, ring, n, &uploads[n], &err) != 0)
      abort();
  sp_http_download_start(download, ring);
  wait_for_input(ring);
  if (sp_ring_input_state(ring, &err) == SP_RING_COMPLETE)
    sp_ring_approve(ring);
  for (size_t n = 0; n < 2; n++) {
    if (sp_http_upload_finish(uploads[n], &response, &err) != 0 || response.status != 201)
      fprintf(stderr, "relay %zu: %s\n", i, err.msg);
    sp_http_upload_close(uploads[n]);
  }
  sp_http_download_close(download);
  sp_ring_free(ring);
}

static void relays_in_parallel_never_hang(void **state)
{
  (void)state;
  struct sink sink = {.read_bytes = SIZE_MAX, .answer = CREATED};
  for (size_t i = 0; i < sizeof relay_bytes; i++)
    relay_bytes[i] = (char)byte_at(i);
  struct rig rig = {.server = server_new(send_or_take, &sink), .http = new_client(5000, NULL)};
  rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
  for (int round = 0; round < 3; round++) {
    atomic_store(&sink.good, 0);
    sp_pool_run(RELAYS, RELAYS, relay, &rig);
    assert_int_equal(atomic_load(&sink.good), 2ull * RELAYS * RELAY_BYTES);
  }
  tear_down(&rig);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_body_goes_out_whole_from_any_ring),
      cmocka_unit_test(an_early_answer_detaches_and_is_delivered),
      cmocka_unit_test(a_broken_upload_detaches_with_its_error),
      cmocka_unit_test(giving_up_lets_go),
      cmocka_unit_test(waiting_for_the_source_is_no_stall),
      cmocka_unit_test(no_answer_is_waited_for_by_size),
      cmocka_unit_test(relays_in_parallel_never_hang),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
