/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are at one registry, found once: for the whole host, or, where a file tells parts of the
 * host apart, for each repository. That it cannot be found is found once, too: a helper that hangs
 * costs its time one time, not once for each of 32 threads.
 *
 * Not here: where credentials come from (credential.h). Threads: any; what was found stays where it
 * is until sp_identities_clear.
 */
#ifndef SP_REGISTRY_IDENTITY_H
#define SP_REGISTRY_IDENTITY_H

#include <pthread.h>

#include "registry/credential.h"

struct sp_identity {
  struct sp_identity *next;
  char *repository;                /* NULL: all that have none of their own */
  struct sp_credential credential; /* read-only once it was handed out */
  struct sp_err why;               /* code SP_OK, or why it could not be found */
  struct sp_secret refresh;        /* of an earlier token answer; guarded by its user (auth.c) */
};

struct sp_identities {
  const char *host;
  const struct sp_cancel *cancel;
  pthread_mutex_t lock; /* of the list; held while credentials are looked up */
  struct sp_identity *first;
};

/* host, cancel: borrowed for its life. */
void sp_identities_init(struct sp_identities *identities, const char *host,
                        const struct sp_cancel *cancel);
void sp_identities_clear(struct sp_identities *identities);

/* Who we are for a scope ("repository:NAME:actions ...": of several the first, which is the one
 * that is written to); looked up at its first use. *out is borrowed. Blocks like sp_credential_find
 * and fails like it, now and at every later call. */
SP_MUST_CHECK int sp_identities_find(struct sp_identities *identities, const char *scope,
                                     struct sp_identity **out, struct sp_err *err);
/* This one (copied) for every repository, in place of looking. Before the first sp_identities_find.
 */
SP_MUST_CHECK int sp_identities_set(struct sp_identities *identities,
                                    const struct sp_credential *credential, struct sp_err *err);
/* Were credentials found for this repository, as far as was looked? */
bool sp_identities_has(struct sp_identities *identities, const char *repository);

#endif
