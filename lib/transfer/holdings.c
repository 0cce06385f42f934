/* SPDX-License-Identifier: Apache-2.0 */
/* One table by open addressing at half load. A key is a scope and a digest; scopes are places and
 * sites (the places of one registry, which can mount from each other). So a blob that is on its way
 * has two entries: "this place gets it", and "this site gets it, there". Entries are never removed
 * one by one: the table is made anew without those that are to go. */
#include "transfer/holdings.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/scope.h"

#define TABLE_CAP ((size_t)2 * SP_HOLDINGS_FACTS_MAX) /* a power of two */
#define FIRST_CAP ((size_t)1024)
#define WAIT_MS 200 /* how soon a waiting job sees the wish to stop */

struct entry {
  uint64_t scope; /* 0: free */
  struct sp_digest digest;
  bool is_claimed;
  struct sp_holding holding; /* proof NONE: known to be nowhere, as good as no entry */
  size_t place;              /* of a site's entry: where */
};

struct place {
  struct sp_store *store; /* NULL: the number is free */
  uint64_t scope, site;
  unsigned pins; /* claims that mount from it */
  bool is_left;
};

struct sp_holdings {
  pthread_mutex_t lock;
  pthread_cond_t settled;
  struct entry *entries;
  size_t cap, count;
  struct place *places;
  size_t place_count, place_cap;
  size_t oldest; /* where the search for a place to close goes on */
  uint64_t last_scope;
};

int sp_holdings_new(struct sp_holdings **out, struct sp_err *err)
{
  struct sp_holdings *holdings = calloc(1, sizeof *holdings);
  if (!holdings)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  pthread_mutex_init(&holdings->lock, NULL);
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&holdings->settled, &attr);
  pthread_condattr_destroy(&attr);
  *out = holdings;
  return 0;
}

void sp_holdings_free(struct sp_holdings *holdings)
{
  if (!holdings)
    return;
  for (size_t i = 0; i < holdings->place_count; i++)
    sp_store_close(holdings->places[i].store);
  pthread_cond_destroy(&holdings->settled);
  pthread_mutex_destroy(&holdings->lock);
  free(holdings->entries);
  free(holdings->places);
  free(holdings);
}

/* -- the table; all with the lock held */

static struct entry *slot_of(struct entry *entries, size_t cap, uint64_t scope,
                             const struct sp_digest *digest)
{
  uint64_t hash;
  memcpy(&hash, digest->raw, sizeof hash);
  size_t i = (size_t)(hash ^ scope * 0x9e3779b97f4a7c15u) & (cap - 1);
  while (entries[i].scope &&
         (entries[i].scope != scope || !sp_digest_eq(&entries[i].digest, digest)))
    i = (i + 1) & (cap - 1);
  return &entries[i];
}

static struct entry *find(struct sp_holdings *holdings, uint64_t scope,
                          const struct sp_digest *digest)
{
  if (holdings->cap == 0)
    return NULL;
  struct entry *entry = slot_of(holdings->entries, holdings->cap, scope, digest);
  return entry->scope ? entry : NULL;
}

/* Makes the table anew with room for `cap`; what `keep` says no to is forgotten, except what is on
 * its way. Without memory the table stays as it is. */
static void rebuild(struct sp_holdings *holdings, size_t cap,
                    bool (*keep)(const struct entry *, const struct place *, size_t), size_t place)
{
  struct entry *entries = calloc(cap, sizeof *entries);
  if (!entries)
    return;
  size_t count = 0;
  for (size_t i = 0; i < holdings->cap; i++) {
    const struct entry *entry = &holdings->entries[i];
    if (!entry->scope || (!entry->is_claimed && !keep(entry, holdings->places, place)))
      continue;
    *slot_of(entries, cap, entry->scope, &entry->digest) = *entry;
    count++;
  }
  free(holdings->entries);
  holdings->entries = entries;
  holdings->cap = cap;
  holdings->count = count;
}

static bool keep_known(const struct entry *entry, const struct place *places, size_t place)
{
  (void)places;
  (void)place;
  return entry->holding.proof != SP_PROOF_NONE;
}

static bool keep_none(const struct entry *entry, const struct place *places, size_t place)
{
  (void)entry;
  (void)places;
  (void)place;
  return false;
}

static bool keep_others(const struct entry *entry, const struct place *places, size_t place)
{
  bool is_of_site = entry->scope == places[place].site;
  return entry->scope != places[place].scope && !(is_of_site && entry->place == place);
}

/* The entry, made if need be; NULL without memory. */
static struct entry *obtain(struct sp_holdings *holdings, uint64_t scope,
                            const struct sp_digest *digest)
{
  struct entry *entry = find(holdings, scope, digest);
  if (entry)
    return entry;
  if (holdings->count >= holdings->cap / 2) {
    if (holdings->cap < TABLE_CAP)
      rebuild(holdings, holdings->cap ? holdings->cap * 2 : FIRST_CAP, keep_known, 0);
    else
      rebuild(holdings, holdings->cap, keep_none, 0);
  }
  if (holdings->count + 1 >= holdings->cap)
    return NULL;
  entry = slot_of(holdings->entries, holdings->cap, scope, digest);
  *entry = (struct entry){.scope = scope, .digest = *digest};
  holdings->count++;
  return entry;
}

/* -- places */

/* A number for a new place: one whose store is closed for it, or a new one. SIZE_MAX without
 * memory. */
static size_t find_number(struct sp_holdings *holdings)
{
  for (size_t i = 0; holdings->place_count >= SP_HOLDINGS_PLACES_MAX && i < holdings->place_count;
       i++) {
    size_t number = holdings->oldest++ % holdings->place_count;
    struct place *place = &holdings->places[number];
    if (!place->is_left || place->pins > 0)
      continue;
    rebuild(holdings, holdings->cap ? holdings->cap : FIRST_CAP, keep_others, number);
    sp_store_close(place->store);
    place->store = NULL;
    return number;
  }
  if (holdings->place_count == holdings->place_cap) {
    size_t cap = holdings->place_cap ? holdings->place_cap * 2 : 16;
    struct place *places = reallocarray(holdings->places, cap, sizeof *places);
    if (!places)
      return SIZE_MAX;
    holdings->places = places;
    holdings->place_cap = cap;
  }
  return holdings->place_count++;
}

static uint64_t site_of(struct sp_holdings *holdings, const struct sp_store *store, size_t number)
{
  for (size_t i = 0; i < holdings->place_count; i++) {
    const struct place *other = &holdings->places[i];
    if (i != number && other->store && sp_store_is_sibling(store, other->store))
      return other->site;
  }
  return ++holdings->last_scope;
}

int sp_holdings_add_take(struct sp_holdings *holdings, struct sp_store *store, size_t *place,
                         struct sp_err *err)
{
  SP_LOCK_SCOPE(&holdings->lock);
  size_t number = find_number(holdings);
  if (number == SIZE_MAX) {
    sp_store_close(store);
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  }
  holdings->places[number] = (struct place){.store = store, .scope = ++holdings->last_scope};
  holdings->places[number].site = site_of(holdings, store, number);
  *place = number;
  return 0;
}

void sp_holdings_leave(struct sp_holdings *holdings, size_t place)
{
  SP_LOCK_SCOPE(&holdings->lock);
  holdings->places[place].is_left = true;
}

/* -- facts */

struct sp_holding sp_holdings_find(struct sp_holdings *holdings, size_t place,
                                   const struct sp_digest *digest)
{
  SP_LOCK_SCOPE(&holdings->lock);
  const struct entry *entry = find(holdings, holdings->places[place].scope, digest);
  if (!entry || entry->is_claimed)
    return (struct sp_holding){.proof = SP_PROOF_NONE};
  return entry->holding;
}

static void note(struct sp_holdings *holdings, uint64_t scope, size_t place,
                 const struct sp_digest *digest, const struct sp_holding *holding)
{
  struct entry *entry = obtain(holdings, scope, digest);
  if (!entry || entry->is_claimed)
    return;
  entry->holding = *holding;
  entry->place = place;
}

void sp_holdings_note(struct sp_holdings *holdings, size_t place, const struct sp_digest *digest,
                      const struct sp_holding *holding)
{
  SP_LOCK_SCOPE(&holdings->lock);
  note(holdings, holdings->places[place].scope, place, digest, holding);
  note(holdings, holdings->places[place].site, place, digest, holding);
}

void sp_holdings_forget(struct sp_holdings *holdings, size_t place)
{
  SP_LOCK_SCOPE(&holdings->lock);
  if (holdings->cap > 0)
    rebuild(holdings, holdings->cap, keep_others, place);
}

/* -- claims */

static bool is_claimed(struct sp_holdings *holdings, size_t place, const struct sp_digest *digest)
{
  const struct place *at = &holdings->places[place];
  const struct entry *here = find(holdings, at->scope, digest);
  const struct entry *site = find(holdings, at->site, digest);
  return (here && here->is_claimed) || (site && site->is_claimed);
}

static void set_claimed(struct sp_holdings *holdings, uint64_t scope, size_t place,
                        const struct sp_digest *digest)
{
  struct entry *entry = obtain(holdings, scope, digest);
  if (!entry)
    return; /* without memory two jobs may send it: no harm */
  entry->is_claimed = true;
  entry->place = place;
}

struct sp_claim sp_holdings_claim(struct sp_holdings *holdings, size_t place,
                                  const struct sp_digest *digest)
{
  SP_LOCK_SCOPE(&holdings->lock);
  const struct place *at = &holdings->places[place];
  const struct entry *here = find(holdings, at->scope, digest);
  if (here && !here->is_claimed && here->holding.proof != SP_PROOF_NONE)
    return (struct sp_claim){.kind = SP_CLAIM_HERE, .holding = here->holding};
  if (is_claimed(holdings, place, digest))
    return (struct sp_claim){.kind = SP_CLAIM_BUSY};
  struct sp_claim claim = {.kind = SP_CLAIM_MINE};
  const struct entry *site = find(holdings, at->site, digest);
  if (site && site->holding.proof != SP_PROOF_NONE && site->place != place) {
    claim.donor_place_ = site->place;
    claim.donor = holdings->places[site->place].store;
    holdings->places[site->place].pins++;
    set_claimed(holdings, at->scope, place, digest);
    return claim;
  }
  set_claimed(holdings, at->scope, place, digest);
  set_claimed(holdings, at->site, place, digest);
  return claim;
}

static void end_claim(struct sp_holdings *holdings, uint64_t scope, size_t place,
                      const struct sp_digest *digest, const struct sp_holding *holding)
{
  struct entry *entry = find(holdings, scope, digest);
  if (!entry || !entry->is_claimed || entry->place != place)
    return;
  entry->is_claimed = false;
  entry->holding = *holding;
}

void sp_holdings_settle(struct sp_holdings *holdings, const struct sp_claim *claim, size_t place,
                        const struct sp_digest *digest, const struct sp_holding *holding)
{
  SP_LOCK_SCOPE(&holdings->lock);
  const struct place *at = &holdings->places[place];
  end_claim(holdings, at->scope, place, digest, holding);
  end_claim(holdings, at->site, place, digest, holding);
  if (claim->donor)
    holdings->places[claim->donor_place_].pins--;
  pthread_cond_broadcast(&holdings->settled);
}

void sp_holdings_wait(struct sp_holdings *holdings, size_t place, const struct sp_digest *digest,
                      const struct sp_cancel *cancel)
{
  SP_LOCK_SCOPE(&holdings->lock);
  while (is_claimed(holdings, place, digest) && !sp_cancel_is_requested(cancel)) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&holdings->settled, &holdings->lock, &until);
  }
}
