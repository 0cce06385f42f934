/* SPDX-License-Identifier: Apache-2.0 */
/* The commit that is being built, for --tag-git: from the variables of a CI, else from git. */
#ifndef CLI_GIT_H
#define CLI_GIT_H

#include "safeport/err.h"

#define GIT_COMMIT_TEXT_MAX 65

/* The full id of the commit: GITHUB_SHA, CI_COMMIT_SHA, GIT_COMMIT (the first that is not empty),
 * else what git says of the working directory (git is run without a shell). *from: where it was
 * found, for messages (static). Fails: SP_E_USAGE (a variable that is set to something else than an
 * id; no git, or no checkout).
 */
SP_MUST_CHECK int git_find_commit(char out[GIT_COMMIT_TEXT_MAX], const char **from,
                                  struct sp_err *err);

#endif
