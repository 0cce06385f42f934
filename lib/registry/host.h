/* SPDX-License-Identifier: Apache-2.0 */
/* What the host of a reference means on the wire: its API host, where its tokens come from, under
 * which names its credentials are kept. Only docker.io and ghcr.io differ from "the host itself".
 *
 * Pure tables. Threads: any.
 */
#ifndef SP_REGISTRY_HOST_H
#define SP_REGISTRY_HOST_H

#include <stdbool.h>

#include "base/span.h"

struct sp_host {
  const char *name;       /* as in references */
  const char *api;        /* host of the API */
  const char *token_host; /* another host that its realm may name; NULL if none */
  const char *keys[4];    /* further names of its credentials in docker's files; NULL-terminated */
  const char *user_variable; /* environment of CI; NULL if none */
  const char *secret_variable;
  bool is_metered; /* manifest GETs are pulls */
};

/* The facts of a host with facts of its own, or NULL: then the host is its own API host and key. */
const struct sp_host *sp_host_find(const char *name);
/* The API host: static, or `name` itself. */
const char *sp_host_api(const char *name);
/* Does a key of docker's `auths` ("https://index.docker.io/v1/", "GHCR.io", "127.0.0.1:5000") mean
 * this host? Scheme and a path of /, /v1/ or /v2/ are dropped, case does not matter; everything
 * else, the port too, must be equal (S08). */
bool sp_host_owns_key(const char *name, struct sp_span key);

#endif
