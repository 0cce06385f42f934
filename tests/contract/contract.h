/* SPDX-License-Identifier: Apache-2.0 */
/* The contract suite: one set of checks, run over every store and every wrapper.
 *
 * A store joins by a file contract_<store>.c with a table of factories and a main that calls
 * contract_run. Every check gets a new, empty store; a check that the store cannot pass by its
 * nature, as `cannot` says, is left out.
 */
#ifndef SP_TESTS_CONTRACT_H
#define SP_TESTS_CONTRACT_H

#include "store/store.h"

enum contract_cannot {
  CONTRACT_IS_LAX = 1 << 0,          /* takes a manifest whose blobs or children are missing */
  CONTRACT_NO_REFERRERS = 1 << 1,    /* no referrers API; leaves subjects to the caller */
  CONTRACT_NO_SHA512 = 1 << 2,       /* stores sha256 only */
  CONTRACT_NO_WRITES = 1 << 3,       /* read-only: only the checks of an empty store are run */
  CONTRACT_NO_LISTING = 1 << 4,      /* list_tags is SP_E_UNSUPPORTED */
  CONTRACT_NO_4_MIB = 1 << 5,        /* takes only smaller manifests than SP_MAX_MANIFEST_BYTES */
  CONTRACT_TRUSTS_APPROVAL = 1 << 6, /* hashes no blob again that the ring approved */
};

struct contract_factory {
  const char *name;    /* "memory", "retry around memory" */
  unsigned cannot;     /* of enum contract_cannot */
  void *ctx;           /* of the functions below; may be NULL */
  unsigned tags_count; /* how many tags the check of pages sets; 0 = 130 */
  /* A new, empty store. *out is the suite's. */
  int (*make)(void *ctx, struct sp_store **out, struct sp_err *err);
  /* The store of the last make once more, after that was closed; NULL: it does not outlive that. */
  int (*reopen)(void *ctx, struct sp_store **out, struct sp_err *err);
  /* Called after the last store of a check was closed (remove a directory); may be NULL. */
  void (*after)(void *ctx);
};

/* Runs all checks over all factories. Answers what main is to return. */
int contract_run(const struct contract_factory *factories, size_t count);

#endif
