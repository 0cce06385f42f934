/* SPDX-License-Identifier: Apache-2.0 */
/* The repositories of a namespace of safeport.yaml ("ghcr.io/acme/[*]", without brackets) for which
 * the file gives no list: what the registry lists, and what earlier runs knew of it.
 *
 * A registry's list is a claim like any other: it may have lost half, or not come at all. What the
 * journal knows below the namespace is there all the same, as if it stood in the file; so a
 * repository that is gone is an image whose primary lost everything, for which sync and the others
 * have their rules (sync/decide.h). A host without a journal knows what is listed, and no more.
 *
 * Not here: names and places of images (api/images.h); asking a registry (registry/registry.h).
 * Life cycle: zeroed, sp_namespace_list or sp_namespace_recall, sp_namespace_clear. Threads: none
 * of its own.
 */
#ifndef SP_API_NAMESPACE_H
#define SP_API_NAMESPACE_H

#include "api/session.h"
#include "config/config.h"
#include "journal/known.h"

struct sp_namespace_item {
  char *name;     /* of the repository, below the namespace; sp_ref_is_repository */
  bool is_listed; /* by the registry; else earlier runs knew it */
};

struct sp_namespace {
  struct sp_namespace_item *items; /* sorted by name, each once */
  size_t count, cap;
};

/* Asks the registry, page by page, and adds what the journal knows to have had tags there: they are
 * missed, or, where their loss was accepted, the backups keep the last copies.
 *   why   out   SP_OK; or why there is no list, or an empty one: then only what was known is in
 *               `out`, and whoever uses it must say so
 * Fails: SP_E_NOMEM, SP_E_INTERRUPTED. Blocks on the registry, for --retry-for where it fails. */
SP_MUST_CHECK int sp_namespace_list(struct sp_session *session, struct sp_journal *journal,
                                    const struct sp_config_image *image, struct sp_namespace *out,
                                    struct sp_err *why, struct sp_err *err);
/* All that earlier runs knew, also what is gone; nothing is asked for. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_namespace_recall(struct sp_journal *journal,
                                      const struct sp_config_image *image, struct sp_namespace *out,
                                      struct sp_err *err);
/* What backups list below their {repo} that is not among `known`, each asked once; the primary's
 * list where no backup gives one. It may belong to somebody else: it is told, never taken.
 *   has_list   out   somebody could say; else nothing is known beyond `known`
 * Fails: SP_E_NOMEM, SP_E_INTERRUPTED; SP_E_LIMIT. Blocks on registries. */
SP_MUST_CHECK int sp_namespace_find_beyond(struct sp_session *session,
                                           const struct sp_config_image *image,
                                           const struct sp_namespace *known,
                                           struct sp_namespace *out, bool *has_list,
                                           struct sp_err *err);
void sp_namespace_clear(struct sp_namespace *ns);

SP_DEFINE_AUTO_CLEAR(struct sp_namespace, sp_namespace_clear)

#endif
