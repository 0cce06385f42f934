/* SPDX-License-Identifier: Apache-2.0 */
/* The vault: many repositories in one directory, each blob stored once (DESIGN.md "The vault").
 *
 *     <root>/vault-id                      which vault it is (layout/vault_id.h)
 *     <root>/.safeport-lock                held while that is made
 *     <root>/pool/<alg>/<2 hex>/<hex>      every blob once
 *     <root>/repos/<name>/_/               a standard OCI image layout of that repository; its
 * blobs are hard links into the pool (copies on EMLINK or EXDEV)
 *
 * A blob that any repository of the vault has is linked, not sent again: vault stores of one root
 * are siblings. Linking reads no byte: a repository whose blob is damaged is healed by sending it
 * (begin_write), which replaces the pool's file and its own link. The vault is readable by its
 * owner only. A pool file with one link is garbage after a grace period (collected by a later
 * command, never here). Two processes at once are fine: one lock per repository.
 */
#ifndef SP_LAYOUT_VAULT_H
#define SP_LAYOUT_VAULT_H

#include "layout/layout.h"

/* Finds the root: `explicit_root` (--vault) if not NULL, $SAFEPORT_VAULT,
 * $XDG_DATA_HOME/safeport/vault, $HOME/.local/share/safeport/vault. `*out` is the caller's. Fails:
 * SP_E_USAGE (none of them is set). */
SP_MUST_CHECK int sp_vault_find_root(const char *explicit_root, char **out, struct sp_err *err);
/* Opens a repository (`repository` as oci/place.h gives it). Fails: as sp_layout_open; SP_E_USAGE
 * (no name of a repository); SP_E_REFUSED (everyone may write to the root; or it is to be written
 * to, and belongs to another user: not to root, nor to the one that a share maps all users to, and
 * we are not root). */
SP_MUST_CHECK int sp_vault_open(const char *root, const char *repository, enum sp_layout_mode mode,
                                const struct sp_cancel *cancel, struct sp_store **out,
                                struct sp_err *err);

#endif
