/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/closure.h"

#include "fixture.h"
#include "oci/platform.h"

struct reading {
  struct fx fx;
  struct sp_report *report;
  struct sp_image image;
  struct sp_digest root;
  struct sp_err err;
};

static void begin(struct reading *r)
{
  static const char *const name = "one";
  struct sp_err err = SP_ERR_INIT;
  fx_init(&r->fx, 0);
  r->err = SP_ERR_INIT;
  assert_int_equal(sp_report_new(SP_REPORT_PUSH, "source", &name, 1, &r->report, &err), 0);
}

static int read_tag(struct reading *r, const char *platform)
{
  struct sp_platform want;
  struct sp_err err = SP_ERR_INIT;
  if (platform)
    assert_int_equal(sp_platform_parse(sp_span_str(platform), &want, &err), 0);
  struct sp_closure_request request = {.store = &r->fx.spy[0]->store,
                                       .tag = "latest",
                                       .platform = platform ? &want : NULL,
                                       .with_referrers = true,
                                       .report = r->report};
  sp_image_init(&r->image);
  return sp_closure_read(&request, &r->image, &r->root, &r->err);
}

static void end(struct reading *r)
{
  sp_image_clear(&r->image);
  sp_report_free(r->report);
  fx_clear(&r->fx);
}

static void test_whole(void **state)
{
  (void)state;
  struct reading r;
  begin(&r);
  struct fx_ref index = fx_add_usual(r.fx.memory[0]);
  assert_int_equal(read_tag(&r, NULL), 0);
  assert_true(sp_digest_eq(&r.root, &index.digest));
  assert_int_equal(r.image.node_count, 3);
  assert_int_equal(r.image.blob_count, 8);
  assert_int_equal(r.image.order[2], 0); /* the index is put last */
  assert_int_equal(sp_image_referrer_count(&r.image), 0);
  assert_int_equal(fx_count(&r.fx, 0, "get_manifest"), 3);
  end(&r);
}

struct platform_case {
  const char *asked;
  enum sp_code code;
  unsigned blobs;
  const char *says;
};

static void test_platform(void **state)
{
  (void)state;
  static const struct platform_case cases[] = {
      {"linux/amd64", SP_OK, 4, NULL},
      {"linux/arm64/v8", SP_OK, 5, NULL},
      {"linux/s390x", SP_E_NOT_FOUND, 0, "linux/amd64, linux/arm64"},
      {"windows/amd64", SP_E_NOT_FOUND, 0, "windows/amd64"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct reading r;
    begin(&r);
    fx_add_usual(r.fx.memory[0]);
    int rc = read_tag(&r, cases[i].asked);
    assert_int_equal(rc, cases[i].code == SP_OK ? 0 : -1);
    assert_int_equal(r.err.code, cases[i].code);
    assert_int_equal(r.image.blob_count, cases[i].blobs);
    if (cases[i].says)
      assert_non_null(strstr(r.err.msg, cases[i].says));
    end(&r);
  }
}

/* An image of its own, whose config is `config`. */
static struct fx_ref plain_image(struct sp_store *memory, const char *media_type,
                                 const char *config)
{
  char desc[512];
  char text[FX_TEXT];
  struct fx_ref ref = fx_add_bytes(memory, config, strlen(config));
  ref.media_type = media_type;
  fx_describe(&ref, desc, sizeof desc);
  snprintf(text, sizeof text,
           "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":%s,\"layers\":[]}",
           SP_MEDIA_OCI_MANIFEST, desc);
  return fx_add_json(memory, SP_MEDIA_OCI_MANIFEST, text);
}

static void test_platform_of_a_plain_image(void **state)
{
  (void)state;
  static const char image[] = "application/vnd.oci.image.config.v1+json";
  static const char docker[] = "application/vnd.docker.container.image.v1+json";
  static const struct {
    const char *media_type, *config, *asked;
    int result; /* -1: refused; 1: taken with a note */
  } cases[] = {
      {image, "{\"os\":\"linux\",\"architecture\":\"arm64\"}", "linux/arm64", 0},
      {docker, "{\"os\":\"linux\",\"architecture\":\"arm64\"}", "linux/arm64", 0},
      {image, "{\"os\":\"linux\",\"architecture\":\"amd64\"}", "linux/arm64", -1},
      {docker, "{\"os\":\"linux\",\"architecture\":\"amd64\"}", "linux/arm64", -1},
      {image, "{\"os\":\"windows\",\"architecture\":\"amd64\"}", "linux/amd64", -1},
      {image, "{\"os\":\"linux\",\"architecture\":\"arm\"}", "linux/arm/v7", 0},
      {image, "{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v6\"}", "linux/arm/v7", -1},
      {image, "{\"os\":\"linux\"}", "linux/arm64", 1},
      {image, "no JSON", "linux/arm64", 1},
      {"application/vnd.test", "{\"os\":\"linux\",\"architecture\":\"amd64\"}", "linux/arm64", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct reading r;
    begin(&r);
    struct fx_ref root = plain_image(r.fx.memory[0], cases[i].media_type, cases[i].config);
    fx_tag(r.fx.memory[0], "latest", &root);
    int rc = read_tag(&r, cases[i].asked);
    if ((rc < 0) != (cases[i].result < 0))
      fail_msg("%s %s: %s", cases[i].config, cases[i].asked, r.err.msg);
    assert_int_equal(fx_has_note(r.report, "does not say"), cases[i].result == 1);
    if (cases[i].result < 0) {
      assert_int_equal(r.err.code, SP_E_NOT_FOUND);
      assert_non_null(strstr(r.err.msg, cases[i].asked));
    }
    end(&r);
  }
}

/* -- hostile: each builds `latest` and says what must come of it */

static struct fx_ref nested(struct sp_store *memory, int depth)
{
  struct fx_ref ref = fx_add_image(memory, 1, 1, NULL);
  for (int i = 0; i < depth; i++)
    ref = fx_add_index(memory, &ref, 1);
  return ref;
}

static struct fx_ref build_deep(struct sp_store *memory)
{
  return nested(memory, SP_MAX_GRAPH_DEPTH);
}

static struct fx_ref build_deep_enough(struct sp_store *memory)
{
  return nested(memory, SP_MAX_GRAPH_DEPTH - 1);
}

static struct fx_ref build_wrong_size(struct sp_store *memory)
{
  struct fx_ref child = fx_add_image(memory, 1, 1, NULL);
  child.size++;
  return fx_add_index(memory, &child, 1);
}

static struct fx_ref build_wrong_kind(struct sp_store *memory)
{
  struct fx_ref child = fx_add_image(memory, 1, 1, NULL);
  child.media_type = SP_MEDIA_OCI_INDEX;
  return fx_add_index(memory, &child, 1);
}

static struct fx_ref build_wiped_child(struct sp_store *memory)
{
  struct fx_ref child = fx_add_image(memory, 1, 1, NULL);
  struct fx_ref index = fx_add_index(memory, &child, 1);
  sp_memory_wipe(memory, &child.digest);
  return index;
}

static struct fx_ref build_flipped_child(struct sp_store *memory)
{
  struct fx_ref child = fx_add_image(memory, 1, 1, NULL);
  struct fx_ref index = fx_add_index(memory, &child, 1);
  sp_memory_flip(memory, &child.digest, 20);
  return index;
}

static struct fx_ref build_same_child_often(struct sp_store *memory)
{
  struct fx_ref children[8];
  for (size_t i = 0; i < 8; i++)
    children[i] = fx_add_image(memory, 1, 2, NULL);
  return fx_add_index(memory, children, 8);
}

/* Index in index, each level naming the one below eight times: 8^6 paths, 7 manifests. */
static struct fx_ref build_many_paths(struct sp_store *memory)
{
  struct fx_ref ref = fx_add_image(memory, 1, 1, NULL);
  for (int level = 0; level < 6; level++) {
    struct fx_ref children[8];
    for (size_t i = 0; i < 8; i++)
      children[i] = ref;
    ref = fx_add_index(memory, children, 8);
  }
  return ref;
}

static struct fx_ref build_two_sizes(struct sp_store *memory)
{
  char text[FX_TEXT];
  char a[512];
  char b[512];
  struct fx_ref blob = fx_add_blob(memory, 1, 100);
  fx_describe(&blob, a, sizeof a);
  blob.size = 101;
  fx_describe(&blob, b, sizeof b);
  snprintf(text, sizeof text,
           "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":%s,\"layers\":[%s]}",
           SP_MEDIA_OCI_MANIFEST, a, b);
  return fx_add_json(memory, SP_MEDIA_OCI_MANIFEST, text);
}

struct hostile_case {
  struct fx_ref (*build)(struct sp_store *memory);
  enum sp_code code;
  size_t nodes; /* if it is SP_OK */
};

static const struct hostile_case hostile_cases[] = {
    {build_deep, SP_E_LIMIT, 0},
    {build_deep_enough, SP_OK, SP_MAX_GRAPH_DEPTH},
    {build_wrong_size, SP_E_INVALID, 0},
    {build_wrong_kind, SP_E_INVALID, 0},
    {build_wiped_child, SP_E_NOT_FOUND, 0},
    {build_flipped_child, SP_E_DIGEST, 0},
    {build_same_child_often, SP_OK, 2},
    {build_many_paths, SP_OK, 7},
    {build_two_sizes, SP_E_INVALID, 0},
};

static void test_hostile(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof hostile_cases / sizeof hostile_cases[0]; i++) {
    struct reading r;
    begin(&r);
    struct fx_ref root = hostile_cases[i].build(r.fx.memory[0]);
    fx_tag(r.fx.memory[0], "latest", &root);
    int rc = read_tag(&r, NULL);
    if (r.err.code != hostile_cases[i].code)
      fail_msg("case %zu: %s", i, r.err.msg);
    assert_int_equal(rc, r.err.code == SP_OK ? 0 : -1);
    if (rc == 0)
      assert_int_equal(r.image.node_count, hostile_cases[i].nodes);
    end(&r);
  }
}

static void test_no_such_tag(void **state)
{
  (void)state;
  struct reading r;
  begin(&r);
  fx_add_image(r.fx.memory[0], 1, 1, NULL);
  assert_int_equal(read_tag(&r, NULL), -1);
  assert_int_equal(r.err.code, SP_E_NOT_FOUND);
  assert_int_equal(r.root.alg, SP_DIGEST_NONE);
  end(&r);
}

/* A wrong reading is repeated before it counts. */
static void test_reads_a_wrong_manifest_twice(void **state)
{
  (void)state;
  struct reading r;
  begin(&r);
  fx_add_usual(r.fx.memory[0]);
  r.fx.spy[0]->fault =
      (struct fx_fault){.op = "get_manifest", .nth = 2, .times = 1, .code = SP_E_DIGEST};
  assert_int_equal(read_tag(&r, NULL), 0);
  assert_int_equal(fx_count(&r.fx, 0, "get_manifest"), 4);
  end(&r);
}

static struct fx_ref add_foreign(struct sp_store *memory, bool stored)
{
  char text[FX_TEXT];
  char config[512];
  char layer[512];
  struct fx_ref blob = fx_add_blob(memory, 1, 100);
  struct fx_ref foreign = fx_add_blob(memory, stored ? 2 : 3, 200);
  if (!stored)
    memset(foreign.digest.raw, 0x11, 32);
  foreign.media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  fx_describe(&blob, config, sizeof config);
  fx_describe(&foreign, layer, sizeof layer);
  snprintf(text, sizeof text,
           "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":%s,\"layers\":[%s]}",
           SP_MEDIA_OCI_MANIFEST, config, layer);
  return fx_add_json(memory, SP_MEDIA_OCI_MANIFEST, text);
}

static void test_foreign_layers(void **state)
{
  (void)state;
  for (int stored = 0; stored < 2; stored++) {
    struct reading r;
    begin(&r);
    struct fx_ref image = add_foreign(r.fx.memory[0], stored);
    fx_tag(r.fx.memory[0], "latest", &image);
    assert_int_equal(read_tag(&r, NULL), 0);
    assert_true(r.image.blobs[1].is_foreign);
    assert_int_equal(r.image.blobs[1].is_lacking, !stored);
    end(&r);
  }
}

/* The job: a layer that the source lacks is told before anything is written. */
static void test_foreign_layer_in_a_job(void **state)
{
  (void)state;
  for (int stored = 0; stored < 2; stored++) {
    struct fx fx;
    fx_init(&fx, 1);
    struct fx_ref image = add_foreign(fx.memory[0], stored);
    fx_tag(fx.memory[0], "latest", &image);
    struct sp_report *report = fx_run(&fx);
    assert_int_equal(report->exit_status, stored ? 0 : 1);
    assert_int_equal(fx_has(fx.memory[1], "latest", &image), stored);
    if (!stored) {
      assert_int_equal(fx_writes(&fx, 1), 0);
      assert_non_null(strstr(report->err.msg, "nondistributable"));
    }
    sp_report_free(report);
    fx_clear(&fx);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whole),
      cmocka_unit_test(test_platform),
      cmocka_unit_test(test_platform_of_a_plain_image),
      cmocka_unit_test(test_hostile),
      cmocka_unit_test(test_no_such_tag),
      cmocka_unit_test(test_reads_a_wrong_manifest_twice),
      cmocka_unit_test(test_foreign_layers),
      cmocka_unit_test(test_foreign_layer_in_a_job),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
