/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#include "oci/media_type.h"

/* The manifest of these tests, and its digest. */
#define TEXT \
  "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"," \
  "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\"," \
  "\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"," \
  "\"size\":2},\"layers\":[]}"
#define WITH_SUBJECT \
  "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"," \
  "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\"," \
  "\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"," \
  "\"size\":2},\"layers\":[],\"subject\":{\"mediaType\":" \
  "\"application/vnd.oci.image.manifest.v1+json\"," \
  "\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"," \
  "\"size\":2}}"
#define OTHER "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define TYPE "Content-Type: " SP_MEDIA_OCI_MANIFEST "; charset=utf-8\n"

static struct sp_digest digest;
static char digest_text[SP_DIGEST_TEXT_MAX];

static void fill(struct sp_manifest_bytes *manifest, const char *text)
{
  struct sp_err err;
  sp_manifest_bytes_init(manifest);
  assert_int_equal(sp_buf_append_str(&manifest->bytes, text, &err), 0);
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, text, strlen(text), &manifest->digest, &err), 0);
  snprintf(manifest->media_type, sizeof manifest->media_type, "%s", SP_MEDIA_OCI_MANIFEST);
}

/* A reply whose "%s" is the digest. */
static const char *with_digest(char out[2048], const char *format)
{
  const char *at = strstr(format, "%s");
  snprintf(out, 2048, "%.*s%s%s", (int)(at ? (size_t)(at - format) : strlen(format)), format,
           at ? digest_text : "", at ? at + 2 : "");
  return out;
}

static void test_resolve(void **state)
{
  (void)state;
  static const struct {
    const char *head, *get;
    enum sp_code code; /* SP_OK: the manifest is named */
    const char *part;
  } rows[] = {
      {"200\nDocker-Content-Digest: %s\n" TYPE "Content-Length: 236\n\n", NULL, SP_OK, NULL},
      {"200\n" TYPE "\n", "200\n" TYPE "\n" TEXT, SP_OK, NULL},
      {"200\nDocker-Content-Digest: rubbish\n\n", "200\n" TYPE "\n" TEXT, SP_OK, NULL},
      {"200\nDocker-Content-Digest: blake3:00\n\n", "200\n" TYPE "\n" TEXT, SP_OK, NULL},
      /* S19: header and body disagree */
      {"200\n\n", "200\nDocker-Content-Digest: " OTHER "\n\n" TEXT, SP_E_DIGEST, OTHER},
      {"404\n\n", NULL, SP_E_NOT_FOUND, "no such repository, or no such tag"},
      {"401\n\n", NULL, SP_E_AUTH, "401"},
      {"500\n\n", NULL, SP_E_SERVER, "500"},
      {"429\nRetry-After: 3\n\n", NULL, SP_E_THROTTLED, "429"},
      /* HEAD has no text: it is fetched */
      {"403\n\n", "403\n\n{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no, alice\"}]}",
       SP_E_AUTH, "DENIED: no, alice"},
      {"405\n\n", "200\n" TYPE "\n" TEXT, SP_OK, NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char reply[2048];
    const struct rule rules[] = {
        {.match = "HEAD /v2/a/b/manifests/t ",
         .needs = "Accept: " SP_MEDIA_ACCEPT "\r\n",
         .reply = with_digest(reply, rows[i].head)},
        {.match = "GET /v2/a/b/manifests/t ",
         .needs = "Accept: " SP_MEDIA_ACCEPT "\r\n",
         .reply = rows[i].get ? rows[i].get : "599\n\n"},
    };
    struct world world;
    struct sp_named named;
    WORLD_OPEN(&world, rules);
    int rc = sp_store_resolve(world.store, "t", &named, &world.err);
    if (rows[i].code == SP_OK) {
      expect_ok(&world, rc);
      assert_true(sp_digest_eq(&named.digest, &digest));
      assert_string_equal(named.media_type,
                          strstr(rows[i].head, TYPE) || rows[i].get ? SP_MEDIA_OCI_MANIFEST : "");
    } else {
      expect_code(&world, rc, rows[i].code, rows[i].part);
    }
    assert_int_equal(script_count(&world.script, "GET /v2/"), rows[i].get ? 1 : 0);
    world_close(&world);
  }
}

static void test_not_a_tag(void **state)
{
  (void)state;
  static const struct rule rules[] = {{.match = "", .reply = "200\n\n"}};
  static const char *const bad[] = {"", "../x", "a/b", "-a", "a?b", "a b", "\r\nX: y"};
  struct world world;
  struct sp_named named;
  WORLD_OPEN(&world, rules);
  for (size_t i = 0; i < COUNT(bad); i++)
    expect_code(&world, sp_store_resolve(world.store, bad[i], &named, &world.err), SP_E_USAGE,
                NULL);
  assert_string_equal(world.script.log, "");
  world_close(&world);
}

static void test_get(void **state)
{
  (void)state;
  static const struct {
    const char *reply;
    enum sp_code code;
  } rows[] = {
      {"200\n" TYPE "\n" TEXT, SP_OK},
      {"200\nDocker-Content-Digest: " OTHER "\n\n" TEXT, SP_OK}, /* the bytes are right */
      {"200\n" TYPE "\n" TEXT " ", SP_E_DIGEST},
      {"200\n" TYPE "\n", SP_E_DIGEST},
      {"200\nContent-Length: 5000000\n\n", SP_E_LIMIT},
      {"200\nContent-Length: 500\n\n" TEXT, SP_E_NETWORK},
      {"404\n\n{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}", SP_E_NOT_FOUND},
      {"404\n\n<html>", SP_E_NOT_FOUND},
      {"500\n\n", SP_E_SERVER},
      {"204\n\n", SP_E_PROTOCOL},
      {"451\n\n", SP_E_PROTOCOL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char match[256];
    snprintf(match, sizeof match, "GET /v2/a/b/manifests/%s ", digest_text);
    const struct rule rules[] = {{.match = match, .reply = rows[i].reply}};
    struct world world;
    WORLD_OPEN(&world, rules);
    SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes got;
    sp_manifest_bytes_init(&got);
    int rc = sp_store_get_manifest(world.store, &digest, &got, &world.err);
    if (rows[i].code == SP_OK) {
      expect_ok(&world, rc);
      assert_string_equal(sp_buf_str(&got.bytes), TEXT);
    } else {
      expect_code(&world, rc, rows[i].code, NULL);
    }
    world_close(&world);
  }
}

static void test_stat(void **state)
{
  (void)state;
  static const struct {
    const char *reply;
    enum sp_code code;
  } rows[] = {
      {"200\nDocker-Content-Digest: %s\n\n", SP_OK},
      {"200\n\n", SP_OK},
      {"200\nDocker-Content-Digest: rubbish\n\n", SP_OK},
      {"200\nDocker-Content-Digest: " OTHER "\n\n", SP_E_DIGEST},
      {"404\n\n", SP_E_NOT_FOUND},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char reply[2048];
    const struct rule rules[] = {
        {.match = "HEAD /v2/a/b/manifests/sha256:", .reply = with_digest(reply, rows[i].reply)}};
    struct world world;
    struct sp_named named;
    WORLD_OPEN(&world, rules);
    int rc = sp_store_stat_manifest(world.store, &digest, &named, &world.err);
    if (rows[i].code == SP_OK)
      expect_ok(&world, rc);
    else
      expect_code(&world, rc, rows[i].code, NULL);
    world_close(&world);
  }
}

static void test_put(void **state)
{
  (void)state;
  static const struct {
    const char *text, *reply;
    enum sp_code code;
    bool handled;
    const char *part;
  } rows[] = {
      {TEXT, "201\n\n", SP_OK, true, NULL},
      {TEXT, "200\n\n", SP_OK, true, NULL},
      {WITH_SUBJECT, "201\n\n", SP_OK, false, NULL},
      {WITH_SUBJECT, "201\nOCI-Subject: " OTHER "\n\n", SP_OK, true, NULL},
      {TEXT, "201\nDocker-Content-Digest: " OTHER "\n\n", SP_E_DIGEST, false, OTHER},
      {TEXT, "202\n\n", SP_E_PROTOCOL, false, NULL},
      {TEXT, "307\nLocation: /x\n\n", SP_E_PROTOCOL, false, NULL},
      {TEXT, "400\n\n{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\"}]}", SP_E_BLOB_UNKNOWN, false,
       NULL},
      {TEXT, "404\n\n{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\"}]}", SP_E_BLOB_UNKNOWN, false,
       NULL},
      {TEXT, "404\n\n{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}", SP_E_BLOB_UNKNOWN, false,
       NULL},
      {TEXT, "404\n\n{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}", SP_E_NOT_FOUND, false, NULL},
      {TEXT, "400\n\n{\"errors\":[{\"code\":\"MANIFEST_INVALID\"}]}", SP_E_PROTOCOL, false, NULL},
      {TEXT, "403\n\n", SP_E_AUTH, false, "403"},
      {TEXT, "405\n\nMethod not allowed", SP_E_UNSUPPORTED, false, "read-only"},
      {TEXT, "408\n\n", SP_E_NETWORK, false, NULL},
      {TEXT, "413\n\n", SP_E_LIMIT, false, "proxy"},
      {TEXT, "500\n\nwrite: no space left on device", SP_E_STORE_FULL, false, "free space"},
      {TEXT, "507\n\n", SP_E_STORE_FULL, false, "free space"},
      {TEXT, "500\n\n{\"errors\":[{\"code\":\"UNKNOWN\",\"detail\":{\"Err\":28}}]}",
       SP_E_STORE_FULL, false, "free space"},
      {TEXT, "502\n\n<html><title>bad gateway</title>", SP_E_SERVER, false, NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {{.match = "PUT /v2/a/b/manifests/sha256:",
                                  .needs = "\r\nContent-Type: " SP_MEDIA_OCI_MANIFEST "\r\n",
                                  .reply = rows[i].reply}};
    struct world world;
    WORLD_OPEN(&world, rules);
    SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
    fill(&manifest, rows[i].text);
    bool handled;
    int rc = sp_store_put_manifest(world.store, &manifest, &handled, &world.err);
    if (rows[i].code == SP_OK)
      expect_ok(&world, rc);
    else
      expect_code(&world, rc, rows[i].code, rows[i].part);
    assert_int_equal(handled, rows[i].handled);
    world_close(&world);
  }
}

/* docker-registry 2.8.2 takes a sha512 manifest and keeps it under its sha256. */
static void test_put_sha512(void **state)
{
  (void)state;
  char reply[2048];
  const struct rule rules[] = {{.match = "PUT /v2/a/b/manifests/sha512:",
                                .reply = with_digest(reply, "201\nDocker-Content-Digest: %s\n\n")}};
  struct world world;
  WORLD_OPEN(&world, rules);
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  fill(&manifest, TEXT);
  bool handled;
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA512, TEXT, strlen(TEXT), &manifest.digest, &world.err),
                   0);
  expect_code(&world, sp_store_put_manifest(world.store, &manifest, &handled, &world.err),
              SP_E_UNSUPPORTED, "sha512");
  world_close(&world);
}

/* Fault rows 05 and 27: what was put is read back; once more where that helps. */
static void test_set_tags(void **state)
{
  (void)state;
  static const struct {
    const char *first, *then; /* read-backs of tag t2 */
    enum sp_code code;
    size_t done;
    int puts; /* of t2 */
    const char *part;
  } rows[] = {
      {"200\nDocker-Content-Digest: %s\n\n", NULL, SP_OK, 3, 1, NULL},
      {"500\n\n", "200\nDocker-Content-Digest: %s\n\n", SP_OK, 3, 2, NULL},
      {"404\n\n", "200\nDocker-Content-Digest: %s\n\n", SP_OK, 3, 2, NULL},
      {"200\nDocker-Content-Digest: " OTHER "\n\n", "200\nDocker-Content-Digest: %s\n\n", SP_OK, 3,
       2, NULL},
      {"200\nDocker-Content-Digest: " OTHER "\n\n", "200\nDocker-Content-Digest: " OTHER "\n\n",
       SP_E_PROTOCOL, 1, 2, "somebody else"},
      {"404\n\n", "404\n\n", SP_E_SERVER, 1, 2, "cannot be read back"},
      {"500\n\n", "500\n\n", SP_E_SERVER, 1, 2, "cannot be read back"},
      {"401\n\n", NULL, SP_E_AUTH, 1, 1, "t2"},
  };
  static const char *const tags[] = {"t1", "t2", "latest"};
  for (size_t i = 0; i < COUNT(rows); i++) {
    char good[2048];
    char first[2048];
    char then[2048];
    with_digest(good, "200\nDocker-Content-Digest: %s\n\n");
    const struct rule rules[] = {
        {.match = "PUT /v2/a/b/manifests/", .reply = "201\n\n"},
        {.match = "HEAD /v2/a/b/manifests/t2 ",
         .reply = with_digest(first, rows[i].first),
         .times = 1},
        {.match = "HEAD /v2/a/b/manifests/t2 ",
         .reply = with_digest(then, rows[i].then ? rows[i].then : "599\n\n")},
        {.match = "HEAD /v2/a/b/manifests/", .reply = good},
    };
    struct world world;
    WORLD_OPEN(&world, rules);
    SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
    fill(&manifest, TEXT);
    size_t done = 99;
    int rc = sp_store_set_tags(world.store, tags, 3, &manifest, &done, &world.err);
    if (rows[i].code == SP_OK)
      expect_ok(&world, rc);
    else
      expect_code(&world, rc, rows[i].code, rows[i].part);
    assert_int_equal(done, rows[i].done);
    assert_int_equal(script_count(&world.script, "PUT /v2/a/b/manifests/t2 "), rows[i].puts);
    assert_int_equal(script_count(&world.script, "PUT /v2/a/b/manifests/latest "),
                     rows[i].code == SP_OK);
    world_close(&world);
  }
}

static void test_pulls_left(void **state)
{
  (void)state;
  char reply[2048];
  const struct rule rules[] = {
      {.match = "HEAD ",
       .reply = with_digest(reply, "200\nDocker-Content-Digest: %s\nratelimit-limit: 100;w=21600\n"
                                   "RateLimit-Remaining: 76;w=21600\n\n")}};
  struct world world;
  struct sp_named named;
  uint64_t limit;
  uint64_t remaining;
  uint64_t window_s;
  WORLD_OPEN(&world, rules);
  assert_false(sp_registry_pulls_left(world.store, &limit, &remaining, &window_s));
  assert_false(world.store->is_metered);
  expect_ok(&world, sp_store_resolve(world.store, "t", &named, &world.err));
  assert_true(sp_registry_pulls_left(world.store, &limit, &remaining, &window_s));
  assert_int_equal(limit, 100);
  assert_int_equal(remaining, 76);
  assert_int_equal(window_s, 21600);
  struct sp_store *other = world_other_repository(&world, "c");
  assert_true(other->is_metered);
  sp_store_close(other);
  world_close(&world);
}

/* A spent window says in the refusal how long it is; when it has passed, all is left again. */
static void test_pulls_spent(void **state)
{
  (void)state;
  char reply[2048];
  const struct rule rules[] = {
      {.match = "HEAD ",
       .reply = with_digest(reply, "200\nDocker-Content-Digest: %s\nratelimit-limit: 100;w=1\n"
                                   "ratelimit-remaining: 3;w=1\n\n")},
      {.match = "GET ",
       .reply = "429\nratelimit-limit: 100;w=21600\nratelimit-remaining: 0;w=21600\n\n"}};
  struct world world;
  struct sp_named named;
  uint64_t limit, remaining, window_s;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  WORLD_OPEN(&world, rules);
  expect_ok(&world, sp_store_resolve(world.store, "t", &named, &world.err));
  usleep(1100000);
  assert_true(sp_registry_pulls_left(world.store, &limit, &remaining, &window_s));
  assert_int_equal(remaining, 100);
  int rc = sp_store_get_manifest(world.store, &named.digest, &bytes, &world.err);
  assert_int_equal(rc, -1);
  assert_int_equal(world.err.code, SP_E_THROTTLED);
  assert_int_equal(world.err.retry_after_ms, 21600000);
  world_close(&world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_not_a_tag),   cmocka_unit_test(test_resolve),
      cmocka_unit_test(test_get),         cmocka_unit_test(test_stat),
      cmocka_unit_test(test_put),         cmocka_unit_test(test_put_sha512),
      cmocka_unit_test(test_set_tags),    cmocka_unit_test(test_pulls_left),
      cmocka_unit_test(test_pulls_spent),
  };
  struct sp_err err;
  if (sp_digest_of(SP_DIGEST_SHA256, TEXT, strlen(TEXT), &digest, &err) < 0)
    return 1;
  sp_digest_format(&digest, digest_text);
  setenv("DOCKER_CONFIG", "/nonexistent", 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
