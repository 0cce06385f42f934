/* SPDX-License-Identifier: Apache-2.0 */
/* One repository of a registry: the store itself, and how its requests are made. What they mean
 * stands in manifests.c, tags.c, referrers.c, blobs.c, upload.c and so on. */
#ifndef SP_REGISTRY_REPOSITORY_H
#define SP_REGISTRY_REPOSITORY_H

#include "registry/answer.h"
#include "registry/remote.h"

/* "repository:" + name + ":pull,push" + terminator */
#define SP_SCOPE_TEXT_MAX (11 + SP_MAX_REPOSITORY + 10 + 1)

struct sp_repository {
  struct sp_store store;    /* first */
  struct sp_remote *remote; /* borrowed */
  char *full_name;          /* "host/name" */
  char name[SP_MAX_REPOSITORY + 1];
  char pull_scope[SP_SCOPE_TEXT_MAX];
  char push_scope[SP_SCOPE_TEXT_MAX];
  atomic_bool has_written; /* a write was accepted: one token, with push, serves all from now on */
};

/* The repository of a store of sp_registry_open, or of a wrapper around one; NULL if it is
 * another's. Borrowed. */
const struct sp_repository *sp_repository_of(const struct sp_store *store);

/* What a request is for: decides its token. */
enum sp_access { SP_ACCESS_READ, SP_ACCESS_WRITE };
const char *sp_repository_scope(const struct sp_repository *repository, enum sp_access access);

/* The URL /v2/<name>/<tail>; opens the registry first. `out` is the caller's (sp_url_clear). */
SP_MUST_CHECK int sp_repository_url(struct sp_repository *repository, struct sp_url *out,
                                    struct sp_err *err, const char *tail_fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Fills site, auth (initialised here; sp_auth_clear it) and, if it is NULL, scope of a request. */
void sp_repository_prepare(const struct sp_repository *repository, struct sp_http_request *request,
                           enum sp_access access, struct sp_auth *auth, bool is_upload);
/* Tells what an answer to a prepared request teaches. */
void sp_repository_note(struct sp_repository *repository, enum sp_access access,
                        struct sp_auth *auth, const struct sp_http_response *response);
/* Sends a request with method, url, headers and body set: prepares it, sends it, notes the answer.
 * 0 for any status. Fails like sp_http_perform. */
SP_MUST_CHECK int sp_repository_perform(struct sp_repository *repository,
                                        struct sp_http_request *request, enum sp_access access,
                                        struct sp_http_response *response, struct sp_err *err);

/* Raises for an answer that is not what was hoped for (answer.h). Always -1. */
int sp_repository_fail(const struct sp_repository *repository, enum sp_answer_to to,
                       const struct sp_http_response *response, struct sp_err *err);

/* Compares Docker-Content-Digest of an answer with what we have. Absent, unreadable, or of another
 * algorithm while `strict` is false: fine. Fails: SP_E_DIGEST; SP_E_UNSUPPORTED (strict, and the
 * registry made it another algorithm's). */
SP_MUST_CHECK int sp_repository_check_digest(const struct sp_http_response *response,
                                             const struct sp_digest *want, bool strict,
                                             struct sp_err *err);
/* Content-Length; SP_SIZE_UNKNOWN if absent or unreadable. */
uint64_t sp_repository_length(const struct sp_http_response *response);

#endif
