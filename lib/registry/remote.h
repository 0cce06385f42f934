/* SPDX-License-Identifier: Apache-2.0 */
/* One registry, as this process knows it: settings, the client's remote, credentials, pulls left,
 * what it cannot do. Stores of its repositories share it.
 *
 * A registry on loopback for which nothing was set may speak http or https: it is asked once, over
 * http and without secrets (a TLS server answers that with 400 or hangs up). Every other registry
 * is https unless it was set to be insecure; there is no falling back (S06).
 *
 * Threads: any.
 */
#ifndef SP_REGISTRY_REMOTE_H
#define SP_REGISTRY_REMOTE_H

#include <pthread.h>
#include <stdatomic.h>

#include "registry/auth.h"
#include "registry/pulls.h"
#include "registry/registry.h"

struct sp_upload_memory;

struct sp_remote {
  struct sp_remote *next; /* of the registries' list */
  struct sp_http *http;
  char *host; /* as in references */
  char *ca_file;
  char **upload_hosts; /* NULL-terminated or NULL */
  char **token_hosts;
  struct sp_credential given; /* with settings.user; else anonymous, and looked for */
  bool insecure, chunked, is_metered;
  uint64_t chunk_bytes;
  struct sp_upload_memory *uploads; /* borrowed; NULL: an upload ends with its writer */
  struct sp_pulls pulls;
  atomic_bool has_no_referrers; /* it said so */
  pthread_mutex_t lock;         /* of the two below */
  struct sp_http_site *http_site;
  struct sp_site_auth *auth;
};

/* settings: copied. Sends nothing. */
SP_MUST_CHECK int sp_remote_new(struct sp_http *http, const struct sp_registry_settings *settings,
                                struct sp_remote **out, struct sp_err *err);
void sp_remote_free(struct sp_remote *remote);
/* Makes http_site and auth, once; afterwards both may be read without the lock. May block on a
 * request to a registry on loopback. Fails: SP_E_REFUSED, SP_E_USAGE, and like sp_http_perform. */
SP_MUST_CHECK int sp_remote_open(struct sp_remote *remote, struct sp_err *err);
/* As sp_registry_check_login. What the remote itself knows of credentials and tokens stays as it
 * is. */
SP_MUST_CHECK int sp_remote_check_login(struct sp_remote *remote,
                                        const struct sp_credential *credential, bool *asked,
                                        struct sp_err *err);

#endif
