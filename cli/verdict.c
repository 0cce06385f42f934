/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verdict.h"

#include <string.h>

#include "base/i18n.h"

bool verdict_has_tag(const struct sp_report_place *place, enum sp_tag_result result)
{
  for (size_t i = 0; i < place->tag_count; i++) {
    if (place->tags[i].result == result)
      return true;
  }
  return false;
}

static bool has_all_tags(const struct sp_report_place *place)
{
  return place->tag_count > 0 && !verdict_has_tag(place, SP_TAG_NOT_SET) &&
         !verdict_has_tag(place, SP_TAG_UNSURE);
}

/* The run failed before it came to this place: nothing may be said of what it has. */
static bool is_unseen(const struct sp_report *report, const struct sp_report_place *place)
{
  return report->exit_status != 0 && place->tags_total == 0 && place->blobs_total == 0 &&
         place->manifests_total == 0;
}

bool verdict_is_good(const struct sp_report *report, const struct sp_report_place *place)
{
  return place->err.code == SP_OK && place->damage_count == 0 &&
         (report->kind == SP_REPORT_VERIFY ? !is_unseen(report, place) : has_all_tags(place));
}

static struct verdict of_push(const struct sp_report *report, const struct sp_report_place *place)
{
  if (place->err.code != SP_OK)
    return (struct verdict){COLOR_BAD, N_("failed")};
  if (place->damage_count > 0)
    return (struct verdict){COLOR_BAD, N_("damaged")};
  if (verdict_has_tag(place, SP_TAG_UNSURE))
    return (struct verdict){COLOR_BAD, N_("unsure")};
  if (!has_all_tags(place))
    return (struct verdict){COLOR_BAD, N_("not published")};
  if (report->dry_run)
    return (struct verdict){COLOR_NONE,
                            verdict_has_tag(place, SP_TAG_PLANNED) || place->blobs_to_send
                                ? N_("would be published")
                                : N_("nothing to do")};
  bool changed = verdict_has_tag(place, SP_TAG_SET) || place->blobs_sent || place->blobs_mounted ||
                 place->manifests_put;
  return (struct verdict){COLOR_GOOD, changed ? N_("published") : N_("already up to date")};
}

static struct verdict of_verify(const struct sp_report *report, const struct sp_report_place *place)
{
  if (place->err.code != SP_OK)
    return (struct verdict){COLOR_BAD, N_("failed")};
  if (place->damage_count > 0)
    return (struct verdict){COLOR_BAD, N_("not whole")};
  if (is_unseen(report, place))
    return (struct verdict){COLOR_BAD, N_("not looked at")};
  return (struct verdict){COLOR_GOOD, N_("whole")};
}

struct verdict verdict_of(const struct sp_report *report, const struct sp_report_place *place)
{
  return report->kind == SP_REPORT_VERIFY ? of_verify(report, place) : of_push(report, place);
}

const char *verdict_tag_text(enum sp_tag_result result)
{
  static const char *const texts[] = {
      [SP_TAG_NOT_SET] = N_("left as it was"),
      [SP_TAG_PLANNED] = N_("would be set"),
      [SP_TAG_ALREADY] = N_("was right already"),
      [SP_TAG_SET] = N_("set"),
      [SP_TAG_UNSURE] = N_("not known: the old image or the new one"),
  };
  return texts[result];
}

const char *verdict_proof(const char *proof)
{
  return strcmp(proof, "none") == 0 ? _("none") : proof;
}
