/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/outage.h"

#include <string.h>

#include "base/scope.h"
#include "oci/place.h"

void sp_outages_init(struct sp_outages *outages)
{
  outages->count = 0;
  pthread_mutex_init(&outages->lock, NULL);
}

void sp_outages_clear(struct sp_outages *outages)
{
  pthread_mutex_destroy(&outages->lock);
}

/* Answers false for a place that is no registry ("vault:", "oci:"): those fail one by one. */
static bool registry_of(const char *place, char out[256])
{
  size_t len = sp_place_store_len(place);
  if (place[len] != '/' || len >= 256)
    return false;
  memcpy(out, place, len);
  out[len] = '\0';
  return true;
}

/* Called with the lock held. */
static const struct sp_err *find(const struct sp_outages *outages, const char *registry)
{
  for (size_t i = 0; i < outages->count; i++) {
    if (strcmp(outages->items[i].registry, registry) == 0)
      return &outages->items[i].err;
  }
  return NULL;
}

void sp_outages_note(struct sp_outages *outages, const char *place, const struct sp_err *err)
{
  char registry[256];
  if (err->code != SP_E_UNREACHABLE || !registry_of(place, registry))
    return;
  SP_LOCK_SCOPE(&outages->lock);
  if (find(outages, registry) || outages->count == SP_OUTAGES_MAX)
    return;
  memcpy(outages->items[outages->count].registry, registry, sizeof registry);
  sp_err_copy(&outages->items[outages->count++].err, err);
}

int sp_outages_check(struct sp_outages *outages, const char *place, struct sp_err *err)
{
  char registry[256];
  if (!registry_of(place, registry))
    return 0;
  SP_LOCK_SCOPE(&outages->lock);
  const struct sp_err *known = find(outages, registry);
  if (!known)
    return 0;
  sp_err_copy(err, known);
  return -1;
}
