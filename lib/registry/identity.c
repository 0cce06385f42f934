/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/identity.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"

void sp_identities_init(struct sp_identities *identities, const char *host,
                        const struct sp_cancel *cancel)
{
  *identities = (struct sp_identities){.host = host, .cancel = cancel};
  pthread_mutex_init(&identities->lock, NULL);
}

static void identity_free(struct sp_identity *identity)
{
  sp_credential_clear(&identity->credential);
  sp_secret_clear(&identity->refresh);
  free(identity->repository);
  free(identity);
}

void sp_identities_clear(struct sp_identities *identities)
{
  while (identities->first) {
    struct sp_identity *identity = identities->first;
    identities->first = identity->next;
    identity_free(identity);
  }
  pthread_mutex_destroy(&identities->lock);
}

/* "" if the scope names none. */
static void repository_of(const char *scope, char out[SP_MAX_REPOSITORY + 1])
{
  static const char prefix[] = "repository:";
  out[0] = '\0';
  if (!scope || strncmp(scope, prefix, strlen(prefix)) != 0)
    return;
  const char *name = scope + strlen(prefix);
  size_t len = strcspn(name, ": ");
  if (len <= SP_MAX_REPOSITORY)
    snprintf(out, SP_MAX_REPOSITORY + 1, "%.*s", (int)len, name);
}

/* Its own, else that of all; the lock is held. */
static struct sp_identity *known(struct sp_identities *identities, const char *repository)
{
  struct sp_identity *of_all = NULL;
  for (struct sp_identity *at = identities->first; at; at = at->next) {
    if (!at->repository)
      of_all = at;
    else if (strcmp(at->repository, repository) == 0)
      return at;
  }
  return of_all;
}

/* repository NULL: of all. */
static int add(struct sp_identities *identities, const char *repository, struct sp_identity **out,
               struct sp_err *err)
{
  struct sp_identity *identity = calloc(1, sizeof *identity);
  if (!identity)
    return sp_fail(err, SP_E_NOMEM, "out of memory for credentials");
  if (sp_text_dup(&identity->repository, repository, err) < 0) {
    free(identity);
    return -1;
  }
  identity->why = SP_ERR_INIT;
  identity->next = identities->first;
  identities->first = identity;
  *out = identity;
  return 0;
}

static int look_up(struct sp_identities *identities, const char *repository,
                   struct sp_identity **out, struct sp_err *err)
{
  const struct sp_credential_query query = {
      .host = identities->host, .repository = repository, .cancel = identities->cancel};
  SP_AUTO_CREDENTIAL struct sp_credential found = SP_CREDENTIAL_INIT;
  struct sp_err why = SP_ERR_INIT;
  int rc = sp_credential_find(&query, &found, &why);
  if (add(identities, found.is_of_host ? NULL : repository, out, err) < 0)
    return -1;
  if (rc < 0)
    (*out)->why = why;
  else
    sp_log(SP_LOG_DEBUG, "credentials for %s%s%s: %s", identities->host,
           found.is_of_host ? "" : "/", found.is_of_host ? "" : repository,
           found.source ? found.source : "none");
  (*out)->credential = found;
  found = SP_CREDENTIAL_INIT;
  return 0;
}

int sp_identities_find(struct sp_identities *identities, const char *scope,
                       struct sp_identity **out, struct sp_err *err)
{
  char repository[SP_MAX_REPOSITORY + 1];
  repository_of(scope, repository);
  SP_LOCK_SCOPE(&identities->lock);
  *out = known(identities, repository);
  if (!*out && look_up(identities, repository, out, err) < 0)
    return -1;
  if ((*out)->why.code == SP_OK)
    return 0;
  sp_err_copy(err, &(*out)->why);
  return -1;
}

int sp_identities_set(struct sp_identities *identities, const struct sp_credential *credential,
                      struct sp_err *err)
{
  SP_LOCK_SCOPE(&identities->lock);
  struct sp_identity *identity;
  if (add(identities, NULL, &identity, err) < 0)
    return -1;
  return sp_credential_dup(&identity->credential, credential, err);
}

bool sp_identities_has(struct sp_identities *identities, const char *repository)
{
  SP_LOCK_SCOPE(&identities->lock);
  const struct sp_identity *identity = known(identities, repository);
  return identity && !sp_credential_is_anonymous(&identity->credential);
}
