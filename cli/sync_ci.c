/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sync_ci.h"

#include "base/i18n.h"
#include "base/text.h"
#include "cli/sync_counts.h"

#define NAMES_MAX 512 /* of tags in a finding */
#define NAMES_SHOWN 5

/* The verdict about a backup: the worst that happened. */
static const char *verdict_text(const struct sp_sync_image *image,
                                const struct sp_sync_place *place)
{
  static const struct {
    enum sp_sync_result result;
    const char *text;
  } verdicts[] = {
      {SP_SYNC_FAILED, N_("failed")},
      {SP_SYNC_DAMAGED, N_("damaged")},
      {SP_SYNC_NOT_FOLLOWED, N_("alarm: fixed tag changed")},
      {SP_SYNC_REFUSED, N_("refused")},
      {SP_SYNC_UNPROVEN, N_("unproven")},
      {SP_SYNC_HELD, N_("left as it is")},
      {SP_SYNC_PLANNED, N_("would be copied")},
      {SP_SYNC_COPIED, N_("copied")},
  };
  if (image->is_held)
    return _("alarm: tags are lost");
  if (place->err.code != SP_OK)
    return _("failed");
  if (place->damage_count > 0)
    return _("damaged");
  for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
    if (place->counts[verdicts[i].result] > 0)
      return _(verdicts[i].text);
  }
  if (sync_counts_are_unknown(image, place))
    return _("not looked at");
  return _("in step");
}

static bool is_bad_place(const struct sp_sync_image *image, const struct sp_sync_place *place)
{
  return image->is_held || place->err.code != SP_OK || place->damage_count > 0 ||
         sync_counts_are_unknown(image, place) ||
         place->counts[SP_SYNC_FAILED] + place->counts[SP_SYNC_DAMAGED] +
                 place->counts[SP_SYNC_NOT_FOLLOWED] + place->counts[SP_SYNC_REFUSED] +
                 place->counts[SP_SYNC_UNPROVEN] + place->counts[SP_SYNC_HELD] >
             0;
}

static void add_rows(struct series *series, const struct sp_sync_image *image)
{
  for (size_t i = 0; i < image->place_count; i++) {
    char counts[SYNC_COUNTS_MAX];
    const struct sp_sync_place *place = &image->places[i];
    sync_counts_format_place(image, place, counts);
    const struct ci_cell cells[] = {{image->name, true},
                                    {place->name, true},
                                    {verdict_text(image, place), false},
                                    {counts, false}};
    ci_result_add_row(&series->ci, is_bad_place(image, place), cells);
  }
}

/* The first tags at a backup with that result: "v1.0.0, v1.1.0, ...". Answers how many were told
 * with it. */
static size_t name_tags(const struct sp_sync_place *place, enum sp_sync_result result,
                        bool is_replaced, char out[NAMES_MAX])
{
  size_t count = 0;
  out[0] = '\0';
  for (size_t i = 0; i < place->tag_count; i++) {
    const struct sp_sync_tag *tag = &place->tags[i];
    if (tag->result == result && tag->is_replaced == is_replaced && count++ < NAMES_SHOWN)
      sp_text_append(out, NAMES_MAX, "%s%s", count > 1 ? ", " : "", tag->name);
  }
  if (count == 0 || count > NAMES_SHOWN)
    sp_text_append(out, NAMES_MAX, "%s...", count > 0 ? ", " : "");
  return count;
}

static void find_lost(struct series *series, const struct sp_sync_image *image)
{
  char names[NAMES_MAX] = "";
  for (size_t i = 0; i < image->lost_tag_count && i < NAMES_SHOWN; i++)
    sp_text_append(names, NAMES_MAX, "%s%s", i > 0 ? ", " : "", image->lost_tags[i]);
  if (image->lost > NAMES_SHOWN)
    sp_text_append(names, NAMES_MAX, ", ...");
  if (image->is_held)
    series_finding(
        series, SERIES_ERROR,
        _("'%s' lost %llu tags that '%s' had (%s), more than max-loss allows: nothing was "
          "written. Look at the primary; if the loss is meant: safeport sync %s "
          "--accept-loss"),
        image->primary, (unsigned long long)image->lost, image->name, names, image->name);
  else if (image->lost > 0)
    series_finding(series, SERIES_WARNING,
                   _("'%s' lost %llu tags that '%s' had (%s); the backups keep them"),
                   image->primary, (unsigned long long)image->lost, image->name, names);
}

/* The same tags changed for every backup: one alarm. */
static void find_changed(struct series *series, const struct sp_sync_image *image)
{
  char names[NAMES_MAX];
  for (size_t i = 0; i < image->place_count; i++) {
    const struct sp_sync_place *place = &image->places[i];
    if (place->counts[SP_SYNC_NOT_FOLLOWED] <= name_tags(place, SP_SYNC_NOT_FOLLOWED, true, names))
      continue;
    name_tags(place, SP_SYNC_NOT_FOLLOWED, false, names);
    series_finding(
        series, SERIES_ERROR,
        _("'%s': fixed tags changed at '%s' (%s): tampered with, or rebuilt. They are not "
          "followed; if it is meant: safeport sync %s --accept TAG"),
        image->name, image->primary, names, image->name);
    return;
  }
}

static void find_at_place(struct series *series, const struct sp_sync_image *image,
                          const struct sp_sync_place *place)
{
  char names[NAMES_MAX];
  if (name_tags(place, SP_SYNC_NOT_FOLLOWED, true, names) > 0)
    series_finding(series, SERIES_ERROR,
                   _("'%s': fixed tags were replaced at '%s' (%s); at the primary they are what "
                     "they were. Look who may write to the backup; to set them right: safeport "
                     "sync %s --accept TAG"),
                   image->name, place->name, names, image->name);
  if (place->counts[SP_SYNC_REFUSED] > 0) {
    name_tags(place, SP_SYNC_REFUSED, false, names);
    series_finding(series, SERIES_ERROR,
                   _("'%s': tags name another image at '%s', and stay (%s). If they are to go: "
                     "--force"),
                   image->name, place->name, names);
  }
  if (place->counts[SP_SYNC_DAMAGED] > 0) {
    name_tags(place, SP_SYNC_DAMAGED, false, names);
    series_finding(series, SERIES_ERROR,
                   _("'%s': known to be damaged at '%s' (%s): safeport verify --read --repair %s"),
                   image->name, place->name, names, image->name);
  }
  for (size_t i = 0; i < place->damage_count && i < NAMES_SHOWN; i++)
    series_finding(series, SERIES_ERROR, "'%s': '%s': %s (%s): %s", image->name, place->name,
                   place->damage[i].digest, _(place->damage[i].what), _(place->damage[i].finding));
}

void sync_ci_tell(struct series *series, const struct sp_sync_image *image)
{
  add_rows(series, image);
  find_lost(series, image);
  find_changed(series, image);
  for (size_t i = 0; i < image->place_count; i++)
    find_at_place(series, image, &image->places[i]);
}
