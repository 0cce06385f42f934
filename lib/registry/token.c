/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/token.h"

#include <ctype.h>

#include "base/json.h"
#include "base/limits.h"

#define DEFAULT_LIFETIME_S 60
#define MAX_LIFETIME_S 86400
#define RENEW_MS 10000

void sp_token_clear(struct sp_token *token)
{
  sp_secret_clear(&token->bearer);
  sp_secret_clear(&token->refresh);
  token->lifetime_ms = 0;
}

/* RFC 6750 2.1: 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
static bool is_b64token(const char *text)
{
  size_t len = strlen(text);
  size_t n = 0;
  while (text[n] && (isalnum((unsigned char)text[n]) || strchr("-._~+/", text[n])))
    n++;
  return n > 0 && n + strspn(text + n, "=") == len && len <= SP_MAX_TOKEN_BYTES;
}

static bool is_printable(const char *text)
{
  size_t n = 0;
  while (text[n] > ' ' && text[n] < 0x7f)
    n++;
  return text[n] == '\0' && n <= SP_MAX_TOKEN_BYTES;
}

static int64_t lifetime_of(const json_t *doc)
{
  const json_t *value = json_object_get(doc, "expires_in");
  double seconds = json_is_number(value) ? json_number_value(value) : 0;
  if (!(seconds >= 1))
    return DEFAULT_LIFETIME_S;
  return seconds > MAX_LIFETIME_S ? MAX_LIFETIME_S : (int64_t)seconds;
}

static int no_token(struct sp_err *err)
{
  return sp_fail(err, SP_E_PROTOCOL, "the token server's answer holds no token that can be used");
}

int sp_token_parse(struct sp_span body, struct sp_token *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  struct sp_err why = SP_ERR_INIT;
  if (sp_json_parse(body, &doc, &why) < 0) {
    if (why.code == SP_E_NOMEM)
      return sp_fail(err, SP_E_NOMEM, "out of memory for a token");
    return sp_fail(err, SP_E_PROTOCOL, "the token server's answer is %s", why.msg);
  }
  const char *bearer = NULL;
  const char *refresh = NULL;
  if (sp_json_get_string(doc, "token", &bearer, &why) < 0)
    return no_token(err);
  if (!bearer && sp_json_get_string(doc, "access_token", &bearer, &why) < 0)
    return no_token(err);
  if (!bearer || !is_b64token(bearer))
    return no_token(err);
  if (sp_json_get_string(doc, "refresh_token", &refresh, &why) < 0 ||
      (refresh && !is_printable(refresh)))
    refresh = NULL; /* it is only a convenience */
  SP_AUTO_TOKEN struct sp_token token = SP_TOKEN_INIT;
  if (sp_secret_set(&token.bearer, sp_span_str(bearer), err) < 0 ||
      sp_secret_set(&token.refresh, sp_span_str(refresh), err) < 0)
    return -1;
  token.lifetime_ms = lifetime_of(doc) * 1000;
  *out = token;
  token = SP_TOKEN_INIT;
  return 0;
}

bool sp_token_is_fresh(int64_t lifetime_ms, int64_t age_ms, bool is_upload)
{
  int64_t half = lifetime_ms / 2;
  int64_t margin = lifetime_ms / 4 > RENEW_MS ? lifetime_ms / 4 : RENEW_MS;
  if (is_upload || margin > half)
    margin = half;
  return lifetime_ms - age_ms > margin;
}
