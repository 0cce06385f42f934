/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and tags of one repository: the slots resolve, stat_manifest, get_manifest,
 * put_manifest and set_tags of a registry store (store/store.h says what they mean). Every GET and
 * HEAD accepts all four media types. OCI distribution-spec 1.1 "Pulling manifests", "Pushing
 * Manifests". */
#ifndef SP_REGISTRY_MANIFESTS_H
#define SP_REGISTRY_MANIFESTS_H

#include "store/store.h"

/* By HEAD; by GET where the registry does not name the digest. */
SP_MUST_CHECK int sp_manifests_resolve(struct sp_store *store, const char *tag,
                                       struct sp_named *out, struct sp_err *err);
SP_MUST_CHECK int sp_manifests_stat(struct sp_store *store, const struct sp_digest *digest,
                                    struct sp_named *out, struct sp_err *err);
SP_MUST_CHECK int sp_manifests_get(struct sp_store *store, const struct sp_digest *digest,
                                   struct sp_manifest_bytes *out, struct sp_err *err);
SP_MUST_CHECK int sp_manifests_put(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                                   bool *subject_handled, struct sp_err *err);
/* Each tag is put, then read back; one that does not name the manifest then is put once more. */
SP_MUST_CHECK int sp_manifests_set_tags(struct sp_store *store, const char *const *tags, size_t n,
                                        const struct sp_manifest_bytes *manifest, size_t *done,
                                        struct sp_err *err);

#endif
