/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config_file.h"

void config_file_print_complaints(const char *path, const struct sp_complaints *complaints)
{
  for (size_t i = 0; i < complaints->count; i++) {
    SP_AUTO_BUF struct sp_buf text;
    struct sp_err err;
    sp_buf_init(&text, 64 * SP_KIB);
    if (sp_complaint_format(&complaints->items[i], path, &text, &err) == 0)
      fputs(sp_buf_str(&text), stderr);
  }
}

static bool load(const char *path, struct sp_config **config, int *status)
{
  SP_CLEANUP(sp_complaints_clear_auto_) struct sp_complaints complaints = SP_COMPLAINTS_INIT;
  struct sp_err err = SP_ERR_INIT;
  if (sp_config_load(path, config, &complaints, &err) == 0)
    return true;
  config_file_print_complaints(path, &complaints);
  *status = command_fail(&err);
  return false;
}

bool config_file_load(const struct common_args *common, struct sp_config **config, int *status)
{
  SP_AUTO_FREE char *path = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (sp_config_find(common->config, &path, &err) == 0)
    return load(path, config, status);
  *status = command_fail(&err);
  return false;
}

bool config_file_load_if_any(const struct common_args *common, struct sp_config **config,
                             int *status)
{
  SP_AUTO_FREE char *path = NULL;
  struct sp_err err = SP_ERR_INIT;
  *config = NULL;
  if (sp_config_find(common->config, &path, &err) == 0)
    return load(path, config, status);
  if (err.code == SP_E_USAGE) /* there is none */
    return true;
  *status = command_fail(&err);
  return false;
}
