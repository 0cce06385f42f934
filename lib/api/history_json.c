/* SPDX-License-Identifier: Apache-2.0 */
/* The --json document. Keys are stable: they may be added to, never renamed or removed.
 *
 *   {"schema": 1, "kind": "log",
 *    "runs": [{"id", "command", "subject", "started", "ended": null | "...", "exit_status": null |
 * n, "images", "failed", "writes", "bytes_sent", with --run also "outcomes": [{"image", "place",
 * "result", "digest": null | "...", "error" (sp_json_error)}], "changes": [{"kind",
 * "at", "place", "tag": null | "...", "digest", "digest_before": null |
 *                   "...", "size_bytes"}]}]}
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "safeport/history.h"

static json_t *text_or_null(const char *s)
{
  return s && s[0] ? sp_json_text(s) : json_null();
}

static json_t *outcomes(const struct sp_history_run *run)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < run->images_known; i++) {
    const struct sp_history_image *image = &run->images[i];
    array = sp_json_with_item(
        array,
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "image", sp_json_text(image->image), "place",
                  sp_json_text(image->place), "result", sp_json_text(image->result), "digest",
                  text_or_null(image->digest), "error", sp_json_error(&image->err)));
  }
  return array;
}

static json_t *changes(const struct sp_history_run *run)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < run->writes_known; i++) {
    const struct sp_history_write *write = &run->writes[i];
    array = sp_json_with_item(
        array,
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "kind", write->kind, "at", write->at,
                  "place", sp_json_text(write->place), "tag", text_or_null(write->tag), "digest",
                  text_or_null(write->digest), "digest_before", text_or_null(write->digest_before),
                  "size_bytes", sp_json_number(write->size_bytes)));
  }
  return array;
}

static json_t *run_object(const struct sp_history_run *run, bool has_details)
{
  json_t *exit_status = run->exit_status < 0 ? json_null() : json_integer(run->exit_status);
  json_t *object = json_pack(
      "{s:I, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)run->id, "command",
      sp_json_text(run->command), "subject", sp_json_text(run->subject), "started", run->started,
      "ended", text_or_null(run->ended), "exit_status", exit_status, "images",
      sp_json_number(run->image_count), "failed", sp_json_number(run->failed_count), "writes",
      sp_json_number(run->write_count), "bytes_sent", sp_json_number(run->bytes_sent));
  if (!object || !has_details)
    return object;
  if (json_object_set_new(object, "outcomes", outcomes(run)) == 0 &&
      json_object_set_new(object, "changes", changes(run)) == 0)
    return object;
  json_decref(object);
  return NULL;
}

int sp_history_format_json(const struct sp_history *history, char **out, struct sp_err *err)
{
  json_t *runs = json_array();
  for (size_t i = 0; runs && i < history->run_count; i++)
    runs = sp_json_with_item(runs, run_object(&history->runs[i], history->has_details));
  SP_AUTO_JSON json_t *doc = json_pack("{s:i, s:s, s:o}", "schema", 1, "kind", "log", "runs", runs);
  SP_AUTO_FREE char *body = sp_json_print(doc, JSON_INDENT(2));
  if (!body)
    return sp_fail(err, SP_E_NOMEM, "cannot write the history: out of memory");
  return sp_text_format(out, err, "%s\n", body);
}
