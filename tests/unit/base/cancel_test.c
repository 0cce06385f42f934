/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/scope.h"

static void test_null_never_comes(void **state)
{
  (void)state;
  struct sp_err err;
  assert_false(sp_cancel_is_requested(NULL));
  assert_int_equal(sp_cancel_signal(NULL), 0);
  assert_int_equal(sp_cancel_fd(NULL), -1);
  assert_int_equal(sp_cancel_check(NULL, &err), 0);
  int64_t start = sp_clock_mono_ms();
  assert_int_equal(sp_cancel_sleep(NULL, 30, &err), 0);
  assert_true(sp_clock_mono_ms() - start >= 30);
  sp_cancel_request(NULL, SIGINT);
  sp_cancel_free(NULL);
}

static void test_first_signal_counts(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_cancel *cancel;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  assert_int_equal(sp_cancel_check(cancel, &err), 0);
  errno = EBADF;
  sp_cancel_request(cancel, SIGTERM);
  assert_int_equal(errno, EBADF); /* a handler must not change it */
  sp_cancel_request(cancel, SIGINT);
  assert_int_equal(sp_cancel_signal(cancel), SIGTERM);
  assert_int_equal(sp_cancel_check(cancel, &err), -1);
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  assert_int_equal(err.sys, SIGTERM);
  assert_string_equal(err.msg, "interrupted by SIGTERM");
  for (int i = 0; i < 2; i++) { /* stays readable */
    struct pollfd p = {.fd = sp_cancel_fd(cancel), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 1);
  }
  sp_cancel_free(cancel);
}

static struct sp_cancel *from_handler;

static void handle(int sig)
{
  sp_cancel_request(from_handler, sig);
}

static void *raise_later(void *thread)
{
  struct timespec nap = {.tv_nsec = 50 * 1000 * 1000};
  nanosleep(&nap, NULL);
  pthread_kill(*(pthread_t *)thread, SIGINT);
  return NULL;
}

static void test_signal_ends_a_sleep(void **state)
{
  (void)state;
  struct sp_err err;
  assert_int_equal(sp_cancel_new(&from_handler, &err), 0);
  struct sigaction action = {.sa_handler = handle};
  sigaction(SIGINT, &action, NULL);
  pthread_t self = pthread_self();
  pthread_t other;
  assert_int_equal(pthread_create(&other, NULL, raise_later, &self), 0);
  int64_t start = sp_clock_mono_ms();
  assert_int_equal(sp_cancel_sleep(from_handler, 20000, &err), -1);
  assert_true(sp_clock_mono_ms() - start < 10000);
  assert_int_equal(err.sys, SIGINT);
  pthread_join(other, NULL);
  sp_cancel_free(from_handler);
}

static void ignore(int sig)
{
  (void)sig;
}

/* Other signals interrupt poll, not the sleep. */
static void test_sleep_goes_on_after_eintr(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_cancel *cancel;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  struct sigaction action = {.sa_handler = ignore};
  sigaction(SIGINT, &action, NULL);
  pthread_t self = pthread_self();
  pthread_t other;
  assert_int_equal(pthread_create(&other, NULL, raise_later, &self), 0);
  int64_t start = sp_clock_mono_ms();
  assert_int_equal(sp_cancel_sleep(cancel, 120, &err), 0);
  assert_true(sp_clock_mono_ms() - start >= 119);
  pthread_join(other, NULL);
  sp_cancel_free(cancel);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_null_never_comes),
      cmocka_unit_test(test_first_signal_counts),
      cmocka_unit_test(test_signal_ends_a_sleep),
      cmocka_unit_test(test_sleep_goes_on_after_eintr),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
