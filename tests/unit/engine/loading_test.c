/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct script {
  size_t read; /* bytes of the body (as sent, in chunks) that are read first; SIZE_MAX: all */
  const char *answer;
  enum { KEEP, CLOSE, HANG } then;
};

/* Reads a chunked body to its end; answers how many bytes it had, or -1 if it broke off. */
static long long read_chunked(int fd)
{
  long long total = 0;
  for (;;) {
    char line[32] = "";
    for (size_t n = 0; n + 1 < sizeof line && !strstr(line, "\r\n"); n++) {
      if (server_read(fd, line + n, 1) != 1)
        return -1;
    }
    size_t chunk = strtoul(line, NULL, 16);
    if (server_read(fd, NULL, chunk + 2) != chunk + 2)
      return -1;
    if (chunk == 0)
      return total;
    total += (long long)chunk;
  }
}

static _Atomic long long received;

static bool play(struct server *server, int fd, const char *head)
{
  const struct script *script = server->ctx;
  if (fake_asks(head, "GET /_ping"))
    return server_say(fd, FAKE_PONG), false;
  if (script->read == SIZE_MAX)
    received = read_chunked(fd);
  else
    server_read(fd, NULL, script->read);
  server_say(fd, script->answer);
  if (script->then == HANG)
    server_read(fd, NULL, SIZE_MAX);
  return false;
}

#define LOADED "{\"stream\":\"Loaded image: app:latest\\n\"}\r\n"
#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n"

static const struct {
  struct script script;
  enum sp_code code;
  const char *words;
} rows[] = {
    {{SIZE_MAX,
      OK_HEAD "{\"errorDetail\":{\"message\":\"no such file\"},\"error\":\"no such "
              "file\"}\r\n",
      CLOSE},
     SP_E_INVALID,
     "no such file"},
    {{SIZE_MAX, OK_HEAD LOADED "{\"error\":\"write: no space left on device\"}", CLOSE},
     SP_E_STORE_FULL,
     "no room"},
    {{SIZE_MAX, OK_HEAD "Loaded image: app:latest\n", CLOSE}, SP_E_PROTOCOL, "Loaded image"},
    {{SIZE_MAX,
      "HTTP/1.1 500 Oh\r\nContent-Length: 54\r\n\r\n{\"message\":\"write: no space left "
      "on device, I am full\"}\n",
      CLOSE},
     SP_E_STORE_FULL,
     "no space left"},
    {{SIZE_MAX, "HTTP/1.1 400 Bad\r\nContent-Length: 20\r\n\r\n{\"message\":\"bad!!\"}\n", CLOSE},
     SP_E_PROTOCOL,
     "bad!!"},
    {{SIZE_MAX, "", CLOSE}, SP_E_NETWORK, ""},
    {{SIZE_MAX, "", HANG}, SP_E_NETWORK, "stalled"},
    {{SIZE_MAX, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" LOADED, CLOSE}, SP_E_NETWORK, ""},
    {{1000000, "HTTP/1.1 500 Oh\r\nContent-Length: 22\r\n\r\n{\"message\":\"full up\"}\n", HANG},
     SP_E_SERVER,
     "full up"},
    {{1000000, OK_HEAD "{\"error\":\"archive/tar: invalid tar header\"}\r\n", CLOSE},
     SP_E_INVALID,
     "invalid tar header"},
    {{1000000, OK_HEAD LOADED, CLOSE}, SP_E_NETWORK, ""},
    {{1000000, "", CLOSE}, SP_E_NETWORK, ""},
    {{1000000, "", HANG}, SP_E_NETWORK, "stalled"},
    {{0, "", CLOSE}, SP_E_NETWORK, ""},
    {{SIZE_MAX, OK_HEAD LOADED, CLOSE}, SP_OK, NULL},
    {{SIZE_MAX, OK_HEAD, CLOSE}, SP_OK, NULL},
    {{SIZE_MAX, "HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n" LOADED, HANG}, SP_OK, NULL},
};

#define PIECE 70001
#define PIECES 100

static int send_image(struct sp_output *output, struct sp_err *err)
{
  static char block[PIECE];
  for (int i = 0; i < PIECES; i++) {
    if (output->ops->write(output, block, sizeof block, err) < 0)
      return -1;
  }
  return output->ops->finish(output, err);
}

static void check(size_t row)
{
  struct fake_engine fake = fake_start(play, &rows[row].script);
  struct sp_err err = SP_ERR_INIT;
  struct sp_output *output;
  fake_open(&fake);
  assert_int_equal(sp_engine_load(fake.engine, &output, &err), 0);
  int rc = send_image(output, &err);
  enum sp_code code = rc < 0 ? err.code : SP_OK;
  if (code != rows[row].code || (rows[row].words && !strstr(err.msg, rows[row].words)))
    fail_msg("row %zu: %s: %s", row, sp_code_name(code), err.msg);
  if (code == SP_OK)
    assert_int_equal(received, (long long)PIECE * PIECES);
  assert_true(server_saw(fake.server, 1, "POST /v1.41/images/load?quiet=1 HTTP/1.1"));
  assert_true(server_saw(fake.server, 1, "\r\nContent-Type: application/x-tar\r\n"));
  sp_output_close(output);
  fake_stop(&fake);
}

static void test_loads(void **state)
{
  (void)state;
  for (size_t row = 0; row < COUNT(rows); row++)
    check(row);
}

/* Closed before it is finished, it must not look finished to the engine. */
static void test_abandoned(void **state)
{
  (void)state;
  static const struct script script = {SIZE_MAX, OK_HEAD LOADED, CLOSE};
  struct fake_engine fake = fake_start(play, &script);
  struct sp_err err = SP_ERR_INIT;
  struct sp_output *output;
  char block[1000] = {0};
  received = 0;
  fake_open(&fake);
  assert_int_equal(sp_engine_load(fake.engine, &output, &err), 0);
  assert_int_equal(output->ops->write(output, block, sizeof block, &err), 0);
  sp_output_close(output);
  for (int i = 0; i < 200 && received == 0; i++)
    usleep(10000);
  assert_int_equal(received, -1);
  fake_stop(&fake);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_loads),
      cmocka_unit_test(test_abandoned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
