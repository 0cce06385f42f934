/* SPDX-License-Identifier: Apache-2.0 */
/* One state of index.json of a layout, for looking: tags, names, digests. A tag and a digest are
 * found without going through all entries.
 *
 * Layouts of others hold names that are no tags ("docker.io/x:1"), entries without names, entries
 * that are no descriptors of ours (another digest algorithm). What is not asked for does not
 * disturb. That of a layout as it is now: layout/index_cache.h. Changing it: layout/index_file.h.
 *
 * Life cycle: sp_index_view_parse, sp_index_view_of or sp_index_view_share, sp_index_view_clear.
 * Immutable in between. Threads: each its own view; what they share is counted.
 */
#ifndef SP_LAYOUT_INDEX_VIEW_H
#define SP_LAYOUT_INDEX_VIEW_H

#include "base/json.h"
#include "store/store.h"

#define SP_INDEX_FILE "index.json"

struct sp_index_state; /* the document and the ways into it; counted */

struct sp_index_view {
  struct sp_index_state *state_; /* NULL: no entries */
  const char *name;              /* of the layout, for messages; borrowed */
};

/* Parses the text of an index.json. `name` is borrowed for the view's life.
 * Fails: SP_E_INVALID; SP_E_LIMIT; SP_E_NOMEM. */
SP_MUST_CHECK int sp_index_view_parse(struct sp_span text, const char *name,
                                      struct sp_index_view *out, struct sp_err *err);
/* The same of a document that was parsed. The view shares it: nobody may change it any more. */
SP_MUST_CHECK int sp_index_view_of(json_t *doc, const char *name, struct sp_index_view *out,
                                   struct sp_err *err);
/* Another view of the same state. */
void sp_index_view_share(const struct sp_index_view *view, struct sp_index_view *out);
void sp_index_view_clear(struct sp_index_view *view);

/* Are both of one state: does one share it with the other? */
bool sp_index_view_is_same(const struct sp_index_view *a, const struct sp_index_view *b);
/* The whole document, borrowed. Only who parsed it, and shared it with nobody, may add members. */
json_t *sp_index_view_doc(const struct sp_index_view *view);
size_t sp_index_view_count(const struct sp_index_view *view);
/* Entry i (< count). Fails: SP_E_INVALID, SP_E_UNSUPPORTED: not a descriptor that we read. */
SP_MUST_CHECK int sp_index_view_get(const struct sp_index_view *view, size_t i, struct sp_desc *out,
                                    struct sp_err *err);
/* The name of entry i as it stands there (org.opencontainers.image.ref.name), or NULL. */
const char *sp_index_view_ref_name(const struct sp_index_view *view, size_t i);
/* The full reference that containerd and docker write beside it (io.containerd.image.name), or
 * NULL.
 */
const char *sp_index_view_image_name(const struct sp_index_view *view, size_t i);

/* What a tag names: the entry with that name; if there is none, the one whose name ends in
 * ":" + tag, as containerd and others write.
 * Fails: SP_E_NOT_FOUND; SP_E_INVALID (it names several manifests). */
SP_MUST_CHECK int sp_index_view_find_tag(const struct sp_index_view *view, const char *tag,
                                         struct sp_desc *out, struct sp_err *err);
/* Do all entries of exactly this name (at least one) say the digest and the type of desc? */
bool sp_index_view_has_tag(const struct sp_index_view *view, const char *tag,
                           const struct sp_desc *desc);
/* The first entry of a digest that we read; false if there is none. */
bool sp_index_view_find_digest(const struct sp_index_view *view, const struct sp_digest *digest,
                               struct sp_desc *out);
/* Appends all tags to page, sorted, each once. Fails: SP_E_LIMIT; SP_E_NOMEM. */
SP_MUST_CHECK int sp_index_view_list_tags(const struct sp_index_view *view,
                                          struct sp_tag_page *page, struct sp_err *err);
/* The same of the tags that name this digest (as sp_index_view_find_tag would find it). */
SP_MUST_CHECK int sp_index_view_list_tags_of(const struct sp_index_view *view,
                                             const struct sp_digest *digest,
                                             struct sp_tag_page *page, struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_index_view, sp_index_view_clear)
#define SP_AUTO_INDEX_VIEW SP_CLEANUP(sp_index_view_clear_auto_)

#endif
