/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are checked and kept for commands that are not there yet. */
#include "base/text.h"
#include "config/config.h"

size_t sp_config_idle_keys(const struct sp_config *config, const char *out[SP_CONFIG_IDLE_MAX])
{
  bool has_keep = false, has_token = false;
  for (size_t i = 0; i < config->image_count; i++)
    has_keep = has_keep || config->images[i].keep.is_given;
  for (size_t i = 0; i < config->registry_count; i++)
    has_token = has_token || config->registries[i].token.rotate_after_s > 0;
  size_t count = 0;
  if (has_keep)
    out[count++] = "keep";
  if (has_token)
    out[count++] = "token";
  if (config->schedule.is_given)
    out[count++] = "schedule";
  if (config->notify.is_given)
    out[count++] = "notify";
  return count;
}

void sp_config_format_idle_keys(const struct sp_config *config, char out[SP_CONFIG_IDLE_TEXT_MAX])
{
  const char *keys[SP_CONFIG_IDLE_MAX];
  size_t count = sp_config_idle_keys(config, keys);
  out[0] = '\0';
  for (size_t i = 0; i < count; i++)
    sp_text_append(out, SP_CONFIG_IDLE_TEXT_MAX, "%s%s", i > 0 ? ", " : "", keys[i]);
}
