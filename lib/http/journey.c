/* SPDX-License-Identifier: Apache-2.0 */
/* A secret goes along only while every hop so far was to the site's own origin; once it was left,
 * coming back does not bring the secret back (A -> B -> A, reliability.md S01). A token request
 * carries its own secret, and is never redirected. */
#include "http/journey.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"
#include "http/retry_after.h"

#define CLEANING_WAIT_MS 5000 /* at the gate, for a DELETE */

static bool is_redirect(int status)
{
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool may_redirect(const struct sp_http_request *request)
{
  return request->purpose == SP_HTTP_REGISTRY &&
         (request->method == SP_GET || request->method == SP_HEAD);
}

static int check_target(const struct sp_http_request *request, struct sp_err *err)
{
  if (request->purpose == SP_HTTP_TOKEN)
    return sp_http_site_check_realm(request->site, request->url, err);
  return sp_http_site_check_upload(request->site, request->url, err);
}

/* A DELETE only cleans up after us: it may run when we were asked to stop. */
static const struct sp_cancel *cancel_of(const struct sp_journey *j)
{
  return j->request->method == SP_DELETE ? NULL : j->http->cancel;
}

/* -- one hop */

static const struct sp_secret *secret_for(const struct sp_journey *j)
{
  if (j->request->purpose == SP_HTTP_TOKEN)
    return j->request->secret;
  return j->at_home ? &j->secret : NULL;
}

/* Performs the hop to journey->url, up to its answer. */
static int hop(struct sp_journey *j, struct sp_err *err)
{
  struct sp_exchange_order order = {
      .http = j->http,
      .request = j->request,
      .url = &j->url,
      .authorization = secret_for(j),
      .stream = j->stream,
      .stream_ctx = j->stream_ctx,
      .upload_bytes = j->upload_bytes,
  };
  if (sp_exchange_new(&order, &j->exchange, err) != 0 || sp_exchange_start(j->exchange, err) != 0)
    return -1;
  if (j->stream && j->stream->give)
    return 0;
  sp_exchange_wait_answer(j->exchange);
  if (j->stream && j->exchange->task.announced)
    return 0;
  sp_exchange_wait_end(j->exchange);
  return sp_exchange_result(j->exchange, err);
}

/* Where the answer leads, checked. */
static int read_location(const struct sp_journey *j, struct sp_url *next, struct sp_err *err)
{
  char from[SP_URL_TEXT_MAX];
  const char *location = sp_headers_get(&j->exchange->headers, "Location");
  sp_url_format_public(&j->url, from);
  if (!location)
    return sp_fail(err, SP_E_PROTOCOL, "'%s' answered %d without a Location", from,
                   j->exchange->status);
  if (sp_url_resolve(&j->url, sp_span_str(location), next, err) != 0)
    return sp_err_context(err, "'%s' answered %d with a bad Location", from, j->exchange->status);
  return sp_site_check_redirect(j->request->site, &j->url, next, err);
}

/* Goes to the next hop's URL. */
static int turn(struct sp_journey *j, struct sp_err *err)
{
  SP_AUTO_URL struct sp_url next = {0};
  if (read_location(j, &next, err) != 0)
    return -1;
  sp_exchange_free(sp_steal(&j->exchange));
  j->at_home = j->at_home && sp_origin_eq(&next.origin, &j->request->site->origin);
  sp_url_clear(&j->url);
  j->url = next;
  next.target = NULL;
  return 0;
}

int sp_journey_check_stay(const struct sp_journey *journey, struct sp_err *err)
{
  const struct sp_http_request *request = journey->request;
  if (!is_redirect(journey->exchange->status) || may_redirect(request))
    return 0;
  char from[SP_URL_TEXT_MAX];
  char to[128];
  const char *location = sp_headers_get(&journey->exchange->headers, "Location");
  if (!location)
    location = _("nowhere");
  sp_text_escape(to, sizeof to, SP_SPAN(location, strcspn(location, "?#")));
  sp_url_format_public(&journey->url, from);
  return sp_fail(err, SP_E_PROTOCOL,
                 "%s answered a redirect to '%s' where none is allowed ('%s', status %d)",
                 request->purpose == SP_HTTP_TOKEN ? _("token server") : _("registry"), to, from,
                 journey->exchange->status);
}

/* Hops until there is an answer that leads nowhere else. */
static int travel(struct sp_journey *j, struct sp_err *err)
{
  for (int hops = 0;; hops++) {
    if (hop(j, err) != 0)
      return -1;
    if (j->stream && j->stream->give)
      return 0;
    if (sp_journey_check_stay(j, err) != 0)
      return -1;
    if (!is_redirect(j->exchange->status))
      return 0;
    if (hops == SP_MAX_REDIRECTS)
      return sp_fail(err, SP_E_PROTOCOL, "'%s' was redirected more than %d times",
                     j->request->url->origin.host, SP_MAX_REDIRECTS);
    if (turn(j, err) != 0)
      return -1;
  }
}

/* -- with authorisation and gate */

static struct sp_gate_report report_of(const struct sp_exchange *ex)
{
  if (!ex || ex->failure.code != SP_OK)
    return (struct sp_gate_report){.first_byte_ms = -1, .retry_after_ms = -1};
  return (struct sp_gate_report){
      .http_status = ex->status,
      .first_byte_ms = ex->first_byte_ms,
      .retry_after_ms = sp_retry_after_of(&ex->headers, sp_buf_span(&ex->body), sp_clock_wall_s()),
  };
}

/* Ends the exchange and gives the slot back. */
static void leave(struct sp_journey *j)
{
  if (j->exchange && j->exchange->submitted) {
    sp_loop_cancel(j->exchange->loop, &j->exchange->task);
    sp_exchange_wait_end(j->exchange);
  }
  if (!j->inside)
    return;
  struct sp_gate_report report = report_of(j->exchange);
  sp_gate_leave(j->request->site->gate, j->lane, j->party, &report);
  j->inside = false;
}

static int authorize(struct sp_journey *j, struct sp_err *err)
{
  struct sp_http_auth *auth = j->request->auth;
  sp_secret_clear(&j->secret);
  if (!auth || !j->at_home)
    return 0;
  return auth->authorize(auth, j->request->scope, &j->secret, err);
}

/* A DELETE only cleans up: a registry that wants no requests for minutes keeps what we left. */
static int enter_gate(const struct sp_journey *j, struct sp_err *err)
{
  struct sp_gate *gate = j->request->site->gate;
  int rc = j->request->method == SP_DELETE
               ? sp_gate_enter_soon(gate, j->lane, CLEANING_WAIT_MS, err)
               : sp_gate_enter(gate, j->lane, j->party, cancel_of(j), err);
  if (rc != 0 && err->code == SP_E_THROTTLED)
    sp_err_context(err, "'%s'", j->request->site->origin.host);
  return rc;
}

/* From the site's own door, with the slot of the gate held when it returns. */
static int attempt(struct sp_journey *j, struct sp_err *err)
{
  sp_exchange_free(sp_steal(&j->exchange));
  sp_url_clear(&j->url);
  if (sp_url_dup(j->request->url, &j->url, err) != 0)
    return -1;
  j->at_home = j->request->purpose == SP_HTTP_REGISTRY &&
               sp_origin_eq(&j->url.origin, &j->request->site->origin);
  if (authorize(j, err) != 0 || enter_gate(j, err) != 0)
    return -1;
  j->inside = true;
  return travel(j, err);
}

/* Was it refused for want of a (better) secret, and can there be one? */
static int ask_again(struct sp_journey *j, bool *again, struct sp_err *err)
{
  struct sp_http_auth *auth = j->request->auth;
  *again = false;
  bool gives = j->stream && j->stream->give;
  if (!auth || gives || !j->at_home || j->exchange->status != 401)
    return 0;
  leave(j);
  return auth->challenged(auth, j->request->scope, &j->exchange->headers, again, err);
}

static int make(struct sp_journey *j, struct sp_err *err)
{
  bool again;
  if (sp_cancel_check(cancel_of(j), err) != 0 || check_target(j->request, err) != 0 ||
      attempt(j, err) != 0 || ask_again(j, &again, err) != 0)
    return -1;
  return again ? attempt(j, err) : 0;
}

int sp_journey_make(struct sp_journey *journey, struct sp_err *err)
{
  if (make(journey, err) == 0)
    return 0;
  sp_journey_end(journey);
  return -1;
}

void sp_journey_end(struct sp_journey *journey)
{
  leave(journey);
  sp_exchange_free(sp_steal(&journey->exchange));
  sp_url_clear(&journey->url);
  sp_secret_clear(&journey->secret);
}

int sp_journey_answer(struct sp_journey *journey, struct sp_http_response *response,
                      struct sp_err *err)
{
  struct sp_exchange *ex = journey->exchange;
  if (!sp_exchange_is_streaming(ex))
    leave(journey); /* first: the gate wants the headers */
  sp_http_response_clear(response);
  if (sp_url_dup(&journey->url, &response->url, err) != 0)
    return -1;
  response->status = ex->status;
  response->first_byte_ms = ex->first_byte_ms;
  response->headers = ex->headers;
  sp_headers_init(&ex->headers);
  if (sp_exchange_is_streaming(ex))
    return 0;
  response->body = ex->body;
  sp_buf_init(&ex->body, ex->body.max_bytes);
  return 0;
}
