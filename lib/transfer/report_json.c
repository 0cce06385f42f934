/* SPDX-License-Identifier: Apache-2.0 */
/* The --json document. Keys are stable: they may be added to, never renamed or removed.
 *
 *   {"schema": 1, "kind": "push" | "copy" | "verify", "dry_run", "source",
 *    "digest": null | "sha256:...", "media_type": null | "...", "size_bytes", "referrers",
 *    "bytes_read", "repeated_reads", "goes_on_at": null | "2026-...", "started", "seconds",
 * "exit_status", "error": null | {"code", "message", "http_status": null | 100..599,
 * "retry_after_ms": null | n}, "places": [{"name", "error": as above, "proof": "none" | "claimed" |
 * "touched" | "read", "blobs": {"total", "present", "mounted", "sent", "to_send"}, "bytes_to_send",
 * "bytes_sent", "manifests": {"total", "present", "put"}, "requests_planned", "pulls_planned",
 * "pulls_left": null | n, "pulls_reserved": null | n, "tags": [{"name", "result": "not_set" |
 * "planned" | "already" | "set" | "unsure", "digest_before": null (not known) | "" (not there) |
 * "sha256:..."}], "damage":
 * [{"digest", "what", "finding"}]}], "notes": ["..."]}
 *
 * A verify over names says of each place besides: "verified": {"tags", "good", "skipped",
 * "blobs_read", "damage_left_out"}; and of each damage: "tags": "v1, v2". What it does not find out
 * is left out of it (not_of_tags below).
 *
 * "message" and "notes" are for people, in their language; all else is the same in every language.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/span.h"
#include "base/text.h"
#include "safeport/report.h"
#include "transfer/report.h"

static const char *const kind_names[] = {
    [SP_REPORT_PUSH] = "push", [SP_REPORT_COPY] = "copy", [SP_REPORT_VERIFY] = "verify"};
static const char *const result_names[] = {[SP_TAG_NOT_SET] = "not_set",
                                           [SP_TAG_PLANNED] = "planned",
                                           [SP_TAG_ALREADY] = "already",
                                           [SP_TAG_SET] = "set",
                                           [SP_TAG_UNSURE] = "unsure"};

static json_t *tags(const struct sp_report_place *place)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < place->tag_count; i++) {
    const struct sp_report_tag *tag = &place->tags[i];
    array = sp_json_with_item(array, json_pack("{s:o, s:s, s:o}", "name", sp_json_text(tag->name),
                                               "result", result_names[tag->result], "digest_before",
                                               sp_json_text(tag->digest_before)));
  }
  return array;
}

static json_t *damage(const struct sp_report_place *place)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < place->damage_count; i++) {
    const struct sp_report_damage *entry = &place->damage[i];
    json_t *object = json_pack("{s:o, s:o, s:o}", "digest", sp_json_text(entry->digest), "what",
                               sp_json_text(entry->what), "finding", sp_json_text(entry->finding));
    if (object && entry->tags && json_object_set_new(object, "tags", sp_json_text(entry->tags)) < 0)
      json_decref(sp_steal(&object));
    array = sp_json_with_item(array, object);
  }
  return array;
}

/* -- of a verify over names */

static const char *const not_of_tags[] = {"dry_run",   "digest",         "media_type", "size_bytes",
                                          "referrers", "repeated_reads", "started",    "seconds"};
static const char *const not_of_places[] = {"bytes_to_send", "requests_planned", "pulls_planned",
                                            "pulls_left",    "pulls_reserved",   "tags"};
static const char *const not_of_blobs[] = {"mounted", "to_send"};
static const char *const not_of_manifests[] = {"total", "present"};

static void leave_out(json_t *object, const char *const *names, size_t count)
{
  for (size_t i = 0; i < count; i++)
    json_object_del(object, names[i]);
}

#define LEAVE_OUT(object, names) leave_out(object, names, sizeof(names) / sizeof(names)[0])

/* Takes object; NULL stays NULL. */
static json_t *with_verified(json_t *object, const struct sp_report_place *place)
{
  LEAVE_OUT(object, not_of_places);
  LEAVE_OUT(json_object_get(object, "blobs"), not_of_blobs);
  LEAVE_OUT(json_object_get(object, "manifests"), not_of_manifests);
  json_t *verified =
      json_pack("{s:o, s:o, s:o, s:o, s:o}", "tags", sp_json_number(place->tags_total), "good",
                sp_json_number(place->tags_good), "skipped", sp_json_number(place->tags_skipped),
                "blobs_read", sp_json_number(place->blobs_read), "damage_left_out",
                sp_json_number(place->damage_left_out));
  if (json_object_set_new(object, "verified", verified) == 0)
    return object; /* else it was NULL, or there was no memory */
  json_decref(object);
  return NULL;
}

/* -- of every report */

static json_t *place_object(const struct sp_report_place *place)
{
  json_t *blobs = json_pack(
      "{s:o, s:o, s:o, s:o, s:o}", "total", sp_json_number(place->blobs_total), "present",
      sp_json_number(place->blobs_present), "mounted", sp_json_number(place->blobs_mounted), "sent",
      sp_json_number(place->blobs_sent), "to_send", sp_json_number(place->blobs_to_send));
  json_t *manifests = json_pack("{s:o, s:o, s:o}", "total", sp_json_number(place->manifests_total),
                                "present", sp_json_number(place->manifests_present), "put",
                                sp_json_number(place->manifests_put));
  return json_pack(
      "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
      sp_json_text(place->name), "error", sp_json_error(&place->err), "proof",
      place->proof ? place->proof : "none", "blobs", blobs, "bytes_to_send",
      sp_json_number(place->bytes_to_send), "bytes_sent", sp_json_number(place->bytes_sent),
      "manifests", manifests, "requests_planned", sp_json_number(place->requests_planned),
      "pulls_planned", sp_json_number(place->pulls_planned), "pulls_left",
      place->has_pulls_left ? sp_json_number(place->pulls_left) : json_null(), "pulls_reserved",
      place->has_pulls_left ? sp_json_number(place->pulls_reserved) : json_null(), "tags",
      tags(place), "damage", damage(place));
}

static json_t *places(const struct sp_report *report)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < report->place_count; i++) {
    json_t *object = place_object(&report->places[i]);
    array = sp_json_with_item(array, report->is_of_tags ? with_verified(object, &report->places[i])
                                                        : object);
  }
  return array;
}

static json_t *notes(const struct sp_report *report)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < report->note_count; i++)
    array = sp_json_with_item(array, sp_json_text(report->notes[i]));
  return array;
}

int sp_report_format_json(const struct sp_report *report, char **out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = json_pack(
      "{s:i, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:i, s:o, s:o, s:o}",
      "schema", 1, "kind", kind_names[report->kind], "dry_run", (int)report->dry_run, "source",
      sp_json_text(report->source), "digest", sp_json_text(report->digest), "media_type",
      sp_json_text(report->media_type), "size_bytes", sp_json_number(report->size_bytes),
      "referrers", sp_json_number(report->referrers), "bytes_read",
      sp_json_number(report->bytes_read), "repeated_reads", sp_json_number(report->repeated_reads),
      "goes_on_at", sp_json_time(report->goes_on_at_s), "started", sp_json_text(report->started),
      "seconds", report->seconds, "exit_status", report->exit_status, "error",
      sp_json_error(&report->err), "places", places(report), "notes", notes(report));
  if (report->is_of_tags)
    LEAVE_OUT(doc, not_of_tags);
  SP_AUTO_FREE char *body = sp_json_print(doc, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
  if (!body)
    return sp_fail(err, SP_E_NOMEM, "cannot write the report: out of memory");
  return sp_text_format(out, err, "%s\n", body);
}
