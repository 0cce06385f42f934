/* SPDX-License-Identifier: Apache-2.0 */
/* The sums in the --json document of verify over names. Keys are stable: they may be added to,
 * never renamed or removed. What the command prints around them:
 *
 *   {"schema": 1, "kind": "verify-images", "images": [REPORT, ...], "totals": TOTALS}
 *
 * REPORT is the document of a verify of a pair (transfer/report_json.c). TOTALS:
 *   {"images", "images_failed", "tags": {"total", "good", "skipped"}, "blobs", "blobs_read",
 *    "bytes_read", "damaged", "repaired", "goes_on_at": null | "2026-...", "error": null | {"code",
 * "message"}, "started", "seconds", "exit_status"}
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "safeport/verify.h"

static json_t *number(uint64_t n)
{
  return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *error(const struct sp_err *err)
{
  if (err->code == SP_OK)
    return json_null();
  return json_pack("{s:s, s:o}", "code", sp_code_name(err->code), "message",
                   sp_json_text(err->msg));
}

int sp_verify_totals_format_json(const struct sp_verify_totals *totals, char **out,
                                 struct sp_err *err)
{
  char at[SP_RFC3339_MAX];
  sp_clock_format_rfc3339(totals->goes_on_at_s, at);
  SP_AUTO_JSON json_t *object = json_pack(
      "{s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:f, s:i}", "images",
      number(totals->images), "images_failed", number(totals->images_failed), "tags", "total",
      number(totals->tags), "good", number(totals->tags_good), "skipped",
      number(totals->tags_skipped), "blobs", number(totals->blobs), "blobs_read",
      number(totals->blobs_read), "bytes_read", number(totals->bytes_read), "damaged",
      number(totals->damaged), "repaired", number(totals->repaired), "goes_on_at",
      totals->goes_on_at_s ? json_string(at) : json_null(), "error", error(&totals->err), "started",
      totals->started, "seconds", totals->seconds, "exit_status", totals->exit_status);
  *out = object ? json_dumps(object, JSON_REAL_PRECISION(6)) : NULL;
  return *out ? 0 : sp_fail(err, SP_E_NOMEM, "cannot write the result: out of memory");
}
