/* SPDX-License-Identifier: Apache-2.0 */
/* Docker contexts: the engines that `docker context` knows, as its files describe them
 * (docker/cli cli/context/store: <folder>/contexts/meta/<sha256 of the name>/meta.json, TLS files
 * in <folder>/contexts/tls/<the same>/docker).
 *
 * Only read. Not here: what an address means (endpoint.h). Threads: none of its own.
 */
#ifndef SP_ENGINE_CONTEXT_H
#define SP_ENGINE_CONTEXT_H

#include <stdbool.h>

#include "base/span.h"
#include "engine/endpoint.h"
#include "safeport/err.h"

#define SP_CONTEXT_NAME_MAX 256

struct sp_context {
  char name[SP_CONTEXT_NAME_MAX];
  char address[SP_ENDPOINT_FILE_MAX]; /* as DOCKER_HOST has it */
  char tls_dir[SP_ENDPOINT_FILE_MAX]; /* "": the context has no TLS files */
};

/* Finds the context with this name, or, if it is NULL, the one that docker's config.json names as
 * its current one. *found false: it is the default one, which has no files.
 * Fails: SP_E_USAGE (no such context, or a name that is none); SP_E_INVALID (its file cannot be
 * used); SP_E_IO. */
SP_MUST_CHECK int sp_context_find(const char *name, struct sp_context *out, bool *found,
                                  struct sp_err *err);

/* Reads the text of a meta.json. out->name is what it must be called; only the address is set.
 * Fails: SP_E_INVALID. */
SP_MUST_CHECK int sp_context_parse(struct sp_span text, struct sp_context *out, struct sp_err *err);

/* Docker's folder: $DOCKER_CONFIG or ~/.docker; *out is the caller's, NULL if there is neither.
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_context_find_folder(char **out, struct sp_err *err);

#endif
