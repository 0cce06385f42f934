/* SPDX-License-Identifier: Apache-2.0 */
/* Configs of images from outside: what is read has every fact, of the type that inspect relies on.
 */
#include "base/json.h"
#include "oci/image_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool holds)
{
  if (!holds)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *const texts[] = {"created", "author",      "platform",
                                      "user",    "working_dir", "stop_signal"};
  static const char *const lists[] = {"entrypoint", "cmd",      "env",    "exposed_ports",
                                      "volumes",    "diff_ids", "history"};
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JSON json_t *facts = NULL;
  if (sp_image_config_read(SP_SPAN((const char *)data, size), &facts, &err) < 0) {
    want(err.code == SP_E_INVALID || err.code == SP_E_NOMEM);
    return 0;
  }
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    const json_t *fact = json_object_get(facts, texts[i]);
    want(json_is_string(fact) || json_is_null(fact));
  }
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
    want(json_is_array(json_object_get(facts, lists[i])));
  want(json_is_object(json_object_get(facts, "labels")));
  want(json_object_size(facts) == 14);
  return 0;
}
