/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the --json document of sync. Keys are stable: they may be added to, never renamed or
 * removed. What the command prints around them:
 *
 *   {"schema": 1, "kind": "sync" | "restore", "images": [IMAGE, ...], "totals": TOTALS}
 *
 * IMAGE:
 *   {"name", "primary", "error": null | {"code", "message", "http_status": null | 100..599,
 *      "retry_after_ms": null | n}, "selected", "lost", "held": bool, "lost_tags": ["..."],
 *    "places": [{"name", "error": as above, "tags": {"in_step": n, ... one for each result},
 *      "blobs": {"sent", "mounted", "to_send"}, "bytes_sent", "bytes_to_send", "manifests_put",
 *      "requests_planned", "pulls_planned", "pulls_left": null | n,
 *      "pulls_reserved": null | n,
 *      "changes": [{"tag", "result", "digest", "digest_before", "history_tag": null | "...",
 *        "error": as above, "replaced": bool}],
 *      "damage": [{"digest", "what", "finding"}]}],
 *    "notes": ["..."]}
 * TOTALS:
 *   {"images", "images_failed", "images_changed", "images_held", "lost", "tags": as above,
 *    "blobs_sent", "bytes_sent", "bytes_read", "bytes_to_send", "requests_planned",
 *    "pulls_planned", "goes_on_at": null | "2026-...", "error", "dry_run", "started", "seconds",
 *    "exit_status"}
 */
#include <jansson.h>

#include "base/json.h"
#include "safeport/sync.h"

const char *sp_sync_result_name(enum sp_sync_result result)
{
  static const char *const names[SP_SYNC_RESULT_COUNT] = {
      [SP_SYNC_IN_STEP] = "in_step",   [SP_SYNC_PROVEN] = "proven",
      [SP_SYNC_COPIED] = "copied",     [SP_SYNC_PLANNED] = "planned",
      [SP_SYNC_TO_PROVE] = "to_prove", [SP_SYNC_NOT_FOLLOWED] = "not_followed",
      [SP_SYNC_UNPROVEN] = "unproven", [SP_SYNC_HELD] = "held",
      [SP_SYNC_REFUSED] = "refused",   [SP_SYNC_DAMAGED] = "damaged",
      [SP_SYNC_FAILED] = "failed"};
  return names[result];
}

static json_t *counts(const uint64_t by_result[SP_SYNC_RESULT_COUNT])
{
  json_t *object = json_object();
  for (int result = 0; object && result < SP_SYNC_RESULT_COUNT; result++)
    json_object_set_new(object, sp_sync_result_name(result), sp_json_number(by_result[result]));
  return object;
}

static json_t *texts(char *const *items, size_t count)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < count; i++)
    json_array_append_new(array, sp_json_text(items[i]));
  return array;
}

static json_t *changes(const struct sp_sync_place *place)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < place->tag_count; i++) {
    const struct sp_sync_tag *tag = &place->tags[i];
    json_array_append_new(array, json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:b}", "tag",
                                           sp_json_text(tag->name), "result",
                                           sp_sync_result_name(tag->result), "digest",
                                           sp_json_text(tag->digest), "digest_before",
                                           sp_json_text(tag->digest_before), "history_tag",
                                           sp_json_text(tag->history_tag), "error",
                                           tag->err ? sp_json_error(tag->err) : json_null(),
                                           "replaced", (int)tag->is_replaced));
  }
  return array;
}

static json_t *damage(const struct sp_sync_place *place)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < place->damage_count; i++) {
    const struct sp_sync_damage *entry = &place->damage[i];
    json_array_append_new(array, json_pack("{s:o, s:o, s:o}", "digest", sp_json_text(entry->digest),
                                           "what", sp_json_text(entry->what), "finding",
                                           sp_json_text(entry->finding)));
  }
  return array;
}

static json_t *place_object(const struct sp_sync_place *place)
{
  json_t *blobs = json_pack("{s:o, s:o, s:o}", "sent", sp_json_number(place->blobs_sent), "mounted",
                            sp_json_number(place->blobs_mounted), "to_send",
                            sp_json_number(place->blobs_to_send));
  return json_pack(
      "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
      sp_json_text(place->name), "error", sp_json_error(&place->err), "tags", counts(place->counts),
      "blobs", blobs, "bytes_sent", sp_json_number(place->bytes_sent), "bytes_to_send",
      sp_json_number(place->bytes_to_send), "manifests_put", sp_json_number(place->manifests_put),
      "requests_planned", sp_json_number(place->requests_planned), "pulls_planned",
      sp_json_number(place->pulls_planned), "pulls_left",
      place->has_pulls_left ? sp_json_number(place->pulls_left) : json_null(), "pulls_reserved",
      place->has_pulls_left ? sp_json_number(place->pulls_reserved) : json_null(), "changes",
      changes(place), "damage", damage(place));
}

static int dump(json_t *doc, char **out, struct sp_err *err)
{
  *out = sp_json_print(doc, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
  json_decref(doc);
  return *out ? 0 : sp_fail(err, SP_E_NOMEM, "cannot write the report: out of memory");
}

int sp_sync_image_format_json(const struct sp_sync_image *image, char **out, struct sp_err *err)
{
  json_t *places = json_array();
  for (size_t i = 0; places && i < image->place_count; i++)
    json_array_append_new(places, place_object(&image->places[i]));
  return dump(json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "name",
                        sp_json_text(image->name), "primary", sp_json_text(image->primary), "error",
                        sp_json_error(&image->err), "selected", sp_json_number(image->selected),
                        "lost", sp_json_number(image->lost), "held", (int)image->is_held,
                        "lost_tags", texts(image->lost_tags, image->lost_tag_count), "places",
                        places, "notes", texts(image->notes, image->note_count)),
              out, err);
}

int sp_sync_totals_format_json(const struct sp_sync_totals *totals, char **out, struct sp_err *err)
{
  return dump(
      json_pack(
          "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:s, "
          "s:f, s:i}",
          "images", sp_json_number(totals->images), "images_failed",
          sp_json_number(totals->images_failed), "images_changed",
          sp_json_number(totals->images_changed), "images_held",
          sp_json_number(totals->images_held), "lost", sp_json_number(totals->lost), "tags",
          counts(totals->counts), "blobs_sent", sp_json_number(totals->blobs_sent), "bytes_sent",
          sp_json_number(totals->bytes_sent), "bytes_read", sp_json_number(totals->bytes_read),
          "bytes_to_send", sp_json_number(totals->bytes_to_send), "requests_planned",
          sp_json_number(totals->requests_planned), "pulls_planned",
          sp_json_number(totals->pulls_planned), "goes_on_at", sp_json_time(totals->goes_on_at_s),
          "error", sp_json_error(&totals->err), "dry_run", (int)totals->dry_run, "started",
          totals->started, "seconds", totals->seconds, "exit_status", totals->exit_status),
      out, err);
}
