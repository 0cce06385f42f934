/* SPDX-License-Identifier: Apache-2.0 */
/* A list, most recently used first; an entry that a thread works on (`users`) is never removed. One
 * lock for all; never held while a token is fetched. */
#include "registry/token_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"

#define MAX_ENTRIES 1024 /* scopes of one registry: repositories, and pairs of them for mounts */

struct entry {
  struct entry *next;
  char *scope;
  char *wide; /* what is asked for in its place; NULL = scope */
  struct sp_token token;
  int64_t fetched_ms;
  uint64_t number; /* 0 = no token */
  bool is_fetching;
  uint64_t failures; /* counts, so that a waiter knows that the fetch it waited for failed */
  struct sp_err why; /* of the last one */
  unsigned users;
};

struct sp_token_cache {
  sp_token_fetch *fetch;
  void *ctx;
  pthread_mutex_t lock;
  pthread_cond_t done;
  struct entry *first;
  size_t count;
  uint64_t last_number;
};

int sp_token_cache_new(sp_token_fetch *fetch, void *ctx, struct sp_token_cache **out,
                       struct sp_err *err)
{
  struct sp_token_cache *cache = calloc(1, sizeof *cache);
  if (!cache)
    return sp_fail(err, SP_E_NOMEM, "out of memory for tokens");
  cache->fetch = fetch;
  cache->ctx = ctx;
  pthread_mutex_init(&cache->lock, NULL);
  pthread_cond_init(&cache->done, NULL);
  *out = cache;
  return 0;
}

static void entry_free(struct entry *entry)
{
  free(entry->scope);
  free(entry->wide);
  sp_token_clear(&entry->token);
  free(entry);
}

void sp_token_cache_free(struct sp_token_cache *cache)
{
  if (!cache)
    return;
  while (cache->first) {
    struct entry *entry = cache->first;
    cache->first = entry->next;
    entry_free(entry);
  }
  pthread_cond_destroy(&cache->done);
  pthread_mutex_destroy(&cache->lock);
  free(cache);
}

static void make_room(struct sp_token_cache *cache)
{
  struct entry **oldest = NULL;
  for (struct entry **at = &cache->first; *at; at = &(*at)->next) {
    if ((*at)->users == 0)
      oldest = at;
  }
  if (cache->count < MAX_ENTRIES || !oldest)
    return;
  struct entry *entry = *oldest;
  *oldest = entry->next;
  entry_free(entry);
  cache->count--;
}

/* The entry of a scope, now the first of the list; NULL if there is none. */
static struct entry *find(struct sp_token_cache *cache, const char *scope)
{
  for (struct entry **at = &cache->first; *at; at = &(*at)->next) {
    struct entry *entry = *at;
    if (strcmp(entry->scope, scope) != 0)
      continue;
    *at = entry->next;
    entry->next = cache->first;
    cache->first = entry;
    return entry;
  }
  return NULL;
}

static struct entry *find_or_add(struct sp_token_cache *cache, const char *scope,
                                 struct sp_err *err)
{
  struct entry *entry = find(cache, scope);
  if (entry)
    return entry;
  make_room(cache);
  entry = calloc(1, sizeof *entry);
  if (!entry || sp_text_dup(&entry->scope, scope, err) < 0) {
    free(entry);
    sp_fail(err, SP_E_NOMEM, "out of memory for tokens");
    return NULL;
  }
  entry->next = cache->first;
  cache->first = entry;
  cache->count++;
  return entry;
}

static bool has_fresh(const struct entry *entry, bool is_upload)
{
  return entry->number != 0 && sp_token_is_fresh(entry->token.lifetime_ms,
                                                 sp_clock_mono_ms() - entry->fetched_ms, is_upload);
}

/* Fetches for everybody who waits on the entry. The lock is held on entry and on return. */
static int refill(struct sp_token_cache *cache, struct entry *entry, struct sp_err *err)
{
  entry->is_fetching = true;
  SP_AUTO_FREE char *scope = NULL;
  SP_AUTO_TOKEN struct sp_token token = SP_TOKEN_INIT;
  int rc = sp_text_dup(&scope, entry->wide ? entry->wide : entry->scope, err);
  int64_t asked_ms = sp_clock_mono_ms();
  if (rc == 0) {
    pthread_mutex_unlock(&cache->lock);
    rc = cache->fetch(cache->ctx, scope, &token, err);
    pthread_mutex_lock(&cache->lock);
  }
  entry->is_fetching = false;
  if (rc == 0) {
    sp_token_clear(&entry->token);
    entry->token = token;
    token = SP_TOKEN_INIT;
    entry->fetched_ms = asked_ms;
    entry->number = ++cache->last_number;
  } else {
    entry->failures++;
    sp_err_copy(&entry->why, err);
  }
  pthread_cond_broadcast(&cache->done);
  return rc;
}

/* Waits while another thread fetches. Fails if that fetch failed. */
static int wait_for_other(struct sp_token_cache *cache, struct entry *entry, struct sp_err *err)
{
  uint64_t failures = entry->failures;
  while (entry->is_fetching && entry->failures == failures)
    pthread_cond_wait(&cache->done, &cache->lock);
  if (entry->failures == failures)
    return 0;
  sp_err_copy(err, &entry->why);
  return -1;
}

static int make_fresh(struct sp_token_cache *cache, struct entry *entry, bool is_upload,
                      bool *fetched, struct sp_err *err)
{
  while (entry->is_fetching) {
    if (wait_for_other(cache, entry, err) < 0)
      return -1;
    /* What another one fetched a moment ago is taken even if it lives too briefly for our wish. */
    if (entry->number != 0)
      return 0;
  }
  if (has_fresh(entry, is_upload))
    return 0;
  *fetched = true;
  return refill(cache, entry, err);
}

int sp_token_cache_get(struct sp_token_cache *cache, const char *scope, bool is_upload,
                       struct sp_secret *bearer, uint64_t *number, bool *fetched,
                       struct sp_err *err)
{
  *fetched = false;
  SP_LOCK_SCOPE(&cache->lock);
  struct entry *entry = find_or_add(cache, scope, err);
  if (!entry)
    return -1;
  entry->users++;
  int rc = make_fresh(cache, entry, is_upload, fetched, err);
  if (rc == 0)
    rc = sp_secret_dup(bearer, &entry->token.bearer, err);
  *number = entry->number;
  entry->users--;
  return rc;
}

void sp_token_cache_drop(struct sp_token_cache *cache, const char *scope, uint64_t number)
{
  SP_LOCK_SCOPE(&cache->lock);
  struct entry *entry = find(cache, scope);
  if (!entry || entry->number != number)
    return;
  sp_token_clear(&entry->token);
  entry->number = 0;
}

int sp_token_cache_widen(struct sp_token_cache *cache, const char *scope, const char *more,
                         bool *changed, struct sp_err *err)
{
  *changed = false;
  SP_LOCK_SCOPE(&cache->lock);
  struct entry *entry = find_or_add(cache, scope, err);
  if (!entry)
    return -1;
  if (strstr(entry->wide ? entry->wide : entry->scope, more))
    return 0;
  SP_AUTO_FREE char *wide = NULL;
  if (sp_text_format(&wide, err, "%s %s", more, entry->scope) < 0)
    return -1;
  free(entry->wide);
  entry->wide = sp_steal(&wide);
  sp_token_clear(&entry->token);
  entry->number = 0;
  *changed = true;
  return 0;
}
