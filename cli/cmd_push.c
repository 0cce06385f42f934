/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/scope.h"
#include "cli/command.h"
#include "cli/git.h"
#include "cli/run.h"

struct push_args {
  struct text_list to, tags;
  const char *platform, *compress;
  bool tag_git, lower, no_referrers, atomic, dry_run, wait, json;
};

static const struct option_row push_options[] = {
    {"to", 0, OPTION_LIST, offsetof(struct push_args, to), N_("REPO[:TAG]"),
     N_("a destination; may be given up to 32 times")},
    {"tag", 0, OPTION_LIST, offsetof(struct push_args, tags), N_("TAG"),
     N_("set this tag at every destination; may be given many times. With no tag at all, the "
        "source's")},
    {"tag-git", 0, OPTION_FLAG, offsetof(struct push_args, tag_git), NULL,
     N_("set the commit's id as a tag too: $GITHUB_SHA, $CI_COMMIT_SHA, $GIT_COMMIT, or what git "
        "says of this directory")},
    {"platform", 0, OPTION_TEXT, offsetof(struct push_args, platform), N_("OS/ARCH[/VARIANT]"),
     N_("only this platform of a multi-platform image")},
    {"compress", 0, OPTION_TEXT, offsetof(struct push_args, compress), N_("METHOD[:LEVEL]"),
     N_("how layers that come uncompressed (docker save) are compressed: gzip, gzip:1 to gzip:12, "
        "zstd, zstd:1 to zstd:19. Default: gzip:4")},
    {"lower", 0, OPTION_FLAG, offsetof(struct push_args, lower), NULL,
     N_("lower upper-case repository names instead of refusing them")},
    {"no-referrers", 0, OPTION_FLAG, offsetof(struct push_args, no_referrers), NULL,
     N_("leave signatures, attestations and other referrers behind")},
    {"atomic", 0, OPTION_FLAG, offsetof(struct push_args, atomic), NULL,
     N_("move no tag anywhere unless all content is everywhere")},
    {"dry-run", 0, OPTION_FLAG, offsetof(struct push_args, dry_run), NULL,
     N_("show what would be sent, and send nothing that writes")},
    {"wait", 0, OPTION_FLAG, offsetof(struct push_args, wait), NULL,
     N_("wait for pulls that are held in reserve")},
    {"json", 0, OPTION_FLAG, offsetof(struct push_args, json), NULL,
     N_("print the result as one JSON document")},
    OPTION_END};

static void push_args_clear(struct push_args *args)
{
  text_list_clear(&args->to);
  text_list_clear(&args->tags);
}

/* In a pull request of GitHub's the variable names a merge commit that is in no branch. */
static void note_merge_commit(const char *from)
{
  const char *event = getenv("GITHUB_EVENT_NAME");
  if (strcmp(from, "GITHUB_SHA") == 0 && event && strcmp(event, "pull_request") == 0)
    fputs(_("safeport: note: in a pull request GITHUB_SHA is the merge commit, not the head of the "
            "branch\n"),
          stderr);
}

static int add_git_tag(struct push_args *args, char commit[GIT_COMMIT_TEXT_MAX], struct sp_err *err)
{
  if (!args->tag_git)
    return 0;
  const char *from;
  if (git_find_commit(commit, &from, err) < 0)
    return -1;
  note_merge_commit(from);
  return text_list_add(&args->tags, commit, err);
}

static int push_run(const struct command *self, int argc, char **argv)
{
  SP_CLEANUP(push_args_clear) struct push_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  struct sp_err err = SP_ERR_INIT;
  if (args.to.count == 0) {
    (void)sp_fail(&err, SP_E_USAGE, "no destination: say where with --to REPO[:TAG]");
    return command_fail(&err);
  }
  char commit[GIT_COMMIT_TEXT_MAX];
  if (add_git_tag(&args, commit, &err) < 0)
    return command_fail(&err);
  struct sp_push_options options = {
      .source = line.operands.items[0],
      .to = args.to.items,
      .to_count = args.to.count,
      .tags = args.tags.items,
      .tag_count = args.tags.count,
      .platform = args.platform,
      .compress = args.compress,
      .lower = args.lower,
      .no_referrers = args.no_referrers,
      .atomic = args.atomic,
      .dry_run = args.dry_run,
      .wait = args.wait,
  };
  return run_push(&line.common, &options, args.json);
}

const struct command cmd_push = {
    .name = "push",
    .synopsis = N_("SOURCE --to REPO[:TAG]... [--tag TAG]... [options]"),
    .summary = N_("publish one image to several repositories at once"),
    .about = N_(
        "Reads the image once and writes it to every destination that lacks something: content "
        "first, tags last, 'latest' last of all. Exit status 0 means that every destination holds "
        "all of it, proven at level 'touched' at least.\n\n"
        "SOURCE and REPO are REGISTRY/REPOSITORY[:TAG], oci:DIRECTORY[:TAG], vault:NAME[:TAG], "
        "docker-archive:FILE[:NAME[:TAG]], oci-archive:FILE[:TAG] or docker-daemon:NAME[:TAG] (the "
        "local engine, Docker or Podman); a source may be named by @DIGEST too. See 'safeport help "
        "proof' for the levels of proof."),
    .options = push_options,
    .has_network = true,
    .least_operands = 1,
    .most_operands = 1,
    .run = push_run,
};
