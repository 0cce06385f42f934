/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/sizes.h"

#include "transfer/closure.h"
#include "transfer/digest_map.h"
#include "transfer/report.h"

struct sizes {
  struct sp_digest_map seen; /* blobs and manifests */
  uint64_t size_bytes, shared_bytes;
};

static int add(struct sizes *sizes, const struct sp_digest *digest, uint64_t bytes,
               struct sp_err *err)
{
  bool is_new;
  if (sp_digest_map_add(&sizes->seen, digest, 0, &is_new, err) < 0)
    return -1;
  *(is_new ? &sizes->size_bytes : &sizes->shared_bytes) += bytes;
  return 0;
}

static int add_image(struct sizes *sizes, const struct sp_image *image, struct sp_err *err)
{
  for (size_t i = 0; i < image->blob_count; i++) {
    if (add(sizes, &image->blobs[i].digest, image->blobs[i].size_bytes, err) < 0)
      return -1;
  }
  for (size_t i = 0; i < image->node_count; i++) {
    const struct sp_manifest_bytes *manifest = &image->nodes[i].manifest;
    if (add(sizes, &manifest->digest, manifest->bytes.len, err) < 0)
      return -1;
  }
  return 0;
}

static int add_tag(struct sizes *sizes, struct sp_store *store, const struct sp_digest *digest,
                   const struct sp_cancel *cancel, struct sp_err *err)
{
  SP_CLEANUP(sp_report_free_auto_) struct sp_report *report = NULL;
  struct sp_image image;
  struct sp_digest root;
  if (sp_report_new(SP_REPORT_COPY, store->name, NULL, 0, &report, err) < 0)
    return -1;
  const struct sp_closure_request request = {
      .store = store, .digest = *digest, .cancel = cancel, .report = report};
  struct sp_err unread = SP_ERR_INIT; /* damage is not for here */
  sp_image_init(&image);
  int failed =
      sp_closure_read(&request, &image, &root, &unread) == 0 ? add_image(sizes, &image, err) : 0;
  sp_image_clear(&image);
  return failed;
}

int sp_sizes_of(const struct sp_work *work, size_t backup, uint64_t *size_bytes,
                uint64_t *shared_bytes, struct sp_err *err)
{
  struct sizes sizes = {0};
  int failed = 0;
  sp_digest_map_init(&sizes.seen);
  for (size_t i = 0; !failed && i < work->tags.count; i++) {
    const struct sp_digest *digest = &work->tags.items[i].at[backup].now;
    if (digest->alg != SP_DIGEST_NONE && !sp_digest_map_find(&sizes.seen, digest, NULL))
      failed = add_tag(&sizes, work->backups[backup], digest, work->sync->cancel, err);
  }
  sp_digest_map_clear(&sizes.seen);
  *size_bytes = sizes.size_bytes;
  *shared_bytes = sizes.shared_bytes;
  return failed;
}
