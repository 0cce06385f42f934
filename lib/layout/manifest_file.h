/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests of a layout: blobs that index.json or another manifest names.
 *
 * Strict as a registry is: a manifest is stored when all that it names is there. One with a subject
 * gets an entry of index.json without a name, by which the layout lists its referrers
 * (layout/referrer.h). Threads: any.
 */
#ifndef SP_LAYOUT_MANIFEST_FILE_H
#define SP_LAYOUT_MANIFEST_FILE_H

#include "layout/layout_dir.h"
#include "oci/manifest.h"

/* sp_store_resolve of a layout. Tag "" asks for the one image that is in it: of all entries but
 * nameless referrers and digest tags (cosign's), if all of them are one manifest.
 * Fails: SP_E_NOT_FOUND (for "": none or several, the message lists the tags); SP_E_INVALID. */
SP_MUST_CHECK int sp_manifest_file_resolve(const struct sp_layout_dir *dir, const char *tag,
                                           struct sp_named *out, struct sp_err *err);
/* sp_store_stat_manifest: a file of that name that index.json calls a manifest, or that is one.
 * Fails: SP_E_NOT_FOUND; SP_E_IO. */
SP_MUST_CHECK int sp_manifest_file_stat(const struct sp_layout_dir *dir,
                                        const struct sp_digest *digest, struct sp_named *out,
                                        struct sp_err *err);
/* sp_store_get_manifest. Fails: SP_E_NOT_FOUND; SP_E_DIGEST; SP_E_LIMIT; SP_E_INVALID. */
SP_MUST_CHECK int sp_manifest_file_get(const struct sp_layout_dir *dir,
                                       const struct sp_digest *digest,
                                       struct sp_manifest_bytes *out, struct sp_err *err);
/* sp_store_put_manifest; hashes first. What is there with the right bytes is not written again.
 * Fails: SP_E_DIGEST; SP_E_INVALID; SP_E_BLOB_UNKNOWN (names the first that is missing or of
 * another length); SP_E_UNSUPPORTED (opened for reading); SP_E_IO. */
SP_MUST_CHECK int sp_manifest_file_put(const struct sp_layout_dir *dir,
                                       const struct sp_manifest_bytes *manifest,
                                       struct sp_err *err);
/* Reads and parses an entry of index.json. `bytes` is the caller's, initialised; `parsed` is zero,
 * and the caller's if *usable. `*usable` false: its file is missing, has other bytes or is no
 * manifest that we read, which is logged once and disturbs no other entry. Fails: SP_E_IO;
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_manifest_file_read_entry(const struct sp_layout_dir *dir,
                                              const struct sp_desc *desc,
                                              struct sp_manifest_bytes *bytes,
                                              struct sp_manifest *parsed, bool *usable,
                                              struct sp_err *err);

#endif
