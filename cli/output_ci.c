/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output_ci.h"

#include <stdlib.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/markdown.h"
#include "cli/verdict.h"

#define TAGS_MAX_BYTES (60u * SP_KIB) /* of a cell */
#define DAMAGE_SHOWN 20               /* of one place */

static int format_tags(struct sp_buf *to, const struct sp_report_place *place, struct sp_err *err)
{
  for (size_t i = 0; i < place->tag_count; i++) {
    if (sp_buf_append_str(to, i > 0 ? "<br>" : "", err) < 0 ||
        markdown_append_code(to, place->tags[i].name, true, err) < 0 ||
        sp_buf_appendf(to, err, " %s", _(verdict_tag_text(place->tags[i].result))) < 0)
      return -1;
  }
  return 0;
}

static void add_row(struct ci_result *result, const struct sp_report *report,
                    const struct sp_report_place *place)
{
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf tags;
  sp_buf_init(&tags, TAGS_MAX_BYTES);
  if (format_tags(&tags, place, &ignored) < 0) {
    ci_result_leave_out(result);
    return;
  }
  struct verdict verdict = verdict_of(report, place);
  const struct ci_cell cells[] = {{report->source, true},
                                  {place->name, true},
                                  {_(verdict.text), false},
                                  {sp_buf_str(&tags), false},
                                  {report->dry_run ? NULL : verdict_proof(place->proof), false}};
  ci_result_add_row(result, verdict.color == COLOR_BAD, cells);
}

void output_ci_add_damage(struct ci_result *result, const struct sp_report_place *place)
{
  for (size_t i = 0; i < place->damage_count; i++) {
    const struct sp_report_damage *damage = &place->damage[i];
    struct sp_err ignored = SP_ERR_INIT;
    SP_AUTO_FREE char *text = NULL;
    if (i < DAMAGE_SHOWN &&
        sp_text_format(&text, &ignored, "%s: %s (%s): %s", place->name, damage->digest,
                       _(damage->what), _(damage->finding)) == 0)
      ci_result_add_finding(result, text);
    else
      ci_result_leave_out(result);
  }
}

/* Only what is there now: a consumer of this output deploys it. */
static bool holds_image(const struct sp_report *report, const struct sp_report_place *place)
{
  bool is_verify_of_unlike = report->kind == SP_REPORT_VERIFY && report->exit_status != 0;
  return report->digest && !report->dry_run && !is_verify_of_unlike &&
         verdict_is_good(report, place);
}

static int format_image(struct sp_buf *to, const struct sp_report *report,
                        const struct sp_report_place *place, struct sp_err *err)
{
  const char *newline = to->len > 0 ? "\n" : "";
  if (place->by_tag)
    return sp_buf_appendf(to, err, "%s%s", newline, place->by_tag);
  return sp_buf_appendf(to, err, "%s%s@%s", newline, place->name, report->digest);
}

static void add_outputs(struct ci_result *result, const struct sp_report *report)
{
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf images;
  sp_buf_init(&images, SP_MAX_STEP_OUTPUT_BYTES / 4);
  for (size_t i = 0; i < report->place_count; i++) {
    const struct sp_report_place *place = &report->places[i];
    if (holds_image(report, place) && format_image(&images, report, place, &ignored) < 0)
      ci_result_leave_out(result);
  }
  ci_result_add_output(result, "digest", report->digest ? report->digest : "");
  ci_result_add_output(result, "images", sp_buf_str(&images));
}

static void add_report(struct ci_result *result, const struct sp_report *report)
{
  if (report->err.code != SP_OK)
    ci_result_add_finding(result, report->err.msg);
  for (size_t i = 0; i < report->place_count; i++) {
    const struct sp_report_place *place = &report->places[i];
    add_row(result, report, place);
    if (place->err.code != SP_OK)
      ci_result_add_finding(result, place->err.msg);
    output_ci_add_damage(result, place);
  }
  add_outputs(result, report);
}

void output_ci_tell(const struct sp_report *report, const char *json)
{
  static const char *const commands[] = {
      [SP_REPORT_PUSH] = "push", [SP_REPORT_COPY] = "copy", [SP_REPORT_VERIFY] = "verify"};
  static const char *const columns[] = {N_("source"), N_("place"), N_("result"),
                                        N_("tags"),   N_("proof"), NULL};
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_FREE char *intro = NULL;
  if (ci_system() == CI_NONE)
    return;
  SP_CLEANUP(ci_result_clear_auto_) struct ci_result result;
  ci_result_begin(&result, commands[report->kind], columns);
  add_report(&result, report);
  if (json)
    ci_result_add_json(&result, json);
  else
    ci_report_clear(&result.report);
  if (report->digest &&
      sp_text_format(&intro, &ignored, "%s `%s`", _("digest"), report->digest) < 0)
    intro = NULL;
  ci_result_publish(&result, report->exit_status, intro);
}
