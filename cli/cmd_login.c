/* SPDX-License-Identifier: Apache-2.0 */
#include "safeport/login.h"

#include <stdio.h>

#include "base/i18n.h"
#include "base/scope.h"
#include "base/secret.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/command.h"
#include "cli/prompt.h"
#include "cli/run.h"

#define SHOWN_MAX 4608 /* a path of 4 KiB */

struct login_args {
  const char *user, *authfile;
  bool password_stdin;
};

static const struct option_row login_options[] = {
    {"username", 'u', OPTION_TEXT, offsetof(struct login_args, user), N_("USER"),
     N_("the user's name; asked for if not said")},
    {"password-stdin", 0, OPTION_FLAG, offsetof(struct login_args, password_stdin), NULL,
     N_("read the password or access token from stdin instead of asking for it")},
    {"authfile", 0, OPTION_TEXT, offsetof(struct login_args, authfile), N_("FILE"),
     N_("keep it in this file, in place of $REGISTRY_AUTH_FILE and docker's config.json")},
    OPTION_END};

/* Who to be, asked for where it was not said. */
struct answers {
  char user[256];
  struct sp_secret secret;
};

static void answers_clear(struct answers *answers)
{
  sp_secret_clear(&answers->secret);
}
SP_DEFINE_AUTO_CLEAR(struct answers, answers_clear)

static int get_user(const struct login_args *args, const char *host, struct answers *answers,
                    struct sp_err *err)
{
  if (args->user)
    return sp_text_copy(answers->user, sizeof answers->user, sp_span_str(args->user), err);
  if (args->password_stdin)
    return sp_fail(err, SP_E_USAGE, "--password-stdin needs the user's name: -u USER");
  char question[512];
  snprintf(question, sizeof question, _("user name at %s: "), host);
  return prompt_line(question, answers->user, sizeof answers->user, err);
}

static int get_secret(const struct login_args *args, const char *host, struct answers *answers,
                      struct sp_err *err)
{
  if (args->password_stdin)
    return prompt_read_secret(&answers->secret, err);
  char question[1024], user[512];
  sp_text_escape(user, sizeof user, sp_span_str(answers->user));
  snprintf(question, sizeof question, _("password or access token of %s at %s: "), user, host);
  return prompt_secret(question, &answers->secret, err);
}

static int get_answers(const struct login_args *args, const char *host, struct answers *answers,
                       struct sp_err *err)
{
  if (!args->password_stdin && !prompt_is_possible())
    return sp_fail(err, SP_E_USAGE,
                   "there is no terminal to ask for the password: pipe it in with "
                   "--password-stdin");
  if (get_user(args, host, answers, err) < 0)
    return -1;
  return get_secret(args, host, answers, err);
}

static void print_result(const struct sp_login_result *result, const char *user)
{
  char shown[512], file[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(user));
  sp_text_escape(file, sizeof file, sp_span_str(result->file));
  if (result->helper)
    printf(_("logged in to '%s' as '%s'; kept by docker-credential-%s, as '%s' says\n"),
           result->registry, shown, result->helper, file);
  else
    printf(_("logged in to '%s' as '%s'; kept, not encrypted, in '%s'\n"), result->registry, shown,
           file);
  if (!result->checked)
    ci_print_warningf(_("'%s' asks nobody who they are: user name and password were kept, but "
                        "could not be checked"),
                      result->registry);
  if (result->elsewhere)
    ci_print_warningf(_("for '%s', what %s says comes before this"), result->registry,
                      result->elsewhere);
}

static int login_run(const struct command *self, int argc, char **argv)
{
  struct login_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  struct sp_err err = SP_ERR_INIT;
  char host[SP_REGISTRY_NAME_MAX];
  SP_CLEANUP(answers_clear_auto_) struct answers answers = {.user = ""};
  if (sp_login_name_registry(line.operands.count ? line.operands.items[0] : NULL, host, &err) < 0 ||
      get_answers(&args, host, &answers, &err) < 0)
    return command_fail(&err);
  const struct sp_login_options options = {
      .registry = host,
      .user = answers.user,
      .secret = sp_secret_reveal(&answers.secret).ptr,
      .auth_file = args.authfile,
  };
  SP_CLEANUP(run_clear) struct run run = {0};
  struct sp_login_result result = SP_LOGIN_RESULT_INIT;
  if (run_begin(&run, &line.common, self->name, &err) < 0 ||
      sp_login(run.session, &options, &result, &err) < 0)
    return command_fail(&err);
  print_result(&result, answers.user);
  sp_login_result_clear(&result);
  return 0;
}

const struct command cmd_login = {
    .name = "login",
    .synopsis = N_("[REGISTRY] [-u USER] [--password-stdin] [options]"),
    .summary = N_("check the credentials of a registry, and keep them"),
    .about = N_(
        "Asks for user name and password (or access token), asks the registry whether it knows "
        "them, and only then keeps them where docker does: in the credential helper that docker's "
        "config.json names, else in that file. Without REGISTRY it is docker.io.\n\n"
        "Exit status 8: the registry does not know them, or the file or the helper cannot be used; "
        "4: the registry could not be reached. Nothing is kept then."),
    .options = login_options,
    .has_registry = true,
    .least_operands = 0,
    .most_operands = 1,
    .run = login_run,
};
