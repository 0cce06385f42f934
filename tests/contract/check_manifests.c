/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests, indexes and referrers. */
#include "base/limits.h"
#include "check.h"
#include "oci/media_type.h"

static void assert_stored(struct sp_store *store, const struct sp_manifest_bytes *manifest)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes got;
  sp_manifest_bytes_init(&got);
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  if (sp_store_get_manifest(store, &manifest->digest, &got, &err) < 0 ||
      sp_store_stat_manifest(store, &manifest->digest, &named, &err) < 0)
    fail_msg("%s", err.msg);
  assert_int_equal(got.bytes.len, manifest->bytes.len);
  assert_memory_equal(got.bytes.data, manifest->bytes.data, got.bytes.len);
  assert_string_equal(got.media_type, manifest->media_type);
  if (named.size_bytes != SP_SIZE_UNKNOWN)
    assert_int_equal(named.size_bytes, manifest->bytes.len);
  if (named.media_type[0])
    assert_string_equal(named.media_type, manifest->media_type);
}

static void assert_absent(struct sp_store *store, const struct sp_digest *digest)
{
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_store_stat_manifest(store, digest, &named, &err), -1);
  assert_int_equal(err.code, SP_E_NOT_FOUND);
}

static void blobs_before_manifests(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  bool handled;
  struct sp_digest config = drive_digest(SP_DIGEST_SHA256, "{}", 2);
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes image;
  drive_image(&image, &config, 2, 1);
  assert_int_equal(drive_put(store, &image, &handled), SP_E_BLOB_UNKNOWN);
  assert_absent(store, &image.digest);
  drive_put_blob(store, "{}", 2);
  assert_int_equal(drive_put(store, &image, &handled), SP_OK);
  assert_stored(store, &image);
}

/* An index of two manifests. */
static void make_index(struct sp_manifest_bytes *out, const char *type, const char *child_type,
                       const struct sp_manifest_bytes *a, const struct sp_manifest_bytes *b)
{
  char digests[2][SP_DIGEST_TEXT_MAX];
  char text[1024];
  sp_digest_format(&a->digest, digests[0]);
  sp_digest_format(&b->digest, digests[1]);
  snprintf(text, sizeof text,
           "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":["
           "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu,"
           "\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
           "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu,"
           "\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}}]}",
           type, child_type, digests[0], a->bytes.len, child_type, digests[1], b->bytes.len);
  drive_manifest(out, type, sp_span_str(text));
}

static void children_before_indexes(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  bool handled;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes amd64;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes arm64;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes index;
  struct sp_digest config = drive_put_blob(store, "{}", 2);
  drive_image(&arm64, &config, 2, 2);
  drive_put_image(store, 1, &amd64);
  make_index(&index, SP_MEDIA_OCI_INDEX, SP_MEDIA_OCI_MANIFEST, &amd64, &arm64);
  assert_int_equal(drive_put(store, &index, &handled), SP_E_BLOB_UNKNOWN);
  assert_absent(store, &index.digest);
}

static void an_index_with_its_children(struct sp_store *store,
                                       const struct contract_factory *factory)
{
  (void)factory;
  bool handled = false;
  size_t done;
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes amd64;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes arm64;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes index;
  drive_put_image(store, 1, &amd64);
  drive_put_image(store, 2, &arm64);
  make_index(&index, SP_MEDIA_OCI_INDEX, SP_MEDIA_OCI_MANIFEST, &amd64, &arm64);
  assert_int_equal(drive_put(store, &index, &handled), SP_OK);
  assert_true(handled); /* it has no subject */
  assert_int_equal(sp_store_set_tags(store, (const char *[]){"multi"}, 1, &index, &done, &err), 0);
  assert_int_equal(sp_store_resolve(store, "multi", &named, &err), 0);
  assert_true(sp_digest_eq(&named.digest, &index.digest));
  assert_stored(store, &index);
  assert_stored(store, &amd64);
  assert_stored(store, &arm64);
}

/* %1$s is the digest of a config of two bytes. */
static const struct {
  const char *media_type;
  const char *text;
} odd_manifests[] = {
    {SP_MEDIA_OCI_MANIFEST,
     "{\n\t \"schemaVersion\" :2 ,\r\n\"mediaType\": \"" SP_MEDIA_OCI_MANIFEST "\",\n"
     "   \"layers\": [ ],\"config\":{\"size\":2,\"digest\":\"%1$s\","
     "\"mediaType\":\"application/json\"}\n}\n\n"},
    {SP_MEDIA_OCI_MANIFEST,
     "{\"config\":{\"mediaType\":\"application/vnd.x+json\",\"digest\":\"%1$s\",\"size\":2},"
     "\"layers\":[],\"annotations\":{\"\\u00e9\\ud83d\\ude00\":\"\xc3\xa9 / \\/ \\u002f\"},"
     "\"schemaVersion\":2}"},
    {SP_MEDIA_DOCKER_MANIFEST,
     "{\n   \"schemaVersion\": 2,\n   \"mediaType\": \"" SP_MEDIA_DOCKER_MANIFEST "\",\n"
     "   \"config\": {\n      \"mediaType\": \"application/vnd.docker.container.image.v1+json\",\n"
     "      \"size\": 2,\n      \"digest\": \"%1$s\"\n   },\n   \"layers\": []\n}"},
    {SP_MEDIA_OCI_MANIFEST,
     "{\"unknown\":{\"deep\":[1,2.50,1e3,null,true,{}]},\"schemaVersion\":2,\"layers\":[{"
     "\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"%1$s\",\"size\":2,"
     "\"data\":\"e30=\",\"annotations\":{}}],\"config\":{\"mediaType\":"
     "\"application/vnd.oci.empty.v1+json\",\"digest\":\"%1$s\",\"size\":2},"
     "\"mediaType\":\"" SP_MEDIA_OCI_MANIFEST "\"}"},
};

static void fill_in(struct sp_buf *out, const char *text, const char *digest)
{
  struct sp_err err = SP_ERR_INIT;
  for (const char *mark = strstr(text, "%1$s"); mark; mark = strstr(text, "%1$s")) {
    assert_int_equal(sp_buf_append(out, text, (size_t)(mark - text), &err), 0);
    assert_int_equal(sp_buf_append_str(out, digest, &err), 0);
    text = mark + 4;
  }
  assert_int_equal(sp_buf_append_str(out, text, &err), 0);
}

static void bytes_stay_as_they_are(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  char config[SP_DIGEST_TEXT_MAX];
  struct sp_digest digest = drive_put_blob(store, "{}", 2);
  sp_digest_format(&digest, config);
  for (size_t i = 0; i < sizeof odd_manifests / sizeof odd_manifests[0]; i++) {
    SP_AUTO_BUF struct sp_buf text;
    SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
    bool handled = false;
    sp_buf_init(&text, SP_MAX_MANIFEST_BYTES);
    fill_in(&text, odd_manifests[i].text, config);
    drive_manifest(&manifest, odd_manifests[i].media_type, sp_buf_span(&text));
    for (int again = 0; again < 2; again++)
      assert_int_equal(drive_put(store, &manifest, &handled), SP_OK);
    assert_true(handled);
    assert_stored(store, &manifest);
  }
}

static void docker_lists_keep_their_type(struct sp_store *store,
                                         const struct contract_factory *factory)
{
  (void)factory;
  bool handled;
  char config[SP_DIGEST_TEXT_MAX];
  struct sp_manifest_bytes images[2];
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes list;
  struct sp_digest digest = drive_put_blob(store, "{}", 2);
  sp_digest_format(&digest, config);
  for (size_t i = 0; i < 2; i++) {
    SP_AUTO_BUF struct sp_buf text;
    sp_buf_init(&text, SP_MAX_MANIFEST_BYTES);
    fill_in(&text, odd_manifests[2].text, config);
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_buf_append(&text, "  ", i, &err), 0);
    drive_manifest(&images[i], SP_MEDIA_DOCKER_MANIFEST, sp_buf_span(&text));
    assert_int_equal(drive_put(store, &images[i], &handled), SP_OK);
  }
  make_index(&list, SP_MEDIA_DOCKER_LIST, SP_MEDIA_DOCKER_MANIFEST, &images[0], &images[1]);
  assert_int_equal(drive_put(store, &list, &handled), SP_OK);
  assert_stored(store, &list);
  assert_stored(store, &images[0]);
  for (size_t i = 0; i < 2; i++)
    sp_manifest_bytes_clear(&images[i]);
}

static void the_largest_manifest(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  bool handled;
  char config[SP_DIGEST_TEXT_MAX];
  SP_AUTO_BUF struct sp_buf text;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = drive_put_blob(store, "{}", 2);
  sp_digest_format(&digest, config);
  sp_buf_init(&text, SP_MAX_MANIFEST_BYTES);
  fill_in(&text, odd_manifests[0].text, config);
  char *blanks = malloc(SP_MAX_MANIFEST_BYTES);
  assert_non_null(blanks);
  memset(blanks, ' ', SP_MAX_MANIFEST_BYTES);
  assert_int_equal(sp_buf_append(&text, blanks, SP_MAX_MANIFEST_BYTES - text.len, &err), 0);
  free(blanks);
  drive_manifest(&manifest, SP_MEDIA_OCI_MANIFEST, sp_buf_span(&text));
  assert_int_equal(drive_put(store, &manifest, &handled), SP_OK);
  assert_stored(store, &manifest);
}

/* A referrer of `subject`, put with its config. */
static bool put_referrer(struct sp_store *store, const struct sp_manifest_bytes *subject,
                         struct sp_manifest_bytes *out)
{
  bool handled = false;
  char digests[2][SP_DIGEST_TEXT_MAX];
  char text[1024];
  struct sp_digest config = drive_put_blob(store, "{}", 2);
  sp_digest_format(&config, digests[0]);
  sp_digest_format(&subject->digest, digests[1]);
  snprintf(text, sizeof text,
           "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"artifactType\":\"application/x.sbom\","
           "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"%s\","
           "\"size\":2},\"layers\":[],\"subject\":{\"mediaType\":\"%s\",\"digest\":\"%s\","
           "\"size\":%zu},\"annotations\":{\"made-by\":\"the contract\"}}",
           SP_MEDIA_OCI_MANIFEST, digests[0], SP_MEDIA_OCI_MANIFEST, digests[1],
           subject->bytes.len);
  drive_manifest(out, SP_MEDIA_OCI_MANIFEST, sp_span_str(text));
  assert_int_equal(drive_put(store, out, &handled), SP_OK);
  return handled;
}

static void referrers_are_listed(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes image;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes referrer;
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  struct sp_err err = SP_ERR_INIT;
  drive_put_image(store, 1, &image);
  assert_int_equal(sp_store_list_referrers(store, &image.digest, &list, &err), 0);
  assert_int_equal(list.count, 0);
  assert_true(put_referrer(store, &image, &referrer));
  for (int again = 0; again < 2; again++) { /* the list is replaced, not added to */
    assert_int_equal(sp_store_list_referrers(store, &image.digest, &list, &err), 0);
    assert_int_equal(list.count, 1);
  }
  assert_true(sp_digest_eq(&list.items[0].digest, &referrer.digest));
  assert_int_equal(list.items[0].size_bytes, referrer.bytes.len);
  assert_string_equal(list.items[0].artifact_type, "application/x.sbom");
  const json_t *annotations = json_object_get(list.raw[0], "annotations");
  assert_string_equal(json_string_value(json_object_get(annotations, "made-by")), "the contract");
  assert_int_equal(sp_store_list_referrers(store, &referrer.digest, &list, &err), 0);
  assert_int_equal(list.count, 0);
}

static void without_the_api_subjects_are_the_callers(struct sp_store *store,
                                                     const struct contract_factory *factory)
{
  (void)factory;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes image;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes referrer;
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  struct sp_err err = SP_ERR_INIT;
  drive_put_image(store, 1, &image);
  assert_false(put_referrer(store, &image, &referrer));
  assert_int_equal(sp_store_list_referrers(store, &image.digest, &list, &err), -1);
  assert_int_equal(err.code, SP_E_UNSUPPORTED);
  assert_stored(store, &referrer);
}

static void what_is_no_manifest_is_refused(struct sp_store *store,
                                           const struct contract_factory *factory)
{
  static const char *const texts[] = {"", "{", "[]", "{}", "<html>", "{\"schemaVersion\":2} x"};
  (void)factory;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
    bool handled;
    drive_manifest(&manifest, SP_MEDIA_OCI_MANIFEST, sp_span_str(texts[i]));
    assert_int_not_equal(drive_put(store, &manifest, &handled), SP_OK);
    assert_absent(store, &manifest.digest);
  }
}

const struct contract_check contract_manifest_checks[] = {
    {"what is no manifest is refused", what_is_no_manifest_is_refused, CONTRACT_IS_LAX, 0, false},
    {"blobs before manifests", blobs_before_manifests, CONTRACT_IS_LAX, 0, false},
    {"children before indexes", children_before_indexes, CONTRACT_IS_LAX, 0, false},
    {"an index with its children", an_index_with_its_children, 0, 0, false},
    {"bytes stay as they are", bytes_stay_as_they_are, 0, 0, false},
    {"docker lists keep their type", docker_lists_keep_their_type, 0, 0, false},
    {"the largest manifest", the_largest_manifest, CONTRACT_NO_4_MIB, 0, false},
    {"referrers are listed", referrers_are_listed, CONTRACT_NO_REFERRERS, 0, false},
    {"without the API subjects are the caller's", without_the_api_subjects_are_the_callers, 0,
     CONTRACT_NO_REFERRERS, false},
};
const size_t contract_manifest_check_count =
    sizeof contract_manifest_checks / sizeof contract_manifest_checks[0];
