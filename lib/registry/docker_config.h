/* SPDX-License-Identifier: Apache-2.0 */
/* The `auths` of docker's config.json and of DOCKER_AUTH_CONFIG (protocol: docker/cli
 * cli/config/configfile). Only reading; credential helpers are named, not run. Threads: any. */
#ifndef SP_REGISTRY_DOCKER_CONFIG_H
#define SP_REGISTRY_DOCKER_CONFIG_H

#include "registry/credential.h"

enum sp_docker_config_form {
  SP_DOCKER_CONFIG_FILE,    /* members that we do not know are for others */
  SP_DOCKER_CONFIG_VARIABLE /* `auths` of `auth` and nothing else */
};

/* Looks host up in a document. *found false: it has nothing for this host (an empty object, the
 * marker of a helper, is nothing). *helper (out, may be NULL): a helper is configured for the host.
 * On *found, *out holds what was there (clear it), without its source. Fails: SP_E_INVALID. */
SP_MUST_CHECK int sp_docker_config_find(struct sp_span text, enum sp_docker_config_form form,
                                        const char *host, struct sp_credential *out, bool *found,
                                        bool *helper, struct sp_err *err);

#endif
