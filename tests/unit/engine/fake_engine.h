/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted engine on a unix socket: it answers a ping as engines do, and everything else as the
 * test says. Include after cmocka.h. */
#ifndef SP_TESTS_FAKE_ENGINE_H
#define SP_TESTS_FAKE_ENGINE_H

#include "../http/script_server.h"
#include "engine/engine.h"

#define FAKE_IDLE_MS 300
#define FAKE_PONG "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK"

struct fake_engine {
  struct server *server;
  struct sp_endpoint endpoint;
  struct sp_engine_settings settings;
  struct sp_engine *engine; /* NULL before fake_open */
};

/* What is asked for: true if the request begins so. */
static inline bool fake_asks(const char *head, const char *request)
{
  return strncmp(head, request, strlen(request)) == 0;
}

static inline struct fake_engine fake_start(server_handler *handler, const void *ctx)
{
  static int number;
  struct fake_engine fake = {.settings = {.user_agent = "test/1", .idle_timeout_ms = FAKE_IDLE_MS}};
  snprintf(fake.endpoint.path, sizeof fake.endpoint.path, "/tmp/sp-fake-%d-%d.sock", (int)getpid(),
           number++);
  fake.server = server_new_unix(fake.endpoint.path, handler, ctx);
  return fake;
}

static inline void fake_open(struct fake_engine *fake)
{
  struct sp_err err = SP_ERR_INIT;
  if (sp_engine_open(&fake->settings, &fake->endpoint, &fake->engine, &err) < 0)
    fail_msg("%s", err.msg);
}

static inline void fake_stop(struct fake_engine *fake)
{
  sp_engine_close(fake->engine);
  server_free(fake->server);
  unlink(fake->endpoint.path);
}

#endif
