/* SPDX-License-Identifier: Apache-2.0 */
/* A multi handle with one transfer, turned by whoever waits for it. curl's callbacks only copy: out
 * of the caller's bytes (`give`), into the pool. With nothing to give or a full pool the transfer
 * is paused; every function that makes room lets it go on.
 *
 * Time counts only while we wait for the engine (`waited_ms`), not while our caller is busy. */
#include "engine/call.h"

#include <curl/curl.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/call_fault.h"
#include "http/guard.h"

#define POOL_BYTES (256u * SP_KIB) /* more than curl hands over at once */
#define CURL_BUFFER_BYTES (128L * 1024)
#define TURN_MS 200 /* how long a wait may last before we look around */

struct sp_engine_call {
  struct sp_engine_link link;
  CURLM *multi;
  CURL *easy;
  struct curl_slist *lines;
  char *target; /* for messages */
  bool plain_tcp, has_body;
  int64_t patience_ms;

  /* the request's body */
  const char *give; /* borrowed from sp_engine_call_write while that runs */
  size_t give_len;
  bool body_ended;

  /* the answer */
  int status; /* of the final answer, once its headers are complete; 0: not yet */
  char *pool; /* POOL_BYTES; held[0..pool_len) from pool_at on wait for a reader */
  size_t pool_at, pool_len;

  /* how it goes */
  bool over;
  CURLcode code;
  bool refused_address; /* plain TCP, and the name is an address of another host */
  bool was_patient;     /* at the last look */
  int64_t waited_ms;    /* since the mark */
  uint64_t mark_bytes;
  char detail[CURL_ERROR_SIZE];
};

/* -- callbacks */

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
  struct sp_engine_call *call = ctx;
  n *= size;
  if (call->pool_len == 0)
    call->pool_at = 0;
  if (n > POOL_BYTES - call->pool_at - call->pool_len)
    return CURL_WRITEFUNC_PAUSE;
  memcpy(call->pool + call->pool_at + call->pool_len, bytes, n);
  call->pool_len += n;
  return n;
}

static size_t on_read(char *out, size_t size, size_t n, void *ctx)
{
  struct sp_engine_call *call = ctx;
  if (call->give_len == 0)
    return call->body_ended ? 0 : CURL_READFUNC_PAUSE;
  n = n * size < call->give_len ? n * size : call->give_len;
  memcpy(out, call->give, n);
  call->give += n;
  call->give_len -= n;
  return n;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *ctx)
{
  struct sp_engine_call *call = ctx;
  long status = 0;
  if (bytes[0] != '\r' && bytes[0] != '\n')
    return size * n;
  curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200)
    call->status = (int)status;
  return size * n;
}

/* Plain TCP stays on this host, whatever the name resolves to. */
static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
  struct sp_engine_call *call = ctx;
  (void)purpose;
  if (call->plain_tcp && sp_guard_kind(&addr->addr, addr->addrlen) != SP_ADDRESS_LOOPBACK) {
    call->refused_address = true;
    return CURL_SOCKET_BAD;
  }
  return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

/* -- making one */

static int add_line(struct sp_engine_call *call, const char *name, const char *value,
                    struct sp_err *err)
{
  SP_AUTO_FREE char *line = NULL;
  if (sp_text_format(&line, err, "%s:%s%s", name, *value ? " " : "", value) < 0)
    return -1;
  struct curl_slist *longer = curl_slist_append(call->lines, line);
  if (!longer)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a request to the engine");
  call->lines = longer;
  return 0;
}

/* "Expect:" and such take away what curl would send by itself. */
static int set_headers(struct sp_engine_call *call, const struct sp_engine_call_order *order,
                       struct sp_err *err)
{
  if (add_line(call, "Expect", "", err) < 0 ||
      add_line(call, "Accept-Encoding", "identity", err) < 0)
    return -1;
  if (order->body_type && (add_line(call, "Content-Type", order->body_type, err) < 0 ||
                           add_line(call, "Transfer-Encoding", "chunked", err) < 0))
    return -1;
  curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->lines);
  return 0;
}

static int set_url(struct sp_engine_call *call, struct sp_err *err)
{
  const struct sp_endpoint *endpoint = call->link.endpoint;
  char origin[SP_ORIGIN_TEXT_MAX] = "http://engine";
  SP_AUTO_FREE char *url = NULL;
  if (!endpoint->path[0])
    sp_origin_format(&endpoint->origin, origin);
  if (sp_text_format(&url, err, "%s%s", origin, call->target) < 0)
    return -1;
  if (curl_easy_setopt(call->easy, CURLOPT_URL, url) != CURLE_OK)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a request to the engine");
  return 0;
}

static void set_place(struct sp_engine_call *call)
{
  const struct sp_endpoint *endpoint = call->link.endpoint;
  if (endpoint->path[0]) {
    curl_easy_setopt(call->easy, CURLOPT_UNIX_SOCKET_PATH, endpoint->path);
    return;
  }
  call->plain_tcp = !endpoint->origin.https;
  if (call->plain_tcp)
    return;
  curl_easy_setopt(call->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(call->easy, CURLOPT_CAINFO, endpoint->ca);
  curl_easy_setopt(call->easy, CURLOPT_CAPATH, NULL);
  curl_easy_setopt(call->easy, CURLOPT_SSLCERT, endpoint->cert);
  curl_easy_setopt(call->easy, CURLOPT_SSLKEY, endpoint->key);
}

static void set_body(struct sp_engine_call *call, const struct sp_engine_call_order *order)
{
  curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, order->method);
  if (order->body_type) {
    curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_UPLOAD_BUFFERSIZE, CURL_BUFFER_BYTES);
  }
}

static void set_manners(struct sp_engine_call *call)
{
  CURL *easy = call->easy;
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
  curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)SP_CONNECT_TIMEOUT_MS);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, CURL_BUFFER_BYTES);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, call->link.user_agent);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->detail);
}

int sp_engine_call_begin(const struct sp_engine_link *link,
                         const struct sp_engine_call_order *order, struct sp_engine_call **out,
                         struct sp_err *err)
{
  SP_AUTO_ENGINE_CALL struct sp_engine_call *call = calloc(1, sizeof *call);
  if (!call)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a request to the engine");
  call->link = *link;
  call->patience_ms = order->patience_ms;
  call->has_body = order->body_type != NULL;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  call->pool = malloc(POOL_BYTES);
  call->multi = curl_multi_init();
  call->easy = curl_easy_init();
  if (!call->pool || !call->multi || !call->easy)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a request to the engine");
  if (sp_text_dup(&call->target, order->target, err) < 0 || set_url(call, err) < 0 ||
      set_headers(call, order, err) < 0)
    return -1;
  set_place(call);
  set_body(call, order);
  set_manners(call);
  if (curl_multi_add_handle(call->multi, call->easy) != CURLM_OK)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a request to the engine");
  *out = sp_steal(&call);
  return 0;
}

void sp_engine_call_free(struct sp_engine_call *call)
{
  if (!call)
    return;
  if (call->easy && call->multi)
    curl_multi_remove_handle(call->multi, call->easy);
  if (call->easy)
    curl_easy_cleanup(call->easy);
  curl_multi_cleanup(call->multi);
  curl_slist_free_all(call->lines);
  free(call->target);
  free(call->pool);
  free(call);
}

/* -- turning it */

static uint64_t bytes_moved(const struct sp_engine_call *call)
{
  curl_off_t up = 0;
  curl_off_t down = 0;
  curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &up);
  curl_easy_getinfo(call->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
  return (uint64_t)up + (uint64_t)down;
}

static void note_end(struct sp_engine_call *call)
{
  int left;
  for (CURLMsg *msg; (msg = curl_multi_info_read(call->multi, &left));) {
    if (msg->msg != CURLMSG_DONE)
      continue;
    call->over = true;
    call->code = msg->data.result;
    sp_log(SP_LOG_DEBUG, "engine: %s -> %d%s%s", call->target, call->status,
           call->code == CURLE_OK ? "" : " ", call->code == CURLE_OK ? "" : call->detail);
  }
}

/* The engine packs or unpacks until the first byte of its answer's body; some send the headers
 * before. */
static bool is_patient(const struct sp_engine_call *call)
{
  curl_off_t down = 0;
  curl_easy_getinfo(call->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
  return down == 0 && (!call->has_body || call->body_ended);
}

/* Time is counted from the mark, which moves on with enough bytes. */
static void move_mark(struct sp_engine_call *call, bool is_patient_now, int64_t limit_ms)
{
  uint64_t moved = bytes_moved(call);
  uint64_t enough = is_patient_now ? 0 : SP_STALL_BYTES_PER_S * (uint64_t)limit_ms / 1000;
  bool has_begun = call->was_patient && !is_patient_now; /* it had longer until now */
  call->was_patient = is_patient_now;
  if (!has_begun && moved - call->mark_bytes < (enough > 0 ? enough : 1))
    return;
  call->mark_bytes = moved;
  call->waited_ms = 0;
}

static int watch(struct sp_engine_call *call, struct sp_err *err)
{
  bool is_patient_now = is_patient(call);
  int64_t limit_ms = call->link.idle_timeout_ms + (is_patient_now ? call->patience_ms : 0);
  move_mark(call, is_patient_now, limit_ms);
  if (sp_cancel_check(call->link.cancel, err) < 0)
    return -1;
  if (call->waited_ms < limit_ms)
    return 0;
  char place[SP_ENDPOINT_TEXT_MAX];
  sp_endpoint_format(call->link.endpoint, place);
  return sp_fail(err, SP_E_NETWORK,
                 "the engine at '%s' has stalled: nothing came for %" PRId64
                 " s (--timeout waits longer)",
                 place, limit_ms / 1000);
}

/* One turn: what can be done now, or a short wait for more. */
static int turn(struct sp_engine_call *call, struct sp_err *err)
{
  int running;
  uint64_t before = bytes_moved(call);
  int status = call->status;
  curl_multi_perform(call->multi, &running);
  note_end(call);
  if (call->over || call->status != status || bytes_moved(call) != before)
    return watch(call, err);
  struct curl_waitfd wake = {.fd = sp_cancel_fd(call->link.cancel), .events = CURL_WAIT_POLLIN};
  int64_t began = sp_clock_mono_ms();
  curl_multi_poll(call->multi, &wake, wake.fd >= 0 ? 1 : 0, TURN_MS, NULL);
  call->waited_ms += sp_clock_mono_ms() - began;
  return watch(call, err);
}

static int fail(struct sp_engine_call *call, struct sp_err *err)
{
  const struct sp_engine_call_fault fault = {
      .code = call->code,
      .detail = call->detail,
      .easy = call->easy,
      .endpoint = call->link.endpoint,
      .refused_address = call->refused_address,
      .answered = call->status != 0,
  };
  return sp_engine_call_fault_raise(&fault, err);
}

int sp_engine_call_write(struct sp_engine_call *call, const void *bytes, size_t n, bool *answered,
                         struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  call->give = bytes;
  call->give_len = n;
  curl_easy_pause(call->easy, CURLPAUSE_CONT);
  int rc = 0;
  while (rc == 0 && call->give_len > 0 && !call->over && call->status < 300)
    rc = turn(call, &why);
  bool is_stuck = call->give_len > 0;
  call->give_len = 0;
  *answered = call->status >= 300 || (is_stuck && call->status != 0);
  if (*answered || !is_stuck)
    return 0;
  if (call->over)
    return fail(call, err);
  sp_err_copy(err, &why);
  return -1;
}

void sp_engine_call_end_body(struct sp_engine_call *call, int64_t patience_ms)
{
  call->body_ended = true;
  call->patience_ms = patience_ms;
  call->waited_ms = 0;
  curl_easy_pause(call->easy, CURLPAUSE_CONT);
}

int sp_engine_call_answer(struct sp_engine_call *call, int *status, struct sp_err *err)
{
  while (call->status == 0 && !call->over) {
    if (turn(call, err) < 0)
      return -1;
  }
  *status = call->status;
  return call->status != 0 ? 0 : fail(call, err);
}

const char *sp_engine_call_header(struct sp_engine_call *call, const char *name)
{
  struct curl_header *header;
  CURLHcode code = curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header);
  return code == CURLHE_OK ? header->value : NULL;
}

int sp_engine_call_read(struct sp_engine_call *call, void *buf, size_t n, size_t *got,
                        struct sp_err *err)
{
  while (call->pool_len == 0 && !call->over) {
    curl_easy_pause(call->easy, CURLPAUSE_CONT);
    if (call->pool_len == 0 && turn(call, err) < 0)
      return -1;
  }
  *got = n < call->pool_len ? n : call->pool_len;
  memcpy(buf, call->pool + call->pool_at, *got);
  call->pool_at += *got;
  call->pool_len -= *got;
  return *got > 0 || call->code == CURLE_OK ? 0 : fail(call, err);
}

int sp_engine_call_read_all(struct sp_engine_call *call, struct sp_buf *body, struct sp_err *err)
{
  char chunk[4096];
  for (;;) {
    size_t got;
    if (sp_engine_call_read(call, chunk, sizeof chunk, &got, err) < 0)
      return -1;
    if (got == 0)
      return 0;
    if (sp_buf_append(body, chunk, got, err) < 0)
      return sp_err_context(err, "the engine's answer to '%s'", call->target);
  }
}
