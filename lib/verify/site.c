/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/site.h"

#include <stdlib.h>
#include <string.h>

#include "transfer/report.h"

void sp_site_init(struct sp_site *site, struct sp_store *store, struct sp_report_place *place,
                  const struct sp_known *known, struct sp_rot *rot)
{
  *site = (struct sp_site){.store = store, .place = place, .known = known, .rot = rot};
  sp_digest_map_init(&site->copy_map);
  sp_digest_map_init(&site->blob_map);
}

static void forget_outline(struct sp_copy *copy)
{
  free(copy->blobs);
  free(copy->nodes);
  copy->blobs = NULL;
  copy->nodes = NULL;
  copy->blob_count = copy->node_count = 0;
  copy->is_known = false;
}

void sp_site_clear(struct sp_site *site)
{
  for (size_t i = 0; i < site->copy_count; i++) {
    forget_outline(&site->copies[i]);
    free(site->copies[i].findings);
    free(site->copies[i].tags);
  }
  free(site->copies);
  free(site->blobs);
  sp_digest_map_clear(&site->copy_map);
  sp_digest_map_clear(&site->blob_map);
  *site = (struct sp_site){0};
}

/* Room for one more in an array that doubles. */
static int grow(void *items, size_t count, size_t *cap, size_t item_bytes, struct sp_err *err)
{
  void **array = items;
  if (count < *cap)
    return 0;
  size_t more = *cap ? *cap * 2 : 8;
  void *grown = reallocarray(*array, more, item_bytes);
  if (!grown)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  *array = grown;
  *cap = more;
  return 0;
}

/* -- copies */

struct sp_copy *sp_site_find_copy(const struct sp_site *site, const struct sp_digest *digest)
{
  size_t number;
  return sp_digest_map_find(&site->copy_map, digest, &number) ? &site->copies[number] : NULL;
}

static int add_copy(struct sp_site *site, const struct sp_digest *digest, struct sp_copy **out,
                    struct sp_err *err)
{
  bool added;
  if (grow(&site->copies, site->copy_count, &site->copy_cap, sizeof *site->copies, err) < 0 ||
      sp_digest_map_add(&site->copy_map, digest, site->copy_count, &added, err) < 0)
    return -1;
  *out = &site->copies[site->copy_count++];
  **out = (struct sp_copy){.digest = *digest, .is_absent = true};
  return 0;
}

int sp_site_add_tag(struct sp_site *site, const char *tag, const struct sp_digest *digest,
                    const char *finding, struct sp_err *err)
{
  struct sp_copy *copy = sp_site_find_copy(site, digest);
  if (!copy && add_copy(site, digest, &copy, err) < 0)
    return -1;
  struct sp_copy_tag *tags = reallocarray(copy->tags, copy->tag_count + 1, sizeof *tags);
  if (!tags)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  struct sp_copy_tag *added = &tags[copy->tag_count++];
  *added = (struct sp_copy_tag){.name = tag, .finding = finding};
  copy->tags = tags;
  copy->is_absent = copy->is_absent && sp_copy_lacks_tag(added); /* one that names it is enough */
  return 0;
}

bool sp_copy_lacks_tag(const struct sp_copy_tag *tag)
{
  return tag->finding && strcmp(tag->finding, SP_FINDING_DIFFERENT) != 0;
}

bool sp_copy_has_wrong_tag(const struct sp_copy *copy)
{
  for (size_t i = 0; i < copy->tag_count; i++) {
    if (copy->tags[i].finding)
      return true;
  }
  return false;
}

bool sp_copy_is_meant(const struct sp_copy *copy)
{
  for (size_t i = 0; i < copy->tag_count; i++) {
    if (!copy->tags[i].finding)
      return true;
  }
  return false;
}

bool sp_copy_has_node(const struct sp_copy *copy, const struct sp_digest *digest)
{
  for (size_t i = 0; i < copy->node_count; i++) {
    if (sp_digest_eq(&copy->nodes[i].digest, digest))
      return true;
  }
  return false;
}

int sp_copy_add_finding(struct sp_copy *copy, const struct sp_digest *digest, const char *what,
                        const char *finding, struct sp_err *err)
{
  for (size_t i = 0; i < copy->finding_count; i++) {
    if (sp_digest_eq(&copy->findings[i].digest, digest) &&
        strcmp(copy->findings[i].finding, finding) == 0)
      return 0;
  }
  struct sp_finding *grown = reallocarray(copy->findings, copy->finding_count + 1, sizeof *grown);
  if (!grown)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  copy->findings = grown;
  grown[copy->finding_count++] =
      (struct sp_finding){.digest = *digest, .what = what, .finding = finding};
  return 0;
}

void sp_site_forget_findings(struct sp_site *site, struct sp_copy *copy)
{
  copy->finding_count = 0;
  for (size_t i = 0; i < copy->blob_count; i++) {
    struct sp_site_blob *blob = &site->blobs[copy->blobs[i]];
    if (!blob->finding)
      continue;
    blob->have = SP_HAVE_UNKNOWN;
    blob->finding = NULL;
    blob->is_to_read = true;
  }
}

/* -- outlines */

static int find_or_add_blob(struct sp_site *site, const struct sp_image_blob *blob, size_t *number,
                            struct sp_err *err)
{
  if (sp_digest_map_find(&site->blob_map, &blob->digest, number))
    return 0;
  bool added;
  if (grow(&site->blobs, site->blob_count, &site->blob_cap, sizeof *site->blobs, err) < 0 ||
      sp_digest_map_add(&site->blob_map, &blob->digest, site->blob_count, &added, err) < 0)
    return -1;
  *number = site->blob_count++;
  site->blobs[*number] = (struct sp_site_blob){.blob = *blob};
  return 0;
}

static int make_room(struct sp_copy *copy, size_t blobs, size_t nodes, struct sp_err *err)
{
  forget_outline(copy);
  copy->blobs = calloc(blobs + 1, sizeof *copy->blobs);
  copy->nodes = calloc(nodes + 1, sizeof *copy->nodes);
  return copy->blobs && copy->nodes ? 0 : sp_fail(err, SP_E_NOMEM, "out of memory");
}

int sp_site_set_outline(struct sp_site *site, struct sp_copy *copy, const struct sp_image *image,
                        struct sp_err *err)
{
  if (make_room(copy, image->blob_count, image->node_count, err) < 0)
    return -1;
  for (size_t i = 0; i < image->blob_count; i++) {
    if (find_or_add_blob(site, &image->blobs[i], &copy->blobs[i], err) < 0)
      return -1;
    copy->blob_count++;
  }
  for (size_t i = 0; i < image->node_count; i++) {
    const struct sp_node *node = &image->nodes[i];
    bool is_top = node->is_referrer && node->found_for != SP_NO_NODE;
    copy->nodes[copy->node_count++] = (struct sp_copy_node){
        .digest = node->manifest.digest,
        .subject = is_top ? image->nodes[node->found_for].manifest.digest : (struct sp_digest){0}};
  }
  copy->is_known = true;
  return 0;
}

int sp_site_borrow_outline(struct sp_site *site, struct sp_copy *copy, const struct sp_site *from,
                           const struct sp_copy *other, struct sp_err *err)
{
  if (make_room(copy, other->blob_count, other->node_count, err) < 0)
    return -1;
  for (size_t i = 0; i < other->blob_count; i++) {
    if (find_or_add_blob(site, &from->blobs[other->blobs[i]].blob, &copy->blobs[i], err) < 0)
      return -1;
    copy->blob_count++;
  }
  if (other->node_count > 0)
    memcpy(copy->nodes, other->nodes, other->node_count * sizeof *copy->nodes);
  copy->node_count = other->node_count;
  copy->is_known = true;
  return 0;
}

/* -- judging */

bool sp_site_is_copy_good(const struct sp_site *site, const struct sp_copy *copy)
{
  if (copy->is_absent || copy->finding_count > 0)
    return false;
  if (copy->is_skipped)
    return true;
  for (size_t i = 0; i < copy->blob_count; i++) {
    if (site->blobs[copy->blobs[i]].have != SP_HAVE_PRESENT)
      return false;
  }
  return copy->is_known;
}

enum sp_proof sp_site_copy_proof(const struct sp_site *site, const struct sp_copy *copy)
{
  if (!sp_site_is_copy_good(site, copy) || copy->is_skipped)
    return SP_PROOF_NONE;
  enum sp_proof least = copy->blob_count ? SP_PROOF_READ : SP_PROOF_TOUCHED;
  for (size_t i = 0; i < copy->blob_count; i++) {
    enum sp_proof proof = site->blobs[copy->blobs[i]].proof;
    least = proof < least ? proof : least;
  }
  return least;
}
