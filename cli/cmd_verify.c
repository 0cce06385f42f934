/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/i18n.h"
#include "base/scope.h"
#include "cli/command.h"
#include "cli/run.h"
#include "cli/verify_names.h"

static const struct option_row verify_options[] = {
    {"read", 0, OPTION_MAYBE, offsetof(struct verify_args, read), N_("[=PERCENT]"),
     N_("read and hash every byte on both sides, not only the last one of each blob; of names: or "
        "only this share of the bytes at each place, what was read least recently first")},
    {"wait", 0, OPTION_FLAG, offsetof(struct verify_args, wait), NULL,
     N_("wait for pulls that are held in reserve")},
    {"json", 0, OPTION_FLAG, offsetof(struct verify_args, json), NULL,
     N_("print the result as one JSON document")},
    {"config", 0, OPTION_TEXT, offsetof(struct verify_args, config), N_("FILE"),
     N_("names: the safeport.yaml to use; without it the one that 'safeport help sync' says")},
    {"jobs", 'j', OPTION_TEXT, offsetof(struct verify_args, jobs), N_("N"),
     N_("names: work on so many images at once (1 to 64), in place of what the file says")},
    {"claimed", 0, OPTION_FLAG, offsetof(struct verify_args, claimed), NULL,
     N_("names: only ask the backups whether they have it, and believe them")},
    {"max-age", 0, OPTION_TEXT, offsetof(struct verify_args, max_age), N_("AGE"),
     N_("names: leave what is known to be proven at this level since then ('30d', '12h')")},
    {"repair", 0, OPTION_FLAG, offsetof(struct verify_args, repair), NULL,
     N_("names: send again what is missing or damaged at a backup, and read it back")},
    {"platform", 0, OPTION_TEXT, offsetof(struct verify_args, platform), N_("OS/ARCH[/VARIANT]"),
     N_("pair: only this platform of a multi-platform image")},
    {"lower", 0, OPTION_FLAG, offsetof(struct verify_args, lower), NULL,
     N_("pair: lower upper-case repository names instead of refusing them")},
    {"no-referrers", 0, OPTION_FLAG, offsetof(struct verify_args, no_referrers), NULL,
     N_("pair: leave signatures, attestations and other referrers aside")},
    OPTION_END};

/* -- a pair */

static int verify_pair(const struct command_line *line, const struct verify_args *args)
{
  struct sp_err err = SP_ERR_INIT;
  if (args->config || args->jobs || args->max_age || args->claimed || args->repair ||
      (args->read && *args->read)) {
    (void)sp_fail(&err, SP_E_USAGE,
                  "--config, --jobs, --claimed, --max-age, --repair and a share to --read are for "
                  "names of safeport.yaml, not for a pair of references");
    return command_fail(&err);
  }
  struct sp_verify_options options = {
      .source = line->operands.items[0],
      .destination = line->operands.items[1],
      .platform = args->platform,
      .lower = args->lower,
      .no_referrers = args->no_referrers,
      .read = args->read != NULL,
      .wait = args->wait,
  };
  return run_verify(&line->common, &options, args->json);
}

/* -- which */

/* A word with a transport in front is no name, nor one that begins with a registry. */
static bool is_reference(const char *word)
{
  static const char *const prefixes[] = {
      "oci:", "vault:", "oci-archive:", "docker-archive:", "docker-daemon:"};
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
    if (strncmp(word, prefixes[i], strlen(prefixes[i])) == 0)
      return true;
  }
  const char *slash = strchr(word, '/');
  size_t host = strcspn(word, ".:");
  return slash && word + host < slash;
}

static bool is_pair(const struct text_list *operands)
{
  return operands->count == 2 &&
         (is_reference(operands->items[0]) || strchr(operands->items[0], '/')) &&
         (is_reference(operands->items[1]) || strchr(operands->items[1], '/'));
}

static int check_names(const struct text_list *operands, struct sp_err *err)
{
  for (size_t i = 0; i < operands->count; i++) {
    if (!is_reference(operands->items[i]))
      continue;
    return operands->count == 1
               ? sp_fail(err, SP_E_USAGE,
                         "too few arguments: '%s' is a reference, and a pair takes two: safeport "
                         "verify SRC DST",
                         operands->items[i])
               : sp_fail(err, SP_E_USAGE,
                         "'%s' is a reference: give two of them, or names of safeport.yaml only",
                         operands->items[i]);
  }
  return 0;
}

static int verify_run(const struct command *self, int argc, char **argv)
{
  struct verify_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  struct sp_err err = SP_ERR_INIT;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  if (is_pair(&line.operands))
    return verify_pair(&line, &args);
  return check_names(&line.operands, &err) < 0 ? command_fail(&err) : verify_names(&line, &args);
}

const struct command cmd_verify = {
    .name = "verify",
    .synopsis = N_("[NAME[:TAG]...] | SRC DST [--read] [options]"),
    .summary = N_("prove that copies are whole, and the same as their originals"),
    .about = N_("Looks at everything that an image needs, on both sides, and compares.\n\n"
                "NAME is an image of safeport.yaml, or NAME/REPOSITORY of a namespace: every "
                "selected tag is proven at the primary and at each backup, or TAG alone; without "
                "NAME those of all images. Nothing is written, but with --repair.\n\n"
                "SRC and DST are two references (words with a '/' or a transport): that pair, and "
                "nothing is written. Without a tag in DST it is SRC's.\n\n"
                "Exit status 0: equal and whole; 1: something is missing or different; 5: wrong "
                "bytes were seen."),
    .options = verify_options,
    .has_network = true,
    .most_operands = 1000,
    .run = verify_run,
};
