/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest image in a memory store, for the tests of wrappers: one blob that is its config, one
 * manifest. */
#ifndef SP_TESTS_SAMPLE_H
#define SP_TESTS_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/media_type.h"
#include "store/memory.h"

#define SAMPLE_BLOB "{}"

struct sample {
  struct sp_store *memory; /* owned by whoever wraps it */
  struct sp_digest blob;
  struct sp_manifest_bytes manifest;
};

/* A memory store that holds the blob, and the manifest that names it, which is not put yet. */
static inline void sample_init(struct sample *sample)
{
  struct sp_err err = SP_ERR_INIT;
  char digest[SP_DIGEST_TEXT_MAX];
  assert_int_equal(sp_memory_new("memory", &sample->memory, &err), 0);
  assert_int_equal(
      sp_memory_add_blob(sample->memory, sp_span_str(SAMPLE_BLOB), &sample->blob, &err), 0);
  sp_digest_format(&sample->blob, digest);
  sp_manifest_bytes_init(&sample->manifest);
  assert_int_equal(sp_buf_appendf(&sample->manifest.bytes, &err,
                                  "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":"
                                  "{\"mediaType\":\"application/json\",\"digest\":\"%s\","
                                  "\"size\":2},\"layers\":[]}",
                                  SP_MEDIA_OCI_MANIFEST, digest),
                   0);
  struct sp_span bytes = sp_buf_span(&sample->manifest.bytes);
  assert_int_equal(
      sp_digest_of(SP_DIGEST_SHA256, bytes.ptr, bytes.len, &sample->manifest.digest, &err), 0);
}

/* Puts the manifest straight into the memory store. */
static inline void sample_put(struct sample *sample)
{
  struct sp_err err = SP_ERR_INIT;
  bool handled;
  assert_int_equal(sp_store_put_manifest(sample->memory, &sample->manifest, &handled, &err), 0);
}

static inline void sample_clear(struct sample *sample)
{
  sp_manifest_bytes_clear(&sample->manifest);
}

/* One call of each operation, in a fixed order; what each one ended with. */
#define SAMPLE_OPERATIONS 10
static const char *const sample_operations[SAMPLE_OPERATIONS] = {
    "put_manifest", "set_tags",       "resolve",    "stat_manifest", "get_manifest",
    "list_tags",    "list_referrers", "check_blob", "open_read",     "begin_write"};

static inline void sample_call_blobs(const struct sample *sample, struct sp_store *store,
                                     enum sp_code codes[SAMPLE_OPERATIONS])
{
  struct sp_err err[3] = {SP_ERR_INIT, SP_ERR_INIT, SP_ERR_INIT};
  struct sp_blob_state blob_state;
  struct sp_reader *reader = NULL;
  struct sp_writer *writer = NULL;
  bool ok[3];
  ok[0] = sp_store_check_blob(store, &sample->blob, 2, SP_PROOF_TOUCHED, &blob_state, &err[0]) == 0;
  ok[1] = sp_store_open_read(store, &sample->blob, 2, 0, &reader, &err[1]) == 0;
  ok[2] = sp_store_begin_write(store, &sample->blob, 2, &writer, &err[2]) == 0;
  if (reader)
    reader->ops->close(reader);
  if (writer)
    writer->ops->close(writer);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(ok[i], err[i].code == SP_OK);
    codes[7 + i] = err[i].code;
  }
}

static inline void sample_call_all(const struct sample *sample, struct sp_store *store,
                                   enum sp_code codes[SAMPLE_OPERATIONS])
{
  static const char *const tags[] = {"v1", "latest"};
  struct sp_err err[7];
  struct sp_named named;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes got;
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  bool handled;
  size_t done;
  sp_manifest_bytes_init(&got);
  for (size_t i = 0; i < 7; i++)
    err[i] = SP_ERR_INIT;
  const struct sp_digest *digest = &sample->manifest.digest;
  int rc[7] = {
      sp_store_put_manifest(store, &sample->manifest, &handled, &err[0]),
      sp_store_set_tags(store, tags, 2, &sample->manifest, &done, &err[1]),
      sp_store_resolve(store, "latest", &named, &err[2]),
      sp_store_stat_manifest(store, digest, &named, &err[3]),
      sp_store_get_manifest(store, digest, &got, &err[4]),
      sp_store_list_tags(store, NULL, &page, &err[5]),
      sp_store_list_referrers(store, digest, &list, &err[6]),
  };
  for (size_t i = 0; i < 7; i++) {
    assert_int_equal(rc[i] == 0, err[i].code == SP_OK);
    codes[i] = err[i].code;
  }
  sample_call_blobs(sample, store, codes);
}

#endif
