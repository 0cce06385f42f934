/* SPDX-License-Identifier: Apache-2.0 */
/* The table gives code and words; a few faults are told apart by curl's own text, where nothing
 * better exists. That text is escaped: it may quote the other side. */
#include "http/fault.h"

#include <errno.h>
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

#define DETAIL_MAX 200

struct meaning {
  CURLcode curl;
  enum sp_code code;
  const char *words; /* after "'host': " */
};

static const struct meaning meanings[] = {
    {CURLE_COULDNT_RESOLVE_HOST, SP_E_UNREACHABLE,
     N_("no such host: check the name, and the DNS of this machine")},
    {CURLE_COULDNT_RESOLVE_PROXY, SP_E_UNREACHABLE,
     N_("the proxy's host name is unknown: check HTTPS_PROXY")},
    {CURLE_COULDNT_CONNECT, SP_E_UNREACHABLE, N_("cannot connect")},
    {CURLE_PROXY, SP_E_UNREACHABLE, N_("the proxy did not let us through: check HTTPS_PROXY")},
    {CURLE_OPERATION_TIMEDOUT, SP_E_UNREACHABLE,
     N_("connecting took too long: is there a firewall in between?")},
    {CURLE_SSL_CONNECT_ERROR, SP_E_TLS, N_("the TLS handshake failed")},
    {CURLE_PEER_FAILED_VERIFICATION, SP_E_TLS, N_("its certificate was not accepted")},
    {CURLE_SSL_CERTPROBLEM, SP_E_TLS, N_("the TLS handshake failed")},
    {CURLE_SSL_CIPHER, SP_E_TLS, N_("there is no TLS cipher in common")},
    {CURLE_SSL_CACERT_BADFILE, SP_E_TLS, N_("the CA file cannot be read")},
    {CURLE_SSL_ISSUER_ERROR, SP_E_TLS, N_("the issuer of its certificate was not accepted")},
    {CURLE_SSL_INVALIDCERTSTATUS, SP_E_TLS, N_("the status of its certificate was not accepted")},
    {CURLE_RECV_ERROR, SP_E_NETWORK, N_("the connection broke while receiving")},
    {CURLE_SEND_ERROR, SP_E_NETWORK, N_("the connection broke while sending")},
    {CURLE_SEND_FAIL_REWIND, SP_E_NETWORK, N_("the connection broke while sending")},
    {CURLE_GOT_NOTHING, SP_E_NETWORK, N_("the connection was closed without an answer")},
    {CURLE_PARTIAL_FILE, SP_E_NETWORK, N_("the answer ended short")},
    {CURLE_HTTP2_STREAM, SP_E_NETWORK, N_("the HTTP/2 stream broke")},
    {CURLE_SSL_SHUTDOWN_FAILED, SP_E_NETWORK, N_("the connection broke")},
    {CURLE_WEIRD_SERVER_REPLY, SP_E_PROTOCOL, N_("the answer is not proper HTTP")},
    {CURLE_UNSUPPORTED_PROTOCOL, SP_E_PROTOCOL, N_("the answer is not proper HTTP")},
    {CURLE_HTTP2, SP_E_NETWORK, N_("the HTTP/2 connection broke")}, /* a GOAWAY as well */
    {CURLE_BAD_CONTENT_ENCODING, SP_E_PROTOCOL, N_("the answer is encoded in a way not asked for")},
    {CURLE_URL_MALFORMAT, SP_E_PROTOCOL, N_("the URL cannot be used")},
    {CURLE_OUT_OF_MEMORY, SP_E_NOMEM, N_("out of memory")},
};

static const struct meaning *find(CURLcode code)
{
  for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
    if (meanings[i].curl == code)
      return &meanings[i];
  return NULL;
}

static bool says(const struct sp_fault *fault, const char *words)
{
  return strcasestr(fault->detail, words) != NULL;
}

/* -- faults with words of their own; each answers whether it was one */

static bool raise_certificate(const struct sp_fault *fault, struct sp_err *err)
{
  static const struct {
    long result; /* X509_V_ERR_*: part of OpenSSL's ABI */
    const char *words;
  } known[] = {
      {9, N_("its certificate is not valid yet: check the clock of this machine")},
      {10,
       N_("its certificate has expired: it must be renewed there, or the clock of this machine is "
          "wrong")},
      {18, N_("its certificate is self-signed: if it is to be trusted, use --ca HOST=FILE")},
      {19, N_("its certificate is from an unknown authority: use --ca HOST=FILE")},
      {20, N_("its certificate is from an unknown authority: use --ca HOST=FILE")},
      {21, N_("its certificate is from an unknown authority: use --ca HOST=FILE")},
  };
  long result = 0;
  curl_easy_getinfo(fault->easy, CURLINFO_SSL_VERIFYRESULT, &result);
  if (says(fault, "does not match") || says(fault, "no alternative certificate subject")) {
    sp_fail(
        err, SP_E_TLS,
        "its certificate is for another name: use the name that it is for, or have this one added "
        "to it there");
    return true;
  }
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (known[i].result == result) {
      sp_fail(err, SP_E_TLS, "%s", _(known[i].words));
      return true;
    }
  }
  return false;
}

static bool raise_handshake(const struct sp_fault *fault, struct sp_err *err)
{
  if (says(fault, "wrong version number") || says(fault, "http request")) {
    sp_fail(err, SP_E_TLS,
            "the server gave an HTTP answer to an HTTPS client: use --insecure HOST for a "
            "plain-http registry");
    return true;
  }
  if (says(fault, "SSL_ERROR_SYSCALL") || says(fault, "reset by peer")) {
    sp_fail(err, SP_E_NETWORK, "the connection broke in the TLS handshake");
    return true;
  }
  return false;
}

static bool raise_connect(const struct sp_fault *fault, struct sp_err *err)
{
  long sys = 0;
  curl_easy_getinfo(fault->easy, CURLINFO_OS_ERRNO, &sys);
  if (sys == 0)
    return false;
  if (fault->by_proxy) {
    sp_fail_sys(err, SP_E_UNREACHABLE, (int)sys, "cannot connect to the proxy of HTTPS_PROXY");
    return true;
  }
  if (sys != ECONNREFUSED)
    return sp_fail_sys(err, SP_E_UNREACHABLE, (int)sys, "cannot connect") != 0;
  const struct sp_origin *origin = &fault->url->origin;
  return sp_fail(err, SP_E_UNREACHABLE, "connection refused: is the registry running at '%s:%u'?",
                 origin->host, origin->port) != 0;
}

static bool raise_by_proxy(const struct sp_fault *fault, struct sp_err *err)
{
  char detail[DETAIL_MAX];
  if (!fault->by_proxy || !(says(fault, "CONNECT tunnel") || says(fault, "proxy")))
    return false;
  sp_text_escape(detail, sizeof detail, sp_span_str(fault->detail));
  sp_fail(err, SP_E_UNREACHABLE, "the proxy of HTTPS_PROXY did not let us through (%s)", detail);
  return true;
}

static bool raise_special(const struct sp_fault *fault, struct sp_err *err)
{
  switch ((int)fault->code) {
  case CURLE_PEER_FAILED_VERIFICATION:
    return raise_certificate(fault, err);
  case CURLE_SSL_CONNECT_ERROR:
    return raise_handshake(fault, err);
  case CURLE_COULDNT_CONNECT:
    return raise_connect(fault, err);
  case CURLE_RECV_ERROR:
    return raise_by_proxy(fault, err);
  default:
    return false;
  }
}

static void raise(const struct sp_fault *fault, struct sp_err *err)
{
  if (raise_special(fault, err))
    return;
  char detail[DETAIL_MAX];
  const char *said = fault->detail[0] ? fault->detail : curl_easy_strerror(fault->code);
  sp_text_escape(detail, sizeof detail, sp_span_str(said));
  const struct meaning *meaning = find(fault->code);
  if (meaning)
    sp_fail(err, meaning->code, "%s (%s)", _(meaning->words), detail);
  else
    sp_fail(err, SP_E_INTERNAL, "the request failed in a way not known: %s", detail);
  if (fault->code == CURLE_RECV_ERROR)
    err->sys = ECONNRESET; /* tells a broken line from an answer that ended short */
}

int sp_fault_raise(const struct sp_fault *fault, struct sp_err *err)
{
  char url[SP_URL_TEXT_MAX];
  sp_url_format_public(fault->url, url);
  raise(fault, err);
  return sp_err_context(err, "'%s'", url);
}
