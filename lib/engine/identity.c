/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/identity.h"

#include "oci/manifest.h"

static int get(struct sp_store *archive, const struct sp_digest *digest, struct sp_manifest *out,
               struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  if (sp_store_get_manifest(archive, digest, &bytes, err) < 0)
    return -1;
  return sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type), out, err);
}

/* Is there an index with this digest that names the root? */
static bool is_of_index(struct sp_store *archive, const struct sp_digest *root,
                        const struct sp_digest *id)
{
  SP_AUTO_MANIFEST struct sp_manifest index = {0};
  struct sp_err ignored = SP_ERR_INIT;
  if (get(archive, id, &index, &ignored) < 0)
    return false;
  for (size_t i = 0; i < index.child_count; i++) {
    if (sp_digest_eq(&index.children[i].digest, root))
      return true;
  }
  return false;
}

int sp_identity_check(struct sp_store *archive, const struct sp_digest *root,
                      const struct sp_digest *id, struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest manifest = {0};
  if (sp_digest_eq(root, id))
    return 0;
  if (get(archive, root, &manifest, err) < 0)
    return -1;
  bool is_config = manifest.blob_count > 0 && sp_digest_eq(&manifest.blobs[0].digest, id);
  if (is_config || is_of_index(archive, root, id))
    return 0;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(id, text);
  return sp_fail(err, SP_E_DIGEST,
                 "the engine was asked for the image %s and sent another one: nothing of it was "
                 "passed on",
                 text);
}
