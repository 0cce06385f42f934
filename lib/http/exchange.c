/* SPDX-License-Identifier: Apache-2.0 */
/* The callbacks keep one rule: whoever answers "stop" to curl has written the reason into
 * `failure` before. What curl itself finds is translated by http/fault.c at the end.
 *
 * A refusal or redirect whose headers are complete is an answer, whatever happens to the connection
 * afterwards: servers close while we still send. */
#include "http/exchange.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "http/fault.h"
#include "http/handle.h"

#define GRACE_MS 5000            /* what a small write may still take after a wish to stop */
#define GRACE_IN_ALL_MS 10000    /* for all small writes, one after the other */
#define COMMIT_BYTES_PER_MS 4096 /* slower than this no registry hashes and moves a blob */

static struct sp_exchange *of_task(struct sp_loop_task *task)
{
  return (struct sp_exchange *)task;
}

void sp_exchange_fail(struct sp_exchange *exchange, const struct sp_err *err)
{
  if (exchange->failure.code == SP_OK)
    sp_err_copy(&exchange->failure, err);
}

/* Raises a failure of the exchange about its URL: fail(ex, code, "... %s ..."). */
#define fail(ex, code, ...) \
  do { \
    struct sp_err err_ = SP_ERR_INIT; \
    char url_[SP_URL_TEXT_MAX]; \
    sp_url_format_public((ex)->order.url, url_); \
    sp_fail(&err_, code, __VA_ARGS__); \
    sp_err_context(&err_, "'%s'", url_); \
    sp_exchange_fail(ex, &err_); \
  } while (0)

bool sp_exchange_is_streaming(const struct sp_exchange *exchange)
{
  const struct sp_exchange_stream *stream = exchange->order.stream;
  return stream && stream->take && (exchange->status == 200 || exchange->status == 206);
}

/* -- headers */

/* "HTTP/1.1 200 OK". */
static bool begin_answer(struct sp_exchange *ex, struct sp_span line)
{
  const char *blank = memchr(line.ptr, ' ', line.len);
  if (!blank || line.ptr + line.len - blank < 4 || !isdigit((unsigned char)blank[1]) ||
      !isdigit((unsigned char)blank[2]) || !isdigit((unsigned char)blank[3])) {
    fail(ex, SP_E_PROTOCOL, "the answer has no proper status line");
    return false;
  }
  ex->status = (blank[1] - '0') * 100 + (blank[2] - '0') * 10 + (blank[3] - '0');
  ex->in_headers = true;
  sp_headers_clear(&ex->headers);
  if (ex->first_byte_ms < 0 && ex->sent_ms > 0)
    ex->first_byte_ms = sp_clock_mono_ms() - ex->sent_ms;
  return true;
}

/* Two lengths, or a length and chunks, are how answers are smuggled (S27). */
static bool check_framing(struct sp_exchange *ex)
{
  const char *first = sp_headers_get(&ex->headers, "Content-Length");
  for (size_t i = 1; first; i++) {
    const char *more = sp_headers_get_nth(&ex->headers, "Content-Length", i);
    if (!more)
      break;
    if (strcmp(first, more) != 0) {
      fail(ex, SP_E_PROTOCOL, "the answer has two different Content-Length headers");
      return false;
    }
  }
  if (first && sp_headers_get(&ex->headers, "Transfer-Encoding")) {
    fail(ex, SP_E_PROTOCOL, "the answer has both Content-Length and Transfer-Encoding");
    return false;
  }
  return true;
}

/* We asked for bytes as they are (S15). */
static bool check_encoding(struct sp_exchange *ex)
{
  const char *encoding = sp_headers_get(&ex->headers, "Content-Encoding");
  bool matters = ex->order.request->method == SP_GET && ex->status >= 200 && ex->status < 300;
  if (!matters || !encoding || strcasecmp(encoding, "identity") == 0 || !encoding[0])
    return true;
  char shown[40];
  sp_text_escape(shown, sizeof shown, sp_span_str(encoding));
  fail(ex, SP_E_PROTOCOL, "the answer came with Content-Encoding '%s', which was not asked for",
       shown);
  return false;
}

static bool fail_too_large(struct sp_exchange *ex)
{
  char limit[SP_SIZE_TEXT_MAX];
  sp_text_format_size(limit, ex->body.max_bytes);
  fail(ex, SP_E_LIMIT, "the answer is larger than the %s that are allowed for it", limit);
  return false;
}

static bool check_length(struct sp_exchange *ex)
{
  const char *length = sp_headers_get(&ex->headers, "Content-Length");
  uint64_t n;
  if (!length || ex->order.request->method == SP_HEAD || ex->status >= 300 ||
      sp_exchange_is_streaming(ex) || sp_text_parse_u64(sp_span_str(length), &n) != 0 ||
      n <= ex->body.max_bytes)
    return true;
  return fail_too_large(ex);
}

/* What a cache kept has an old date. */
static void note_date(const struct sp_exchange *ex)
{
  const char *date = sp_headers_get(&ex->headers, "Date");
  int64_t unix_s;
  if (date && !sp_headers_get(&ex->headers, "Age") && sp_clock_parse_http_date(date, &unix_s) == 0)
    sp_clock_note_witness(unix_s);
}

static bool end_headers(struct sp_exchange *ex)
{
  ex->in_headers = false;
  if (ex->status < 200) {
    ex->status = 0; /* 1xx: the answer is yet to come */
    return true;
  }
  if (!check_framing(ex) || !check_encoding(ex) || !check_length(ex))
    return false;
  ex->headers_ended = true;
  note_date(ex);
  if (ex->order.stream && ex->order.stream->answered)
    ex->order.stream->answered(ex);
  return ex->failure.code == SP_OK;
}

static bool read_header(struct sp_exchange *ex, struct sp_span line)
{
  struct sp_err err = SP_ERR_INIT;
  ex->header_bytes += line.len;
  if (ex->header_bytes > SP_MAX_HEADER_BYTES) {
    fail(ex, SP_E_LIMIT, "the answer has more than %u KiB of headers",
         SP_MAX_HEADER_BYTES / SP_KIB);
    return false;
  }
  if (ex->headers_ended)
    return true; /* trailers: nothing of ours */
  if (!ex->in_headers)
    return begin_answer(ex, line);
  if (line.len > 0 && (line.ptr[0] == '\r' || line.ptr[0] == '\n'))
    return end_headers(ex);
  if (sp_headers_add_line(&ex->headers, line, &err) == 0)
    return true;
  fail(ex, err.code, "%s", err.msg);
  return false;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *ctx)
{
  return read_header(ctx, SP_SPAN(bytes, size * n)) ? size * n : 0;
}

/* -- bodies */

static size_t keep_body(struct sp_exchange *ex, const char *bytes, size_t n)
{
  struct sp_err err = SP_ERR_INIT;
  size_t room = ex->body.max_bytes - ex->body.len;
  size_t take = n < room ? n : room;
  if (sp_buf_append(&ex->body, bytes, take, &err) != 0) {
    sp_exchange_fail(ex, &err);
    return 0;
  }
  if (take == n)
    return n;
  ex->cut = true;
  if (ex->status < 300)
    fail_too_large(ex);
  return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
  struct sp_exchange *ex = ctx;
  if (!sp_exchange_is_streaming(ex))
    return keep_body(ex, bytes, size * n);
  size_t taken = ex->order.stream->take(ex, bytes, size * n);
  ex->paused = taken == CURL_WRITEFUNC_PAUSE;
  return taken;
}

static size_t on_read(char *out, size_t size, size_t n, void *ctx)
{
  struct sp_exchange *ex = ctx;
  size_t given = ex->order.stream->give(ex, out, size * n);
  ex->paused = given == CURL_READFUNC_PAUSE;
  return given;
}

/* -- the guard */

static bool is_allowed(struct sp_exchange *ex, enum sp_address_kind kind, const char *address)
{
  struct sp_http_site *site = ex->order.request->site;
  if (ex->proxy || ex->is_own || sp_site_allows_kind(site, kind))
    return true;
  const char *host = ex->order.url->origin.host;
  sp_fail(&ex->refusal, SP_E_REFUSED,
          "'%s' sends us to '%s', whose address %s is %s, while its own is %s: refused, it may be "
          "an attempt to reach hosts inside your network",
          site->origin.host, host, address, _(sp_guard_kind_name(kind)),
          _(sp_guard_kind_name((enum sp_address_kind)atomic_load(&site->kind))));
  return false;
}

static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
  char text[SP_ADDRESS_TEXT_MAX];
  (void)purpose;
  sp_guard_format(&addr->addr, addr->addrlen, text);
  if (!is_allowed(ctx, sp_guard_kind(&addr->addr, addr->addrlen), text))
    return CURL_SOCKET_BAD;
  return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

/* Connected, also by a connection that another site opened: the address is looked at again. */
static int on_connected(void *ctx, char *address, char *own_address, int port, int own_port)
{
  struct sp_exchange *ex = ctx;
  (void)own_address, (void)port, (void)own_port;
  enum sp_address_kind kind = sp_guard_kind_of_text(address);
  if (!is_allowed(ex, kind, address)) {
    sp_exchange_fail(ex, &ex->refusal);
    return CURL_PREREQFUNC_ABORT;
  }
  if (ex->is_own && !ex->proxy)
    sp_site_note_kind(ex->order.request->site, kind);
  ex->sent_ms = ex->mark_ms = sp_clock_mono_ms();
  return CURL_PREREQFUNC_OK;
}

/* -- the watchdog */

/* When the first exchange saw a wish to stop. */
static int64_t stopping_since(struct sp_http *http, int64_t now)
{
  int64_t first_ms = 0;
  return atomic_compare_exchange_strong(&http->stopping_ms, &first_ms, now) ? now : first_ms;
}

/* A wish to stop: small writes may end, everything else stops at once. */
static bool watch_cancel(struct sp_exchange *ex, int64_t now)
{
  enum sp_http_method method = ex->order.request->method;
  struct sp_err err = SP_ERR_INIT;
  if (sp_cancel_check(ex->order.http->cancel, &err) == 0)
    return true;
  bool may_end = !ex->order.stream && method != SP_GET && method != SP_HEAD;
  if (ex->give_up_ms == 0) {
    int64_t last_ms = stopping_since(ex->order.http, now) + GRACE_IN_ALL_MS;
    int64_t own_ms = now + (may_end ? GRACE_MS : 0);
    ex->give_up_ms = own_ms < last_ms ? own_ms : last_ms;
  }
  if (now < ex->give_up_ms)
    return true;
  sp_exchange_fail(ex, &err);
  return false;
}

static bool on_resume(struct sp_loop_task *task)
{
  struct sp_exchange *ex = of_task(task);
  if (!ex->paused)
    return false;
  ex->paused = false;
  ex->mark_ms = sp_clock_mono_ms();
  return true;
}

static uint64_t bytes_moved(const struct sp_exchange *ex)
{
  curl_off_t up = 0;
  curl_off_t down = 0;
  curl_easy_getinfo(ex->task.easy, CURLINFO_SIZE_UPLOAD_T, &up);
  curl_easy_getinfo(ex->task.easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
  return (uint64_t)up + (uint64_t)down;
}

static bool watch_connecting(struct sp_exchange *ex, int64_t now)
{
  /* curl's own limit comes first; this one is for waits that it does not count. */
  if (now - ex->started_ms < 2 * ex->order.http->connect_timeout_ms + GRACE_MS)
    return true;
  fail(ex, SP_E_UNREACHABLE, "connecting took too long: is there a firewall in between?");
  return false;
}

static bool fail_stalled(struct sp_exchange *ex, int64_t limit_ms)
{
  if (ex->all_given)
    fail(ex, SP_E_NETWORK, "no answer within %" PRId64 " s after the whole body was sent",
         limit_ms / 1000);
  else if (!ex->headers_ended && !ex->order.upload_bytes)
    fail(ex, SP_E_NETWORK, "no answer within %" PRId64 " s", limit_ms / 1000);
  else
    fail(ex, SP_E_NETWORK, "stalled: less than 1 KiB/s for %" PRId64 " s", limit_ms / 1000);
  return false;
}

/* All is sent, and the registry hashes and moves it: that takes as long as the blob is large. */
static int64_t commit_limit_ms(const struct sp_exchange *ex)
{
  const struct sp_http *http = ex->order.http;
  uint64_t upload = ex->order.upload_bytes;
  uint64_t bytes = upload > 0 ? upload : ex->order.request->commit_bytes;
  int64_t limit_ms = http->idle_timeout_ms + (int64_t)(bytes / COMMIT_BYTES_PER_MS);
  return limit_ms < http->commit_timeout_ms ? limit_ms : http->commit_timeout_ms;
}

/* Not paused by us, it must have moved so much since the mark, or it has stalled. */
static bool watch_progress(struct sp_exchange *ex, int64_t now)
{
  bool commits = ex->all_given || ex->order.request->commit_bytes > 0;
  int64_t limit_ms = commits ? commit_limit_ms(ex) : ex->order.http->idle_timeout_ms;
  uint64_t enough = commits ? 1 : (uint64_t)(SP_STALL_BYTES_PER_S * limit_ms / 1000);
  uint64_t moved = bytes_moved(ex);
  if (ex->paused || moved - ex->mark_bytes >= (enough > 0 ? enough : 1)) {
    ex->mark_bytes = moved;
    ex->mark_ms = now;
    return true;
  }
  return now - ex->mark_ms < limit_ms || fail_stalled(ex, limit_ms);
}

static bool on_watch(struct sp_loop_task *task, int64_t now)
{
  struct sp_exchange *ex = of_task(task);
  if (!watch_cancel(ex, now))
    return false;
  return ex->sent_ms == 0 ? watch_connecting(ex, now) : watch_progress(ex, now);
}

/* -- the end */

static const char *method_name(const struct sp_exchange *ex)
{
  return sp_handle_method_name(ex->order.request->method);
}

static void log_end(const struct sp_exchange *ex)
{
  if (!sp_log_is_on(SP_LOG_DEBUG))
    return;
  char url[SP_URL_TEXT_MAX];
  sp_url_format_public(ex->order.url, url);
  int64_t ms = sp_clock_mono_ms() - ex->started_ms;
  if (ex->failure.code == SP_OK)
    sp_log(SP_LOG_DEBUG, "%s %s -> %d (%" PRId64 " ms)", method_name(ex), url, ex->status, ms);
  else
    sp_log(SP_LOG_DEBUG, "%s %s -> %s (%" PRId64 " ms)", method_name(ex), url, ex->failure.msg, ms);
}

static void translate(struct sp_exchange *ex, CURLcode code)
{
  struct sp_err err = SP_ERR_INIT;
  bool connecting = code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT;
  if (code == CURLE_OK && !ex->headers_ended) {
    fail(ex, SP_E_PROTOCOL, "the answer has no end of headers");
  } else if (code == CURLE_OK || ex->failure.code != SP_OK) {
    return;
  } else if (ex->headers_ended && ex->status >= 300) {
    return;
  } else if (connecting && ex->refusal.code != SP_OK) {
    sp_exchange_fail(ex, &ex->refusal);
  } else if (code == CURLE_OUT_OF_MEMORY && ex->sent_ms != 0 && !ex->headers_ended) {
    /* curl's word for a header line over 100 KiB; memory would hardly run out just here. */
    fail(ex, SP_E_LIMIT, "the answer's headers are too long");
  } else if (code == CURLE_ABORTED_BY_CALLBACK) {
    fail(ex, SP_E_INTERRUPTED, "the request was given up");
  } else {
    struct sp_fault fault = {.code = code,
                             .detail = ex->detail,
                             .easy = ex->task.easy,
                             .url = ex->order.url,
                             .by_proxy = ex->proxy != NULL};
    sp_fault_raise(&fault, &err);
    sp_exchange_fail(ex, &err);
  }
}

static void on_ended(struct sp_loop_task *task, CURLcode code)
{
  struct sp_exchange *ex = of_task(task);
  translate(ex, code);
  log_end(ex);
  if (ex->order.stream && ex->order.stream->ended)
    ex->order.stream->ended(ex);
}

/* -- making and using */

static void set_callbacks(struct sp_exchange *ex)
{
  CURL *easy = ex->task.easy;
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, ex);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, ex);
  if (ex->order.stream && ex->order.stream->give) {
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, ex);
  }
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, ex);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, ex);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, ex->detail);
}

int sp_exchange_new(const struct sp_exchange_order *order, struct sp_exchange **out,
                    struct sp_err *err)
{
  const struct sp_http_request *request = order->request;
  SP_CLEANUP(sp_exchange_free_auto_) struct sp_exchange *ex = calloc(1, sizeof *ex);
  if (!ex)
    return sp_fail(err, SP_E_NOMEM, "cannot make a request: out of memory");
  ex->order = *order;
  ex->is_own = sp_origin_eq(&order->url->origin, &request->site->origin);
  ex->proxy = sp_proxy_for(&order->http->proxy, &order->url->origin);
  ex->failure = ex->refusal = SP_ERR_INIT;
  ex->first_byte_ms = -1;
  sp_headers_init(&ex->headers);
  size_t ceiling = request->max_body_bytes ? request->max_body_bytes : SP_MAX_ERROR_BODY_BYTES;
  sp_buf_init(&ex->body, ceiling);
  bool small = !order->stream && order->url->origin.https;
  ex->loop = small ? order->http->meta : order->http->bulk;
  ex->all_given = order->stream && order->stream->give && order->upload_bytes == 0;
  ex->task.ended = on_ended;
  ex->task.resume = on_resume;
  ex->task.watch = on_watch;
  if (sp_handle_new(order, ex->proxy, &ex->task.easy, &ex->lines, err) != 0)
    return -1;
  set_callbacks(ex);
  *out = sp_steal(&ex);
  return 0;
}

int sp_exchange_start(struct sp_exchange *exchange, struct sp_err *err)
{
  exchange->started_ms = sp_clock_mono_ms();
  if (sp_loop_submit(exchange->loop, &exchange->task, err) != 0)
    return -1;
  exchange->submitted = true;
  return 0;
}

void sp_exchange_wait_answer(struct sp_exchange *exchange)
{
  sp_loop_wait_news(exchange->loop, &exchange->task);
}

void sp_exchange_wait_end(struct sp_exchange *exchange)
{
  sp_loop_wait_end(exchange->loop, &exchange->task);
}

int sp_exchange_result(const struct sp_exchange *exchange, struct sp_err *err)
{
  if (exchange->failure.code == SP_OK)
    return 0;
  sp_err_copy(err, &exchange->failure);
  return -1;
}

void sp_exchange_free(struct sp_exchange *exchange)
{
  if (!exchange)
    return;
  if (exchange->submitted) {
    sp_loop_cancel(exchange->loop, &exchange->task);
    sp_loop_wait_end(exchange->loop, &exchange->task);
  }
  sp_handle_free(exchange->task.easy, exchange->lines);
  sp_headers_clear(&exchange->headers);
  sp_buf_clear(&exchange->body);
  free(exchange);
}
