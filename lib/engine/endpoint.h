/* SPDX-License-Identifier: Apache-2.0 */
/* Where a Docker-compatible engine listens: a socket in the file system, or a TCP port behind
 * mutual TLS. Found as docker's own client finds it:
 *
 *   DOCKER_HOST, else DOCKER_CONTEXT, else `currentContext` of docker's config.json (context.h),
 *   else /var/run/docker.sock
 *
 * Nothing is connected to here (call.h does that). Threads: none of its own; reads the environment.
 */
#ifndef SP_ENGINE_ENDPOINT_H
#define SP_ENGINE_ENDPOINT_H

#include <stdbool.h>
#include <sys/un.h>

#include "http/url.h"
#include "safeport/err.h"

#define SP_ENDPOINT_FILE_MAX 1024
#define SP_ENDPOINT_TEXT_MAX (SP_ORIGIN_TEXT_MAX + sizeof(((struct sockaddr_un *)NULL)->sun_path))

struct sp_endpoint {
  char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* the socket; "": it is TCP */
  struct sp_origin origin; /* TCP: https with the files below, or http on loopback */
  char ca[SP_ENDPOINT_FILE_MAX], cert[SP_ENDPOINT_FILE_MAX], key[SP_ENDPOINT_FILE_MAX];
};

/* Finds the engine of this user. Fails: SP_E_USAGE (no address, an unknown context, a transport
 * that we do not speak); SP_E_REFUSED (plain TCP to another host); SP_E_INVALID, SP_E_IO (docker's
 * files cannot be read). */
SP_MUST_CHECK int sp_endpoint_find(struct sp_endpoint *out, struct sp_err *err);

/* Parses an address as DOCKER_HOST has it: `unix://PATH`, `tcp://HOST[:PORT]` (2375, or 2376 with
 * TLS).
 *
 *   tls_dir   borrowed   directory of ca.pem, cert.pem and key.pem; NULL: without TLS
 *
 * Fails: SP_E_USAGE     not an address; `npipe://`, `ssh://`, `fd://` (the message says what to do)
 *        SP_E_REFUSED   without TLS, and the host is not this one */
SP_MUST_CHECK int sp_endpoint_parse(const char *text, const char *tls_dir, struct sp_endpoint *out,
                                    struct sp_err *err);

/* As people write it: the path, or "https://host:port". */
void sp_endpoint_format(const struct sp_endpoint *endpoint, char out[SP_ENDPOINT_TEXT_MAX]);

#endif
