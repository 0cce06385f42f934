/* SPDX-License-Identifier: Apache-2.0 */
/* A document of credentials: docker's config.json, podman's auth.json, DOCKER_AUTH_CONFIG
 * (docker/cli cli/config/configfile; containers-auth.json(5)). Bytes in, what they say of one
 * repository out.
 *
 * Not here: where such files are (auth_file.h), running the helper that is named
 * (credential_helper.h), changing a document (credential_store.h). Threads: any.
 */
#ifndef SP_REGISTRY_DOCKER_CONFIG_H
#define SP_REGISTRY_DOCKER_CONFIG_H

#include "registry/credential.h"

enum sp_docker_config_form {
  SP_DOCKER_CONFIG_FILE,    /* members that we do not know are for others */
  SP_DOCKER_CONFIG_VARIABLE /* `auths` of `auth` and nothing else */
};

/* "docker-credential-<name>": what a name may be is checked where it is run. */
#define SP_HELPER_NAME_TEXT_MAX 128

struct sp_docker_entry {
  struct sp_credential credential; /* of `auths`; anonymous: nothing there. Without its source */
  char helper[SP_HELPER_NAME_TEXT_MAX]; /* to be asked before that; "" = none */
  bool has_namespaces; /* `auths` tells parts of this host apart, this repository's or others */
};
#define SP_DOCKER_ENTRY_INIT ((struct sp_docker_entry){0})
void sp_docker_entry_clear(struct sp_docker_entry *entry);

/* Looks up a repository (NULL: the host as such). credHelpers[host] beats credsStore beats auths;
 * in `auths` the key that fits best (sp_host_fit_key) beats the others, docker's own name of the
 * host other names of it. An empty object, the marker of a helper, is nothing. Fails: SP_E_INVALID.
 */
SP_MUST_CHECK int sp_docker_config_find(struct sp_span text, enum sp_docker_config_form form,
                                        const char *host, const char *repository,
                                        struct sp_docker_entry *out, struct sp_err *err);

/* Only the helper that a file names for a host, "" if none; whatever its `auths` are like. Fails:
 * SP_E_INVALID. */
SP_MUST_CHECK int sp_docker_config_find_helper(struct sp_span text, const char *host,
                                               char out[SP_HELPER_NAME_TEXT_MAX],
                                               struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_docker_entry, sp_docker_entry_clear)
#define SP_AUTO_DOCKER_ENTRY SP_CLEANUP(sp_docker_entry_clear_auto_)

#endif
