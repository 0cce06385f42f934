/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/ring.h"
#include "rig.h"

#define BLOB_BYTES (3u * 1024 * 1024 + 17)

static unsigned char byte_at(uint64_t i)
{
  return (unsigned char)(i * 31 + (i >> 11));
}

/* How the server treats the blob. */
struct blob_script {
  const char *head; /* status line and headers, with the blank line */
  size_t sent;      /* bytes of the body */
  bool reset, hang, slow;
};

static bool send_blob(struct server *server, int fd, const char *head)
{
  const struct blob_script *script = server->ctx;
  unsigned char piece[10000];
  (void)head;
  server_say(fd, script->head);
  for (size_t at = 0; at < script->sent;) {
    size_t n = script->sent - at < sizeof piece ? script->sent - at : sizeof piece;
    for (size_t i = 0; i < n; i++)
      piece[i] = byte_at(at + i);
    if (script->slow)
      usleep(1000);
    server_send(fd, (const char *)piece, n);
    at += n;
  }
  if (script->hang)
    server_read(fd, NULL, 1);
  if (script->reset) {
    usleep(50000);
    server_reset(fd);
  }
  return !script->reset && !script->hang;
}

static int open_download(struct rig *rig, const char *target, struct sp_http_response *response,
                         struct sp_http_download **out, struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  assert_int_equal(sp_url_make(sp_http_site_origin(rig->site), &url, err, "%s", target), 0);
  struct sp_http_request request = {.site = rig->site, .method = SP_GET, .url = &url};
  return sp_http_download_open(rig->http, &request, response, out, err);
}

/* Takes everything that comes; answers how many bytes were right before the first wrong one. */
static uint64_t drain(struct sp_ring *ring, useconds_t nap_us)
{
  uint64_t good = 0;
  uint64_t seen = 0;
  for (;;) {
    const char *bytes;
    bool end, aborted;
    size_t n = sp_ring_peek(ring, 0, &bytes, &end, &aborted);
    if (n == 0 && (end || aborted || sp_ring_input_state(ring, NULL) == SP_RING_FAILED))
      return good;
    for (size_t i = 0; i < n; i++)
      if ((unsigned char)bytes[i] == byte_at(good))
        good++;
    sp_ring_consume(ring, 0, n);
    if (n > 0 && nap_us)
      usleep(nap_us);
    if (n == 0)
      seen = sp_ring_wait(ring, seen, 100);
  }
}

static struct sp_ring *new_ring(uint64_t size, size_t capacity)
{
  struct sp_ring *ring = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_ring_new(size, capacity, 1, &ring, &err), 0);
  sp_ring_set_exempt(ring, 0);
  return ring;
}

static void a_body_comes_whole_through_any_ring(void **state)
{
  (void)state;
  static const struct {
    size_t bytes, capacity;
    bool slow;
    useconds_t nap_us;
  } rows[] = {
      {BLOB_BYTES, 1 << 20, false, 0},
      {BLOB_BYTES, 64 * 1024, false, 0},
      {BLOB_BYTES, 1000, false, 0},
      {BLOB_BYTES, 64 * 1024, true, 0},
      {BLOB_BYTES, 1 << 20, false, 500},
      {1, 1 << 20, false, 0},
      {0, 1 << 20, false, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", rows[i].bytes);
    struct blob_script script = {.head = head, .sent = rows[i].bytes, .slow = rows[i].slow};
    struct rig rig = set_up(send_blob, &script);
    struct sp_err err = SP_ERR_INIT;
    struct sp_http_download *download = NULL;
    SP_AUTO_RING struct sp_ring *ring = new_ring(rows[i].bytes, rows[i].capacity);
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    assert_int_equal(open_download(&rig, "/blob", &response, &download, &err), 0);
    assert_int_equal(response.status, 200);
    assert_non_null(download);
    assert_non_null(sp_headers_get(&response.headers, "content-length"));
    usleep(i == 0 ? 30000 : 0); /* the body waits to be started */
    sp_http_download_start(download, ring);
    assert_int_equal(drain(ring, rows[i].nap_us), rows[i].bytes);
    while (sp_ring_input_state(ring, &err) == SP_RING_OPEN)
      usleep(100);
    assert_int_equal(sp_ring_input_state(ring, &err), SP_RING_COMPLETE);
    sp_http_download_close(download);
    tear_down(&rig);
  }
}

static void a_broken_body_fails_the_input(void **state)
{
  (void)state;
  static const struct {
    struct blob_script script;
    uint64_t size;
    enum sp_code code;
  } rows[] = {
      {{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 50, .reset = true}, 100, SP_E_NETWORK},
      {{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 50, .hang = true}, 100, SP_E_NETWORK},
      {{"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", 50, .hang = false}, 100, SP_E_NETWORK},
      {{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 100, .hang = false}, 50, SP_E_DIGEST},
      {{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, .hang = false}, 50, SP_E_NETWORK},
      {{"HTTP/1.1 200 OK\r\n\r\n", 1 << 22, .reset = true}, 50, SP_E_DIGEST},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = set_up_with(send_blob, &rows[i].script, HASTY_MS);
    struct sp_err err = SP_ERR_INIT;
    struct sp_http_download *download = NULL;
    SP_AUTO_RING struct sp_ring *ring = new_ring(rows[i].size, 1 << 20);
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    assert_int_equal(open_download(&rig, "/blob", &response, &download, &err), 0);
    sp_http_download_start(download, ring);
    drain(ring, 0);
    while (sp_ring_input_state(ring, &err) == SP_RING_OPEN)
      usleep(100);
    assert_int_equal(sp_ring_input_state(ring, &err), SP_RING_FAILED);
    if (err.code != rows[i].code)
      fail_msg("row %zu: %s, '%s'", i, sp_code_name(err.code), err.msg);
    sp_http_download_close(download);
    tear_down(&rig);
  }
}

static void other_statuses_come_with_their_body(void **state)
{
  (void)state;
  struct rig rig = set_up(say, "HTTP/1.1 404 No\r\nContent-Length: 7\r\n\r\nunknown");
  struct sp_err err = SP_ERR_INIT;
  struct sp_http_download *download = NULL;
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  assert_int_equal(open_download(&rig, "/blob", &response, &download, &err), 0);
  assert_null(download);
  assert_int_equal(response.status, 404);
  assert_string_equal(sp_buf_str(&response.body), "unknown");
  tear_down(&rig);
  rig = set_up(say, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx");
  assert_int_equal(open_download(&rig, "/blob", &response, &download, &err), -1);
  assert_int_equal(err.code, SP_E_PROTOCOL);
  assert_null(download);
  tear_down(&rig);
}

/* A 401, then a redirect to where the bytes are: the first answers' ends are not the body's end. */
static bool go_round(struct server *server, int fd, const char *head)
{
  (void)server;
  if (strstr(head, "GET /bytes"))
    server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  else if (strstr(head, "Authorization: Bearer token"))
    server_say(fd, "HTTP/1.1 307 Go\r\nLocation: /bytes\r\nContent-Length: 2\r\n\r\ngo");
  else
    server_say(fd, "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno");
  return true;
}

static int give_token(struct sp_http_auth *auth, const char *scope, struct sp_secret *value,
                      struct sp_err *err)
{
  (void)auth;
  return strcmp(scope, "again") == 0 ? sp_secret_set(value, SP_SPAN_LIT("Bearer token"), err) : 0;
}

static char test_scope[8];

static int take_challenge(struct sp_http_auth *auth, const char *scope,
                          const struct sp_headers *headers, bool *again, struct sp_err *err)
{
  (void)auth, (void)scope, (void)headers, (void)err;
  snprintf(test_scope, sizeof test_scope, "again");
  *again = true;
  return 0;
}

static void a_body_comes_after_a_401_and_a_redirect(void **state)
{
  (void)state;
  struct rig rig = set_up(go_round, NULL);
  struct sp_err err = SP_ERR_INIT;
  struct sp_http_auth auth = {.authorize = give_token, .challenged = take_challenge};
  struct sp_http_download *download = NULL;
  const char *bytes;
  bool end, aborted;
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_RING struct sp_ring *ring = new_ring(5, 5);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  snprintf(test_scope, sizeof test_scope, "first");
  assert_int_equal(sp_url_make(sp_http_site_origin(rig.site), &url, &err, "/blob"), 0);
  struct sp_http_request request = {
      .site = rig.site, .url = &url, .auth = &auth, .scope = test_scope};
  assert_int_equal(sp_http_download_open(rig.http, &request, &response, &download, &err), 0);
  assert_int_equal(response.status, 200);
  assert_string_equal(response.url.target, "/bytes");
  sp_http_download_start(download, ring);
  while (sp_ring_input_state(ring, &err) == SP_RING_OPEN)
    usleep(100);
  assert_int_equal(sp_ring_input_state(ring, &err), SP_RING_COMPLETE);
  assert_int_equal(sp_ring_peek(ring, 0, &bytes, &end, &aborted), 5);
  assert_memory_equal(bytes, "hello", 5);
  assert_int_equal(server_count(rig.server), 3);
  sp_http_download_close(download);
  tear_down(&rig);
}

/* Whatever the moment, closing ends the transfer and lets go of the ring. */
static void closing_early_lets_go(void **state)
{
  (void)state;
  struct blob_script script = {"HTTP/1.1 200 OK\r\nContent-Length: 3145745\r\n\r\n", BLOB_BYTES,
                               .slow = true};
  for (int i = 0; i < 12; i++) {
    struct rig rig = set_up(send_blob, &script);
    struct sp_err err = SP_ERR_INIT;
    struct sp_http_download *download = NULL;
    SP_AUTO_RING struct sp_ring *ring = new_ring(BLOB_BYTES, 128 * 1024);
    SP_AUTO_RESPONSE struct sp_http_response response;
    sp_http_response_init(&response);
    assert_int_equal(open_download(&rig, "/blob", &response, &download, &err), 0);
    if (i % 3 > 0)
      sp_http_download_start(download, ring);
    if (i % 3 > 1)
      usleep((useconds_t)i * 1000);
    sp_http_download_close(download);
    enum sp_ring_input want = i % 3 > 0 ? SP_RING_FAILED : SP_RING_OPEN;
    assert_int_equal(sp_ring_input_state(ring, &err), want);
    tear_down(&rig);
  }
}

/* A full ring is no stall: the other side waits for us. */
static void a_pause_is_no_stall(void **state)
{
  (void)state;
  struct blob_script script = {"HTTP/1.1 200 OK\r\nContent-Length: 3145745\r\n\r\n", BLOB_BYTES,
                               .slow = false};
  struct rig rig = {.server = server_new(send_blob, &script), .http = new_client(500, NULL)};
  rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
  struct sp_err err = SP_ERR_INIT;
  struct sp_http_download *download = NULL;
  SP_AUTO_RING struct sp_ring *ring = new_ring(BLOB_BYTES, 64 * 1024);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  assert_int_equal(open_download(&rig, "/blob", &response, &download, &err), 0);
  usleep(1100000);
  sp_http_download_start(download, ring);
  usleep(1100000);
  assert_int_equal(sp_ring_input_state(ring, &err), SP_RING_OPEN);
  assert_int_equal(drain(ring, 0), BLOB_BYTES);
  sp_http_download_close(download);
  tear_down(&rig);
}

static bool drip(struct server *server, int fd, const char *head)
{
  (void)server, (void)head;
  server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 100; i++) {
    if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
      return false;
    usleep(50000);
  }
  return false;
}

/* A byte now and then is as good as none (S26). */
static void a_drip_is_a_stall(void **state)
{
  (void)state;
  struct rig rig = {.server = server_new(drip, NULL), .http = new_client(400, NULL)};
  rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
  struct sp_err err = SP_ERR_INIT;
  struct sp_http_download *download = NULL;
  SP_AUTO_RING struct sp_ring *ring = new_ring(100, 100);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  int64_t start = sp_clock_mono_ms();
  assert_int_equal(open_download(&rig, "/blob", &response, &download, &err), 0);
  sp_http_download_start(download, ring);
  while (sp_ring_input_state(ring, &err) == SP_RING_OPEN)
    usleep(1000);
  assert_int_equal(err.code, SP_E_NETWORK);
  assert_non_null(strstr(err.msg, "stalled"));
  assert_true(sp_clock_mono_ms() - start < 3000);
  sp_http_download_close(download);
  tear_down(&rig);
}

static void a_wish_to_stop_fails_the_input(void **state)
{
  (void)state;
  struct sp_cancel *cancel = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  struct blob_script script = {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", 50, .hang = true};
  struct rig rig = {.server = server_new(send_blob, &script), .http = new_client(60000, cancel)};
  rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
  struct sp_http_download *download = NULL;
  SP_AUTO_RING struct sp_ring *ring = new_ring(100, 100);
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  assert_int_equal(open_download(&rig, "/blob", &response, &download, &err), 0);
  sp_http_download_start(download, ring);
  sp_cancel_request(cancel, SIGINT);
  while (sp_ring_input_state(ring, &err) == SP_RING_OPEN)
    usleep(1000);
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  assert_int_equal(err.sys, SIGINT);
  sp_http_download_close(download);
  tear_down(&rig);
  sp_cancel_free(cancel);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_body_comes_whole_through_any_ring),
      cmocka_unit_test(a_broken_body_fails_the_input),
      cmocka_unit_test(other_statuses_come_with_their_body),
      cmocka_unit_test(a_body_comes_after_a_401_and_a_redirect),
      cmocka_unit_test(closing_early_lets_go),
      cmocka_unit_test(a_pause_is_no_stall),
      cmocka_unit_test(a_drip_is_a_stall),
      cmocka_unit_test(a_wish_to_stop_fails_the_input),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
