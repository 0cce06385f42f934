/* SPDX-License-Identifier: Apache-2.0 */
/* Others agree with us on what an image layout is: skopeo and umoci read what we wrote, we read
 * what they wrote, and each adds to the other's. */
#include "fixture.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci/manifest.h"
#include "store/relay.h"

static char dir[FX_PATH_MAX];

/* Runs a shell command in the scratch directory; answers its exit status, its output in `quiet`. */
static int run(const char *command)
{
  char line[2 * FX_PATH_MAX];
  int n = snprintf(line, sizeof line, "cd '%s' && { %s; } >>output.txt 2>&1", dir, command);
  assert_in_range(n, 1, sizeof line - 1);
  int status = system(line);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void must_run(const char *command)
{
  if (run(command) == 0)
    return;
  char path[FX_PATH_MAX];
  fx_join(path, dir, "output.txt");
  SP_AUTO_FREE char *output = fx_read_file(path, NULL);
  fail_msg("%s: %s", command, output);
}

static int set_up(void **state)
{
  (void)state;
  fx_make_dir(dir);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  fx_remove_tree(dir);
  return 0;
}

static void copy_blob(struct sp_store *from, struct sp_store *to, const struct sp_desc *desc)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_relay_end end = {.store = to};
  struct sp_relay relay = {.source = from,
                           .digest = desc->digest,
                           .size_bytes = desc->size_bytes,
                           .ends = &end,
                           .end_count = 1};
  fx_must(sp_relay_run(&relay, &err), &err);
  if (end.result != SP_RELAY_DONE)
    fail_msg("%s", end.err.msg);
}

static void copy_image(struct sp_store *from, const char *tag, struct sp_store *to,
                       struct sp_digest *digest)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  SP_AUTO_MANIFEST struct sp_manifest manifest = {0};
  struct sp_err err = SP_ERR_INIT;
  struct sp_named named;
  bool handled;
  size_t done;
  sp_manifest_bytes_init(&bytes);
  fx_must(sp_store_resolve(from, tag, &named, &err), &err);
  fx_must(sp_store_get_manifest(from, &named.digest, &bytes, &err), &err);
  fx_must(
      sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type), &manifest, &err),
      &err);
  assert_true(manifest.blob_count >= 2);
  for (size_t i = 0; i < manifest.blob_count; i++)
    copy_blob(from, to, &manifest.blobs[i]);
  fx_must(sp_store_put_manifest(to, &bytes, &handled, &err), &err);
  fx_must(sp_store_set_tags(to, &tag, 1, &bytes, &done, &err), &err);
  *digest = named.digest;
}

static void must_name(const struct fx_place *place, const char *tag, const struct sp_digest *digest)
{
  SP_AUTO_STORE struct sp_store *store = fx_open(place, SP_LAYOUT_READ);
  struct sp_err err = SP_ERR_INIT;
  struct sp_named named;
  fx_must(sp_store_resolve(store, tag, &named, &err), &err);
  assert_true(sp_digest_eq(&named.digest, digest));
}

/* dir:NAME as skopeo wrote it holds the manifest of this digest. */
static void must_hold(const char *name, const struct sp_digest *digest)
{
  char path[FX_PATH_MAX];
  struct sp_err err = SP_ERR_INIT;
  size_t len;
  fx_join(path, dir, name);
  SP_AUTO_FREE char *bytes = fx_read_file(path, &len);
  fx_must(sp_digest_check(digest, bytes, len, &err), &err);
}

static void test_skopeo_and_umoci_agree_with_us(void **state)
{
  char theirs_path[FX_PATH_MAX];
  char ours_path[FX_PATH_MAX];
  char vault_path[FX_PATH_MAX];
  struct sp_digest digest;
  (void)state;
  if (run("skopeo --version && umoci --version") != 0)
    skip();
  fx_join(theirs_path, dir, "theirs");
  fx_join(ours_path, dir, "ours");
  fx_join(vault_path, dir, "vault");
  struct fx_place theirs = {.dir = theirs_path};
  struct fx_place ours = {.dir = ours_path};
  struct fx_place vault = {.dir = vault_path, .repository = "ghcr.io/o/app"};

  must_run("umoci init --layout theirs && umoci new --image theirs:base && "
           "umoci insert --image theirs:base output.txt /file");
  {
    SP_AUTO_STORE struct sp_store *from = fx_open(&theirs, SP_LAYOUT_READ);
    SP_AUTO_STORE struct sp_store *layout = fx_open(&ours, SP_LAYOUT_WRITE);
    SP_AUTO_STORE struct sp_store *pooled = fx_open(&vault, SP_LAYOUT_WRITE);
    copy_image(from, "base", layout, &digest);
    copy_image(from, "base", pooled, &digest);
  }
  must_run("skopeo copy --insecure-policy oci:ours:base dir:out1");
  must_hold("out1/manifest.json", &digest);
  must_run("skopeo copy --insecure-policy oci:vault/repos/ghcr.io/o/app/_:base dir:out2");
  must_hold("out2/manifest.json", &digest);
  must_run("umoci stat --image ours:base && umoci ls --layout ours | grep -x base");

  /* Each adds to the other's: nothing is lost. */
  must_run("skopeo copy --insecure-policy oci:theirs:base oci:ours:from-skopeo");
  must_run("umoci tag --image ours:base from-umoci && umoci gc --layout ours");
  must_name(&ours, "base", &digest);
  must_name(&ours, "from-skopeo", &digest);
  must_name(&ours, "from-umoci", &digest);
  {
    SP_AUTO_STORE struct sp_store *from = fx_open(&ours, SP_LAYOUT_READ);
    SP_AUTO_STORE struct sp_store *to = fx_open(&theirs, SP_LAYOUT_WRITE);
    copy_image(from, "from-skopeo", to, &digest);
  }
  must_name(&theirs, "base", &digest);
  must_name(&theirs, "from-skopeo", &digest);
  must_run("skopeo copy --insecure-policy oci:theirs:from-skopeo dir:out3");
  assert_null(fx_wrong_blob(dir));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_skopeo_and_umoci_agree_with_us, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
