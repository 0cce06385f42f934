/* SPDX-License-Identifier: Apache-2.0 */
/* The --json document. Keys are stable: they may be added to, never renamed or removed.
 *
 *   {"schema": 1, "kind": "log",
 *    "runs": [{"id", "command", "subject", "started", "ended": null | "...", "exit_status": null |
 * n, "images", "failed", "writes", "bytes_sent", with --run also "outcomes": [{"image", "place",
 * "result", "digest": null | "...", "error": null | {"code", "message"}}], "changes": [{"kind",
 * "at", "place", "tag": null | "...", "digest", "digest_before": null |
 *                   "...", "size_bytes"}]}]}
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "safeport/history.h"

#define ESCAPED_MAX_BYTES 8192u

/* Text that may hold what a server sent: where it is not UTF-8, its bad bytes are written as \xHH.
 */
static json_t *text(const char *s)
{
  json_t *value = json_string(s);
  if (value)
    return value;
  char escaped[ESCAPED_MAX_BYTES];
  sp_text_escape(escaped, sizeof escaped, sp_span_str(s));
  return json_string(escaped);
}

static json_t *text_or_null(const char *s)
{
  return s && s[0] ? text(s) : json_null();
}

static json_t *number(uint64_t n)
{
  return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *error(const struct sp_err *err)
{
  if (err->code == SP_OK)
    return json_null();
  return json_pack("{s:s, s:o}", "code", sp_code_name(err->code), "message", text(err->msg));
}

/* Takes item. Answers array, or NULL (array is gone then) if there was no memory for it. */
static json_t *append(json_t *array, json_t *item)
{
  if (json_array_append_new(array, item) == 0)
    return array;
  json_decref(array);
  return NULL;
}

static json_t *outcomes(const struct sp_history_run *run)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < run->images_known; i++) {
    const struct sp_history_image *image = &run->images[i];
    array =
        append(array, json_pack("{s:o, s:o, s:o, s:o, s:o}", "image", text(image->image), "place",
                                text(image->place), "result", text(image->result), "digest",
                                text_or_null(image->digest), "error", error(&image->err)));
  }
  return array;
}

static json_t *changes(const struct sp_history_run *run)
{
  json_t *array = json_array();
  for (size_t i = 0; array && i < run->writes_known; i++) {
    const struct sp_history_write *write = &run->writes[i];
    array = append(array, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "kind", write->kind,
                                    "at", write->at, "place", text(write->place), "tag",
                                    text_or_null(write->tag), "digest", text_or_null(write->digest),
                                    "digest_before", text_or_null(write->digest_before),
                                    "size_bytes", number(write->size_bytes)));
  }
  return array;
}

static json_t *run_object(const struct sp_history_run *run, bool has_details)
{
  json_t *exit_status = run->exit_status < 0 ? json_null() : json_integer(run->exit_status);
  json_t *object =
      json_pack("{s:I, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)run->id,
                "command", text(run->command), "subject", text(run->subject), "started",
                run->started, "ended", text_or_null(run->ended), "exit_status", exit_status,
                "images", number(run->image_count), "failed", number(run->failed_count), "writes",
                number(run->write_count), "bytes_sent", number(run->bytes_sent));
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
    runs = append(runs, run_object(&history->runs[i], history->has_details));
  SP_AUTO_JSON json_t *doc = json_pack("{s:i, s:s, s:o}", "schema", 1, "kind", "log", "runs", runs);
  SP_AUTO_FREE char *body = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
  if (!body)
    return sp_fail(err, SP_E_NOMEM, "cannot write the history: out of memory");
  return sp_text_format(out, err, "%s\n", body);
}
