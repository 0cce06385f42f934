/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define ERROR_LINE "{\"errorDetail\":{\"message\":\"layer gone\"},\"error\":\"layer gone\"}\r\n"

struct script {
  const char *head;  /* before the bytes */
  size_t bytes;      /* of 'a', as chunks of at most 50000 */
  const char *after; /* a chunk of its own */
  enum { END, CLOSE, HANG } then;
};

static void send_chunk(int fd, const char *bytes, size_t n)
{
  char line[32];
  snprintf(line, sizeof line, "%zx\r\n", n);
  server_say(fd, line);
  server_send(fd, bytes, n);
  server_say(fd, "\r\n");
}

static bool play(struct server *server, int fd, const char *head)
{
  const struct script *script = server->ctx;
  static char block[50000];
  if (fake_asks(head, "GET /_ping"))
    return server_say(fd, FAKE_PONG), false;
  memset(block, 'a', sizeof block);
  server_say(fd, script->head);
  for (size_t left = script->bytes; left > 0;) {
    size_t n = left < sizeof block ? left : sizeof block;
    send_chunk(fd, block, n);
    left -= n;
  }
  if (script->after)
    send_chunk(fd, script->after, strlen(script->after));
  if (script->then == END)
    server_say(fd, "0\r\n\r\n");
  else if (script->then == HANG)
    server_read(fd, NULL, 1);
  return false;
}

/* Reads all in pieces of `piece`; answers the code, and in *total how much came. */
static enum sp_code read_image(struct fake_engine *fake, size_t piece, size_t *total,
                               struct sp_err *err)
{
  struct sp_digest id;
  struct sp_input *input = NULL;
  char buf[100000];
  size_t got = 1;
  *total = 0;
  assert_int_equal(sp_digest_parse(SP_SPAN_LIT("sha256:" HEX), &id, err), 0);
  int rc = sp_engine_save(fake->engine, &id, 0, &input, err);
  while (rc == 0 && got > 0) {
    rc = input->ops->read(input, buf, piece, &got, err);
    if (rc == 0)
      *total += got;
  }
  sp_input_close(input);
  return rc < 0 ? err->code : SP_OK;
}

static const struct {
  struct script script;
  enum sp_code code;
  const char *words;
  size_t at_most; /* bytes that may have been passed on before the failure */
} rows[] = {
    {{"HTTP/1.1 404 Not Found\r\nContent-Length: 36\r\n\r\n{\"message\":\"No such image: "
      "sha256\"}\n",
      0, NULL, CLOSE},
     SP_E_NOT_FOUND,
     "No such image",
     0},
    {{"HTTP/1.1 500 Oh\r\nContent-Length: 17\r\n\r\n{\"message\":\"oh\"}\n", 0, NULL, CLOSE},
     SP_E_SERVER,
     "oh",
     0},
    {{"", 0, NULL, HANG}, SP_E_NETWORK, "stalled", 0},
    {{CHUNKED, 1000, NULL, HANG}, SP_E_NETWORK, "stalled", 0},
    {{CHUNKED, 300000, NULL, HANG}, SP_E_NETWORK, "stalled", 300000},
    {{CHUNKED, 300000, NULL, CLOSE}, SP_E_NETWORK, "", 300000},
    {{CHUNKED, 0, ERROR_LINE, END}, SP_E_SERVER, "layer gone", 0},
    {{CHUNKED, 100, ERROR_LINE, END}, SP_E_SERVER, "layer gone", 0},
    {{CHUNKED, 4096, ERROR_LINE, END}, SP_E_SERVER, "layer gone", 4096},
    {{CHUNKED, 700000, ERROR_LINE, END}, SP_E_SERVER, "layer gone", 700000},
    {{CHUNKED, 0, NULL, END}, SP_OK, NULL, 0},
    {{CHUNKED, 1, NULL, END}, SP_OK, NULL, 1},
    {{CHUNKED, 4096, NULL, END}, SP_OK, NULL, 4096},
    {{CHUNKED, 4097, NULL, END}, SP_OK, NULL, 4097},
    {{CHUNKED, 3000000, NULL, END}, SP_OK, NULL, 3000000},
};

static void check(size_t row, size_t piece)
{
  struct fake_engine fake = fake_start(play, &rows[row].script);
  struct sp_err err = SP_ERR_INIT;
  size_t total;
  fake_open(&fake);
  enum sp_code code = read_image(&fake, piece, &total, &err);
  if (code != rows[row].code || (rows[row].words && !strstr(err.msg, rows[row].words)))
    fail_msg("row %zu by %zu: %s: %s", row, piece, sp_code_name(code), err.msg);
  if (total > rows[row].at_most || (code == SP_OK && total != rows[row].script.bytes))
    fail_msg("row %zu by %zu: %zu bytes came", row, piece, total);
  assert_true(server_saw(fake.server, 1, "GET /v1.41/images/sha256:" HEX "/get HTTP/1.1"));
  fake_stop(&fake);
}

static void test_streams(void **state)
{
  (void)state;
  for (size_t row = 0; row < COUNT(rows); row++) {
    check(row, 512);
    check(row, 100000);
  }
}

/* A reader that takes its time makes the engine wait, and is no stall. */
static void test_slow_reader(void **state)
{
  (void)state;
  static const struct script script = {CHUNKED, 2000000, NULL, END};
  struct fake_engine fake = fake_start(play, &script);
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest id;
  struct sp_input *input;
  char buf[65536];
  size_t got = 1;
  size_t total = 0;
  fake_open(&fake);
  assert_int_equal(sp_digest_parse(SP_SPAN_LIT("sha256:" HEX), &id, &err), 0);
  assert_int_equal(sp_engine_save(fake.engine, &id, 0, &input, &err), 0);
  while (got > 0) {
    if (total < 3 * sizeof buf)
      usleep(2 * FAKE_IDLE_MS * 1000);
    if (input->ops->read(input, buf, sizeof buf, &got, &err) < 0)
      fail_msg("%s", err.msg);
    total += got;
  }
  assert_int_equal(total, script.bytes);
  sp_input_close(input);
  fake_stop(&fake);
}

/* An engine packs the whole image before its first byte: it has the longer the larger that is. */
static bool pack(struct server *server, int fd, const char *head)
{
  bool headers_first = *(const bool *)server->ctx;
  if (fake_asks(head, "GET /_ping"))
    return server_say(fd, FAKE_PONG), false;
  if (headers_first)
    server_say(fd, CHUNKED);
  usleep(2 * FAKE_IDLE_MS * 1000);
  if (!headers_first)
    server_say(fd, CHUNKED);
  server_say(fd, "3\r\nabc\r\n0\r\n\r\n");
  return false;
}

static int read_to_end(struct sp_input *input, struct sp_err *err)
{
  char buf[64];
  size_t got = 1;
  while (got > 0) {
    if (input->ops->read(input, buf, sizeof buf, &got, err) < 0)
      return -1;
  }
  return 0;
}

static int save(struct fake_engine *fake, uint64_t size_bytes, struct sp_err *err)
{
  struct sp_digest id;
  struct sp_input *input;
  assert_int_equal(sp_digest_parse(SP_SPAN_LIT("sha256:" HEX), &id, err), 0);
  if (sp_engine_save(fake->engine, &id, size_bytes, &input, err) < 0)
    return -1;
  int rc = read_to_end(input, err);
  sp_input_close(input);
  return rc;
}

static void test_patience(void **state)
{
  (void)state;
  static const bool ways[] = {false, true};
  for (size_t i = 0; i < COUNT(ways); i++) {
    struct fake_engine fake = fake_start(pack, &ways[i]);
    struct sp_err err = SP_ERR_INIT;
    fake_open(&fake);
    assert_int_equal(save(&fake, 0, &err), -1);
    assert_int_equal(err.code, SP_E_NETWORK);
    if (save(&fake, 20000000, &err) < 0)
      fail_msg("%s", err.msg);
    fake_stop(&fake);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_streams),
      cmocka_unit_test(test_slow_reader),
      cmocka_unit_test(test_patience),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
