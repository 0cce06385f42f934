/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping what was found good, and forgetting it: in the credential helper that the file names for
 * the host, else in the file itself. The file is the first of auth_file.h, or the one that was
 * given; it belongs to docker and others:
 *
 *   - one entry changes, every other byte stays (base/json_edit.h). Other names of the same host
 * are taken out: of two passwords one would be the wrong one;
 *   - links are followed; the new file is written beside the old one and renamed over it, mode
 * 0600, and stays its owner's;
 *   - two of us take turns (flock on the directory, which leaves nothing behind), and a change by
 *     somebody who does not know that lock, docker itself say, is seen and built upon.
 *
 * Not here: whether the credentials are any good (registry.h). Blocks on the disk, the lock and the
 * helper. Threads: any.
 */
#ifndef SP_REGISTRY_CREDENTIAL_STORE_H
#define SP_REGISTRY_CREDENTIAL_STORE_H

#include "base/cancel.h"
#include "registry/credential.h"
#include "registry/docker_config.h"

struct sp_credential_store {
  const char *host;               /* as in references */
  const char *auth_file;          /* NULL: the first of auth_file.h */
  const struct sp_cancel *cancel; /* may be NULL */
};                                /* all borrowed */

/* Where something was stored, or erased. */
struct sp_credential_spot {
  char *path;                           /* the file, as it was named; owned */
  const char *source;                   /* as in struct sp_credential; static */
  char helper[SP_HELPER_NAME_TEXT_MAX]; /* "" = the file itself */
};
#define SP_CREDENTIAL_SPOT_INIT ((struct sp_credential_spot){0})
void sp_credential_spot_clear(struct sp_credential_spot *spot);

/* Stores user and password, in place of what was there. Fails: SP_E_AUTH (the file or the helper
 * cannot be used, or the helper did not keep them); SP_E_USAGE (there is no home for a file);
 * SP_E_LOCKED; SP_E_IO (the old file is intact); SP_E_INTERRUPTED. */
SP_MUST_CHECK int sp_credential_store(const struct sp_credential_store *store,
                                      const struct sp_credential *credential,
                                      struct sp_credential_spot *spot, struct sp_err *err);
/* Erases the host's credentials (not those of namespaces). *was_there false: there were none.
 * Fails likewise. */
SP_MUST_CHECK int sp_credential_erase(const struct sp_credential_store *store,
                                      struct sp_credential_spot *spot, bool *was_there,
                                      struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_credential_spot, sp_credential_spot_clear)
#define SP_AUTO_CREDENTIAL_SPOT SP_CLEANUP(sp_credential_spot_clear_auto_)

#endif
