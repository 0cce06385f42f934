/* SPDX-License-Identifier: Apache-2.0 */
/* An image, whole: its manifests (with the referrers and cosign tags that belong to it) and the
 * blobs that they name, each once.
 *
 * Only the structure. Reading one from a store is closure.h and referrers.h; what a destination has
 * of it is facts.h.
 *
 * Life cycle: sp_image_init, adds, sp_image_seal, then read-only; sp_image_clear. Threads: a sealed
 * image may be read by any number of threads.
 */
#ifndef SP_TRANSFER_IMAGE_H
#define SP_TRANSFER_IMAGE_H

#include "oci/manifest.h"
#include "store/store.h"
#include "transfer/digest_map.h"

#define SP_NO_NODE SIZE_MAX

/* One manifest or index. */
struct sp_node {
  struct sp_manifest_bytes manifest; /* media_type is what it is pushed as */
  bool is_index;
  bool is_referrer;           /* of the trees of referrers and cosign tags, not of the image */
  struct sp_digest subject;   /* alg NONE: it has none */
  struct sp_digest *children; /* owned; of an index */
  size_t child_count;
  size_t found_for; /* the node whose referrer this is the tree's root of, or SP_NO_NODE */
  unsigned stage;   /* by sp_image_seal: higher than that of its children, and of its subject if it
                       was found as a referrer */
};

/* A config or a layer. */
struct sp_image_blob {
  struct sp_digest digest;
  uint64_t size_bytes;
  bool is_config;
  bool is_foreign; /* nondistributable, or has urls: the source may not have it */
  bool is_lacking; /* foreign, and the source does not have it */
};

/* "This manifest is a referrer of that one", as the source lists it. */
struct sp_referrer_edge {
  size_t subject;          /* node */
  struct sp_digest digest; /* of the referrer */
  json_t *raw;             /* the list's entry with its annotations; owned */
};

/* A tag that goes along: cosign's `sha256-<hex>.sig`. */
struct sp_side_tag {
  char name[SP_MAX_TAG + 1];
  size_t node;
};

/* The source's index under the fallback tag of a subject, as it is there. */
struct sp_fallback_index {
  size_t subject; /* node */
  struct sp_manifest_bytes manifest;
};

struct sp_image {
  struct sp_node *nodes; /* [0] is the image itself */
  size_t node_count, node_cap;
  struct sp_digest_map node_map;
  size_t *order; /* by sp_image_seal: nodes by stage */
  unsigned stage_count;
  struct sp_image_blob *blobs;
  size_t blob_count, blob_cap;
  struct sp_digest_map blob_map;
  struct sp_referrer_edge *edges; /* in the order of their subjects */
  size_t edge_count, edge_cap;
  struct sp_side_tag *side_tags;
  size_t side_tag_count, side_tag_cap;
  struct sp_fallback_index *fallbacks;
  size_t fallback_count, fallback_cap;
  size_t referrers_absent; /* the store lists them and does not have them; not among the nodes */
};

/* An empty image. */
void sp_image_init(struct sp_image *image);
/* Frees all of it; the image is empty afterwards. */
void sp_image_clear(struct sp_image *image);

/* Adds a manifest that was fetched and parsed, and the blobs that it names. *manifest is moved
 * (empty afterwards, also on failure); parsed is borrowed. Adding one twice is a mistake of the
 * caller. Fails: SP_E_INVALID (a blob is named with two sizes), SP_E_LIMIT, SP_E_NOMEM. */
SP_MUST_CHECK int sp_image_add_node_take(struct sp_image *image, struct sp_manifest_bytes *manifest,
                                         const struct sp_manifest *parsed, bool is_referrer,
                                         size_t found_for, struct sp_err *err);
/* The node of this digest, or SP_NO_NODE. */
size_t sp_image_find_node(const struct sp_image *image, const struct sp_digest *digest);
/* Does the image need what has this digest: a blob, or a manifest, also one that was not read? */
bool sp_image_needs(const struct sp_image *image, const struct sp_digest *digest);
/* raw (borrowed) is kept by reference. */
SP_MUST_CHECK int sp_image_add_edge(struct sp_image *image, size_t subject,
                                    const struct sp_digest *digest, json_t *raw,
                                    struct sp_err *err);
/* A cosign tag and the manifest it names. */
SP_MUST_CHECK int sp_image_add_side_tag(struct sp_image *image, const char *name, size_t node,
                                        struct sp_err *err);
/* *manifest is moved (empty afterwards, also on failure). */
SP_MUST_CHECK int sp_image_add_fallback_take(struct sp_image *image, size_t subject,
                                             struct sp_manifest_bytes *manifest,
                                             struct sp_err *err);
/* Puts everything in order; nothing is added afterwards. Edges whose referrer is not in the image
 * are dropped. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_image_seal(struct sp_image *image, struct sp_err *err);

/* Bytes of the distinct blobs and manifests. */
uint64_t sp_image_size(const struct sp_image *image);
/* Manifests that are referrers, cosign's included. */
size_t sp_image_referrer_count(const struct sp_image *image);
/* "index", "manifest" or "referrer": for findings. */
const char *sp_node_what(const struct sp_node *node);
/* "config" or "layer". */
const char *sp_image_blob_what(const struct sp_image_blob *blob);

SP_DEFINE_AUTO_CLEAR(struct sp_image, sp_image_clear)
#define SP_AUTO_IMAGE SP_CLEANUP(sp_image_clear_auto_)

#endif
