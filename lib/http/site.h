/* SPDX-License-Identifier: Apache-2.0 */
/* What a client knows about one registry: its origin, which other hosts may be sent an upload or a
 * password, its gate, and how far inside its address is. Private to http; the rest of the world
 * sees http/client.h, which declares the functions of the public part.
 *
 * Life cycle: made by sp_http_add_site, freed with the client. Threads: constant after it was made,
 * except the gate and the kind of its address. */
#ifndef SP_HTTP_SITE_H
#define SP_HTTP_SITE_H

#include <stdatomic.h>

#include "http/client.h"
#include "http/guard.h"

struct sp_http_site {
  struct sp_origin origin;
  bool insecure;
  char *ca_file;       /* owned; NULL: the client's */
  char **upload_hosts; /* owned; NULL-terminated or NULL */
  char **token_hosts;
  struct sp_gate *gate;
  atomic_int kind; /* enum sp_address_kind: the most inward that its own origin was reached at */
  struct sp_http_site *next;
};

/* Checks and copies the settings. `*out` is the caller's. Fails: SP_E_REFUSED, SP_E_NOMEM. */
SP_MUST_CHECK int sp_site_new(const struct sp_http_site_settings *settings,
                              struct sp_http_site **out, struct sp_err *err);
void sp_site_free(struct sp_http_site *site);
/* Is the host the site's own, or on one of its lists? Those are checked with the site's CA file. */
bool sp_site_knows_host(const struct sp_http_site *site, const struct sp_origin *origin);
/* Own origin was reached at an address of this kind. */
void sp_site_note_kind(struct sp_http_site *site, enum sp_address_kind kind);
/* May a host that the site named be reached at an address of this kind? */
bool sp_site_allows_kind(struct sp_http_site *site, enum sp_address_kind kind);
/* May a redirect lead from `from` to `to`? Fails: SP_E_REFUSED. */
SP_MUST_CHECK int sp_site_check_redirect(const struct sp_http_site *site, const struct sp_url *from,
                                         const struct sp_url *to, struct sp_err *err);

#endif
