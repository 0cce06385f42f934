/* SPDX-License-Identifier: Apache-2.0 */
/* The input is written into its pipe before the program starts, while we hold the other end: there
 * is nobody yet who could close it on us. The leader of the group is reaped last: until then its
 * number cannot belong to another. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/scope.h"

/* A program that runs. */
struct run {
  pid_t pid;
  int pid_fd; /* readable when it has ended */
  int out_fd; /* non-blocking; -1 after its end */
  char *answer;
  size_t size;
  struct sp_process_result *result;
};

/* -- the beginning */

static int make_input(struct sp_span input, int *out, struct sp_err *err)
{
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot make a pipe");
  SP_AUTO_CLOSE int read_end = ends[0];
  SP_AUTO_CLOSE int write_end = ends[1];
  if (input.len > 0 && write(write_end, input.ptr, input.len) != (ssize_t)input.len)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot fill a pipe");
  if (fcntl(read_end, F_SETFL, 0) < 0) /* a program expects a stdin that waits */
    return sp_fail_sys(err, SP_E_IO, errno, "cannot set up a pipe");
  *out = sp_steal_fd(&read_end);
  return 0;
}

static int set_actions(posix_spawn_file_actions_t *actions, int in_fd, int out_fd)
{
  int failed = posix_spawn_file_actions_adddup2(actions, in_fd, STDIN_FILENO);
  if (!failed)
    failed = posix_spawn_file_actions_adddup2(actions, out_fd, STDOUT_FILENO);
  if (!failed)
    failed = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  return failed ? failed : posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

/* Its own group, no signal blocked, and SIGPIPE and SIGXFSZ as programs know them. */
static int set_attributes(posix_spawnattr_t *attributes)
{
  sigset_t none, ours;
  sigemptyset(&none);
  sigemptyset(&ours);
  sigaddset(&ours, SIGPIPE);
  sigaddset(&ours, SIGXFSZ);
  int failed = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                        POSIX_SPAWN_SETSIGDEF);
  if (!failed)
    failed = posix_spawnattr_setsigmask(attributes, &none);
  return failed ? failed : posix_spawnattr_setsigdefault(attributes, &ours);
}

static int spawn(const struct sp_process *process, int in_fd, int out_fd, pid_t *pid,
                 struct sp_err *err)
{
  extern char **environ;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  int failed = set_actions(&actions, in_fd, out_fd);
  if (!failed)
    failed = set_attributes(&attributes);
  if (!failed) /* it does not write to argv, whatever its type says */
    failed = posix_spawnp(pid, process->argv[0], &actions, &attributes,
                          (char *const *)(uintptr_t)process->argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (!failed)
    return 0;
  return sp_fail_sys(err, failed == ENOENT ? SP_E_NOT_FOUND : SP_E_IO, failed, "cannot run '%s'",
                     process->argv[0]);
}

static int begin(const struct sp_process *process, struct run *run, struct sp_err *err)
{
  SP_AUTO_CLOSE int in_fd = -1;
  int ends[2];
  if (make_input(process->input, &in_fd, err) < 0)
    return -1;
  if (pipe2(ends, O_CLOEXEC) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot make a pipe");
  run->out_fd = ends[0];
  SP_AUTO_CLOSE int write_end = ends[1];
  if (fcntl(run->out_fd, F_SETFL, O_NONBLOCK) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot set up a pipe");
  if (spawn(process, in_fd, write_end, &run->pid, err) < 0)
    return -1;
  run->pid_fd = pidfd_open(run->pid, 0);
  if (run->pid_fd < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot watch '%s'", process->argv[0]);
  return 0;
}

/* -- while it runs */

/* Takes what is there; false if it is more than fits. */
static bool drain(struct run *run)
{
  while (run->out_fd >= 0) {
    char beyond; /* once the answer is full, one more byte is too many */
    size_t room = run->size - run->result->length;
    ssize_t n =
        read(run->out_fd, room ? run->answer + run->result->length : &beyond, room ? room : 1);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return true;
    if (n <= 0) {
      close(sp_steal_fd(&run->out_fd));
      return true;
    }
    if (room == 0)
      return false;
    run->result->length += (size_t)n;
  }
  return true;
}

static int watch(const struct sp_process *process, struct run *run, struct sp_err *err)
{
  int64_t deadline_ms = sp_clock_mono_ms() + process->timeout_ms;
  for (;;) {
    int64_t left_ms = deadline_ms - sp_clock_mono_ms();
    run->result->end = SP_PROCESS_TIMED_OUT;
    if (left_ms <= 0)
      return 0;
    struct pollfd fds[] = {{.fd = run->out_fd, .events = POLLIN},
                           {.fd = run->pid_fd, .events = POLLIN},
                           {.fd = sp_cancel_fd(process->cancel), .events = POLLIN}};
    poll(fds, 3, (int)left_ms); /* a negative descriptor is ignored */
    if (sp_cancel_check(process->cancel, err) < 0)
      return -1;
    run->result->end = SP_PROCESS_FLOODED;
    if (!drain(run))
      return 0;
    run->result->end = SP_PROCESS_EXITED;
    if (fds[1].revents)
      return 0;
  }
}

/* Kills what is left of the group, and takes its leader's status. */
static void end(struct run *run)
{
  if (run->out_fd >= 0)
    close(run->out_fd);
  if (run->pid_fd >= 0)
    close(run->pid_fd);
  if (run->pid <= 0)
    return;
  kill(-run->pid, SIGKILL);
  int status = 0;
  while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
    ;
  if (run->result->end != SP_PROCESS_EXITED)
    return;
  bool exited = WIFEXITED(status);
  run->result->end = exited ? SP_PROCESS_EXITED : SP_PROCESS_SIGNALLED;
  run->result->number = exited ? WEXITSTATUS(status) : WTERMSIG(status);
}

int sp_process_run(const struct sp_process *process, char *answer, size_t size,
                   struct sp_process_result *result, struct sp_err *err)
{
  *result = (struct sp_process_result){0};
  struct run run = {.pid_fd = -1, .out_fd = -1, .answer = answer, .size = size, .result = result};
  int rc = begin(process, &run, err);
  if (rc == 0)
    rc = watch(process, &run, err);
  end(&run);
  return rc;
}
