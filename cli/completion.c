/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include <stdio.h>

#include "cli/command.h"

static void print_options(const struct command *command)
{
  struct option_group groups[OPTION_GROUPS_MAX];
  size_t count = command_groups(command, NULL, NULL, groups);
  for (size_t g = 0; g < count; g++) {
    for (const struct option_row *row = groups[g].rows; row->name; row++)
      printf(" --%s", row->name);
  }
}

void completion_print_bash(void)
{
  puts("# bash completion for safeport, made by 'safeport help bash-completion'");
  puts("_safeport() {");
  puts("  local cur=${COMP_WORDS[COMP_CWORD]} words=");
  puts("  if [ \"$COMP_CWORD\" -eq 1 ]; then");
  fputs("    words='", stdout);
  for (size_t i = 0; i < command_count; i++)
    printf("%s%s", i ? " " : "", commands[i]->name);
  puts("'\n  else\n    case ${COMP_WORDS[1]} in");
  for (size_t i = 0; i < command_count; i++) {
    printf("    %s) words='", commands[i]->name);
    print_options(commands[i]);
    puts("' ;;");
  }
  puts("    esac\n  fi");
  puts("  if [[ $cur == -* || $COMP_CWORD -eq 1 ]]; then");
  puts("    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")");
  puts("  else");
  puts("    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")");
  puts("  fi\n}\ncomplete -o filenames -F _safeport safeport");
}
