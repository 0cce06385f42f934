/* SPDX-License-Identifier: Apache-2.0 */
/* What the vault adds to a layout: the pool, links, siblings. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "layout/vault_id.h"

SP_DEFINE_AUTO_CLEAR(struct fx_image, fx_image_clear)
#define AUTO_IMAGE SP_CLEANUP(fx_image_clear_auto_)

static int refuse_links_with;       /* errno of linkat; 0: let it through */
static unsigned refuse_times = ~0u; /* so many calls */

int __real_linkat(int from, const char *old, int to, const char *new, int flags);
int __wrap_linkat(int from, const char *old, int to, const char *new, int flags);
int __wrap_linkat(int from, const char *old, int to, const char *new, int flags)
{
  if (refuse_links_with == 0 || refuse_times == 0)
    return __real_linkat(from, old, to, new, flags);
  refuse_times--;
  errno = refuse_links_with;
  return -1;
}

static uid_t pretend_to_be; /* 0: who we are */

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
  return pretend_to_be ? pretend_to_be : __real_geteuid();
}

static char root[FX_PATH_MAX];
static struct fx_place app;
static struct fx_place other;

static int set_up(void **state)
{
  (void)state;
  refuse_links_with = 0;
  refuse_times = ~0u;
  pretend_to_be = 0;
  fx_make_dir(root);
  app = (struct fx_place){.dir = root, .repository = "ghcr.io/o/app"};
  other = (struct fx_place){.dir = root, .repository = "other"};
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  fx_remove_tree(root);
  return 0;
}

static void publish(const struct fx_place *place, const char *word)
{
  struct sp_err err = SP_ERR_INIT;
  fx_must(fx_publish(place, word, &err), &err);
}

static struct stat facts_of(const char *path)
{
  struct stat facts = {0};
  if (lstat(path, &facts) < 0)
    fail_msg("%s: %s", path, strerror(errno));
  return facts;
}

static void test_each_blob_is_stored_once(void **state)
{
  AUTO_IMAGE struct fx_image image;
  char pooled[FX_PATH_MAX];
  char mine[FX_PATH_MAX];
  (void)state;
  publish(&app, "one");
  fx_image_make(&image, "one", NULL);
  fx_pool_path(&app, &image.layer_digest, pooled);
  fx_blob_path(&app, &image.layer_digest, mine);
  assert_int_equal(facts_of(pooled).st_ino, facts_of(mine).st_ino);
  assert_int_equal(facts_of(mine).st_nlink, 2);
  assert_int_equal(facts_of(mine).st_mode & 0777, 0400);
  assert_int_equal(facts_of(root).st_mode & 0077, 0);
  fx_must_be(&app, "latest", "one");
  assert_null(fx_wrong_blob(root));
  assert_int_equal(fx_count_temps(root), 0);
}

static void test_repositories_keep_apart(void **state)
{
  struct fx_place nested = {.dir = root, .repository = "ghcr.io/o/app/part"};
  struct sp_store *store = NULL;
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  publish(&app, "one");
  publish(&nested, "two");
  fx_must_be(&app, "latest", "one");
  fx_must_be(&nested, "latest", "two");
  fx_must_fail(fx_try_open(&other, SP_LAYOUT_READ, &store, &err), &err, SP_E_NOT_FOUND);
}

static void test_links_from_a_sibling(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  char mine[FX_PATH_MAX];
  bool mounted;
  (void)state;
  publish(&app, "one");
  fx_image_make(&image, "one", NULL);
  uint64_t size_bytes = strlen(image.layer);
  SP_AUTO_STORE struct sp_store *from = fx_open(&app, SP_LAYOUT_READ);
  SP_AUTO_STORE struct sp_store *to = fx_open(&other, SP_LAYOUT_WRITE);
  assert_true(sp_store_is_sibling(to, from));
  fx_must(sp_store_mount_blob(to, &image.layer_digest, size_bytes, from, &mounted, &err), &err);
  assert_true(mounted);
  fx_blob_path(&other, &image.layer_digest, mine);
  assert_int_equal(facts_of(mine).st_nlink, 3);
  fx_must(sp_store_mount_blob(to, &image.layer_digest, size_bytes, from, &mounted, &err), &err);
  assert_true(mounted); /* again: it is there */
  /* of another length, and unknown: must be sent */
  fx_must(sp_store_mount_blob(to, &image.layer_digest, size_bytes + 1, from, &mounted, &err), &err);
  assert_false(mounted);
  image.layer_digest.raw[0] ^= 1;
  fx_must(sp_store_mount_blob(to, &image.layer_digest, size_bytes, from, &mounted, &err), &err);
  assert_false(mounted);
}

static void test_a_lost_pool_file_comes_back_from_a_sibling(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  char path[FX_PATH_MAX];
  bool mounted;
  (void)state;
  publish(&app, "one");
  fx_image_make(&image, "one", NULL);
  fx_pool_path(&app, &image.layer_digest, path);
  unlink(path);
  SP_AUTO_STORE struct sp_store *from = fx_open(&app, SP_LAYOUT_READ);
  SP_AUTO_STORE struct sp_store *to = fx_open(&other, SP_LAYOUT_WRITE);
  fx_must(sp_store_mount_blob(to, &image.layer_digest, strlen(image.layer), from, &mounted, &err),
          &err);
  assert_true(mounted);
  assert_int_equal(facts_of(path).st_nlink, 3);
}

static void test_only_stores_of_one_root_are_siblings(void **state)
{
  char second[FX_PATH_MAX];
  char inside[FX_PATH_MAX];
  (void)state;
  publish(&app, "one");
  fx_make_dir(second);
  struct fx_place far = {.dir = second, .repository = "ghcr.io/o/app"};
  fx_layout_path(&app, inside);
  struct fx_place same_as_layout = {.dir = inside};
  SP_AUTO_STORE struct sp_store *here = fx_open(&app, SP_LAYOUT_WRITE);
  SP_AUTO_STORE struct sp_store *away = fx_open(&far, SP_LAYOUT_WRITE);
  SP_AUTO_STORE struct sp_store *layout = fx_open(&same_as_layout, SP_LAYOUT_READ);
  assert_false(sp_store_is_sibling(here, away));
  assert_false(sp_store_is_sibling(here, layout));
  assert_false(sp_store_is_sibling(layout, here));
  assert_false(sp_store_is_sibling(layout, layout));
  fx_must_be(&same_as_layout, "latest", "one"); /* and it is a layout like any other */
  fx_remove_tree(second);
}

/* Damage in the pool is damage in every repository that links it; writing the blob again replaces
 * the pool's file and the writer's own link. */
static void test_writing_again_heals_pool_and_link(void **state)
{
  static const char *const wrong[] = {"layer of onf", "short", ""};
  AUTO_IMAGE struct fx_image image;
  char pooled[FX_PATH_MAX];
  char mine[FX_PATH_MAX];
  (void)state;
  fx_image_make(&image, "one", NULL);
  fx_pool_path(&app, &image.layer_digest, pooled);
  fx_blob_path(&app, &image.layer_digest, mine);
  publish(&app, "one");
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(chmod(pooled, 0600), 0);
    fx_write_file(pooled, wrong[i], strlen(wrong[i])); /* in place: both names see it */
    SP_AUTO_STORE struct sp_store *store = fx_open(&app, SP_LAYOUT_WRITE);
    fx_must(fx_put_blob(store, image.layer, strlen(image.layer), &image.layer_digest, &err), &err);
    assert_int_equal(facts_of(pooled).st_ino, facts_of(mine).st_ino);
    fx_must_be(&app, "latest", "one");
  }
  assert_null(fx_wrong_blob(root));
  assert_int_equal(fx_count_temps(root), 0);
}

static void test_mounting_replaces_a_link_of_another_length(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  char mine[FX_PATH_MAX];
  bool mounted;
  (void)state;
  publish(&app, "one");
  publish(&other, "one");
  fx_image_make(&image, "one", NULL);
  fx_blob_path(&other, &image.layer_digest, mine);
  unlink(mine);
  fx_write_file(mine, "short", 5);
  SP_AUTO_STORE struct sp_store *from = fx_open(&app, SP_LAYOUT_READ);
  SP_AUTO_STORE struct sp_store *to = fx_open(&other, SP_LAYOUT_WRITE);
  fx_must(sp_store_mount_blob(to, &image.layer_digest, strlen(image.layer), from, &mounted, &err),
          &err);
  assert_true(mounted);
  fx_must_be(&other, "latest", "one");
}

static void test_copies_where_links_cannot_be_made(void **state)
{
  static const int reasons[] = {EMLINK, EXDEV, EPERM, EOPNOTSUPP};
  AUTO_IMAGE struct fx_image image;
  char mine[FX_PATH_MAX];
  (void)state;
  fx_image_make(&image, "one", NULL);
  fx_blob_path(&app, &image.layer_digest, mine);
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
    refuse_links_with = reasons[i];
    publish(&app, "one");
    assert_int_equal(facts_of(mine).st_nlink, 1);
    fx_must_be(&app, "latest", "one");
    assert_int_equal(fx_count_temps(root), 0);
    fx_remove_tree(root);
    assert_int_equal(mkdir(root, 0700), 0);
  }
  struct sp_err err = SP_ERR_INIT;
  refuse_links_with = ENOSPC;
  fx_must_fail(fx_publish(&app, "one", &err), &err, SP_E_IO);
  assert_int_equal(fx_count_temps(root), 0);
}

/* Another run renames its own file over the pool's between our look-up and our link: the kernel
 * says ENOENT of a name that is there all the time. */
static void test_links_again_after_a_lost_race(void **state)
{
  char mine[FX_PATH_MAX];
  struct sp_digest digest = fx_image_digest("one");
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  refuse_links_with = ENOENT;
  refuse_times = 3;
  publish(&app, "one");
  fx_blob_path(&app, &digest, mine);
  assert_int_equal(facts_of(mine).st_nlink, 2);
  refuse_times = ~0u; /* and it gives up some time */
  fx_must_fail(fx_publish(&app, "two", &err), &err, SP_E_IO);
}

static void test_refuses_names_that_are_paths(void **state)
{
  static const char *const names[] = {"",    "..", "../x",  "a/../b", "/a", "a/",    "a//b", "_",
                                      "a/_", "A",  "a%2fb", "a\nb",   ".",  "a/./b", "a b"};
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    struct sp_store *store = NULL;
    struct sp_err err = SP_ERR_INIT;
    fx_must_fail(sp_vault_open(root, names[i], SP_LAYOUT_WRITE, NULL, &store, &err), &err,
                 SP_E_USAGE);
  }
  assert_int_equal(rmdir(root), 0); /* nothing was made */
}

static void test_refuses_a_root_that_everyone_writes_to(void **state)
{
  struct sp_store *store = NULL;
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  assert_int_equal(chmod(root, 0777), 0);
  fx_must_fail(fx_try_open(&app, SP_LAYOUT_WRITE, &store, &err), &err, SP_E_REFUSED);
  fx_must_fail(fx_try_open(&app, SP_LAYOUT_READ, &store, &err), &err, SP_E_REFUSED);
}

static void test_links_below_the_root_are_refused(void **state)
{
  static const char *const names[] = {"repos", "pool", "repos/ghcr.io"};
  (void)state;
  publish(&app, "one");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    struct sp_store *store = NULL;
    struct sp_err err = SP_ERR_INIT;
    char path[FX_PATH_MAX];
    char aside[FX_PATH_MAX];
    fx_join(path, root, names[i]);
    fx_join(aside, root, "aside");
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(aside, path), 0);
    fx_must_fail(fx_try_open(&app, SP_LAYOUT_WRITE, &store, &err), &err, SP_E_INVALID);
    unlink(path);
    assert_int_equal(rename(aside, path), 0);
  }
}

static const struct {
  const char *given, *own, *xdg, *home; /* NULL: not set */
  const char *want;                     /* NULL: SP_E_USAGE */
} roots[] = {
    {"/g", "/o", "/x", "/h", "/g"},
    {NULL, "/o", "/x", "/h", "/o"},
    {NULL, NULL, "/x", "/h", "/x/safeport/vault"},
    {NULL, NULL, NULL, "/h", "/h/.local/share/safeport/vault"},
    {NULL, "", "", "/h", "/h/.local/share/safeport/vault"},
    {NULL, NULL, "relative", "/h", "/h/.local/share/safeport/vault"},
    {NULL, "relative", NULL, NULL, "relative"},
    {"", NULL, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static void set_variable(const char *name, const char *value)
{
  if (value)
    setenv(name, value, 1);
  else
    unsetenv(name);
}

static void test_finds_its_root(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
    SP_AUTO_FREE char *found = NULL;
    struct sp_err err = SP_ERR_INIT;
    set_variable("SAFEPORT_VAULT", roots[i].own);
    set_variable("XDG_DATA_HOME", roots[i].xdg);
    set_variable("HOME", roots[i].home);
    if (!roots[i].want) {
      fx_must_fail(sp_vault_find_root(roots[i].given, &found, &err), &err, SP_E_USAGE);
      continue;
    }
    fx_must(sp_vault_find_root(roots[i].given, &found, &err), &err);
    assert_string_equal(found, roots[i].want);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* S31. Files are made as `maker`: on a share that maps all users to one, that is not who we are. */
static void test_whose_directory_is_written_to(void **state)
{
  (void)state;
  enum { US = 70001, MAPPED = 70002, OTHER = 70003 };
  static const struct {
    uid_t owner, we, maker;
    mode_t mode;
    bool is_refused;
  } cases[] = {
      {.owner = US, .we = US, .maker = US, .mode = 0700},
      {.owner = OTHER, .we = US, .maker = US, .mode = 0770, .is_refused = true},
      {.owner = 0, .we = US, .maker = US, .mode = 0770}, /* a group's, which root gave it */
      {.owner = OTHER, .we = 0, .maker = 0, .mode = 0700},
      {.owner = MAPPED, .we = US, .maker = MAPPED, .mode = 0700},
      {.owner = OTHER, .we = US, .maker = MAPPED, .mode = 0770, .is_refused = true},
  };
  if (__real_geteuid() != 0)
    skip(); /* chown is root's */
  assert_int_equal(chmod(root, 0711), 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    struct sp_store *store = NULL;
    char name[32];
    char dir[FX_PATH_MAX + sizeof name];
    snprintf(name, sizeof name, "case%zu", i);
    snprintf(dir, sizeof dir, "%s/%s", root, name);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(chown(dir, cases[i].owner, 0), 0);
    assert_int_equal(chmod(dir, cases[i].mode), 0);
    pretend_to_be = cases[i].we;
    setfsuid(cases[i].maker); /* its group stays root's */
    int rc = sp_vault_open(dir, "app", SP_LAYOUT_WRITE, NULL, &store, &err);
    setfsuid(0);
    pretend_to_be = 0;
    sp_store_close(store);
    if (rc != (cases[i].is_refused ? -1 : 0) || (rc < 0 && err.code != SP_E_REFUSED))
      fail_msg("case %zu: %d, %s", i, rc, err.msg);
  }
}

/* To read is to look, as at any registry: what a vault holds is hashed. */
static void test_the_vault_of_another_can_be_read(void **state)
{
  (void)state;
  if (__real_geteuid() != 0)
    skip();
  publish(&app, "one");
  assert_int_equal(chown(root, 70003, 0), 0);
  pretend_to_be = 70001;
  fx_must_be(&app, "latest", "one");
  pretend_to_be = 0;
}

/* -- which vault it is */

static const char *known_as(const char *vault, enum sp_layout_mode mode)
{
  static char text[FX_PATH_MAX];
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_STORE struct sp_store *store = NULL;
  fx_must(sp_vault_open(vault, app.repository, mode, NULL, &store, &err), &err);
  assert_string_equal(store->name, "vault:ghcr.io/o/app");
  snprintf(text, sizeof text, "%s", sp_store_known_as(store));
  return text;
}

static void put_id(const char *text)
{
  char path[FX_PATH_MAX + 16];
  snprintf(path, sizeof path, "%s/vault-id", root);
  (void)unlink(path);
  FILE *file = text ? fopen(path, "w") : NULL;
  if (!file)
    return;
  fputs(text, file);
  fclose(file);
}

static void test_the_same_name_in_another_vault_is_another_place(void **state)
{
  (void)state;
  char second[FX_PATH_MAX], first_id[FX_PATH_MAX];
  fx_make_dir(second);
  snprintf(first_id, sizeof first_id, "%s", known_as(root, SP_LAYOUT_WRITE));
  assert_memory_equal(first_id, "vault:@", 7);
  assert_string_equal(first_id + 7 + 32, "/ghcr.io/o/app");
  assert_string_not_equal(known_as(second, SP_LAYOUT_WRITE), first_id);
  assert_string_equal(known_as(root, SP_LAYOUT_WRITE), first_id);
  assert_string_equal(known_as(root, SP_LAYOUT_READ), first_id);
  fx_remove_tree(second);
}

/* One of an older version, or whose file a disk has damaged: it gets one when it is written to. */
static void test_a_vault_without_an_id_gets_one_by_a_write(void **state)
{
  (void)state;
  static const char *const files[] = {
      NULL,
      "",
      "0123456789abcdef0123456789abcdef",     /* cut */
      "0123456789abcdef0123456789abcdef\n\n", /* more than an id */
      "0123456789ABCDEF0123456789abcdef\n",
      "../../../../../../../../../../x.\n",
      "0123456789abcdef/123456789abcdef\n",
  };
  publish(&app, "one");
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    put_id(files[i]);
    if (strcmp(known_as(root, SP_LAYOUT_READ), "vault:ghcr.io/o/app") != 0)
      fail_msg("file %zu: %s", i, known_as(root, SP_LAYOUT_READ));
    char made[FX_PATH_MAX];
    snprintf(made, sizeof made, "%s", known_as(root, SP_LAYOUT_WRITE));
    if (strncmp(made, "vault:@", 7) != 0 || strcmp(made, known_as(root, SP_LAYOUT_READ)) != 0)
      fail_msg("file %zu: %s", i, made);
  }
  put_id("0123456789abcdef0123456789abcdef\n");
  assert_string_equal(known_as(root, SP_LAYOUT_WRITE),
                      "vault:@0123456789abcdef0123456789abcdef/ghcr.io/o/app");
}

/* Whoever was slower had told the journal under an id that nobody finds again. */
#define MAKERS 8
static pthread_barrier_t together;

static void *get_id(void *out)
{
  SP_AUTO_CLOSE int root_fd = -1;
  struct sp_err err = SP_ERR_INIT;
  fx_must(sp_file_open_dir(AT_FDCWD, root, &root_fd, &err), &err);
  pthread_barrier_wait(&together);
  sp_vault_id_get(root_fd, true, 0600, NULL, out);
  return NULL;
}

static void test_all_who_make_an_id_at_once_get_the_same(void **state)
{
  (void)state;
  for (int round = 0; round < 40; round++) {
    pthread_t makers[MAKERS];
    char ids[MAKERS][SP_VAULT_ID_LEN + 1];
    pthread_barrier_init(&together, NULL, MAKERS);
    put_id(round % 2 ? "damaged" : NULL);
    for (int i = 0; i < MAKERS; i++)
      assert_int_equal(pthread_create(&makers[i], NULL, get_id, ids[i]), 0);
    for (int i = 0; i < MAKERS; i++)
      pthread_join(makers[i], NULL);
    assert_int_equal(strlen(ids[0]), SP_VAULT_ID_LEN);
    for (int i = 1; i < MAKERS; i++)
      assert_string_equal(ids[i], ids[0]);
    pthread_barrier_destroy(&together);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_the_same_name_in_another_vault_is_another_place),
      TEST(test_a_vault_without_an_id_gets_one_by_a_write),
      TEST(test_all_who_make_an_id_at_once_get_the_same),
      TEST(test_each_blob_is_stored_once),
      TEST(test_repositories_keep_apart),
      TEST(test_links_from_a_sibling),
      TEST(test_a_lost_pool_file_comes_back_from_a_sibling),
      TEST(test_only_stores_of_one_root_are_siblings),
      TEST(test_writing_again_heals_pool_and_link),
      TEST(test_mounting_replaces_a_link_of_another_length),
      TEST(test_copies_where_links_cannot_be_made),
      TEST(test_links_again_after_a_lost_race),
      TEST(test_refuses_names_that_are_paths),
      TEST(test_refuses_a_root_that_everyone_writes_to),
      TEST(test_links_below_the_root_are_refused),
      TEST(test_finds_its_root),
      TEST(test_whose_directory_is_written_to),
      TEST(test_the_vault_of_another_can_be_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
