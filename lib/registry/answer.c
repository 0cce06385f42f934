/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/answer.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "http/challenge.h"
#include "http/retry_after.h"
#include "oci/errors.h"
#include "registry/pulls.h"
#include "safeport/remedy.h"

struct code_row {
  int status;       /* 0 = any 4xx */
  const char *code; /* OCI error code; NULL = any */
  int to;           /* an enum sp_answer_to, or ANY */
  enum sp_code means;
};
#define ANY -1

/* The first that fits wins. 5xx: see code_of. */
static const struct code_row rows[] = {
    {0, "MANIFEST_BLOB_UNKNOWN", ANY, SP_E_BLOB_UNKNOWN},
    {0, "BLOB_UNKNOWN", SP_ANSWER_TO_MANIFEST, SP_E_BLOB_UNKNOWN},
    {0, "MANIFEST_UNKNOWN", SP_ANSWER_TO_MANIFEST, SP_E_BLOB_UNKNOWN}, /* a child of an index */
    {0, "DIGEST_INVALID", SP_ANSWER_TO_WRITE, SP_E_DIGEST},            /* it received other bytes */
    /* A new session may go well. */
    {0, "BLOB_UPLOAD_UNKNOWN", ANY, SP_E_SERVER},
    {404, "BLOB_UPLOAD_INVALID", ANY, SP_E_SERVER},
    {401, NULL, ANY, SP_E_AUTH},
    {403, NULL, ANY, SP_E_AUTH},
    {404, NULL, ANY, SP_E_NOT_FOUND},
    {405, NULL, ANY, SP_E_UNSUPPORTED},
    {408, NULL, ANY, SP_E_NETWORK},
    {413, NULL, ANY, SP_E_LIMIT},
    {429, NULL, ANY, SP_E_THROTTLED},
};

static bool fits(const struct code_row *row, int status, const char *code, int to)
{
  if (row->status != 0 && row->status != status)
    return false;
  if (row->code && strcmp(row->code, code) != 0)
    return false;
  return row->to == ANY || row->to == to;
}

/* docker-registry tells a full disk by text or, from other places of its code, by the bare errno.
 */
static bool tells_full(const struct sp_http_response *response)
{
  static const char *const signs[] = {"no space left on device", "disk quota exceeded",
                                      "\"Err\":28}", "\"Err\":122}"};
  const struct sp_buf *body = &response->body;
  for (size_t i = 0; body->len > 0 && i < sizeof signs / sizeof signs[0]; i++) {
    if (memmem(body->data, body->len, signs[i], strlen(signs[i])))
      return true;
  }
  return response->status == 507;
}

static enum sp_code code_of(const struct sp_http_response *response,
                            const struct sp_oci_error *said, int to)
{
  int status = response->status;
  if (status >= 500)
    return tells_full(response) ? SP_E_STORE_FULL : SP_E_SERVER;
  if (status < 400)
    return SP_E_PROTOCOL;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    if (fits(&rows[i], status, said->code, to))
      return rows[i].means;
  }
  return SP_E_PROTOCOL;
}

/* The challenge of a 401 says more than its body, and a HEAD has no body. */
static void add_challenge(const struct sp_http_response *response, struct sp_oci_error *said)
{
  if (response->status != 401)
    return;
  struct sp_challenge challenge;
  sp_challenge_of(&response->headers, &challenge);
  if (strcmp(challenge.error, "insufficient_scope") != 0)
    return;
  snprintf(said->text, sizeof said->text, "insufficient_scope: %s",
           _("the token lacks the permission"));
}

/* A registry that counts pulls does not say when its window ends, only how long it is. */
static int64_t find_wait_ms(const struct sp_http_response *response)
{
  int64_t asked_ms =
      sp_retry_after_of(&response->headers, sp_buf_span(&response->body), sp_clock_wall_s());
  return asked_ms >= 0 ? asked_ms : sp_pulls_spent_ms(&response->headers);
}

/* "what status (text): meaning: advice" */
static int raise(const char *who, const char *host, enum sp_code code,
                 const struct sp_http_response *response, const struct sp_oci_error *said,
                 struct sp_err *err)
{
  int status = code == SP_E_STORE_FULL ? 507 : response->status;
  const struct sp_remedy *remedy = sp_remedy_find(host, status, said->text);
  const char *open = said->text[0] ? " (" : "";
  const char *shut = said->text[0] ? ")" : "";
  sp_fail(err, code, "%s %d%s%s%s", who, response->status, open, said->text, shut);
  sp_log_redact(err->msg); /* what was said, up to its end: our own words follow */
  if (remedy) {
    size_t len = strlen(err->msg);
    snprintf(err->msg + len, sizeof err->msg - len, ": %s: %s", _(remedy->meaning),
             _(remedy->advice));
  }
  err->http_status = response->status;
  if (response->status == 429 || response->status == 503)
    err->retry_after_ms = find_wait_ms(response);
  return -1;
}

int sp_answer_fail(const char *host, enum sp_answer_to to, const struct sp_http_response *response,
                   struct sp_err *err)
{
  struct sp_oci_error said;
  sp_oci_error_parse(sp_buf_span(&response->body), &said);
  enum sp_code code = code_of(response, &said, (int)to);
  if (response->status < 400) /* a body of success is no error text */
    said.text[0] = '\0';
  add_challenge(response, &said);
  return raise(_("registry answered"), host, code, response, &said, err);
}

int sp_answer_fail_token(const char *host, const struct sp_http_response *response,
                         struct sp_err *err)
{
  struct sp_oci_error said;
  sp_oci_error_parse(sp_buf_span(&response->body), &said);
  enum sp_code code = code_of(response, &said, SP_ANSWER_TO_READ);
  if (code == SP_E_NOT_FOUND || code == SP_E_UNSUPPORTED || code == SP_E_BLOB_UNKNOWN)
    code = SP_E_PROTOCOL;
  if (response->status == 400) /* OAuth2: invalid_grant and its like */
    code = SP_E_AUTH;
  if (response->status < 400)
    said.text[0] = '\0';
  return raise(_("token server answered"), host, code, response, &said, err);
}
