/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that hang, flood, leave others behind, or do as they are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/process.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

static char answer[64];

static int run_shell(const char *script, const char *input, int64_t timeout_ms,
                     const struct sp_cancel *cancel, struct sp_process_result *result,
                     struct sp_err *err)
{
  const char *const argv[] = {"sh", "-c", script, NULL};
  const struct sp_process process = {
      .argv = argv, .input = sp_span_str(input), .timeout_ms = timeout_ms, .cancel = cancel};
  return sp_process_run(&process, answer, sizeof answer, result, err);
}

static struct sp_process_result run(const char *script, const char *input, int64_t timeout_ms)
{
  struct sp_process_result result;
  struct sp_err err = SP_ERR_INIT;
  if (run_shell(script, input, timeout_ms, NULL, &result, &err) < 0)
    fail_msg("%s: %s", script, err.msg);
  return result;
}

static void test_absent(void **state)
{
  (void)state;
  struct sp_process_result result;
  struct sp_err err = SP_ERR_INIT;
  const char *const absent[] = {"sp-no-such-program", NULL};
  struct sp_process process = {.argv = absent, .timeout_ms = 1000};
  assert_int_equal(sp_process_run(&process, answer, sizeof answer, &result, &err), -1);
  assert_int_equal(err.code, SP_E_NOT_FOUND);
  const char *const folder[] = {"/tmp", NULL};
  process.argv = folder;
  assert_int_equal(sp_process_run(&process, answer, sizeof answer, &result, &err), -1);
  assert_int_equal(err.code, SP_E_IO);
}

static void test_input_and_answer(void **state)
{
  (void)state;
  struct sp_process_result result = run("cat; exit 3", "hello", 10000);
  assert_int_equal(result.end, SP_PROCESS_EXITED);
  assert_int_equal(result.number, 3);
  assert_true(sp_span_eq_str(SP_SPAN(answer, result.length), "hello"));
  result = run("cat", "", 10000);
  assert_int_equal(result.length, 0);
  /* one that does not read its input is not a failure */
  result = run("exec <&-; echo x", "hello", 10000);
  assert_int_equal(result.length, 2);
  result = run("kill -9 $$", "", 10000);
  assert_int_equal(result.end, SP_PROCESS_SIGNALLED);
  assert_int_equal(result.number, SIGKILL);
}

static void test_exact_fit_and_flood(void **state)
{
  (void)state;
  struct sp_process_result result = run("printf %64s x", "", 10000);
  assert_int_equal(result.end, SP_PROCESS_EXITED);
  assert_int_equal(result.length, 64);
  result = run("printf %65s x", "", 10000);
  assert_int_equal(result.end, SP_PROCESS_FLOODED);
  int64_t start = sp_clock_mono_ms();
  result = run("yes", "", 60000);
  assert_int_equal(result.end, SP_PROCESS_FLOODED);
  assert_true(sp_clock_mono_ms() - start < 30000);
}

/* Whether a process runs: not gone, and not a zombie that nobody has reaped yet. */
static bool is_running(pid_t pid)
{
  char path[64], facts[256] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *file = fopen(path, "r");
  if (!file)
    return false;
  bool is_alive = fgets(facts, sizeof facts, file) && !strstr(facts, ") Z ");
  fclose(file);
  return is_alive;
}

/* The first line of the answer is the number of a process. */
static void expect_gone(void)
{
  pid_t pid = (pid_t)strtol(answer, NULL, 10);
  assert_true(pid > 1);
  for (int i = 0; i < 1000 && is_running(pid); i++)
    usleep(10000);
  assert_false(is_running(pid));
}

static void test_hang(void **state)
{
  (void)state;
  int64_t start = sp_clock_mono_ms();
  struct sp_process_result result = run("sleep 100 & echo $!; wait", "", 300);
  assert_int_equal(result.end, SP_PROCESS_TIMED_OUT);
  assert_true(sp_clock_mono_ms() - start < 30000);
  expect_gone();
}

/* A grandchild that keeps stdout open neither holds up the run nor outlives it. */
static void test_left_behind(void **state)
{
  (void)state;
  int64_t start = sp_clock_mono_ms();
  struct sp_process_result result = run("sleep 100 & echo $!", "", 60000);
  assert_int_equal(result.end, SP_PROCESS_EXITED);
  assert_true(sp_clock_mono_ms() - start < 30000);
  expect_gone();
}

static void *cancel_soon(void *arg)
{
  usleep(100000);
  sp_cancel_request(arg, SIGINT);
  return NULL;
}

static void test_cancel(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_cancel *cancel;
  struct sp_process_result result;
  pthread_t thread;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  assert_int_equal(pthread_create(&thread, NULL, cancel_soon, cancel), 0);
  assert_int_equal(run_shell("sleep 100 & echo $!; wait", "", 60000, cancel, &result, &err), -1);
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  pthread_join(thread, NULL);
  expect_gone();
  sp_cancel_free(cancel);
}

/* What it inherits: its three descriptors, nothing blocked or ignored on our account. */
static void test_inherits_little(void **state)
{
  (void)state;
  int kept = dup(STDERR_FILENO); /* without O_CLOEXEC */
  signal(SIGPIPE, SIG_IGN);
  sigset_t usr1;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &usr1, NULL);
  /* The shell reads its own mask: while it starts a program it blocks all signals. */
  struct sp_process_result result =
      run("ls /proc/self/fd | tr '\\n' ' '; while read -r key value; do "
          "[ $key != SigBlk: ] || echo $key $value; done </proc/$$/status; kill -PIPE $$",
          "", 10000);
  close(kept);
  /* 3 is the folder that ls reads */
  assert_true(sp_span_eq_str(SP_SPAN(answer, result.length), "0 1 2 3 SigBlk: 0000000000000000\n"));
  assert_int_equal(result.end, SP_PROCESS_SIGNALLED);
  assert_int_equal(result.number, SIGPIPE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_absent),
      cmocka_unit_test(test_input_and_answer),
      cmocka_unit_test(test_exact_fit_and_flood),
      cmocka_unit_test(test_hang),
      cmocka_unit_test(test_left_behind),
      cmocka_unit_test(test_cancel),
      cmocka_unit_test(test_inherits_little),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
