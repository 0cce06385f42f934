/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/identity.h"

#include "oci/media_type.h"
#include "store/memory.h"

struct image {
  struct sp_store *store;
  struct sp_digest config, manifest, index, stranger;
};

static void must(int rc, const struct sp_err *err)
{
  if (rc < 0)
    fail_msg("%s", err->msg);
}

static struct sp_digest put(struct sp_store *store, const char *media_type, const char *text)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  struct sp_err err = SP_ERR_INIT;
  bool handled;
  sp_manifest_bytes_init(&manifest);
  snprintf(manifest.media_type, sizeof manifest.media_type, "%s", media_type);
  must(sp_buf_append_str(&manifest.bytes, text, &err), &err);
  must(sp_digest_of(SP_DIGEST_SHA256, text, strlen(text), &manifest.digest, &err), &err);
  must(sp_store_put_manifest(store, &manifest, &handled, &err), &err);
  return manifest.digest;
}

static struct image make(void)
{
  struct image image = {0};
  struct sp_err err = SP_ERR_INIT;
  char digest[SP_DIGEST_TEXT_MAX];
  char text[512];
  must(sp_memory_new("archive", &image.store, &err), &err);
  must(sp_memory_add_blob(image.store, SP_SPAN_LIT("{}"), &image.config, &err), &err);
  must(sp_memory_add_blob(image.store, SP_SPAN_LIT("other"), &image.stranger, &err), &err);
  sp_digest_format(&image.config, digest);
  snprintf(text, sizeof text,
           "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/"
           "vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":2},\"layers\":[]}",
           digest);
  image.manifest = put(image.store, SP_MEDIA_OCI_MANIFEST, text);
  sp_digest_format(&image.manifest, digest);
  snprintf(text, sizeof text,
           "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" SP_MEDIA_OCI_MANIFEST
           "\",\"digest\":\"%s\",\"size\":%zu}]}",
           digest, strlen(text));
  image.index = put(image.store, SP_MEDIA_OCI_INDEX, text);
  return image;
}

static void check(const struct image *image, const struct sp_digest *root,
                  const struct sp_digest *id, enum sp_code want)
{
  struct sp_err err = SP_ERR_INIT;
  int rc = sp_identity_check(image->store, root, id, &err);
  if ((rc < 0 ? err.code : SP_OK) != want)
    fail_msg("%s, not %s: %s", sp_code_name(err.code), sp_code_name(want), err.msg);
}

static void test_identity(void **state)
{
  (void)state;
  struct image image = make();
  check(&image, &image.manifest, &image.stranger, SP_E_DIGEST);
  check(&image, &image.index, &image.manifest, SP_E_DIGEST);
  check(&image, &image.index, &image.config, SP_E_DIGEST);
  check(&image, &image.stranger, &image.config, SP_E_NOT_FOUND);
  check(&image, &image.manifest, &image.config, SP_OK);
  check(&image, &image.manifest, &image.manifest, SP_OK);
  check(&image, &image.manifest, &image.index, SP_OK);
  check(&image, &image.index, &image.index, SP_OK);
  sp_store_close(image.store);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_identity)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
