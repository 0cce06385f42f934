/* SPDX-License-Identifier: Apache-2.0 */
/* Every image that was read has a config, can be chosen by its number, and by each of its names
 * that is one. */
#include "archive/docker_manifest.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const struct sp_docker_manifest *manifest,
                        const struct sp_docker_image *image)
{
  const struct sp_docker_image *found;
  struct sp_err err;
  for (size_t i = 0; i < image->name_count; i++) {
    struct sp_ref ref;
    if (sp_ref_parse(sp_span_str(image->names[i]), false, &ref, &err) < 0)
      continue;
    if (sp_docker_manifest_choose(manifest, &ref, NULL, &found, &err) < 0)
      abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_DOCKER_MANIFEST struct sp_docker_manifest manifest = {0};
  const struct sp_ref none = {.host = ""};
  if (sp_docker_manifest_parse(SP_SPAN((const char *)data, size), &manifest, &err) < 0)
    return 0;
  for (uint32_t i = 0; i < manifest.count; i++) {
    const struct sp_docker_image *found;
    if (!manifest.images[i].config[0] ||
        sp_docker_manifest_choose(&manifest, &none, &i, &found, &err) < 0 ||
        found != &manifest.images[i])
      abort();
    check_names(&manifest, found);
  }
  return 0;
}
