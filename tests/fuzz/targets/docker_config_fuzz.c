/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, auth.json and DOCKER_AUTH_CONFIG. Of what is accepted: a user is what stands before
 * the first colon; what is refused leaves nothing behind. */
#include <stdlib.h>

#include "registry/docker_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(struct sp_span text, enum sp_docker_config_form form, const char *host,
                const char *repository)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_DOCKER_ENTRY struct sp_docker_entry entry = SP_DOCKER_ENTRY_INIT;
  if (sp_docker_config_find(text, form, host, repository, &entry, &err) < 0) {
    if (err.code != SP_E_INVALID && err.code != SP_E_NOMEM && err.code != SP_E_LIMIT)
      abort();
    if (!sp_credential_is_anonymous(&entry.credential))
      abort();
    return;
  }
  if (memchr(entry.credential.user, '\0', sizeof entry.credential.user) == NULL)
    abort();
  if (strchr(entry.credential.user, ':'))
    abort(); /* it is what stands before the first colon */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_span text = SP_SPAN((const char *)data, size);
  static const char *const hosts[] = {"h.io", "docker.io", "127.0.0.1:5000"};
  for (size_t i = 0; i < 3; i++) {
    try(text, SP_DOCKER_CONFIG_FILE, hosts[i], NULL);
    try(text, SP_DOCKER_CONFIG_FILE, hosts[i], "ns/user/image");
    try(text, SP_DOCKER_CONFIG_VARIABLE, hosts[i], NULL);
  }
  return 0;
}
