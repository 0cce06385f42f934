/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a record is a transfer like any other: from a store in memory that holds nothing else. So
 * it is sent, read back and tagged by the same code as an image. */
#include "sync/record_store.h"

#include "base/clock.h"
#include "base/scope.h"
#include "oci/media_type.h"
#include "store/memory.h"
#include "store/small_blob.h"
#include "sync/kept.h"
#include "transfer/job.h"
#include "transfer/report.h"

int sp_record_fetch(struct sp_store *store, const struct sp_retry_policy *retry,
                    struct sp_record *record, struct sp_err *err)
{
  struct sp_named named;
  struct sp_desc body;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  SP_AUTO_MANIFEST struct sp_manifest manifest = {0};
  SP_CLEANUP(sp_buf_clear_auto_) struct sp_buf text;
  sp_manifest_bytes_init(&bytes);
  sp_buf_init(&text, SP_MAX_RECORD_BYTES);
  if (sp_store_resolve(store, SP_RECORD_TAG, &named, err) < 0 ||
      sp_kept_get(store, &named.digest, &bytes, err) < 0 ||
      sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type), &manifest, err) <
          0 ||
      sp_record_locate(&manifest, &body, err) < 0 ||
      sp_small_blob_read(store, &body.digest, body.size_bytes, retry, &text, err) < 0)
    return -1;
  return sp_record_decode(sp_buf_span(&text), sp_clock_seen_s(), record, err);
}

/* The artifact as an image in memory. */
static int fill(struct sp_store *memory, const struct sp_record_artifact *artifact,
                struct sp_err *err)
{
  struct sp_digest digest;
  bool handled;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  sp_manifest_bytes_init(&manifest);
  manifest.digest = artifact->digest;
  snprintf(manifest.media_type, sizeof manifest.media_type, "%s", SP_MEDIA_OCI_MANIFEST);
  if (sp_memory_add_blob(memory, sp_buf_span(&artifact->config), &digest, err) < 0 ||
      sp_memory_add_blob(memory, sp_buf_span(&artifact->body), &digest, err) < 0 ||
      sp_buf_append_span(&manifest.bytes, sp_buf_span(&artifact->manifest), err) < 0)
    return -1;
  return sp_store_put_manifest(memory, &manifest, &handled, err);
}

static void artifact_clear(struct sp_record_artifact *artifact)
{
  sp_record_artifact_clear(artifact);
}

int sp_record_publish(struct sp_store *store, const struct sp_retry_policy *retry,
                      const struct sp_record *record, struct sp_err *err)
{
  SP_CLEANUP(artifact_clear) struct sp_record_artifact artifact = {0};
  SP_AUTO_STORE struct sp_store *memory = NULL;
  SP_CLEANUP(sp_report_free_auto_) struct sp_report *report = NULL;
  if (sp_record_encode(record, &artifact, err) < 0 || sp_memory_new("record", &memory, err) < 0 ||
      fill(memory, &artifact, err) < 0 ||
      sp_report_new(SP_REPORT_COPY, "record", &store->name, 1, &report, err) < 0)
    return -1;
  const char *const tags[] = {SP_RECORD_TAG};
  struct sp_transfer_destination to = {.store = store, .tags = tags, .tag_count = 1};
  const struct sp_transfer transfer = {.source = memory,
                                       .digest = artifact.digest,
                                       .destinations = &to,
                                       .destination_count = 1,
                                       .needs_no_pulls = true,
                                       .retry = *retry,
                                       .cancel = retry->cancel};
  sp_transfer_run(&transfer, report);
  const struct sp_err *why = report->err.code != SP_OK ? &report->err : &report->places[0].err;
  if (why->code == SP_OK)
    return 0;
  sp_err_copy(err, why);
  return -1;
}
