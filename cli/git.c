/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/git.h"

#include <string.h>

#include "base/process.h"
#include "base/text.h"

#define GIT_TIMEOUT_MS 10000 /* it reads two small files */

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
  return sp_fail(err, SP_E_USAGE, "--tag-git: %s is '%s', which is no commit id", from, shown);
}

static int ask_git(char out[GIT_COMMIT_TEXT_MAX], const char **from, struct sp_err *err)
{
  static const char *const argv[] = {"git", "rev-parse", "--verify", "HEAD", NULL};
  const struct sp_process git = {.argv = argv, .timeout_ms = GIT_TIMEOUT_MS};
  struct sp_process_result result;
  struct sp_err why = SP_ERR_INIT;
  char text[GIT_COMMIT_TEXT_MAX + 1];
  *from = "git";
  if (sp_process_run(&git, text, sizeof text - 1, &result, &why) < 0)
    return sp_fail_sys(err, SP_E_USAGE, why.sys,
                       "--tag-git: no variable of a CI names the commit, and git cannot be run");
  if (result.end != SP_PROCESS_EXITED || result.number != 0)
    return sp_fail(err, SP_E_USAGE,
                   "--tag-git: no variable of a CI names the commit, and git does not tell it here "
                   "(no checkout, no commit, or somebody else's checkout: see git's "
                   "safe.directory): say --tag TAG");
  text[result.length] = '\0';
  text[strcspn(text, "\n")] = '\0';
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
