/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a layout or vault after anything went wrong while an image was published over an older
 * one (fault rows 01, 22, 23, 48): every call fails once, the process dies before every call, the
 * disk is full from every call on. Each time the old image is whole, the tags are old or new, every
 * name says the truth, and the next run finishes the work and cleans up. */
#include "aftermath.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"

static char dir[FX_PATH_MAX];

static int set_up(void **state)
{
  (void)state;
  fx_make_dir(dir);
  shim_set_clock_ahead(0);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  (void)umount2(dir, MNT_DETACH); /* of the test with a small disk */
  fx_remove_tree(dir);
  return 0;
}

static const struct fx_place places[] = {
    {.dir = dir, .repository = NULL},
    {.dir = dir, .repository = "ghcr.io/o/app"},
};
#define PLACE_COUNT (sizeof places / sizeof places[0])

static void start_with_old(const struct fx_place *place)
{
  struct sp_err err = SP_ERR_INIT;
  fx_remove_tree(dir);
  assert_int_equal(mkdir(dir, 0700), 0);
  fx_must(fx_publish(place, "old", &err), &err);
}

static unsigned long count_calls(const struct fx_place *place, int sys)
{
  struct sp_err err = SP_ERR_INIT;
  start_with_old(place);
  shim_arm(0, sys, false);
  fx_must(fx_publish(place, "new", &err), &err);
  unsigned long n = shim_disarm();
  assert_true(n > 30); /* or the shim sees nothing */
  return n;
}

static void fail_at_each(const struct fx_place *place, const int reasons[2], bool stays)
{
  unsigned long n = count_calls(place, reasons[0]);
  for (unsigned long i = 1; i <= n; i++) {
    struct sp_err err = SP_ERR_INIT;
    int sys = reasons[i % 2];
    start_with_old(place);
    shim_arm(i, sys, stays);
    int result = fx_publish(place, "new", &err);
    shim_disarm();
    if (result < 0 && err.code != SP_E_IO)
      fail_msg("call %lu of %lu: %s: %s", i, n, sp_code_name(err.code), err.msg);
    if (result < 0 && err.sys != sys)
      fail_msg("call %lu of %lu: errno %d: %s", i, n, err.sys, err.msg);
    aftermath_check(place, result == 0);
    if (stays)
      assert_int_equal(fx_count_temps(dir), 0); /* removing needs no room */
    aftermath_check_next_run(place, true);
  }
}

static void test_every_call_fails_once(void **state)
{
  static const int reasons[] = {EIO, EACCES};
  (void)state;
  for (size_t p = 0; p < PLACE_COUNT; p++)
    fail_at_each(&places[p], reasons, false);
}

static void test_the_disk_is_full_from_every_call_on(void **state)
{
  static const int reasons[] = {ENOSPC, EDQUOT};
  (void)state;
  for (size_t p = 0; p < PLACE_COUNT; p++)
    fail_at_each(&places[p], reasons, true);
}

/* Publishes in a process of its own, which dies before call nth; true if it ended by itself. */
static bool publish_and_die(const struct fx_place *place, unsigned long nth)
{
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    struct sp_err err = SP_ERR_INIT;
    shim_arm(nth, SHIM_KILL, false);
    _exit(fx_publish(place, "new", &err) < 0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status))
    return false;
  assert_int_equal(WEXITSTATUS(status), 0);
  return true;
}

static void test_killed_before_every_call(void **state)
{
  (void)state;
  for (size_t p = 0; p < PLACE_COUNT; p++) {
    unsigned long n = count_calls(&places[p], SHIM_KILL);
    for (unsigned long i = 1; i <= n; i++) {
      start_with_old(&places[p]);
      assert_false(publish_and_die(&places[p], i));
      aftermath_check(&places[p], false);
      aftermath_check_next_run(&places[p], true);
    }
  }
}

/* The very first run dies: there is no old image, and the next run must not stumble. */
static void test_killed_while_it_is_made(void **state)
{
  (void)state;
  for (size_t p = 0; p < PLACE_COUNT; p++) {
    bool done = false;
    for (unsigned long i = 1; !done; i++) {
      fx_remove_tree(dir);
      assert_int_equal(mkdir(dir, 0700), 0);
      done = publish_and_die(&places[p], i);
      assert_null(fx_wrong_blob(dir));
      aftermath_check_next_run(&places[p], false);
    }
  }
}

/* -- processes at once */

/* All children end first: what fails removes the directory. */
static void wait_for(int children)
{
  int failed = 0;
  for (int i = 0; i < children; i++) {
    int status = -1;
    wait(&status);
    failed += status != 0;
  }
  assert_int_equal(failed, 0);
}

#define WRITERS 2
#define ROUNDS 200

static int set_many_tags(const struct fx_place *place, int writer)
{
  struct sp_err err = SP_ERR_INIT;
  struct fx_image image;
  fx_image_make(&image, "old", NULL);
  for (int i = 0; i < ROUNDS; i++) {
    char tag[32];
    snprintf(tag, sizeof tag, "w%d-%03d", writer, i);
    SP_AUTO_STORE struct sp_store *store = NULL;
    if (fx_try_open(place, SP_LAYOUT_WRITE, &store, &err) < 0 ||
        fx_tag(store, &image, tag, &err) < 0) {
      fprintf(stderr, "%s\n", err.msg);
      return 1;
    }
  }
  return 0;
}

static void test_two_processes_lose_no_tag(void **state)
{
  (void)state;
  for (size_t p = 0; p < PLACE_COUNT; p++) {
    SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
    struct sp_err err = SP_ERR_INIT;
    start_with_old(&places[p]);
    for (int w = 0; w < WRITERS; w++) {
      if (fork() == 0)
        _exit(set_many_tags(&places[p], w));
    }
    wait_for(WRITERS);
    SP_AUTO_STORE struct sp_store *store = fx_open(&places[p], SP_LAYOUT_READ);
    fx_must(sp_store_list_tags(store, NULL, &page, &err), &err);
    assert_int_equal(page.count, WRITERS * ROUNDS + 2); /* and "old", "latest" */
  }
}

/* Two publish the same image at once, again and again, into two repositories of one vault. */
static void test_two_processes_write_the_same_blobs(void **state)
{
  static const struct fx_place pair[] = {{.dir = dir, .repository = "a"},
                                         {.dir = dir, .repository = "b"}};
  (void)state;
  for (size_t w = 0; w < 2; w++) {
    if (fork() == 0) {
      struct sp_err err = SP_ERR_INIT;
      for (int i = 0; i < 50; i++) {
        if (fx_publish(&pair[w], "new", &err) < 0) {
          fprintf(stderr, "%s\n", err.msg);
          _exit(1);
        }
      }
      _exit(0);
    }
  }
  wait_for(2);
  fx_must_be(&pair[0], "latest", "new");
  fx_must_be(&pair[1], "latest", "new");
  assert_null(fx_wrong_blob(dir));
  assert_int_equal(fx_count_temps(dir), 0);
}

/* -- a disk that is really full (row 22) */

static void test_a_small_disk(void **state)
{
  static char big[4u << 20];
  (void)state;
  if (mount("tmpfs", dir, "tmpfs", 0, "size=3m,mode=0700") < 0) {
    print_message("# skipped: cannot mount a tmpfs: %s\n", strerror(errno));
    skip();
  }
  for (size_t p = 0; p < PLACE_COUNT; p++) {
    struct sp_err err = SP_ERR_INIT;
    struct sp_digest digest;
    fx_must(fx_publish(&places[p], "old", &err), &err);
    SP_AUTO_STORE struct sp_store *store = fx_open(&places[p], SP_LAYOUT_WRITE);
    fx_must_fail(fx_put_blob(store, big, sizeof big, &digest, &err), &err, SP_E_IO);
    assert_int_equal(err.sys, ENOSPC);
    assert_non_null(strstr(err.msg, "disk full"));
    assert_int_equal(fx_count_temps(dir), 0);
    aftermath_check(&places[p], false);
    aftermath_check_next_run(&places[p], true);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_every_call_fails_once),
      TEST(test_the_disk_is_full_from_every_call_on),
      TEST(test_killed_before_every_call),
      TEST(test_killed_while_it_is_made),
      TEST(test_two_processes_lose_no_tag),
      TEST(test_two_processes_write_the_same_blobs),
      TEST(test_a_small_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
