/* SPDX-License-Identifier: Apache-2.0 */
/* index.json: what it names, in the shapes that others write, and that a change keeps what is
 * theirs. */
#include "fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layout/index_view.h"
#include "oci/media_type.h"

SP_DEFINE_AUTO_CLEAR(struct fx_image, fx_image_clear)
#define AUTO_IMAGE SP_CLEANUP(fx_image_clear_auto_)

static char dir[FX_PATH_MAX];
static struct fx_place place;

static int set_up(void **state)
{
  (void)state;
  fx_make_dir(dir);
  place = (struct fx_place){.dir = dir};
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  fx_remove_tree(dir);
  return 0;
}

static void publish(const char *word)
{
  struct sp_err err = SP_ERR_INIT;
  fx_must(fx_publish(&place, word, &err), &err);
}

static ino_t inode_of_index(void)
{
  char path[FX_PATH_MAX];
  struct stat facts;
  fx_join(path, dir, "index.json");
  assert_int_equal(stat(path, &facts), 0);
  return facts.st_ino;
}

static void test_writes_no_tag_that_is_right(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  publish("one");
  ino_t before = inode_of_index();
  publish("one");
  assert_int_equal(inode_of_index(), before);
  fx_image_make(&image, "one", NULL);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must(fx_tag(store, &image, "another", &err), &err);
  assert_int_not_equal(inode_of_index(), before);
}

/* Replaces index.json of a layout that holds images "one" and "two" by this text, in which %1 and
 * %2 stand for their digests. */
static void write_index(const char *text)
{
  SP_AUTO_BUF struct sp_buf out;
  struct sp_err err = SP_ERR_INIT;
  char digests[2][SP_DIGEST_TEXT_MAX];
  char path[FX_PATH_MAX];
  struct sp_digest one = fx_image_digest("one");
  struct sp_digest two = fx_image_digest("two");
  sp_digest_format(&one, digests[0]);
  sp_digest_format(&two, digests[1]);
  sp_buf_init(&out, 65536);
  for (const char *p = text; *p != '\0'; p++) {
    bool is_mark = p[0] == '%' && (p[1] == '1' || p[1] == '2');
    if (is_mark)
      fx_must(sp_buf_append_str(&out, digests[*++p - '1'], &err), &err);
    else
      fx_must(sp_buf_append(&out, p, 1, &err), &err);
  }
  fx_join(path, dir, "index.json");
  fx_write_file(path, out.data, out.len);
}

#define ENTRY(digest, name) \
  "{\"mediaType\":\"" SP_MEDIA_OCI_MANIFEST "\",\"digest\":\"" digest "\",\"size\":446," \
  "\"annotations\":{\"org.opencontainers.image.ref.name\":\"" name "\"}}"
#define NAMELESS(digest) \
  "{\"mediaType\":\"" SP_MEDIA_OCI_MANIFEST "\",\"digest\":\"" digest "\",\"size\":446}"
#define FOREIGN \
  "{\"mediaType\":\"text/x\",\"digest\":\"blake3:" \
  "0000000000000000000000000000000000000000000000000000000000000000\",\"size\":1," \
  "\"annotations\":{\"org.opencontainers.image.ref.name\":\"odd\"}}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"

static const struct {
  const char *index;
  const char *tag;
  const char *word; /* NULL: fails with code */
  enum sp_code code;
} lookups[] = {
    {INDEX(ENTRY("%1", "a") "," ENTRY("%2", "b")), "a", "one", SP_OK},
    {INDEX(ENTRY("%1", "docker.io/x/y:a")), "a", "one", SP_OK},
    {INDEX(ENTRY("%1", "docker.io/x/y:a") "," ENTRY("%2", "a")), "a", "two", SP_OK},
    {INDEX(ENTRY("%1", "docker.io/x:a") "," ENTRY("%2", "ghcr.io/x:a")), "a", NULL, SP_E_INVALID},
    {INDEX(ENTRY("%1", "docker.io/x:a") "," ENTRY("%1", "ghcr.io/x:a")), "a", "one", SP_OK},
    {INDEX(ENTRY("%1", "docker.io/x:aa")), "a", NULL, SP_E_NOT_FOUND},
    {INDEX(ENTRY("%1", "localhost:a")), "a", "one", SP_OK},
    {INDEX(ENTRY("%1", "a") "," ENTRY("%2", "a")), "a", NULL, SP_E_INVALID},
    {INDEX(ENTRY("%1", "a") "," ENTRY("%1", "a")), "a", "one", SP_OK},
    {INDEX(FOREIGN "," ENTRY("%1", "a")), "a", "one", SP_OK},
    {INDEX(FOREIGN "," ENTRY("%1", "a")), "odd", NULL, SP_E_UNSUPPORTED},
    {INDEX("7,null,[]," ENTRY("%1", "a")), "a", "one", SP_OK},
    {INDEX(""), "a", NULL, SP_E_NOT_FOUND},
    {"{\"schemaVersion\":2,\"manifests\":null}", "a", NULL, SP_E_NOT_FOUND},
    /* no tag: the one image */
    {INDEX(ENTRY("%1", "a")), "", "one", SP_OK},
    {INDEX(NAMELESS("%1")), "", "one", SP_OK},
    {INDEX(ENTRY("%1", "a") "," ENTRY("%1", "latest")), "", "one", SP_OK},
    {INDEX(ENTRY("%1", "a") "," ENTRY("%2", "b")), "", NULL, SP_E_NOT_FOUND},
    {INDEX(NAMELESS("%1") "," NAMELESS("%2")), "", NULL, SP_E_NOT_FOUND},
    {INDEX(ENTRY("%1", "a") "," ENTRY("%2", "sha256-0000000000000000000000000000000000000000000000"
                                            "000000000000000000.sig")),
     "", "one", SP_OK},
    {INDEX(""), "", NULL, SP_E_NOT_FOUND},
    /* garbage */
    {"", "a", NULL, SP_E_INVALID},
    {"[]", "a", NULL, SP_E_INVALID},
    {"{}", "a", NULL, SP_E_INVALID},
    {"{\"schemaVersion\":2,\"manifests\":{}}", "a", NULL, SP_E_INVALID},
    {"{\"schemaVersion\":2,\"manifests\":[],\"manifests\":[]}", "a", NULL, SP_E_INVALID},
    {INDEX(ENTRY("%1", "a")) "x", "a", NULL, SP_E_INVALID},
    {"{\"schemaVersion\":2,\"manifests\":[{", "a", NULL, SP_E_INVALID},
    {INDEX(ENTRY("sha256:../../../../etc/passwd", "a")), "a", NULL, SP_E_INVALID},
    {INDEX(ENTRY("sha256:%2", "a")), "a", NULL, SP_E_INVALID},
};

static void test_finds_what_an_index_names(void **state)
{
  (void)state;
  publish("one");
  publish("two");
  for (size_t i = 0; i < sizeof lookups / sizeof lookups[0]; i++) {
    write_index(lookups[i].index);
    SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
    struct sp_named named;
    struct sp_err err = SP_ERR_INIT;
    (void)!sp_store_resolve(store, lookups[i].tag, &named, &err);
    if (err.code != lookups[i].code)
      fail_msg("case %zu: %s, not %s: %s", i, sp_code_name(err.code), sp_code_name(lookups[i].code),
               err.msg);
    if (!lookups[i].word)
      continue;
    struct sp_digest want = fx_image_digest(lookups[i].word);
    if (!sp_digest_eq(&want, &named.digest))
      fail_msg("case %zu: the wrong manifest", i);
  }
}

static void test_names_the_tags_to_choose_from(void **state)
{
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  publish("one");
  publish("two");
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  fx_must_fail(sp_store_resolve(store, "", &named, &err), &err, SP_E_NOT_FOUND);
  assert_non_null(strstr(err.msg, "'latest', 'one', 'two'"));
}

static void test_a_referrer_is_not_the_one_image(void **state)
{
  AUTO_IMAGE struct fx_image image;
  AUTO_IMAGE struct fx_image signature;
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  fx_image_make(&image, "one", NULL);
  fx_image_make(&signature, "sig", &image.manifest);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must(fx_image_put(store, &signature, &err), &err); /* before its subject: allowed */
  fx_must_fail(sp_store_resolve(store, "", &named, &err), &err, SP_E_NOT_FOUND);
  fx_must(fx_image_put(store, &image, &err), &err);
  fx_must(fx_tag(store, &image, "v1", &err), &err);
  fx_must(sp_store_resolve(store, "", &named, &err), &err);
  assert_true(sp_digest_eq(&named.digest, &image.manifest.digest));
}

static void test_keeps_what_others_wrote(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  char path[FX_PATH_MAX];
  (void)state;
  publish("one");
  write_index("{\"schemaVersion\":2,\"x-top\":{\"y\":1},\"manifests\":[" FOREIGN
              ",{\"mediaType\":\"" SP_MEDIA_OCI_MANIFEST "\",\"digest\":\"%1\",\"size\":446,"
              "\"x-own\":[1,2]},7," ENTRY("%1", "twin") "," ENTRY("%2", "twin") "]}");
  fx_join(path, dir, "README");
  fx_write_file(path, "mine", 4);
  fx_image_make(&image, "one", NULL);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must(fx_tag(store, &image, "new", &err), &err);
  fx_must(fx_tag(store, &image, "twin", &err), &err); /* named two manifests: one now */
  fx_must_be(&place, "new", "one");
  fx_must_be(&place, "twin", "one");
  assert_true(fx_exists(path));
  fx_join(path, dir, "index.json");
  SP_AUTO_FREE char *text = fx_read_file(path, NULL);
  assert_non_null(strstr(text, "\"x-top\":{\"y\":1}"));
  assert_non_null(strstr(text, "\"x-own\":[1,2]"));
  assert_non_null(strstr(text, "blake3:"));
}

static void test_garbage_is_not_overwritten(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  char path[FX_PATH_MAX];
  (void)state;
  publish("one");
  fx_image_make(&image, "one", NULL);
  fx_join(path, dir, "index.json");
  fx_write_file(path, "{\"schemaVersion\":2,", 19);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must_fail(fx_tag(store, &image, "new", &err), &err, SP_E_INVALID);
  SP_AUTO_FREE char *text = fx_read_file(path, NULL);
  assert_string_equal(text, "{\"schemaVersion\":2,");
}

static void test_refuses_a_huge_index(void **state)
{
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  char path[FX_PATH_MAX];
  (void)state;
  publish("one");
  fx_join(path, dir, "index.json");
  assert_int_equal(truncate(path, SP_MAX_INDEX_JSON_BYTES + 1), 0); /* holes */
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  fx_must_fail(sp_store_resolve(store, "latest", &named, &err), &err, SP_E_LIMIT);
}

#define DIGEST_A "sha256:" DIGITS
#define DIGEST_B "sha256:a" DIGITS_63
#define DIGITS "0" DIGITS_63
#define DIGITS_63 "000000000000000000000000000000000000000000000000000000000000000"
#define NAMED(digest, name) \
  "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"" digest \
  "\",\"size\":1,\"annotations\":{\"org.opencontainers.image.ref.name\":\"" name "\"}}"

/* The tags of a digest are those that a search for each tag would find. */
static void test_lists_the_tags_of_a_digest(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_INDEX_VIEW struct sp_index_view view = {0};
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page all = {0};
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page got = {0};
  struct sp_digest digest;
  /* clang-format off */
  const char *text = "{\"manifests\":["
      NAMED(DIGEST_A, "mine") "," NAMED(DIGEST_B, "other") ","
      NAMED(DIGEST_A, "two") "," NAMED(DIGEST_B, "two") "," /* it names both: neither's */
      NAMED(DIGEST_A, "twice") "," NAMED(DIGEST_A, "twice") ","
      NAMED(DIGEST_A, "docker.io/o/app:full") ","
      NAMED(DIGEST_A, "docker.io/o/app:exact") "," NAMED(DIGEST_B, "exact") "," /* counts */
      NAMED(DIGEST_B, "docker.io/o/app:won") "," NAMED(DIGEST_A, "won") ","
      NAMED(DIGEST_A, "no tag!") "]}";
  /* clang-format on */
  assert_int_equal(sp_digest_parse(SP_SPAN_LIT(DIGEST_A), &digest, &err), 0);
  assert_int_equal(sp_index_view_parse(sp_span_str(text), "x", &view, &err), 0);
  assert_int_equal(sp_index_view_list_tags_of(&view, &digest, &got, &err), 0);
  assert_int_equal(sp_index_view_list_tags(&view, &all, &err), 0);
  size_t n = 0;
  for (size_t i = 0; i < all.count; i++) {
    struct sp_desc desc;
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_index_view_find_tag(&view, all.tags[i], &desc, &ignored) < 0 ||
        !sp_digest_eq(&desc.digest, &digest))
      continue;
    assert_true(n < got.count);
    assert_string_equal(got.tags[n++], all.tags[i]);
  }
  assert_int_equal(n, got.count);
  assert_int_equal(n, 4); /* full, mine, twice, won */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_writes_no_tag_that_is_right),   TEST(test_finds_what_an_index_names),
      TEST(test_names_the_tags_to_choose_from), TEST(test_a_referrer_is_not_the_one_image),
      TEST(test_keeps_what_others_wrote),       TEST(test_garbage_is_not_overwritten),
      TEST(test_refuses_a_huge_index),          TEST(test_lists_the_tags_of_a_digest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
