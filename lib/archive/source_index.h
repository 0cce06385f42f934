/* SPDX-License-Identifier: Apache-2.0 */
/* The image of an archive that is an OCI image layout, or has one inside (newer docker save).
 *
 * All are called with the source's lock held, index.json loaded.
 */
#ifndef SP_ARCHIVE_SOURCE_INDEX_H
#define SP_ARCHIVE_SOURCE_INDEX_H

#include "archive/source.h"

/* Loads index.json if the archive has one (source->has_index). Fails: SP_E_INVALID, SP_E_LIMIT. */
SP_MUST_CHECK int sp_source_index_load(struct sp_source *source, struct sp_err *err);
/* Finds root and tags by what was written: digest, full name, tag, or the only image.
 * Fails: SP_E_NOT_FOUND (none, or several: the message lists the tags), SP_E_INVALID. */
SP_MUST_CHECK int sp_source_index_choose(struct sp_source *source, struct sp_err *err);
/* Makes source->root the manifest (or the index that leads to one) whose config is `config`, if the
 * archive has one with all that it names, compressed. *found says whether. */
SP_MUST_CHECK int sp_source_index_find_config(struct sp_source *source,
                                              const struct sp_digest *config, bool *found,
                                              struct sp_err *err);
/* If the root is an index of which something is missing here, makes the one image of it that is
 * wanted and there the root: of the platform asked for, with the config `config` if it is not NULL,
 * or the only one. Fails: SP_E_NOT_FOUND (none or several, listed). */
SP_MUST_CHECK int sp_source_index_narrow(struct sp_source *source, const struct sp_digest *config,
                                         struct sp_err *err);
/* Referrers: the entries of index.json whose subject is `digest`. */
SP_MUST_CHECK int sp_source_index_referrers(struct sp_source *source,
                                            const struct sp_digest *digest,
                                            struct sp_referrers *out, struct sp_err *err);

#endif
