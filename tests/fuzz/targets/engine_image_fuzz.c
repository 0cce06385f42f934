/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine says about an image, about itself, and its list of all images. */
#include <stdlib.h>

#include "engine/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_engine_image image;
  struct sp_err err = SP_ERR_INIT;
  char near[SP_ENGINE_NEAR_MAX];
  struct sp_span text = SP_SPAN((const char *)data, size);
  if (sp_engine_image_parse(text, &image, &err) == 0 && image.id.alg == SP_DIGEST_NONE)
    abort();
  struct sp_platform platform = {0};
  struct sp_err ignored = SP_ERR_INIT;
  if (sp_engine_platform_parse(text, &platform, &ignored) == 0 && !platform.architecture[0])
    abort();
  sp_engine_image_near(text, "library/app", near);
  if (strlen(near) >= sizeof near)
    abort();
  return 0;
}
