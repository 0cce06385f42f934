/* SPDX-License-Identifier: Apache-2.0 */
/* `seconds` holds the negative monotonic beginning in milliseconds until sp_job_report_end: no
 * second struct is needed for that. */
#include "api/job_report.h"

#include "api/meter.h"
#include "base/clock.h"
#include "base/text.h"
#include "transfer/report.h"

static int format_name(const struct sp_place *place, char **out, struct sp_err *err)
{
  char name[SP_PLACE_TEXT_MAX];
  sp_place_format_name(place, name);
  return sp_text_dup(out, name, err);
}

static int format_by_tag(const struct sp_job_place *named, struct sp_report_place *place,
                         struct sp_err *err)
{
  char text[SP_PLACE_TEXT_MAX + SP_MAX_TAG + SP_DIGEST_TEXT_MAX];
  if (sp_place_finds_digest(named->place))
    return 0;
  if (named->tag)
    return sp_text_format(&place->by_tag, err, "%s:%s", place->name, named->tag);
  sp_place_format(named->place, text);
  return sp_text_dup(&place->by_tag, text, err);
}

int sp_job_report_begin(enum sp_report_kind kind, const char *source,
                        const struct sp_job_place *places, size_t place_count,
                        struct sp_report **out, struct sp_err *err)
{
  char *names[SP_MAX_DESTINATIONS] = {NULL};
  SP_CLEANUP(sp_report_free_auto_) struct sp_report *report = NULL;
  int failed = place_count > SP_MAX_DESTINATIONS
                   ? sp_fail(err, SP_E_INTERNAL, "%zu places are too many", place_count)
                   : 0;
  for (size_t i = 0; !failed && i < place_count; i++)
    failed = format_name(places[i].place, &names[i], err);
  if (!failed)
    failed = sp_report_new(kind, source, (const char *const *)names, place_count, &report, err);
  for (size_t i = 0; i < place_count && i < SP_MAX_DESTINATIONS; i++)
    free(names[i]);
  for (size_t i = 0; !failed && i < place_count; i++)
    failed = format_by_tag(&places[i], &report->places[i], err);
  char started[SP_RFC3339_MAX];
  sp_clock_format_rfc3339(sp_clock_wall_s(), started);
  if (failed || sp_text_dup(&report->started, started, err) < 0)
    return -1;
  report->seconds = -(double)sp_clock_mono_ms();
  *out = sp_steal(&report);
  return 0;
}

void sp_job_report_add_pulls(struct sp_report_place *place, const struct sp_opened *opened)
{
  struct sp_pulls_said said;
  if (!opened->registry || !sp_meter_ask(NULL, opened->registry, &said))
    return;
  place->has_pulls_left = true;
  place->pulls_left = said.left;
  place->pulls_reserved = sp_pulls_reserved(&said);
}

void sp_job_report_add_reserve(struct sp_report *report, struct sp_pull_reserve *reserve)
{
  int64_t held_s = sp_pull_reserve_take_held_s(reserve);
  bool any = report->err.code == SP_E_THROTTLED;
  for (size_t i = 0; i < report->place_count; i++)
    any = any || report->places[i].err.code == SP_E_THROTTLED;
  if (any && held_s > 0)
    report->goes_on_at_s = sp_clock_wall_s() + held_s;
}

void sp_job_report_end(struct sp_report *report)
{
  report->seconds = ((double)sp_clock_mono_ms() + report->seconds) / 1000.0;
  report->exit_status = sp_report_exit_status(report);
}
