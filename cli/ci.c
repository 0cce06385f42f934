/* SPDX-License-Identifier: Apache-2.0 */
/* GitHub's runner takes a line for a command where it begins with "::" (blanks before it do not
 * matter), and where "##[" stands anywhere in it. Ours begin so on purpose; text from outside never
 * does: it always stands behind something of ours, and sp_text_escape breaks up "##[". */
#include "cli/ci.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"

#define SHOWN_MAX (2 * SP_ERR_MSG_MAX)

static bool is_true(const char *variable)
{
  const char *value = getenv(variable);
  return value && strcmp(value, "true") == 0;
}

enum ci_system ci_system(void)
{
  if (is_true("GITHUB_ACTIONS"))
    return CI_GITHUB;
  return is_true("GITLAB_CI") ? CI_GITLAB : CI_NONE;
}

/* The data of a workflow command: "%" is its escape. Line ends are gone already. */
static void print_data(const char *text)
{
  for (; *text; text++) {
    if (*text == '%')
      fputs("%25", stderr);
    else
      fputc(*text, stderr);
  }
}

static void print_message(const char *level, const char *message)
{
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(message));
  if (ci_system() != CI_GITHUB) {
    fprintf(stderr, "safeport: %s\n", shown);
    return;
  }
  fprintf(stderr, "::%s title=safeport::", level);
  print_data(shown);
  fputc('\n', stderr);
}

void ci_print_error(const char *message)
{
  print_message("error", message);
}

void ci_print_warning(const char *message)
{
  print_message("warning", message);
}

/* -- sections */

static const char *open_section; /* the command of the section that is open; NULL if none is */

static void print_gitlab_mark(const char *mark, const char *options)
{
  fprintf(stderr, "\033[0Ksection_%s:%lld:safeport_%s_%ld%s\r\033[0K", mark,
          (long long)sp_clock_wall_s(), open_section, (long)getpid(), options);
}

void ci_section_begin(const char *command)
{
  enum ci_system system = ci_system();
  if (open_section || system == CI_NONE)
    return;
  open_section = command;
  if (system == CI_GITLAB)
    print_gitlab_mark("start", "[collapsed=true]");
  else
    fputs("::group::", stderr);
  fprintf(stderr, _("safeport %s: progress\n"), command);
}

void ci_section_end(void)
{
  if (!open_section)
    return;
  if (ci_system() == CI_GITLAB)
    print_gitlab_mark("end", "");
  else
    fputs("::endgroup::", stderr);
  fputc('\n', stderr);
  open_section = NULL;
}
