/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a registry only grows: nothing -> (open | Basic | Bearer with realm and
 * service). The lock is never held while a request is on its way, nor while credentials are looked
 * up; realm and service are copied for a fetch. */
#include "registry/auth.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "http/challenge.h"
#include "registry/identity.h"
#include "registry/token_cache.h"
#include "registry/token_request.h"

enum knowledge { UNKNOWN, PROBING, OPEN, BASIC, BEARER };

struct sp_site_auth {
  struct sp_http *http;
  struct sp_http_site *site;
  char *host;
  struct sp_token_cache *tokens;
  pthread_mutex_t lock;
  pthread_cond_t probed;
  enum knowledge knowledge;
  uint64_t failed_probes;
  struct sp_url realm; /* BEARER */
  char *service;       /* BEARER */
  struct sp_identities identities;
};

/* -- tokens: the fetch function of the cache */

/* What one fetch needs, copied under the lock. */
struct fetch {
  struct sp_url realm;
  char *service;
  struct sp_secret refresh;
};

static void fetch_clear(struct fetch *fetch)
{
  sp_url_clear(&fetch->realm);
  free(fetch->service);
  sp_secret_clear(&fetch->refresh);
}
SP_DEFINE_AUTO_CLEAR(struct fetch, fetch_clear)

static int fetch_prepare(struct sp_site_auth *auth, const struct sp_identity *who,
                         struct fetch *fetch, struct sp_err *err)
{
  SP_LOCK_SCOPE(&auth->lock);
  if (sp_url_dup(&auth->realm, &fetch->realm, err) < 0 ||
      sp_text_dup(&fetch->service, auth->service, err) < 0)
    return -1;
  return sp_secret_dup(&fetch->refresh, &who->refresh, err);
}

static int fetch_token(void *ctx, const char *scope, struct sp_token *out, struct sp_err *err)
{
  struct sp_site_auth *auth = ctx;
  SP_CLEANUP(fetch_clear_auto_) struct fetch fetch = {0};
  struct sp_identity *who;
  if (sp_identities_find(&auth->identities, scope, &who, err) < 0 ||
      fetch_prepare(auth, who, &fetch, err) < 0)
    return -1;
  struct sp_token_request request = {
      .http = auth->http,
      .site = auth->site,
      .host = auth->host,
      .realm = &fetch.realm,
      .service = fetch.service,
      .scope = scope,
      .credential = &who->credential,
      .refresh = &fetch.refresh,
  };
  if (sp_token_request_send(&request, out, err) < 0)
    return -1;
  sp_log(SP_LOG_DEBUG, "token for %s: scope %s, %lld s", auth->host, scope,
         (long long)(out->lifetime_ms / 1000));
  if (sp_secret_is_empty(&out->refresh))
    return 0;
  SP_LOCK_SCOPE(&auth->lock);
  return sp_secret_dup(&who->refresh, &out->refresh, err);
}

/* -- life */

int sp_site_auth_new(struct sp_http *http, struct sp_http_site *site, const char *host,
                     struct sp_site_auth **out, struct sp_err *err)
{
  struct sp_site_auth *auth = calloc(1, sizeof *auth);
  if (!auth)
    return sp_fail(err, SP_E_NOMEM, "out of memory for credentials");
  pthread_mutex_init(&auth->lock, NULL);
  pthread_cond_init(&auth->probed, NULL);
  auth->http = http;
  auth->site = site;
  int rc = sp_text_dup(&auth->host, host, err);
  sp_identities_init(&auth->identities, auth->host, sp_http_cancel(http));
  if (rc < 0 || sp_token_cache_new(fetch_token, auth, &auth->tokens, err) < 0) {
    sp_site_auth_free(auth);
    return -1;
  }
  *out = auth;
  return 0;
}

void sp_site_auth_free(struct sp_site_auth *auth)
{
  if (!auth)
    return;
  sp_token_cache_free(auth->tokens);
  sp_url_clear(&auth->realm);
  sp_identities_clear(&auth->identities);
  free(auth->service);
  free(auth->host);
  pthread_cond_destroy(&auth->probed);
  pthread_mutex_destroy(&auth->lock);
  free(auth);
}

int sp_site_auth_set_credential(struct sp_site_auth *auth, const struct sp_credential *credential,
                                struct sp_err *err)
{
  return sp_identities_set(&auth->identities, credential, err);
}

bool sp_site_auth_has_credential(struct sp_site_auth *auth, const char *repository)
{
  return sp_identities_has(&auth->identities, repository);
}

bool sp_site_auth_was_challenged(struct sp_site_auth *auth)
{
  SP_LOCK_SCOPE(&auth->lock);
  return auth->knowledge == BASIC || auth->knowledge == BEARER;
}

/* -- before a request */

/* What is known now; the first who asks becomes the probe, others wait for its answer. Where none
 * came they all go on without: one after the other, a registry that never answers would cost each
 * of them its own time. */
static enum knowledge await_knowledge(struct sp_auth *auth)
{
  struct sp_site_auth *site = auth->site;
  SP_LOCK_SCOPE(&site->lock);
  uint64_t failed = site->failed_probes;
  while (site->knowledge == PROBING && !auth->is_probe && site->failed_probes == failed)
    pthread_cond_wait(&site->probed, &site->lock);
  if (site->knowledge == UNKNOWN && site->failed_probes == failed) {
    site->knowledge = PROBING;
    auth->is_probe = true;
  }
  return site->knowledge;
}

static int set_bearer(struct sp_secret *value, const struct sp_secret *token, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init_secret(&text, 2 * SP_MAX_TOKEN_BYTES);
  if (sp_buf_append_str(&text, "Bearer ", err) < 0 ||
      sp_buf_append_span(&text, sp_secret_reveal(token), err) < 0)
    return -1;
  return sp_secret_set(value, sp_buf_span(&text), err);
}

static int authorize_bearer(struct sp_auth *auth, const char *scope, struct sp_secret *value,
                            struct sp_err *err)
{
  struct sp_site_auth *site = auth->site;
  struct sp_identity *who;
  if (sp_identities_find(&site->identities, scope, &who, err) < 0)
    return -1;
  if (!sp_secret_is_empty(&who->credential.registry_token)) {
    auth->sent_basic = true; /* as final as a password: no other token is to be had */
    return set_bearer(value, &who->credential.registry_token, err);
  }
  SP_AUTO_SECRET struct sp_secret token = SP_SECRET_INIT;
  bool fetched;
  if (sp_token_cache_get(site->tokens, scope, auth->is_upload, &token, &auth->number, &fetched,
                         err) < 0)
    return -1;
  auth->fetched = fetched;
  return set_bearer(value, &token, err);
}

static int authorize(struct sp_http_auth *base, const char *scope, struct sp_secret *value,
                     struct sp_err *err)
{
  struct sp_auth *auth = (struct sp_auth *)base;
  enum knowledge known = await_knowledge(auth);
  auth->number = 0;
  auth->sent_basic = false;
  if (known == BEARER)
    return authorize_bearer(auth, scope, value, err);
  if (known != BASIC)
    return 0;
  struct sp_identity *who;
  if (sp_identities_find(&auth->site->identities, scope, &who, err) < 0)
    return -1;
  if (who->credential.user[0] == '\0')
    return 0;
  auth->sent_basic = true;
  return sp_token_request_basic(&who->credential, value, err);
}

/* -- after a 401 */

static void know(struct sp_site_auth *site, enum knowledge knowledge)
{
  site->knowledge = knowledge;
  pthread_cond_broadcast(&site->probed);
}

static int learn_bearer(struct sp_site_auth *site, const struct sp_challenge *challenge,
                        struct sp_err *err)
{
  SP_AUTO_URL struct sp_url realm = {0};
  if (sp_url_parse(sp_span_str(challenge->realm), &realm, err) < 0)
    return sp_err_context(err, "'%s' names a token server that cannot be used", site->host);
  if (sp_http_site_check_realm(site->site, &realm, err) < 0)
    return -1;
  SP_AUTO_FREE char *service = NULL;
  if (sp_text_dup(&service, challenge->service, err) < 0)
    return -1;
  SP_LOCK_SCOPE(&site->lock);
  sp_url_clear(&site->realm);
  site->realm = realm;
  realm = (struct sp_url){0};
  free(site->service);
  site->service = sp_steal(&service);
  know(site, BEARER);
  return 0;
}

static void learn_basic(struct sp_site_auth *site)
{
  SP_LOCK_SCOPE(&site->lock);
  know(site, BASIC);
}

/* May this scope of a challenge be asked for? Never more than reading and writing. */
static bool is_modest(const char *scope)
{
  return scope[0] != '\0' && !strstr(scope, "delete") && !strchr(scope, '*');
}

/* The token that was sent is of no use: the next one may be. */
static int renew(struct sp_auth *auth, const char *scope, const struct sp_challenge *challenge,
                 bool *again, struct sp_err *err)
{
  struct sp_token_cache *tokens = auth->site->tokens;
  bool wants_more = strcmp(challenge->error, "insufficient_scope") == 0;
  bool wider = false;
  if (wants_more && is_modest(challenge->scope) &&
      sp_token_cache_widen(tokens, scope, challenge->scope, &wider, err) < 0)
    return -1;
  sp_token_cache_drop(tokens, scope, auth->number);
  *again = wider || auth->number == 0 || !auth->fetched;
  return 0;
}

static int challenged(struct sp_http_auth *base, const char *scope,
                      const struct sp_headers *headers, bool *again, struct sp_err *err)
{
  struct sp_auth *auth = (struct sp_auth *)base;
  struct sp_challenge challenge;
  *again = false;
  sp_challenge_of(headers, &challenge);
  if (challenge.scheme == SP_CHALLENGE_NONE)
    return 0;
  if (challenge.scheme == SP_CHALLENGE_BASIC) {
    struct sp_identity *who;
    learn_basic(auth->site);
    if (sp_identities_find(&auth->site->identities, scope, &who, err) < 0)
      return -1;
    *again = !auth->sent_basic && who->credential.user[0] != '\0';
    return 0;
  }
  /* The realm is checked in here, before credentials are looked up for it. */
  if (learn_bearer(auth->site, &challenge, err) < 0)
    return -1;
  if (auth->sent_basic)
    return 0;
  return renew(auth, scope, &challenge, again, err);
}

/* -- one request's view */

void sp_auth_init(struct sp_auth *auth, struct sp_site_auth *site, bool is_upload)
{
  *auth = (struct sp_auth){
      .base = {.authorize = authorize, .challenged = challenged},
      .site = site,
      .is_upload = is_upload,
  };
}

void sp_auth_answered(struct sp_auth *auth, int status)
{
  if (!auth->is_probe || status == 401)
    return;
  SP_LOCK_SCOPE(&auth->site->lock);
  if (auth->site->knowledge == PROBING)
    know(auth->site, OPEN);
}

/* A probe without a useful answer: nothing is known, and the next request probes. */
void sp_auth_clear(struct sp_auth *auth)
{
  if (!auth->is_probe)
    return;
  SP_LOCK_SCOPE(&auth->site->lock);
  if (auth->site->knowledge == PROBING) {
    auth->site->failed_probes++;
    know(auth->site, UNKNOWN);
  }
  auth->is_probe = false;
}
