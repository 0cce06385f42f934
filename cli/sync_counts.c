/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sync_counts.h"

#include <stdio.h>

#include "base/i18n.h"
#include "base/text.h"

void sync_counts_format(const uint64_t counts[SP_SYNC_RESULT_COUNT], char out[SYNC_COUNTS_MAX])
{
  static const char *const words[SP_SYNC_RESULT_COUNT] = {
      [SP_SYNC_IN_STEP] = N_("in step"),
      [SP_SYNC_PROVEN] = N_("in step, looked at again"),
      [SP_SYNC_COPIED] = N_("copied"),
      [SP_SYNC_PLANNED] = N_("to copy"),
      [SP_SYNC_TO_PROVE] = N_("to look at again"),
      [SP_SYNC_NOT_FOLLOWED] = N_("not followed"),
      [SP_SYNC_UNPROVEN] = N_("unproven"),
      [SP_SYNC_HELD] = N_("left as they are"),
      [SP_SYNC_REFUSED] = N_("refused"),
      [SP_SYNC_DAMAGED] = N_("damaged"),
      [SP_SYNC_FAILED] = N_("failed"),
  };
  out[0] = '\0';
  for (int result = 0; result < SP_SYNC_RESULT_COUNT; result++) {
    if (counts[result] == 0)
      continue;
    sp_text_append(out, SYNC_COUNTS_MAX, "%s", out[0] ? ", " : "");
    sp_text_append(out, SYNC_COUNTS_MAX, _("%llu %s"), (unsigned long long)counts[result],
                   _(words[result]));
  }
  if (!out[0])
    sp_text_append(out, SYNC_COUNTS_MAX, "%s", _("no tags"));
}

bool sync_counts_are_unknown(const struct sp_sync_image *image, const struct sp_sync_place *place)
{
  for (int result = 0; result < SP_SYNC_RESULT_COUNT; result++) {
    if (place->counts[result] > 0)
      return false;
  }
  return image->err.code != SP_OK || place->err.code != SP_OK;
}

void sync_counts_format_place(const struct sp_sync_image *image, const struct sp_sync_place *place,
                              char out[SYNC_COUNTS_MAX])
{
  if (sync_counts_are_unknown(image, place))
    snprintf(out, SYNC_COUNTS_MAX, "%s", _("not looked at"));
  else
    sync_counts_format(place->counts, out);
}
