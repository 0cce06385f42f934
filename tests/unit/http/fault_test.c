/* SPDX-License-Identifier: Apache-2.0 */
#include "http/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
  CURLcode curl;
  const char *detail;
  enum sp_code code;
  const char *words;
} rows[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "", SP_E_UNREACHABLE, "no such host"},
    {CURLE_COULDNT_CONNECT, "", SP_E_UNREACHABLE, "cannot connect"},
    {CURLE_OPERATION_TIMEDOUT, "", SP_E_UNREACHABLE, "too long"},
    {CURLE_SSL_CONNECT_ERROR, "error:0A00010B:SSL routines::wrong version number", SP_E_TLS,
     "use --insecure HOST"},
    {CURLE_SSL_CONNECT_ERROR, "OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection", SP_E_NETWORK,
     "handshake"},
    {CURLE_SSL_CONNECT_ERROR, "OpenSSL SSL_connect: Connection reset by peer", SP_E_NETWORK, ""},
    {CURLE_SSL_CONNECT_ERROR, "no protocols available", SP_E_TLS, "no protocols available"},
    {CURLE_PEER_FAILED_VERIFICATION,
     "SSL: no alternative certificate subject name matches target host name", SP_E_TLS,
     "another name: use the name"},
    {CURLE_PEER_FAILED_VERIFICATION, "odd", SP_E_TLS, "not accepted (odd)"},
    {CURLE_RECV_ERROR, "", SP_E_NETWORK, ""},
    {CURLE_SEND_ERROR, "", SP_E_NETWORK, ""},
    {CURLE_SEND_FAIL_REWIND, "", SP_E_NETWORK, ""},
    {CURLE_GOT_NOTHING, "", SP_E_NETWORK, ""},
    {CURLE_PARTIAL_FILE, "", SP_E_NETWORK, "short"},
    {CURLE_HTTP2_STREAM, "", SP_E_NETWORK, ""},
    {CURLE_HTTP2, "", SP_E_NETWORK, ""},
    {CURLE_WEIRD_SERVER_REPLY, "", SP_E_PROTOCOL, "not proper HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed", SP_E_PROTOCOL, "HTTP/0.9"},
    {CURLE_OUT_OF_MEMORY, "", SP_E_NOMEM, ""},
    {CURLE_TFTP_NOSUCHUSER, "", SP_E_INTERNAL, ""},
    {CURLE_RECV_ERROR, "\x1b[2J", SP_E_NETWORK, "\\x1B[2J"}, /* text of the other side */
};

static void each_fault_means_something(void **state)
{
  (void)state;
  char target[] = "/v2/?sig=canary";
  struct sp_url url = {.origin = {.https = true, .host = "registry.test", .port = 443},
                       .target = target};
  CURL *easy = curl_easy_init();
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    struct sp_fault fault = {
        .code = rows[i].curl, .detail = rows[i].detail, .easy = easy, .url = &url};
    assert_int_equal(sp_fault_raise(&fault, &err), -1);
    if (err.code != rows[i].code || !strcasestr(err.msg, rows[i].words))
      fail_msg("row %zu: %s, '%s'", i, sp_code_name(err.code), err.msg);
    assert_non_null(strstr(err.msg, "'https://registry.test/v2/'"));
    assert_null(strstr(err.msg, "canary"));
  }
  curl_easy_cleanup(easy);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_fault_means_something),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
