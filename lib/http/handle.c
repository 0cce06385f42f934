/* SPDX-License-Identifier: Apache-2.0 */
#include "http/handle.h"

#include <strings.h>

/* Buffers are per transfer, and 64 of them may run: small ones for small answers. Larger ones for
 * bodies showed no gain in CPU beside a ring of 1 MiB, only in memory (4 relays: 15.4 MiB RSS; with
 * 128 and 256 KiB 16.5 MiB). */
#define SMALL_BUFFER_BYTES (16L * 1024)
#define DOWNLOAD_BUFFER_BYTES (64L * 1024)
#define UPLOAD_BUFFER_BYTES (128L * 1024)
/* Idle connections older than this are not used for a body that cannot be sent twice. */
#define UPLOAD_MAX_IDLE_S 20L

const char *sp_handle_method_name(enum sp_http_method method)
{
  static const char *const names[] = {
      [SP_GET] = "GET", [SP_HEAD] = "HEAD",   [SP_POST] = "POST",
      [SP_PUT] = "PUT", [SP_PATCH] = "PATCH", [SP_DELETE] = "DELETE"};
  return names[method];
}

static bool is_upload(const struct sp_exchange_order *order)
{
  return order->stream && order->stream->give;
}

/* -- headers */

/* Adds "name: value"; an empty value is written as curl wants it. The copy that passes through here
 * may be a secret: it is wiped. */
static int add_line(struct curl_slist **lines, const char *name, struct sp_span value,
                    struct sp_err *err)
{
  if (!sp_headers_is_safe_value(value))
    return sp_fail(err, SP_E_USAGE,
                   "the value for header '%s' holds control characters or is too long", name);
  SP_AUTO_BUF struct sp_buf line;
  sp_buf_init_secret(&line, SP_MAX_HEADER_VALUE_BYTES + 256);
  if (sp_buf_appendf(&line, err, "%s%s", name, value.len > 0 ? ": " : ";") < 0 ||
      sp_buf_append_span(&line, value, err) < 0)
    return -1;
  struct curl_slist *longer = curl_slist_append(*lines, sp_buf_str(&line));
  if (!longer)
    return sp_fail(err, SP_E_NOMEM, "cannot make a request: out of memory");
  *lines = longer;
  return 0;
}

/* "Name:" takes away a header that curl would send by itself. */
static int drop_line(struct curl_slist **lines, const char *name_and_colon, struct sp_err *err)
{
  struct curl_slist *longer = curl_slist_append(*lines, name_and_colon);
  if (!longer)
    return sp_fail(err, SP_E_NOMEM, "cannot make a request: out of memory");
  *lines = longer;
  return 0;
}

static int add_lines(const struct sp_exchange_order *order, struct curl_slist **lines,
                     struct sp_err *err)
{
  const struct sp_http_request *request = order->request;
  bool has_type = false;
  for (size_t i = 0; i < request->header_count; i++) {
    has_type = has_type || strcasecmp(request->headers[i].name, "Content-Type") == 0;
    if (add_line(lines, request->headers[i].name, sp_span_str(request->headers[i].value), err) != 0)
      return -1;
  }
  if (!has_type && drop_line(lines, "Content-Type:", err) != 0)
    return -1;
  if (drop_line(lines, "Expect:", err) != 0 ||
      add_line(lines, "Accept-Encoding", SP_SPAN_LIT("identity"), err) != 0)
    return -1;
  if (!order->authorization || sp_secret_is_empty(order->authorization))
    return 0;
  return add_line(lines, "Authorization", sp_secret_reveal(order->authorization), err);
}

/* -- options */

static void set_method(CURL *easy, const struct sp_exchange_order *order)
{
  const struct sp_http_request *request = order->request;
  enum sp_http_method method = request->method;
  if (method == SP_HEAD) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (method == SP_GET)
    return;
  if (is_upload(order)) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)order->upload_bytes);
  } else if (method != SP_DELETE) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.ptr : "");
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, sp_handle_method_name(method));
}

static void set_tls(CURL *easy, const struct sp_exchange_order *order)
{
  const struct sp_http_site *site = order->request->site;
  const char *ca_file = order->http->ca_file;
  if (site->ca_file && sp_site_knows_host(site, &order->url->origin))
    ca_file = site->ca_file;
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!ca_file)
    return;
  curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
  curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}

static void set_proxy(CURL *easy, const char *proxy)
{
  curl_easy_setopt(easy, CURLOPT_PROXY, proxy ? proxy : ""); /* "": not curl's own reading of env */
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void set_connection(CURL *easy, const struct sp_exchange_order *order)
{
  bool may_share = !order->stream && order->url->origin.https;
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   may_share ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
  /* A burst of small requests waits for one connection instead of opening many. Never for bodies
   * that pause: they wait for each other. */
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, may_share ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)order->http->connect_timeout_ms);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE,
                   order->stream && order->stream->take ? DOWNLOAD_BUFFER_BYTES
                                                        : SMALL_BUFFER_BYTES);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE,
                   is_upload(order) ? UPLOAD_BUFFER_BYTES : SMALL_BUFFER_BYTES);
  if (is_upload(order))
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, UPLOAD_MAX_IDLE_S);
}

static void set_manners(CURL *easy, const struct sp_exchange_order *order)
{
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* signed URLs go as they came */
  curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
  curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a slow resolver must not hold up the loop */
  if (order->http->user_agent)
    curl_easy_setopt(easy, CURLOPT_USERAGENT, order->http->user_agent);
}

static int set_url(CURL *easy, const struct sp_url *url, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_URL_BYTES + SP_ORIGIN_TEXT_MAX);
  if (sp_url_format(url, &text, err) != 0)
    return -1;
  if (curl_easy_setopt(easy, CURLOPT_URL, sp_buf_str(&text)) != CURLE_OK)
    return sp_fail(err, SP_E_NOMEM, "cannot make a request: out of memory");
  return 0;
}

int sp_handle_new(const struct sp_exchange_order *order, const char *proxy, CURL **easy_out,
                  struct curl_slist **lines_out, struct sp_err *err)
{
  struct curl_slist *lines = NULL;
  CURL *easy = curl_easy_init();
  if (!easy)
    return sp_fail(err, SP_E_NOMEM, "cannot make a request: out of memory");
  if (set_url(easy, order->url, err) != 0 || add_lines(order, &lines, err) != 0) {
    sp_handle_free(easy, lines);
    return -1;
  }
  set_method(easy, order);
  set_tls(easy, order);
  set_proxy(easy, proxy);
  set_connection(easy, order);
  set_manners(easy, order);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
  *easy_out = easy;
  *lines_out = lines;
  return 0;
}

void sp_handle_free(CURL *easy, struct curl_slist *lines)
{
  if (easy)
    curl_easy_cleanup(easy);
  for (struct curl_slist *line = lines; line; line = line->next)
    explicit_bzero(line->data, strlen(line->data));
  curl_slist_free_all(lines);
}
