/* SPDX-License-Identifier: Apache-2.0 */
/* Start: what must be so before anything else, the language, the command. */
#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/command.h"
#include "cli/language.h"
#include "cli/output.h"

#define DESCRIPTORS 8192

/* A core dump or a debugger of the same user would hold our secrets (S07). Leak checkers are such
 * debuggers. */
static void protect_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__)
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* Dozens of short threads with buffers of their own: without these glibc keeps an arena per thread
 * and never gives memory back, which costs more than all our buffers. */
static void tame_malloc(void)
{
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

/* Where one of the first three descriptors is closed, the next file or socket that is opened would
 * get its number, and the report would be written into it. What stands in for stdout cannot be
 * written to: a result that nobody gets must not look like success. */
static void hold_descriptors(void)
{
  static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
  for (int fd = 0; fd < 3; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
      _exit(7);
  }
}

/* 32 destinations with their connections and files are more than the usual 1024 descriptors. */
static void raise_descriptor_limit(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
    return;
  limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static int unknown_command(const char *name)
{
  char shown[128];
  sp_text_escape(shown, sizeof shown, sp_span_str(name));
  const char *near = command_nearest(name);
  struct sp_err err = SP_ERR_INIT;
  if (near)
    sp_fail(&err, SP_E_USAGE, "unknown command '%s': did you mean '%s'?", shown, near);
  else
    sp_fail(&err, SP_E_USAGE, "unknown command '%s'", shown);
  int status = command_fail(&err);
  fputs(_("try 'safeport help'\n"), stderr);
  return status;
}

/* `safeport --help` and `--version`, which people try first. */
static const char *alias_of(const char *word)
{
  static const struct {
    const char *word, *name;
  } aliases[] = {{"--help", "help"}, {"-h", "help"}, {"--version", "version"}, {"-V", "version"}};
  for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
    if (strcmp(word, aliases[i].word) == 0)
      return aliases[i].name;
  }
  return word;
}

int main(int argc, char **argv)
{
  hold_descriptors();
  protect_memory();
  raise_descriptor_limit();
  tame_malloc();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* a file as large as ulimit -f allows is a full disk */
  language_begin();
  if (argc < 2) {
    fputs(_("usage: safeport COMMAND [ARGUMENTS]\ntry 'safeport help'\n"), stderr);
    return 2;
  }
  const char *name = alias_of(argv[1]);
  const struct command *command = command_find(name);
  if (!command)
    return unknown_command(argv[1]);
  int status = output_flush(command->run(command, argc - 1, argv + 1));
  ci_print_left_out();
  return status;
}
