/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the --json document of status. Keys are stable: they may be added to, never renamed
 * or removed. What the command prints around them:
 *
 *   {"schema": 1, "kind": "status", "images": [IMAGE, ...], "totals": TOTALS}
 *
 * IMAGE:
 *   {"name", "primary", "required": bool, "last_sync": null | TIME, "error"
 * (sp_json_error), "size_bytes": null | n, "shared_bytes": null | n, "places": [{"name", "error":
 * as above, "counts": {"in_step": n, ...}, "history_tags": n}], "tags": [{"name", "digest": null |
 * "sha256:...", "last_known": bool, "lost": bool, "lost_since": null | TIME (an earlier sync saw
 * that it was gone), "damaged": bool, "since": null | TIME, "at": [one for each of places:
 * {"standing", "digest": null | "...", "since": null | TIME, "touched": null | TIME, "read": null |
 * TIME}], "history": [{"digest": null | "...", "since": TIME, "gone": bool,
 * "undated": bool (a clock was wrong: only the order is sure)}]}], "notes": [TEXT]}
 * TOTALS:
 *   {"images", "images_good", "counts", "error", "started", "seconds", "exit_status"}
 * TIME is "2026-11-23T10:15:00Z".
 */
#include <jansson.h>

#include "base/json.h"
#include "safeport/status.h"

static json_t *digest(const char *text)
{
  return text && text[0] ? json_string(text) : json_null();
}

static json_t *counts(const uint64_t by_standing[SP_STANDING_COUNT])
{
  json_t *object = json_object();
  for (int i = 0; object && i < SP_STANDING_COUNT; i++)
    json_object_set_new(object, sp_standing_name(i), sp_json_number(by_standing[i]));
  return object;
}

static json_t *place_object(const struct sp_status_place *place)
{
  return json_pack("{s:o, s:o, s:o, s:o}", "name", sp_json_text(place->name), "error",
                   sp_json_error(&place->err), "counts", counts(place->counts), "history_tags",
                   sp_json_number(place->history_tags));
}

static json_t *tag_object(const struct sp_status_tag *tag, size_t place_count)
{
  json_t *at = json_array();
  for (size_t i = 0; at && i < place_count; i++) {
    const struct sp_status_at *here = &tag->at[i];
    json_array_append_new(at, json_pack("{s:s, s:o, s:o, s:o, s:o}", "standing",
                                        sp_standing_name(here->standing), "digest",
                                        digest(here->digest), "since", sp_json_time(here->since_s),
                                        "touched", sp_json_time(here->touched_s), "read",
                                        sp_json_time(here->read_s)));
  }
  json_t *history = json_array();
  for (size_t i = 0; history && i < tag->state_count; i++) {
    const struct sp_status_state *state = &tag->states[i];
    json_array_append_new(history,
                          json_pack("{s:o, s:o, s:b, s:b}", "digest", digest(state->digest),
                                    "since", sp_json_time(state->since_s), "gone",
                                    (int)state->is_gone, "undated", (int)state->is_undated));
  }
  return json_pack("{s:o, s:o, s:b, s:b, s:o, s:b, s:o, s:o, s:o}", "name", sp_json_text(tag->name),
                   "digest", digest(tag->digest), "last_known", (int)tag->is_last_known, "lost",
                   (int)tag->is_lost, "lost_since", sp_json_time(tag->lost_s), "damaged",
                   (int)tag->is_damaged, "since", sp_json_time(tag->since_s), "at", at, "history",
                   history);
}

static int dump(json_t *doc, char **out, struct sp_err *err)
{
  *out = sp_json_print(doc, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
  json_decref(doc);
  return *out ? 0 : sp_fail(err, SP_E_NOMEM, "cannot write the report: out of memory");
}

int sp_status_image_format_json(const struct sp_status_image *image, char **out, struct sp_err *err)
{
  json_t *places = json_array();
  for (size_t i = 0; places && i < image->place_count; i++)
    json_array_append_new(places, place_object(&image->places[i]));
  json_t *tags = json_array();
  for (size_t i = 0; tags && i < image->tag_count; i++)
    json_array_append_new(tags, tag_object(&image->tags[i], image->place_count));
  json_t *notes = json_array();
  for (size_t i = 0; notes && i < image->note_count; i++)
    json_array_append_new(notes, sp_json_text(image->notes[i]));
  return dump(
      json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                sp_json_text(image->name), "primary", sp_json_text(image->primary), "required",
                (int)image->is_required, "last_sync", sp_json_time(image->last_sync_s), "error",
                sp_json_error(&image->err), "size_bytes",
                image->has_size ? sp_json_number(image->size_bytes) : json_null(), "shared_bytes",
                image->has_size ? sp_json_number(image->shared_bytes) : json_null(), "places",
                places, "tags", tags, "notes", notes),
      out, err);
}

int sp_status_totals_format_json(const struct sp_status_totals *totals, char **out,
                                 struct sp_err *err)
{
  return dump(json_pack("{s:o, s:o, s:o, s:o, s:s, s:f, s:i}", "images",
                        sp_json_number(totals->images), "images_good",
                        sp_json_number(totals->images_good), "counts", counts(totals->counts),
                        "error", sp_json_error(&totals->err), "started", totals->started, "seconds",
                        totals->seconds, "exit_status", totals->exit_status),
              out, err);
}
