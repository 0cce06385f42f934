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
  const char *key;        /* of its credentials where docker keeps them; NULL = name */
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
/* The key that docker keeps the host's credentials under, in its files and in helpers: the host,
 * but for Docker Hub ("https://index.docker.io/v1/"). Static, or `name` itself. */
const char *sp_host_key(const char *name);

/* How well does a key of docker's or podman's `auths` fit this host and repository?
 *   0      not at all
 *   1      it means the whole host ("https://index.docker.io/v1/", "GHCR.io", "127.0.0.1:5000").
 *          Scheme and a path of /, /v1/ or /v2/ are dropped, case does not matter; everything else,
 *          the port too, must be equal (S08)
 *   > 1    a namespace that the repository is in, or the repository ("quay.io/ns/user" of podman's
 *          auth.json; no scheme, equal in whole parts): the longer, the better it fits
 * repository: without the host; NULL asks for the whole host only. */
size_t sp_host_fit_key(const char *name, const char *repository, struct sp_span key);
/* Is it a key of a namespace or repository of this host, whichever? */
bool sp_host_is_namespace_key(const char *name, struct sp_span key);

#endif
