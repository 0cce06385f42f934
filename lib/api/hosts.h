/* SPDX-License-Identifier: Apache-2.0 */
/* What a user said about each registry host: own CA, plain http, other hosts that may be trusted
 * with tokens or uploads, chunked uploads, who we are there. Made once from the settings of a
 * session and from safeport.yaml, read-only afterwards.
 *
 * The rule for plain http (the http layer enforces its half again): a host named by --insecure, and
 * a host on loopback, unless a CA was given for it (https) or for all (the registry is asked once
 * which it speaks). Everything else is https.
 *
 * Not here: what a registry itself says (registry/), and whether a connection may be made (http/).
 * Threads: any, after sp_hosts_new.
 */
#ifndef SP_API_HOSTS_H
#define SP_API_HOSTS_H

#include "config/config.h"
#include "registry/registry.h"
#include "safeport/session.h"

struct sp_hosts;

/* Reads and checks everything that `settings` says about hosts; nothing is borrowed afterwards.
 * Hosts are written as in references ("ghcr.io", "127.0.0.1:5000", "[::1]:5000"). Fails: SP_E_USAGE
 * (not a host, no '=', no such CA file, not a size); SP_E_NOMEM. */
SP_MUST_CHECK int sp_hosts_new(const struct sp_session_settings *settings, struct sp_hosts **out,
                               struct sp_err *err);
/* Adds what safeport.yaml says about a registry. What is there already stays: it was said by a
 * flag. Before the first sp_hosts_get. Fails: SP_E_USAGE (no such CA file); SP_E_NOMEM. */
SP_MUST_CHECK int sp_hosts_add_config(struct sp_hosts *hosts,
                                      const struct sp_config_registry *registry,
                                      struct sp_err *err);
/* NULL is nothing. */
void sp_hosts_free(struct sp_hosts *hosts);
/* The settings of a host that a reference named (any host: one that was never mentioned has the
 * defaults). host is borrowed by out; the rest of out is borrowed from hosts. */
void sp_hosts_get(const struct sp_hosts *hosts, const char *host, struct sp_registry_settings *out);

/* A host that a user wrote, as a reference would have it: lower case, docker.io's other names
 * resolved. `what` names the option or operand in messages. A bare word is no host ("acme/x" is
 * docker.io/acme/x). Fails: SP_E_USAGE. */
SP_MUST_CHECK int sp_hosts_normal_name(struct sp_span text, const char *what,
                                       char out[SP_MAX_HOST + 1], struct sp_err *err);

SP_DEFINE_AUTO_FREE(struct sp_hosts, sp_hosts_free)

#endif
