/* SPDX-License-Identifier: Apache-2.0 */
/* The sums in the --json document of verify over names. Keys are stable: they may be added to,
 * never renamed or removed. What the command prints around them:
 *
 *   {"schema": 1, "kind": "verify-images", "images": [REPORT, ...], "totals": TOTALS}
 *
 * REPORT is the document of a verify of a pair (transfer/report_json.c). TOTALS:
 *   {"images", "images_failed", "tags": {"total", "good", "skipped"}, "blobs", "blobs_read",
 *    "bytes_read", "damaged", "repaired", "goes_on_at": null | "2026-...", "error"
 * (sp_json_error), "started", "seconds", "exit_status"}
 */
#include <jansson.h>
#include <stdlib.h>

#include "base/json.h"
#include "safeport/verify.h"

int sp_verify_totals_format_json(const struct sp_verify_totals *totals, char **out,
                                 struct sp_err *err)
{
  SP_AUTO_JSON json_t *object = json_pack(
      "{s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:f, s:i}", "images",
      sp_json_number(totals->images), "images_failed", sp_json_number(totals->images_failed),
      "tags", "total", sp_json_number(totals->tags), "good", sp_json_number(totals->tags_good),
      "skipped", sp_json_number(totals->tags_skipped), "blobs", sp_json_number(totals->blobs),
      "blobs_read", sp_json_number(totals->blobs_read), "bytes_read",
      sp_json_number(totals->bytes_read), "damaged", sp_json_number(totals->damaged), "repaired",
      sp_json_number(totals->repaired), "goes_on_at", sp_json_time(totals->goes_on_at_s), "error",
      sp_json_error(&totals->err), "started", totals->started, "seconds", totals->seconds,
      "exit_status", totals->exit_status);
  *out = sp_json_print(object, JSON_REAL_PRECISION(6));
  return *out ? 0 : sp_fail(err, SP_E_NOMEM, "cannot write the result: out of memory");
}
