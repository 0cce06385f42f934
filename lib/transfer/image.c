/* SPDX-License-Identifier: Apache-2.0 */
/* Why the order has no cycles: children are named by hash, so they form none; and a tree of
 * referrers is looked up only after the whole tree of its subject was read, so what is new in it
 * points back to older nodes only. */
#include "transfer/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "oci/media_type.h"

void sp_image_init(struct sp_image *image)
{
  *image = (struct sp_image){0};
}

void sp_image_clear(struct sp_image *image)
{
  for (size_t i = 0; i < image->node_count; i++) {
    sp_manifest_bytes_clear(&image->nodes[i].manifest);
    free(image->nodes[i].children);
  }
  for (size_t i = 0; i < image->edge_count; i++)
    json_decref(image->edges[i].raw);
  for (size_t i = 0; i < image->fallback_count; i++)
    sp_manifest_bytes_clear(&image->fallbacks[i].manifest);
  free(image->nodes);
  free(image->order);
  free(image->blobs);
  free(image->edges);
  free(image->side_tags);
  free(image->fallbacks);
  sp_digest_map_clear(&image->node_map);
  sp_digest_map_clear(&image->blob_map);
  *image = (struct sp_image){0};
}

/* Makes room for one more element; answers the array, or NULL. */
static void *grown(void *array, size_t count, size_t *cap, size_t element_size)
{
  if (count < *cap)
    return array;
  size_t want = *cap ? *cap * 2 : 16;
  void *bigger = reallocarray(array, want, element_size);
  if (bigger)
    *cap = want;
  return bigger;
}

#define GROW(image, noun) \
  ({ \
    void *grown_ = grown((image)->noun##s, (image)->noun##_count, &(image)->noun##_cap, \
                         sizeof *(image)->noun##s); \
    if (grown_) \
      (image)->noun##s = grown_; \
    grown_ != NULL; \
  })

static int out_of_memory(struct sp_err *err)
{
  return sp_fail(err, SP_E_NOMEM, "out of memory");
}

static int add_blob(struct sp_image *image, const struct sp_desc *desc, bool is_config,
                    struct sp_err *err)
{
  size_t known;
  bool is_foreign = desc->has_urls || sp_media_is_nondistributable(sp_span_str(desc->media_type));
  if (sp_digest_map_find(&image->blob_map, &desc->digest, &known)) {
    struct sp_image_blob *blob = &image->blobs[known];
    if (blob->size_bytes != desc->size_bytes)
      return sp_fail(err, SP_E_INVALID, "the same blob is named with two different sizes");
    blob->is_foreign = blob->is_foreign && is_foreign;
    return 0;
  }
  bool added;
  if (!GROW(image, blob))
    return out_of_memory(err);
  if (sp_digest_map_add(&image->blob_map, &desc->digest, image->blob_count, &added, err) < 0)
    return -1;
  image->blobs[image->blob_count++] = (struct sp_image_blob){.digest = desc->digest,
                                                             .size_bytes = desc->size_bytes,
                                                             .is_config = is_config,
                                                             .is_foreign = is_foreign};
  return 0;
}

static int copy_children(struct sp_node *node, const struct sp_manifest *parsed, struct sp_err *err)
{
  if (parsed->child_count == 0)
    return 0;
  node->children = calloc(parsed->child_count, sizeof *node->children);
  if (!node->children)
    return out_of_memory(err);
  node->child_count = parsed->child_count;
  for (size_t i = 0; i < parsed->child_count; i++)
    node->children[i] = parsed->children[i].digest;
  return 0;
}

int sp_image_add_node_take(struct sp_image *image, struct sp_manifest_bytes *manifest,
                           const struct sp_manifest *parsed, bool is_referrer, size_t found_for,
                           struct sp_err *err)
{
  struct sp_node node = {.manifest = *manifest,
                         .is_index = parsed->is_index,
                         .is_referrer = is_referrer,
                         .found_for = found_for};
  if (parsed->has_subject)
    node.subject = parsed->subject.digest;
  sp_manifest_bytes_init(manifest);
  snprintf(node.manifest.media_type, sizeof node.manifest.media_type, "%s", parsed->media_type);
  bool added = true;
  int failed = 0;
  if (image->node_count >= SP_MAX_GRAPH_NODES)
    failed = sp_fail(err, SP_E_LIMIT, "the image has more than %d manifests", SP_MAX_GRAPH_NODES);
  else if (!GROW(image, node))
    failed = out_of_memory(err);
  else
    failed = copy_children(&node, parsed, err);
  for (size_t i = 0; !failed && i < parsed->blob_count; i++)
    failed = add_blob(image, &parsed->blobs[i], i == 0, err);
  if (!failed)
    failed =
        sp_digest_map_add(&image->node_map, &node.manifest.digest, image->node_count, &added, err);
  if (!failed && !added)
    failed = sp_fail(err, SP_E_INTERNAL, "a manifest was added to an image twice");
  if (failed) {
    sp_manifest_bytes_clear(&node.manifest);
    free(node.children);
    return -1;
  }
  image->nodes[image->node_count++] = node;
  return 0;
}

size_t sp_image_find_node(const struct sp_image *image, const struct sp_digest *digest)
{
  size_t node = SP_NO_NODE;
  sp_digest_map_find(&image->node_map, digest, &node);
  return node;
}

bool sp_image_needs(const struct sp_image *image, const struct sp_digest *digest)
{
  if (sp_digest_map_find(&image->blob_map, digest, NULL) ||
      sp_digest_map_find(&image->node_map, digest, NULL))
    return true;
  for (size_t i = 0; i < image->node_count; i++) {
    const struct sp_node *node = &image->nodes[i];
    for (size_t k = 0; k < node->child_count; k++) {
      if (sp_digest_eq(&node->children[k], digest))
        return true;
    }
  }
  return false;
}

int sp_image_add_edge(struct sp_image *image, size_t subject, const struct sp_digest *digest,
                      json_t *raw, struct sp_err *err)
{
  if (!GROW(image, edge))
    return out_of_memory(err);
  image->edges[image->edge_count++] =
      (struct sp_referrer_edge){.subject = subject, .digest = *digest, .raw = json_incref(raw)};
  return 0;
}

int sp_image_add_side_tag(struct sp_image *image, const char *name, size_t node, struct sp_err *err)
{
  if (!GROW(image, side_tag))
    return out_of_memory(err);
  struct sp_side_tag *tag = &image->side_tags[image->side_tag_count++];
  tag->node = node;
  snprintf(tag->name, sizeof tag->name, "%s", name);
  return 0;
}

int sp_image_add_fallback_take(struct sp_image *image, size_t subject,
                               struct sp_manifest_bytes *manifest, struct sp_err *err)
{
  if (!GROW(image, fallback)) {
    sp_manifest_bytes_clear(manifest);
    return out_of_memory(err);
  }
  image->fallbacks[image->fallback_count++] =
      (struct sp_fallback_index){.subject = subject, .manifest = *manifest};
  sp_manifest_bytes_init(manifest);
  return 0;
}

/* -- order */

#define UNSEEN 0u
#define BUSY 1u
#define DONE 2u

struct ordering {
  struct sp_image *image;
  unsigned char *marks;
  size_t count;
};

static void visit(struct ordering *o, size_t i);

/* The stage after that of `other`, which is visited first; an `other` that is being visited cannot
 * be (see the top), but a cycle would end here and not in the stack. */
static unsigned stage_after(struct ordering *o, size_t other)
{
  if (other == SP_NO_NODE)
    return 0;
  visit(o, other);
  return o->marks[other] == DONE ? o->image->nodes[other].stage + 1 : 0;
}

static void visit(struct ordering *o, size_t i)
{
  if (o->marks[i] != UNSEEN)
    return;
  o->marks[i] = BUSY;
  struct sp_node *node = &o->image->nodes[i];
  unsigned stage = stage_after(o, node->found_for);
  for (size_t c = 0; c < node->child_count; c++) {
    unsigned after = stage_after(o, sp_image_find_node(o->image, &node->children[c]));
    stage = after > stage ? after : stage;
  }
  node->stage = stage;
  o->marks[i] = DONE;
  o->image->order[o->count++] = i;
  if (stage + 1 > o->image->stage_count)
    o->image->stage_count = stage + 1;
}

static int by_subject(const void *a, const void *b)
{
  size_t x = ((const struct sp_referrer_edge *)a)->subject;
  size_t y = ((const struct sp_referrer_edge *)b)->subject;
  if (x != y)
    return x < y ? -1 : 1;
  return memcmp(&((const struct sp_referrer_edge *)a)->digest,
                &((const struct sp_referrer_edge *)b)->digest, sizeof(struct sp_digest));
}

/* Drops edges to referrers that the source lists but does not have, and double ones. */
static void drop_edges(struct sp_image *image)
{
  size_t kept = 0;
  for (size_t i = 0; i < image->edge_count; i++) {
    struct sp_referrer_edge edge = image->edges[i];
    bool is_double = kept > 0 && by_subject(&image->edges[kept - 1], &edge) == 0;
    if (!is_double && sp_image_find_node(image, &edge.digest) != SP_NO_NODE)
      image->edges[kept++] = edge;
    else
      json_decref(edge.raw);
  }
  image->edge_count = kept;
}

/* Brings nodes of one stage together, in the order in which they were visited (stages are few). */
static int sort_by_stage(struct sp_image *image, struct sp_err *err)
{
  size_t *sorted = calloc(image->node_count + 1, sizeof *sorted);
  if (!sorted)
    return out_of_memory(err);
  size_t n = 0;
  for (unsigned stage = 0; stage < image->stage_count; stage++) {
    for (size_t i = 0; i < image->node_count; i++) {
      if (image->nodes[image->order[i]].stage == stage)
        sorted[n++] = image->order[i];
    }
  }
  free(image->order);
  image->order = sorted;
  return 0;
}

int sp_image_seal(struct sp_image *image, struct sp_err *err)
{
  SP_AUTO_FREE unsigned char *marks = calloc(image->node_count + 1, 1);
  image->order = calloc(image->node_count + 1, sizeof *image->order);
  if (!marks || !image->order)
    return out_of_memory(err);
  struct ordering ordering = {.image = image, .marks = marks};
  for (size_t i = 0; i < image->node_count; i++)
    visit(&ordering, i);
  if (image->edge_count > 1)
    qsort(image->edges, image->edge_count, sizeof *image->edges, by_subject);
  drop_edges(image);
  return sort_by_stage(image, err);
}

uint64_t sp_image_size(const struct sp_image *image)
{
  uint64_t total = 0;
  for (size_t i = 0; i < image->node_count; i++)
    total += image->nodes[i].manifest.bytes.len;
  for (size_t i = 0; i < image->blob_count; i++) {
    if (!sp_add_u64(total, image->blobs[i].size_bytes, &total))
      return UINT64_MAX;
  }
  return total;
}

size_t sp_image_referrer_count(const struct sp_image *image)
{
  size_t count = 0;
  for (size_t i = 0; i < image->node_count; i++)
    count += image->nodes[i].is_referrer;
  return count;
}

const char *sp_node_what(const struct sp_node *node)
{
  if (node->is_referrer)
    return "referrer";
  return node->is_index ? "index" : "manifest";
}

const char *sp_image_blob_what(const struct sp_image_blob *blob)
{
  return blob->is_config ? "config" : "layer";
}
