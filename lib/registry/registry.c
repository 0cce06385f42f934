/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "registry/blob_get.h"
#include "registry/blob_put.h"
#include "registry/blobs.h"
#include "registry/catalog.h"
#include "registry/manifests.h"
#include "registry/referrers.h"
#include "registry/repository.h"
#include "registry/tags.h"

struct sp_registries {
  struct sp_http *http;
  pthread_mutex_t lock; /* of the list; a remote itself is never removed */
  struct sp_remote *first;
  struct sp_upload_memory *uploads; /* of those that are added from now on, too */
};

int sp_registries_new(struct sp_http *http, struct sp_registries **out, struct sp_err *err)
{
  struct sp_registries *registries = calloc(1, sizeof *registries);
  if (!registries)
    return sp_fail(err, SP_E_NOMEM, "out of memory for registries");
  registries->http = http;
  pthread_mutex_init(&registries->lock, NULL);
  *out = registries;
  return 0;
}

void sp_registries_free(struct sp_registries *registries)
{
  if (!registries)
    return;
  while (registries->first) {
    struct sp_remote *remote = registries->first;
    registries->first = remote->next;
    sp_remote_free(remote);
  }
  pthread_mutex_destroy(&registries->lock);
  free(registries);
}

static struct sp_remote *find_remote(const struct sp_registries *registries, const char *host)
{
  struct sp_remote *remote = registries->first;
  while (remote && strcmp(remote->host, host) != 0)
    remote = remote->next;
  return remote;
}

static int add_remote(struct sp_registries *registries, const struct sp_registry_settings *settings,
                      struct sp_remote **out, struct sp_err *err)
{
  if (sp_remote_new(registries->http, settings, out, err) < 0)
    return -1;
  (*out)->next = registries->first;
  (*out)->uploads = registries->uploads;
  registries->first = *out;
  return 0;
}

int sp_registries_configure(struct sp_registries *registries,
                            const struct sp_registry_settings *settings, struct sp_err *err)
{
  SP_LOCK_SCOPE(&registries->lock);
  if (!sp_ref_is_host(sp_span_str(settings->host)))
    return sp_fail(err, SP_E_USAGE, "'%s' is not the name of a registry", settings->host);
  if (find_remote(registries, settings->host))
    return sp_fail(err, SP_E_USAGE, "registry '%s' was set up twice", settings->host);
  struct sp_remote *remote;
  return add_remote(registries, settings, &remote, err);
}

static int get_remote(struct sp_registries *registries, const char *host, struct sp_remote **out,
                      struct sp_err *err)
{
  SP_LOCK_SCOPE(&registries->lock);
  *out = find_remote(registries, host);
  if (*out)
    return 0;
  struct sp_registry_settings settings = {.host = host};
  return add_remote(registries, &settings, out, err);
}

void sp_registries_remember_uploads(struct sp_registries *registries,
                                    struct sp_upload_memory *memory)
{
  SP_LOCK_SCOPE(&registries->lock);
  registries->uploads = memory;
  for (struct sp_remote *remote = registries->first; remote; remote = remote->next)
    remote->uploads = memory;
}

static void repository_close(struct sp_store *store)
{
  struct sp_repository *repository = (struct sp_repository *)store;
  free(repository->full_name);
  free(repository);
}

static const struct sp_store_ops ops = {
    .resolve = sp_manifests_resolve,
    .stat_manifest = sp_manifests_stat,
    .get_manifest = sp_manifests_get,
    .put_manifest = sp_manifests_put,
    .set_tags = sp_manifests_set_tags,
    .list_tags = sp_tags_list,
    .list_referrers = sp_referrers_list,
    .check_blob = sp_blobs_check,
    .mount_blob = sp_blobs_mount,
    .open_read = sp_blob_get_open,
    .begin_write = sp_blob_put_open,
    .is_sibling = sp_blobs_is_sibling,
    .close = repository_close,
};

const struct sp_repository *sp_repository_of(const struct sp_store *store)
{
  while (store && store->inner)
    store = store->inner;
  return store && store->ops == &ops ? (const struct sp_repository *)store : NULL;
}

int sp_registry_open(struct sp_registries *registries, const struct sp_ref *ref,
                     struct sp_store **out, struct sp_err *err)
{
  if (!sp_ref_is_repository(sp_span_str(ref->repository)) ||
      !sp_ref_is_host(sp_span_str(ref->host)))
    return sp_fail(err, SP_E_USAGE, "'%s/%s' is not a repository", ref->host, ref->repository);
  struct sp_remote *remote;
  if (get_remote(registries, ref->host, &remote, err) < 0)
    return -1;
  struct sp_repository *repository = calloc(1, sizeof *repository);
  if (!repository)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a repository");
  if (sp_text_format(&repository->full_name, err, "%s/%s", ref->host, ref->repository) < 0) {
    free(repository);
    return -1;
  }
  repository->remote = remote;
  memcpy(repository->name, ref->repository, sizeof repository->name);
  snprintf(repository->pull_scope, sizeof repository->pull_scope, "repository:%s:pull",
           ref->repository);
  snprintf(repository->push_scope, sizeof repository->push_scope, "repository:%s:pull,push",
           ref->repository);
  uint64_t ignored;
  repository->store = (struct sp_store){
      .ops = &ops,
      .name = repository->full_name,
      .is_metered =
          remote->is_metered || sp_pulls_get(&remote->pulls, &ignored, &ignored, &ignored),
  };
  *out = &repository->store;
  return 0;
}

int sp_registry_check_login(struct sp_registries *registries, const char *host,
                            const struct sp_credential *credential, bool *asked, struct sp_err *err)
{
  struct sp_remote *remote;
  if (get_remote(registries, host, &remote, err) < 0)
    return -1;
  return sp_remote_check_login(remote, credential, asked, err);
}

int sp_registry_list_repositories(struct sp_registries *registries, const char *host,
                                  const char *cursor, struct sp_catalog_page *out,
                                  struct sp_err *err)
{
  struct sp_remote *remote;
  if (get_remote(registries, host, &remote, err) < 0)
    return -1;
  return sp_catalog_list(remote, cursor, out, err);
}

bool sp_registry_pulls_left(const struct sp_store *store, uint64_t *limit, uint64_t *remaining,
                            uint64_t *window_s)
{
  const struct sp_repository *repository = sp_repository_of(store);
  return repository && sp_pulls_get(&repository->remote->pulls, limit, remaining, window_s);
}
