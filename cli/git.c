/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/git.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/scope.h"
#include "base/span.h"
#include "base/text.h"

/* Lower-case hex of the length of a sha1 or a sha256. */
static bool is_commit(const char *text)
{
  size_t len = strlen(text);
  return (len == 40 || len == 64) && strspn(text, "0123456789abcdef") == len;
}

static int take(const char *text, const char *from, char out[GIT_COMMIT_TEXT_MAX],
                struct sp_err *err)
{
  if (is_commit(text)) {
    memcpy(out, text, strlen(text) + 1);
    return 0;
  }
  char shown[80];
  sp_text_escape(shown, sizeof shown, sp_span_str(text));
  return sp_fail(err, SP_E_USAGE, _("--tag-git: %s is '%s', which is no commit id"), from, shown);
}

static int spawn_git(int out_fd, pid_t *pid, struct sp_err *err)
{
  char *const argv[] = {(char[]){"git"}, (char[]){"rev-parse"}, (char[]){"--verify"},
                        (char[]){"HEAD"}, NULL};
  extern char **environ;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  int failed = posix_spawnp(pid, "git", &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed)
    return sp_fail_sys(err, SP_E_USAGE, failed, "%s",
                       _("--tag-git: no variable of a CI names the commit, and git cannot be run"));
  return 0;
}

/* Reads what fits and waits for the child; true if it ended well. */
static bool collect(int fd, pid_t pid, char out[GIT_COMMIT_TEXT_MAX + 1])
{
  size_t len = 0;
  while (len < GIT_COMMIT_TEXT_MAX) {
    ssize_t n = read(fd, out + len, GIT_COMMIT_TEXT_MAX - len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    len += (size_t)n;
  }
  out[len] = '\0';
  out[strcspn(out, "\n")] = '\0';
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int ask_git(char out[GIT_COMMIT_TEXT_MAX], const char **from, struct sp_err *err)
{
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot make a pipe for git");
  SP_AUTO_CLOSE int read_end = ends[0];
  SP_AUTO_CLOSE int write_end = ends[1];
  pid_t pid;
  if (spawn_git(write_end, &pid, err) < 0)
    return -1;
  close(sp_steal_fd(&write_end));
  char text[GIT_COMMIT_TEXT_MAX + 1];
  *from = "git";
  if (!collect(read_end, pid, text))
    return sp_fail(
        err, SP_E_USAGE, "%s",
        _("--tag-git: no variable of a CI names the commit, and git does not tell it here "
          "(no checkout, no commit, or somebody else's checkout: see git's "
          "safe.directory): say --tag TAG"));
  return take(text, *from, out, err);
}

int git_find_commit(char out[GIT_COMMIT_TEXT_MAX], const char **from, struct sp_err *err)
{
  static const char *const variables[] = {"GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"};
  for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
    const char *value = getenv(variables[i]);
    if (!value || !*value) /* CI systems pass on what is unset as empty */
      continue;
    *from = variables[i];
    return take(value, *from, out, err);
  }
  return ask_git(out, from, err);
}
