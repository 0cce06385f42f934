/* SPDX-License-Identifier: Apache-2.0 */
/* GitHub's runner takes a line for a command where it begins with "::" (blanks before it do not
 * matter), and where "##[" stands anywhere in it. Ours begin so on purpose; text from outside never
 * does: it always stands behind something of ours, and sp_text_escape breaks up "##[". */
#include "cli/ci.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"

#define SHOWN_MAX (2 * SP_ERR_MSG_MAX)
#define ANNOTATIONS_MAX 10 /* of a kind and a step: GitHub shows no more */

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

enum level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_COUNT };

static void annotate(enum level level, const char *shown)
{
  fprintf(stderr, "::%s title=safeport::", level == LEVEL_ERROR ? "error" : "warning");
  print_data(shown);
  fputc('\n', stderr);
}

/* Annotations, those that were left out included. Warnings come from any thread. */
static atomic_size_t counts[LEVEL_COUNT];

static void print_message(enum level level, const char *message)
{
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(message));
  if (ci_system() == CI_GITHUB && counts[level]++ < ANNOTATIONS_MAX - 1)
    annotate(level, shown);
  else
    fprintf(stderr, "safeport: %s\n", shown);
}

void ci_print_error(const char *message)
{
  print_message(LEVEL_ERROR, message);
}

void ci_print_warning(const char *message)
{
  print_message(LEVEL_WARNING, message);
}

void ci_annotate_error(const char *message)
{
  if (ci_system() == CI_GITHUB)
    print_message(LEVEL_ERROR, message);
}

void ci_annotate_warning(const char *message)
{
  if (ci_system() == CI_GITHUB)
    print_message(LEVEL_WARNING, message);
}

void ci_print_left_out(void)
{
  for (enum level level = LEVEL_ERROR; level < LEVEL_COUNT; level++) {
    if (counts[level] < ANNOTATIONS_MAX)
      continue;
    char message[160];
    size_t more = atomic_exchange(&counts[level], 0) - (ANNOTATIONS_MAX - 1);
    if (level == LEVEL_ERROR)
      snprintf(message, sizeof message, _("and %zu more errors: see the log of this step"), more);
    else
      snprintf(message, sizeof message, _("and %zu more warnings: see the log of this step"), more);
    annotate(level, message);
  }
}

void ci_print_warningf(const char *fmt, ...)
{
  char message[SP_ERR_MSG_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(message, sizeof message, fmt, args);
  va_end(args);
  ci_print_warning(message);
}

/* -- sections */

static const char *open_section; /* the command of the section that is open; NULL if none is */
static unsigned section_number;  /* of this run: GitLab wants each to have a name of its own */

static void print_gitlab_mark(const char *mark, const char *options)
{
  fprintf(stderr, "\033[0Ksection_%s:%lld:safeport_%s_%ld_%u%s\r\033[0K", mark,
          (long long)sp_clock_wall_s(), open_section, (long)getpid(), section_number, options);
}

void ci_section_begin(const char *command)
{
  enum ci_system system = ci_system();
  if (open_section || system == CI_NONE)
    return;
  open_section = command;
  section_number++;
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
