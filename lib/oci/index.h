/* SPDX-License-Identifier: Apache-2.0 */
/* An index of our own making: index.json of a layout and the referrers index of the fallback tag.
 * Members of entries that we do not know are kept as they were.
 *
 * Not for images from outside: those are never changed (oci/manifest.h).
 */
#ifndef SP_OCI_INDEX_H
#define SP_OCI_INDEX_H

#include "base/buf.h"
#include "oci/descriptor.h"

struct sp_index; /* entries in order */

/* An empty OCI index. */
SP_MUST_CHECK int sp_index_new(struct sp_index **out, struct sp_err *err);
/* Reads one (duplicate members refused). Fails: SP_E_INVALID, SP_E_NOMEM. */
SP_MUST_CHECK int sp_index_parse(struct sp_span bytes, struct sp_index **out, struct sp_err *err);
/* The same of a document that was parsed and stays as it is: what is not changed is shared with it.
 * Fails: SP_E_INVALID, SP_E_NOMEM. */
SP_MUST_CHECK int sp_index_of(json_t *doc, struct sp_index **out, struct sp_err *err);
void sp_index_free(struct sp_index *index);
/* The document as it is now, borrowed. */
json_t *sp_index_doc(const struct sp_index *index);
/* Appends the document (compact, entries in order) to out. */
SP_MUST_CHECK int sp_index_format(const struct sp_index *index, struct sp_buf *out,
                                  struct sp_err *err);

size_t sp_index_count(const struct sp_index *index);
/* Entry i (< count). An entry that is no descriptor is SP_E_INVALID. */
SP_MUST_CHECK int sp_index_get(const struct sp_index *index, size_t i, struct sp_desc *out,
                               struct sp_err *err);
/* The entry whose org.opencontainers.image.ref.name is `name`; SP_E_NOT_FOUND. */
SP_MUST_CHECK int sp_index_find_name(const struct sp_index *index, const char *name,
                                     struct sp_desc *out, struct sp_err *err);
/* Makes `name` mean `desc`, replacing the entry that had the name. */
SP_MUST_CHECK int sp_index_set_name(struct sp_index *index, const char *name,
                                    const struct sp_desc *desc, struct sp_err *err);
/* Adds desc without a name unless its digest is there already. `*added` says which. */
SP_MUST_CHECK int sp_index_add(struct sp_index *index, const struct sp_desc *desc, bool *added,
                               struct sp_err *err);
/* Adds a copy of a raw descriptor object with all its members (annotations of a referrer), unless
 * there already. */
SP_MUST_CHECK int sp_index_add_raw(struct sp_index *index, const json_t *descriptor, bool *added,
                                   struct sp_err *err);

SP_DEFINE_AUTO_FREE(struct sp_index, sp_index_free)
#define SP_AUTO_INDEX SP_CLEANUP(sp_index_free_auto_)

#endif
