/* SPDX-License-Identifier: Apache-2.0 */
/* A client with one site on a scripted server, and handlers that many tests share. Include after
 * cmocka.h. */
#ifndef SP_TESTS_HTTP_RIG_H
#define SP_TESTS_HTTP_RIG_H

#include "http/client.h"
#include "script_server.h"

/* -- a client with one site on a server */

struct rig {
  struct server *server;
  struct sp_http *http;
  struct sp_http_site *site;
};

static inline struct sp_http *new_client(int64_t idle_timeout_ms, const struct sp_cancel *cancel)
{
  struct sp_http *http = NULL;
  struct sp_err err = SP_ERR_INIT;
  struct sp_http_settings settings = {.user_agent = "test/1",
                                      .connect_timeout_ms = 2000,
                                      .idle_timeout_ms = idle_timeout_ms,
                                      .cancel = cancel};
  assert_int_equal(sp_http_new(&settings, &http, &err), 0);
  return http;
}

static inline struct sp_http_site *add_site(struct sp_http *http, const char *host, uint16_t port,
                                            bool https)
{
  struct sp_http_site *site = NULL;
  struct sp_err err = SP_ERR_INIT;
  struct sp_http_site_settings settings = {.origin = {.https = https, .port = port}};
  snprintf(settings.origin.host, sizeof settings.origin.host, "%s", host);
  assert_int_equal(sp_http_add_site(http, &settings, &site, &err), 0);
  return site;
}

#define PATIENT_MS 20000 /* a busy machine makes a second of an instant */
#define HASTY_MS 1000    /* where the time limit is to come */

static inline struct rig set_up_with(server_handler *handler, const void *ctx,
                                     int64_t idle_timeout_ms)
{
  struct rig rig = {.server = server_new(handler, ctx), .http = new_client(idle_timeout_ms, NULL)};
  rig.site = add_site(rig.http, "127.0.0.1", rig.server->port, false);
  return rig;
}

static inline struct rig set_up(server_handler *handler, const void *ctx)
{
  return set_up_with(handler, ctx, PATIENT_MS);
}

static inline void tear_down(struct rig *rig)
{
  sp_http_free(rig->http);
  server_free(rig->server);
}

static inline int send_request(struct rig *rig, struct sp_http_request request, const char *target,
                               struct sp_http_response *response, struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  request.site = rig->site;
  request.url = &url;
  assert_int_equal(sp_url_make(sp_http_site_origin(rig->site), &url, err, "%s", target), 0);
  return sp_http_perform(rig->http, &request, response, err);
}

static inline int get(struct rig *rig, const char *target, struct sp_http_response *response,
                      struct sp_err *err)
{
  return send_request(rig, (struct sp_http_request){.method = SP_GET}, target, response, err);
}

/* Says what it was given; reads a body first. */
static inline bool say(struct server *server, int fd, const char *head)
{
  long long n = server_length(head);
  if (n > 0)
    server_read(fd, NULL, (size_t)n);
  server_say(fd, server->ctx);
  return true;
}

/* Says what it was given and closes. */
static inline bool say_and_close(struct server *server, int fd, const char *head)
{
  say(server, fd, head);
  return false;
}

static inline bool say_and_reset(struct server *server, int fd, const char *head)
{
  say(server, fd, head);
  usleep(20000);
  server_reset(fd);
  return false;
}

/* Says it and then nothing until the other side goes away. */
static inline bool say_and_hang(struct server *server, int fd, const char *head)
{
  say(server, fd, head);
  server_read(fd, NULL, 1);
  return false;
}

#endif
