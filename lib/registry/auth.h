/* SPDX-License-Identifier: Apache-2.0 */
/* Authorization for the requests to one registry: learns from its challenge, finds the credentials,
 * keeps tokens. Credentials are found once: for the whole host, or, where a file tells parts of the
 * host apart, for each repository. That they cannot be found is found once, too: a helper that
 * hangs costs its time one time.
 *
 * `struct sp_site_auth` lives as long as the registry is known; `struct sp_auth` is one request's
 * view of it (it remembers which token the request carried, so that 32 threads whose token has
 * ended renew it once). The first request to a registry goes without Authorization; others wait for
 * its answer, so that one request teaches all.
 *
 * The realm is checked before credentials are looked up (S04). Not here: where Authorization may go
 * (http/client.h).
 */
#ifndef SP_REGISTRY_AUTH_H
#define SP_REGISTRY_AUTH_H

#include "http/client.h"
#include "registry/credential.h"

struct sp_site_auth;

/* http, site: borrowed, must outlive. host: as in references, copied. */
SP_MUST_CHECK int sp_site_auth_new(struct sp_http *http, struct sp_http_site *site,
                                   const char *host, struct sp_site_auth **out, struct sp_err *err);
void sp_site_auth_free(struct sp_site_auth *auth);
/* Uses this one (copied) for every repository, in place of looking. Before the first request. */
SP_MUST_CHECK int sp_site_auth_set_credential(struct sp_site_auth *auth,
                                              const struct sp_credential *credential,
                                              struct sp_err *err);
/* For messages: are there credentials for this repository, as far as was looked? (false before the
 * first challenge) */
bool sp_site_auth_has_credential(struct sp_site_auth *auth, const char *repository);
/* Did the registry ask who we are? */
bool sp_site_auth_was_challenged(struct sp_site_auth *auth);

struct sp_auth {
  struct sp_http_auth base; /* give &auth.base to the request */
  struct sp_site_auth *site;
  bool is_upload;  /* renew earlier: the request may take long */
  bool is_probe;   /* the first request to the registry: others wait for it */
  bool fetched;    /* the token was fetched for this request */
  bool sent_basic; /* the credentials themselves were sent */
  uint64_t number; /* the token that was sent; 0 = none */
};
/* One request's view. sp_auth_answered tells that an answer with this status came; sp_auth_clear
 * must be called when the request is over, answered or not. */
void sp_auth_init(struct sp_auth *auth, struct sp_site_auth *site, bool is_upload);
void sp_auth_answered(struct sp_auth *auth, int status);
void sp_auth_clear(struct sp_auth *auth);

SP_DEFINE_AUTO_CLEAR(struct sp_auth, sp_auth_clear)
#define SP_AUTO_AUTH SP_CLEANUP(sp_auth_clear_auto_)

#endif
