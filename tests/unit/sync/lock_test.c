/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "sync/lock.h"

static char folder[] = "/tmp/safeport-lock-XXXXXX";

static void test_excludes(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_image_lock first, second;
  assert_int_equal(sp_image_lock_take(&first, folder, "app", false, NULL, &err), 0);
  assert_int_equal(sp_image_lock_take(&second, folder, "app", false, NULL, &err), -1);
  assert_int_equal(err.code, SP_E_LOCKED);
  assert_int_equal(second.fd, -1);
  assert_int_equal(sp_image_lock_take(&second, folder, "web", false, NULL, &err), 0);
  sp_image_lock_clear(&second);
  sp_image_lock_clear(&first);
  assert_int_equal(sp_image_lock_take(&second, folder, "app", false, NULL, &err), 0);
  sp_image_lock_clear(&second);
}

static void *let_go(void *arg)
{
  usleep(300 * 1000);
  sp_image_lock_clear(arg);
  return NULL;
}

static void test_waits(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_image_lock first, second;
  pthread_t thread;
  assert_int_equal(sp_image_lock_take(&first, folder, "app", false, NULL, &err), 0);
  pthread_create(&thread, NULL, let_go, &first);
  assert_int_equal(sp_image_lock_take(&second, folder, "app", true, NULL, &err), 0);
  pthread_join(thread, NULL);
  struct sp_cancel *cancel;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  sp_cancel_request(cancel, SIGTERM);
  assert_int_equal(sp_image_lock_take(&first, folder, "app", true, cancel, &err), -1);
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  sp_cancel_free(cancel);
  sp_image_lock_clear(&second);
}

static void test_no_directory(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_image_lock lock;
  assert_int_equal(sp_image_lock_take(&lock, NULL, "app", false, NULL, &err), 0);
  sp_image_lock_clear(&lock);
  assert_int_equal(sp_image_lock_take(&lock, "/nowhere/at/all", "app", false, NULL, &err), -1);
  assert_int_equal(err.code, SP_E_IO);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_excludes), cmocka_unit_test(test_waits),
                                     cmocka_unit_test(test_no_directory)};
  if (!mkdtemp(folder))
    return 1;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
