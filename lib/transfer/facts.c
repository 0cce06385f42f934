/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/facts.h"

#include <stdlib.h>
#include <string.h>

#include "oci/reference.h"

static int init_place(struct sp_place_facts *place, const struct sp_image *image,
                      struct sp_err *err)
{
  place->blobs = calloc(image->blob_count + 1, sizeof *place->blobs);
  place->nodes = calloc(image->node_count + 1, sizeof *place->nodes);
  place->side_tags = calloc(image->side_tag_count + 1, sizeof *place->side_tags);
  if (!place->blobs || !place->nodes || !place->side_tags)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < image->side_tag_count; i++)
    place->side_tags[i].name = image->side_tags[i].name;
  return 0;
}

int sp_facts_init(struct sp_facts *facts, const struct sp_image *image, size_t place_count,
                  struct sp_err *err)
{
  *facts = (struct sp_facts){0};
  facts->places = calloc(place_count + 1, sizeof *facts->places);
  if (!facts->places)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  facts->place_count = place_count;
  for (size_t i = 0; i < place_count; i++) {
    if (init_place(&facts->places[i], image, err) < 0) {
      sp_facts_clear(facts);
      return -1;
    }
  }
  return 0;
}

void sp_facts_clear(struct sp_facts *facts)
{
  for (size_t i = 0; i < facts->place_count; i++) {
    free(facts->places[i].blobs);
    free(facts->places[i].nodes);
    free(facts->places[i].tags);
    free(facts->places[i].side_tags);
  }
  free(facts->places);
  *facts = (struct sp_facts){0};
}

static int by_rank_and_name(const void *a, const void *b)
{
  const char *x = ((const struct sp_tag_fact *)a)->name;
  const char *y = ((const struct sp_tag_fact *)b)->name;
  int difference = sp_ref_tag_rank(x) - sp_ref_tag_rank(y);
  return difference ? difference : strcmp(x, y);
}

int sp_facts_set_tags(struct sp_place_facts *place, const char *const *tags,
                      const struct sp_digest *now, size_t count, struct sp_err *err)
{
  struct sp_tag_fact *facts = calloc(count + 1, sizeof *facts);
  if (!facts)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < count; i++)
    facts[i] = (struct sp_tag_fact){
        .name = tags[i], .is_known = now != NULL, .now = now ? now[i] : (struct sp_digest){0}};
  qsort(facts, count, sizeof *facts, by_rank_and_name);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (kept == 0 || strcmp(facts[kept - 1].name, facts[i].name) != 0)
      facts[kept++] = facts[i];
  }
  free(place->tags);
  place->tags = facts;
  place->tag_count = kept;
  return 0;
}

void sp_facts_forget(struct sp_place_facts *place, const struct sp_image *image)
{
  for (size_t i = 0; i < image->blob_count; i++)
    place->blobs[i] = (struct sp_blob_fact){.have = SP_HAVE_ABSENT,
                                            .doubt = place->blobs[i].doubt,
                                            .was_damaged = place->blobs[i].was_damaged};
  for (size_t i = 0; i < image->node_count; i++)
    place->nodes[i] = (struct sp_node_fact){.have = SP_HAVE_ABSENT};
}
