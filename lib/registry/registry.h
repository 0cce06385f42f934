/* SPDX-License-Identifier: Apache-2.0 */
/* A store that speaks the OCI distribution protocol 1.1.
 *
 * `struct sp_registries` is what a process knows of registries: their settings, credentials, tokens
 * and limits; a store is one repository on one of them. Stores must be closed before their
 * registries are freed.
 *
 * Not here: retries (store/retry.h), and whether a secret may go somewhere (http/client.h).
 */
#ifndef SP_REGISTRY_REGISTRY_H
#define SP_REGISTRY_REGISTRY_H

#include "base/secret.h"
#include "http/client.h"
#include "oci/reference.h"
#include "registry/credential.h"
#include "store/store.h"

struct sp_registries;
struct sp_upload_memory;

/* What a user says about one registry. */
struct sp_registry_settings {
  const char *host; /* as in references: "docker.io", "127.0.0.1:5000" */
  bool insecure;    /* plain http. A registry on loopback without this and without ca_file is asked
                       once which of http and https it speaks */
  const char *ca_file;             /* NULL = the client's */
  const char *const *upload_hosts; /* NULL-terminated or NULL */
  const char *const *token_hosts;
  const char *user;                 /* who we are there, in place of looking; NULL = look */
  const struct sp_secret *password; /* with user */
  bool chunked;                     /* upload in chunks of chunk_bytes instead of one PUT */
  uint64_t chunk_bytes; /* 0 = 4 MiB (GHCR's ceiling), never below OCI-Chunk-Min-Length */
};

/* http: borrowed, must outlive. */
SP_MUST_CHECK int sp_registries_new(struct sp_http *http, struct sp_registries **out,
                                    struct sp_err *err);
void sp_registries_free(struct sp_registries *registries);
/* Settings of a host, before its first store is opened. Strings are copied. */
SP_MUST_CHECK int sp_registries_configure(struct sp_registries *registries,
                                          const struct sp_registry_settings *settings,
                                          struct sp_err *err);
/* Uploads in chunks that are not finished are left open and remembered there (upload_memory.h;
 * borrowed until it is set to NULL again). Not while a store is open. */
void sp_registries_remember_uploads(struct sp_registries *registries,
                                    struct sp_upload_memory *memory);
/* A store of ref's repository; tag and digest of ref do not matter. Sends nothing yet. */
SP_MUST_CHECK int sp_registry_open(struct sp_registries *registries, const struct sp_ref *ref,
                                   struct sp_store **out, struct sp_err *err);
/* Asks a registry whether it knows these credentials: GET /v2/ with them, through its own token
 * flow. They are used for nothing else; nothing is stored. *asked false: it let us in without
 * asking who we are, so they may be wrong. Fails: SP_E_AUTH (it does not know them); SP_E_REFUSED
 * (it sends us to a token server that may not see them); SP_E_PROTOCOL (what answers is no
 * registry); SP_E_UNREACHABLE and the like. */
SP_MUST_CHECK int sp_registry_check_login(struct sp_registries *registries, const char *host,
                                          const struct sp_credential *credential, bool *asked,
                                          struct sp_err *err);
/* A page of the names of a registry's repositories. */
struct sp_catalog_page {
  char **names; /* each is one: sp_ref_is_repository */
  size_t count, cap;
  size_t left_out; /* what was listed and is none */
  char *next;      /* cursor of the next page; NULL after the last */
};
void sp_catalog_page_clear(struct sp_catalog_page *page);
/* Fetches one page, into `out`, which is empty. cursor: NULL = the first; else `next` of the page
 * before. The order is the registry's, and a name may come twice.
 * Fails: SP_E_AUTH (401, 403), SP_E_UNSUPPORTED (it has no such list): the message says to name the
 * repositories instead; SP_E_REFUSED (the next page is elsewhere), SP_E_PROTOCOL, SP_E_LIMIT
 * (registry/pages.h); as sp_http_perform. Tries once. */
SP_MUST_CHECK int sp_registry_list_repositories(struct sp_registries *registries, const char *host,
                                                const char *cursor, struct sp_catalog_page *out,
                                                struct sp_err *err);
/* Pulls left in the present window as the registry of this store last said (Docker Hub's
 * ratelimit-remaining); false if it never said. `store` must be one of sp_registry_open. */
bool sp_registry_pulls_left(const struct sp_store *store, uint64_t *limit, uint64_t *remaining,
                            uint64_t *window_s);

SP_DEFINE_AUTO_CLEAR(struct sp_catalog_page, sp_catalog_page_clear)

#endif
