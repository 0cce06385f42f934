/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of one registry, by scope. A token is fetched once, however many threads want it: the
 * others wait for the one that fetches, and share its failure.
 *
 * Threads: any. Bounded: what was used least recently makes room.
 */
#ifndef SP_REGISTRY_TOKEN_CACHE_H
#define SP_REGISTRY_TOKEN_CACHE_H

#include "registry/token.h"

struct sp_token_cache;

/* Fetches a token. `scope`: space-separated scopes. Called without locks. */
typedef int sp_token_fetch(void *ctx, const char *scope, struct sp_token *out, struct sp_err *err);

/* fetch and ctx: borrowed for the cache's life. */
SP_MUST_CHECK int sp_token_cache_new(sp_token_fetch *fetch, void *ctx, struct sp_token_cache **out,
                                     struct sp_err *err);
void sp_token_cache_free(struct sp_token_cache *cache);

/* The token of a scope, copied to `bearer`; fetched if there is none that lives long enough.
 * *number names this very token (never 0), *fetched: it was fetched for this call.
 * Blocks on the fetch. Fails with what the fetch failed with. */
SP_MUST_CHECK int sp_token_cache_get(struct sp_token_cache *cache, const char *scope,
                                     bool is_upload, struct sp_secret *bearer, uint64_t *number,
                                     bool *fetched, struct sp_err *err);
/* The token `number` was refused: forget it (if it is still the one that is kept). */
void sp_token_cache_drop(struct sp_token_cache *cache, const char *scope, uint64_t number);
/* From now on ask for `more` before `scope` wherever `scope` is wanted (the registry said in a
 * challenge that it needs it). *changed: false if it was asked for already. */
SP_MUST_CHECK int sp_token_cache_widen(struct sp_token_cache *cache, const char *scope,
                                       const char *more, bool *changed, struct sp_err *err);

#endif
