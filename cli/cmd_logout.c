/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/i18n.h"
#include "base/scope.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/command.h"
#include "cli/run.h"
#include "safeport/login.h"

#define SHOWN_MAX 4608 /* a path of 4 KiB */

struct logout_args {
  const char *authfile;
};

static const struct option_row logout_options[] = {
    {"authfile", 0, OPTION_TEXT, offsetof(struct logout_args, authfile), N_("FILE"),
     N_("erase it from this file, in place of $REGISTRY_AUTH_FILE and docker's config.json")},
    OPTION_END};

static void print_result(const struct sp_login_result *result)
{
  char file[SHOWN_MAX];
  sp_text_escape(file, sizeof file, sp_span_str(result->file));
  if (!result->was_there)
    printf(_("not logged in to '%s': nothing is kept for it in '%s'\n"), result->registry, file);
  else if (result->helper)
    printf(_("logged out of '%s': erased by docker-credential-%s, and from '%s'\n"),
           result->registry, result->helper, file);
  else
    printf(_("logged out of '%s': erased from '%s'\n"), result->registry, file);
  if (result->elsewhere)
    ci_print_warningf(_("for '%s', %s still has credentials"), result->registry, result->elsewhere);
}

static int logout_run(const struct command *self, int argc, char **argv)
{
  struct logout_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  const struct sp_login_options options = {
      .registry = line.operands.count ? line.operands.items[0] : NULL,
      .auth_file = args.authfile,
  };
  SP_CLEANUP(run_clear) struct run run = {0};
  struct sp_login_result result = SP_LOGIN_RESULT_INIT;
  struct sp_err err = SP_ERR_INIT;
  if (run_begin(&run, &line.common, self->name, &err) < 0 ||
      sp_logout(run.session, &options, &result, &err) < 0)
    return command_fail(&err);
  print_result(&result);
  sp_login_result_clear(&result);
  return 0;
}

const struct command cmd_logout = {
    .name = "logout",
    .synopsis = N_("[REGISTRY] [--authfile FILE]"),
    .summary = N_("forget the credentials of a registry"),
    .about = N_("Erases what 'safeport login' or 'docker login' keeps for the registry, from the "
                "credential helper and from the file. Nothing is sent to the registry: an access "
                "token stays valid until it is revoked there. Without REGISTRY it is docker.io."),
    .options = logout_options,
    .least_operands = 0,
    .most_operands = 1,
    .run = logout_run,
};
