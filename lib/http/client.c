/* SPDX-License-Identifier: Apache-2.0 */
/* The client is its settings, its two loops and its sites; requests are journeys. */
#include "http/client.h"

#include "base/limits.h"
#include "base/text.h"
#include "http/journey.h"

#define TICK_MS 1000
#define TICK_MIN_MS 20
#define COMMIT_PER_IDLE 10 /* of an idle timeout that was given explicitly */

static void init_curl(void)
{
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int64_t or_default(int64_t ms, int64_t fallback_ms)
{
  return ms > 0 ? ms : fallback_ms;
}

static int copy_settings(struct sp_http *http, const struct sp_http_settings *settings,
                         struct sp_err *err)
{
  http->cancel = settings->cancel;
  http->connect_timeout_ms = or_default(settings->connect_timeout_ms, SP_CONNECT_TIMEOUT_MS);
  http->idle_timeout_ms = or_default(settings->idle_timeout_ms, SP_STALL_TIMEOUT_MS);
  http->commit_timeout_ms = settings->idle_timeout_ms > 0
                                ? settings->idle_timeout_ms * COMMIT_PER_IDLE
                                : SP_COMMIT_TIMEOUT_MS;
  if (sp_text_dup(&http->user_agent, settings->user_agent, err) != 0 ||
      sp_text_dup(&http->ca_file, settings->ca_file, err) != 0)
    return -1;
  return sp_proxy_init(&http->proxy, err);
}

static int make_loops(struct sp_http *http, struct sp_err *err)
{
  int64_t tick = http->idle_timeout_ms / 4;
  struct sp_loop_settings settings = {
      .http2 = true,
      .tick_ms = tick < TICK_MIN_MS ? TICK_MIN_MS
                 : tick > TICK_MS   ? TICK_MS
                                    : tick,
      .wake_fd = sp_cancel_fd(http->cancel),
  };
  if (sp_loop_new(&settings, &http->meta, err) != 0)
    return -1;
  settings.http2 = false;
  return sp_loop_new(&settings, &http->bulk, err);
}

int sp_http_new(const struct sp_http_settings *settings, struct sp_http **out, struct sp_err *err)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, init_curl);
  struct sp_http *http = calloc(1, sizeof *http);
  if (!http)
    return sp_fail(err, SP_E_NOMEM, "cannot make an HTTP client: out of memory");
  pthread_mutex_init(&http->lock, NULL);
  if (copy_settings(http, settings, err) != 0 || make_loops(http, err) != 0) {
    sp_http_free(http);
    return -1;
  }
  *out = http;
  return 0;
}

const struct sp_cancel *sp_http_cancel(const struct sp_http *http)
{
  return http->cancel;
}

void sp_http_free(struct sp_http *http)
{
  if (!http)
    return;
  sp_loop_free(http->meta);
  sp_loop_free(http->bulk);
  for (struct sp_http_site *site = http->sites; site;) {
    struct sp_http_site *next = site->next;
    sp_site_free(site);
    site = next;
  }
  sp_proxy_clear(&http->proxy);
  free(http->user_agent);
  free(http->ca_file);
  pthread_mutex_destroy(&http->lock);
  free(http);
}

int sp_http_add_site(struct sp_http *http, const struct sp_http_site_settings *settings,
                     struct sp_http_site **out, struct sp_err *err)
{
  struct sp_http_site *site = NULL;
  if (sp_site_new(settings, &site, err) != 0)
    return -1;
  SP_LOCK_SCOPE(&http->lock);
  site->next = http->sites;
  http->sites = site;
  *out = site;
  return 0;
}

void sp_http_response_init(struct sp_http_response *response)
{
  *response = (struct sp_http_response){.first_byte_ms = -1};
  sp_headers_init(&response->headers);
  sp_buf_init(&response->body, SP_MAX_ERROR_BODY_BYTES);
}

void sp_http_response_clear(struct sp_http_response *response)
{
  sp_headers_clear(&response->headers);
  sp_buf_clear(&response->body);
  sp_url_clear(&response->url);
  response->status = 0;
  response->first_byte_ms = -1;
}

int sp_http_perform(struct sp_http *http, const struct sp_http_request *request,
                    struct sp_http_response *response, struct sp_err *err)
{
  struct sp_journey journey = {.http = http, .request = request, .lane = request->lane};
  if (sp_journey_make(&journey, err) != 0)
    return -1;
  int rc = sp_journey_answer(&journey, response, err);
  sp_journey_end(&journey);
  return rc;
}
