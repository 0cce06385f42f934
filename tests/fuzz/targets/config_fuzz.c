/* SPDX-License-Identifier: Apache-2.0 */
/* Either complaints or a configuration; one that was understood prints as a file that is understood
 * as the same. */
#include <string.h>

#include "config/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sp_config *parse(struct sp_span yaml, bool must)
{
  struct sp_config *config = NULL;
  SP_CLEANUP(sp_complaints_clear_auto_) struct sp_complaints complaints = SP_COMPLAINTS_INIT;
  struct sp_err err = SP_ERR_INIT;
  int failed = sp_config_parse("/etc/c.yaml", yaml, &config, &complaints, &err);
  if (failed < 0 && (config || (complaints.count == 0 && !complaints.has_more)))
    abort();
  if (failed < 0 && must)
    abort();
  return config;
}

static void print(const struct sp_config *config, struct sp_buf *out)
{
  struct sp_err err = SP_ERR_INIT;
  sp_buf_init(out, 64 * SP_MIB);
  if (sp_config_print(config, out, &err) < 0)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  SP_CLEANUP(sp_config_free_auto_)
  struct sp_config *config = parse(SP_SPAN((const char *)data, size), false);
  if (!config)
    return 0;
  SP_AUTO_BUF struct sp_buf text, again_text;
  print(config, &text);
  SP_CLEANUP(sp_config_free_auto_) struct sp_config *again = parse(sp_buf_span(&text), true);
  print(again, &again_text);
  if (strcmp(sp_buf_str(&text), sp_buf_str(&again_text)) != 0)
    abort();
  return 0;
}
