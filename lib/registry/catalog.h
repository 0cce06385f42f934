/* SPDX-License-Identifier: Apache-2.0 */
/* The list of a registry's repositories: GET /v2/_catalog, which is no part of the OCI
 * specification but of CNCF distribution ("Catalog"). Many registries refuse it, or show each user
 * some of it.
 *
 * What a page holds is in registry.h (struct sp_catalog_page). Threads: any.
 */
#ifndef SP_REGISTRY_CATALOG_H
#define SP_REGISTRY_CATALOG_H

#include "registry/remote.h"

/* As sp_registry_list_repositories. */
SP_MUST_CHECK int sp_catalog_list(struct sp_remote *remote, const char *cursor,
                                  struct sp_catalog_page *out, struct sp_err *err);

/* Reads the body of one page into `out`, which is empty. What is no repository's name is counted
 * and left out. Fails: SP_E_PROTOCOL (no JSON, or no list in it); SP_E_NOMEM. */
SP_MUST_CHECK int sp_catalog_parse(struct sp_span body, struct sp_catalog_page *out,
                                   struct sp_err *err);

#endif
