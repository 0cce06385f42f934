/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/plan.h"

#include <stdlib.h>

struct planning {
  const struct sp_image *image;
  const struct sp_facts *facts;
  const struct sp_plan_traits *traits;
  struct sp_plan *plan;
};

void sp_plan_clear(struct sp_plan *plan)
{
  for (size_t i = 0; i < plan->place_count; i++)
    free(plan->places[i].blobs);
  free(plan->places);
  *plan = (struct sp_plan){0};
}

bool sp_plan_is_tag_right(const struct sp_tag_fact *tag, const struct sp_digest *root)
{
  return tag->is_known && sp_digest_eq(&tag->now, root);
}

static enum sp_have have(const struct planning *p, size_t place, size_t blob)
{
  return p->facts->places[place].blobs[blob].have;
}

/* Whether `from` could be where place mounts the blob from: now, or after it was sent there. */
static bool is_donor(const struct planning *p, size_t place, size_t from, size_t blob, bool now)
{
  if (from == place || p->traits[from].is_out || !p->traits[place].is_sibling[from])
    return false;
  if (now)
    return have(p, from, blob) == SP_HAVE_PRESENT;
  return p->plan->places[from].blobs[blob].action == SP_BLOB_SEND;
}

/* What place does about a blob that it lacks. Places before it have been decided. */
static struct sp_plan_blob decide(const struct planning *p, size_t place, size_t blob)
{
  struct sp_plan_blob send = {.action = SP_BLOB_SEND};
  const struct sp_plan_traits *traits = &p->traits[place];
  if (have(p, place, blob) == SP_HAVE_DAMAGED || traits->is_distrust ||
      p->facts->places[place].blobs[blob].doubt != SP_DOUBT_NONE)
    return send;
  if (p->facts->places[place].blobs[blob].is_at_hand)
    return (struct sp_plan_blob){.action = SP_BLOB_MOUNT, .from = place};
  if (traits->is_sibling[SP_PLAN_SOURCE] && !p->image->blobs[blob].is_lacking)
    return (struct sp_plan_blob){.action = SP_BLOB_MOUNT, .from = SP_PLAN_SOURCE};
  for (size_t from = 0; from < p->plan->place_count; from++) {
    if (is_donor(p, place, from, blob, true))
      return (struct sp_plan_blob){.action = SP_BLOB_MOUNT, .from = from};
  }
  for (size_t from = 0; from < place; from++) {
    if (is_donor(p, place, from, blob, false))
      return (struct sp_plan_blob){.action = SP_BLOB_MOUNT_LATER, .from = from};
  }
  return send;
}

static void count_blob(const struct planning *p, size_t place, size_t blob)
{
  struct sp_plan_place *out = &p->plan->places[place];
  enum sp_blob_action action = out->blobs[blob].action;
  if (action == SP_BLOB_KEEP) {
    out->blobs_present++;
    return;
  }
  out->requests += 2;
  if (action != SP_BLOB_SEND) {
    out->blobs_to_mount++;
    return;
  }
  out->blobs_to_send++;
  out->bytes_to_send += p->image->blobs[blob].size_bytes;
  if (p->traits[place].is_seen_again || have(p, place, blob) == SP_HAVE_DAMAGED)
    out->requests++;
}

static void plan_blobs(const struct planning *p)
{
  for (size_t blob = 0; blob < p->image->blob_count; blob++) {
    bool is_read = false;
    for (size_t place = 0; place < p->plan->place_count; place++) {
      if (p->traits[place].is_out)
        continue;
      struct sp_plan_blob *out = &p->plan->places[place].blobs[blob];
      if (have(p, place, blob) != SP_HAVE_PRESENT)
        *out = decide(p, place, blob);
      count_blob(p, place, blob);
      is_read = is_read || out->action == SP_BLOB_SEND;
    }
    if (!is_read)
      continue;
    p->plan->bytes_to_read += p->image->blobs[blob].size_bytes;
    if (p->image->blobs[blob].is_lacking && !p->plan->is_impossible) {
      p->plan->is_impossible = true;
      p->plan->lacking = blob;
    }
  }
}

static size_t count_subjects(const struct sp_image *image)
{
  size_t count = 0;
  for (size_t i = 0; i < image->edge_count; i++)
    count += i == 0 || image->edges[i].subject != image->edges[i - 1].subject;
  return count;
}

static void count_tags(const struct sp_tag_fact *tag, const struct sp_digest *names,
                       struct sp_plan_place *out, bool is_wanted)
{
  bool is_right = sp_plan_is_tag_right(tag, names);
  if (is_wanted) {
    out->tags_to_set += !is_right;
    out->tags_already += is_right;
  }
  if (!is_right)
    out->requests += 2;
}

static void plan_rest(const struct planning *p, size_t place)
{
  const struct sp_place_facts *facts = &p->facts->places[place];
  struct sp_plan_place *out = &p->plan->places[place];
  for (size_t i = 0; i < p->image->node_count; i++) {
    bool is_present = facts->nodes[i].have == SP_HAVE_PRESENT;
    out->manifests_present += is_present;
    out->manifests_to_put += !is_present;
    out->requests += is_present ? 1 : 2;
    out->pulls += p->traits[place].is_metered;
  }
  for (size_t i = 0; i < facts->tag_count; i++)
    count_tags(&facts->tags[i], &p->image->nodes[0].manifest.digest, out, true);
  for (size_t i = 0; i < p->image->side_tag_count; i++) {
    const struct sp_node *node = &p->image->nodes[p->image->side_tags[i].node];
    count_tags(&facts->side_tags[i], &node->manifest.digest, out, false);
  }
  out->requests += 2 * count_subjects(p->image);
}

int sp_plan_make(const struct sp_image *image, const struct sp_facts *facts,
                 const struct sp_plan_traits *traits, struct sp_plan *out, struct sp_err *err)
{
  *out = (struct sp_plan){0};
  out->places = calloc(facts->place_count + 1, sizeof *out->places);
  if (!out->places)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  out->place_count = facts->place_count;
  for (size_t i = 0; i < facts->place_count; i++) {
    out->places[i].blobs = calloc(image->blob_count + 1, sizeof *out->places[i].blobs);
    if (!out->places[i].blobs) {
      sp_plan_clear(out);
      return sp_fail(err, SP_E_NOMEM, "out of memory");
    }
  }
  struct planning planning = {.image = image, .facts = facts, .traits = traits, .plan = out};
  plan_blobs(&planning);
  for (size_t i = 0; i < facts->place_count; i++) {
    if (!traits[i].is_out)
      plan_rest(&planning, i);
  }
  return 0;
}
