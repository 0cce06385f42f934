/* SPDX-License-Identifier: Apache-2.0 */
/* sp_restore: names -> images, each a view of its backups -> sync, the other way round. */
#include "safeport/restore.h"

#include <string.h>

#include "api/restore_item.h"
#include "base/text.h"
#include "policy/tag_kind.h"

#define DEFAULT_JOBS 4 /* where no safeport.yaml says */

struct restore {
  const struct sp_restore_options *options;
  struct sp_fleet fleet;
  struct sp_restore_plan plan;
  struct sp_selection selection;
  char **names; /* without their tags; owned */
  char *tag;    /* of the one name that has one; owned */
  const char **tags;
  struct sp_view **views; /* of the images at work */
};

static void restore_clear(struct restore *restore)
{
  sp_fleet_clear(&restore->fleet);
  sp_selection_clear(&restore->selection);
  for (size_t i = 0; restore->names && i < restore->options->of.name_count; i++)
    free(restore->names[i]);
  free(restore->names);
  free(restore->tag);
  free(restore->tags);
  free(restore->views);
}

SP_DEFINE_AUTO_CLEAR(struct restore, restore_clear)

/* -- names and tags */

/* A transport, or a host in front of a slash, makes a place; "acme/web" is of a namespace. */
static bool is_place(const char *name)
{
  size_t host = strcspn(name, "/");
  if (strncmp(name, "vault:", 6) == 0 || strncmp(name, "oci:", 4) == 0 ||
      strncmp(name, "docker-archive:", 15) == 0 || strncmp(name, "oci-archive:", 12) == 0)
    return true;
  return name[host] == '/' && (memchr(name, '.', host) || memchr(name, ':', host) ||
                               strncmp(name, "localhost/", 10) == 0);
}

static int split_name(struct restore *restore, size_t i, struct sp_err *err)
{
  const struct sp_restore_options *options = restore->options;
  const char *name = options->of.names[i];
  const char *colon = strrchr(name, ':');
  size_t len = colon ? (size_t)(colon - name) : strlen(name);
  if (sp_text_dup_span(&restore->names[i], SP_SPAN(name, len), err) < 0)
    return -1;
  if (!colon)
    return 0;
  if (options->of.name_count > 1 || options->all)
    return sp_fail(err, SP_E_USAGE, "'%s': with several names, or --all, say tags with --tag",
                   name);
  return sp_text_dup(&restore->tag, colon + 1, err);
}

/* One place, with its tag; or names. */
static int read_names(struct restore *restore, struct sp_err *err)
{
  const struct sp_restore_options *options = restore->options;
  restore->names = calloc(options->of.name_count + 1, sizeof *restore->names);
  if (!restore->names)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  if (options->of.name_count == 1 && is_place(options->of.names[0])) {
    struct sp_ref *ref = &restore->plan.source.ref;
    if (sp_place_parse(options->of.names[0], false, &restore->plan.source, err) < 0)
      return -1;
    if (ref->digest.alg != SP_DIGEST_NONE)
      return sp_fail(err, SP_E_USAGE, "'%s': a digest is restored with safeport copy",
                     options->of.names[0]);
    if (ref->tag[0] && sp_text_dup(&restore->tag, ref->tag, err) < 0)
      return -1;
    ref->tag[0] = '\0';
    return 0;
  }
  for (size_t i = 0; i < options->of.name_count; i++) {
    if (is_place(options->of.names[i]))
      return sp_fail(err, SP_E_USAGE, "'%s': one place at a time", options->of.names[i]);
    if (split_name(restore, i, err) < 0)
      return -1;
  }
  return 0;
}

/* Safeport's own tags are restored only by their exact names. */
static int read_tags(struct restore *restore, struct sp_err *err)
{
  const struct sp_restore_options *options = restore->options;
  size_t count = 0;
  restore->tags = calloc(options->tag_count + 2, sizeof *restore->tags);
  if (!restore->tags)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < options->tag_count; i++)
    restore->tags[count++] = options->tags[i];
  if (restore->tag)
    restore->tags[count++] = restore->tag;
  if (options->all && count > 0)
    return sp_fail(err, SP_E_USAGE, "--all means every tag: leave '%s' out", restore->tags[0]);
  if (!options->all && count == 0)
    restore->tags[count++] = "latest";
  bool is_special = false;
  for (size_t i = 0; i < count; i++) {
    if (!sp_ref_is_tag(sp_span_str(restore->tags[i])))
      return sp_fail(err, SP_E_USAGE, "'%s' is no tag", restore->tags[i]);
    is_special = is_special || sp_tag_is_special(restore->tags[i]);
  }
  for (size_t i = 0; is_special && i < count; i++) {
    if (sp_pattern_list_add(&restore->selection.include, sp_span_str(restore->tags[i]), err) < 0)
      return -1;
  }
  restore->plan.tags = restore->tags;
  restore->plan.tag_count = count;
  return 0;
}

/* -- images, as the window wants them */

static size_t image_count(const struct restore *restore)
{
  return restore->fleet.images ? sp_images_count(restore->fleet.images) : 1;
}

static const char *image_name(void *ctx, size_t number)
{
  const struct restore *restore = ctx;
  return restore->fleet.images ? sp_images_name(restore->fleet.images, number)
                               : restore->options->of.names[0];
}

static int image_open(void *ctx, size_t number, struct sp_pull_reserve *reserve,
                      struct sp_sync_entry *out, struct sp_err *err)
{
  struct restore *restore = ctx;
  struct sp_images *images = restore->fleet.images;
  if (images && sp_images_check(images, number, err) < 0)
    return -1;
  struct sp_view *view = malloc(sizeof *view);
  if (!view)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  restore->views[number] = view;
  *out = (struct sp_sync_entry){
      .rules = {.tags = &restore->selection,
                .with_referrers = !images || sp_images_rules(images, number)->referrers}};
  return sp_restore_item_open(&restore->plan, number, reserve, view, out, err);
}

static bool image_pulls(void *ctx, const struct sp_store *store, struct sp_pulls_said *out)
{
  return sp_fleet_pulls(&((const struct restore *)ctx)->fleet, store, out);
}

static void image_copied(void *ctx, size_t number, const struct sp_sync_copied *copied)
{
  const struct restore *restore = ctx;
  sp_restore_item_copied(&restore->plan, restore->views[number], copied);
}

/* Nobody reads the view's store any more. */
static void image_closing(void *ctx, size_t number, struct sp_sync_image *told)
{
  struct restore *restore = ctx;
  struct sp_view *view = sp_steal(&restore->views[number]);
  if (!view)
    return;
  sp_restore_item_tell(&restore->plan, view, told);
  sp_view_clear(view);
  free(view);
}

static void image_done(void *ctx, const struct sp_sync_image *told)
{
  const struct restore *restore = ctx;
  if (restore->options->image)
    restore->options->image(restore->options->ctx, told);
}

/* -- running */

static void run(struct restore *restore, struct sp_sync_totals *totals)
{
  static const char *const any_tag[] = {"*"};
  const struct sp_restore_options *options = restore->options;
  const struct sp_images *images = restore->fleet.images;
  unsigned jobs = images ? sp_images_config(images)->jobs : DEFAULT_JOBS;
  const struct sp_sync job = {
      .images = {.count = image_count(restore),
                 .name = image_name,
                 .open = image_open,
                 .pulls = image_pulls,
                 .ctx = restore},
      .journal = restore->fleet.journal,
      .run_id = restore->fleet.run_id,
      .state_dir = images ? restore->fleet.state_dir : NULL,
      .max_loss_percent = 100,
      .accept = any_tag,
      .accept_count = options->force,
      .jobs = options->jobs ? options->jobs : jobs,
      .dry_run = options->dry_run,
      .wait = options->wait,
      .restores = true,
      .retry = sp_session_retry(restore->fleet.session),
      .cancel = sp_session_cancel(restore->fleet.session),
      .copied = image_copied,
      .closing = image_closing,
      .done = image_done,
      .ctx = restore,
      .progress = options->progress,
      .progress_ctx = options->progress_ctx,
  };
  sp_sync_run(&job, totals);
}

static int begin_fleet(struct restore *restore, struct sp_session *session, struct sp_err *err)
{
  const struct sp_restore_options *options = restore->options;
  const char *command = options->dry_run ? NULL : "restore";
  if (is_place(options->of.names[0]))
    return options->to
               ? sp_fleet_begin_bare(&restore->fleet, session, command, options->of.names[0], err)
               : sp_fail(err, SP_E_USAGE, "where is '%s' to go? Say --to REPOSITORY",
                         options->of.names[0]);
  struct sp_images_request request = {.of = options->of, .from_backups = true, .must_be_all = true};
  request.of.names = (const char *const *)restore->names;
  if (sp_fleet_begin(&restore->fleet, session, &request, command, SP_OPEN_READ, err) < 0)
    return -1;
  const char *places[] = {options->to, options->from};
  for (size_t i = 0; i < 2 && image_count(restore) > 1; i++) {
    if (places[i] && !strstr(places[i], "{name}"))
      return sp_fail(err, SP_E_USAGE, "'%s' cannot be the place of %zu images: put {name} into it",
                     places[i], image_count(restore));
  }
  return 0;
}

static int begin(struct restore *restore, struct sp_session *session, struct sp_err *err)
{
  const struct sp_restore_options *options = restore->options;
  if (options->of.name_count == 0)
    return sp_fail(err, SP_E_USAGE, "say what is to be restored");
  if (read_names(restore, err) < 0 || read_tags(restore, err) < 0 ||
      begin_fleet(restore, session, err) < 0)
    return -1;
  restore->views = calloc(image_count(restore) + 1, sizeof(struct sp_view *));
  if (!restore->views)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  struct sp_restore_plan *plan = &restore->plan;
  plan->session = session;
  plan->images = restore->fleet.images;
  plan->journal = restore->fleet.journal;
  plan->state_dir = restore->fleet.state_dir;
  plan->to = options->to;
  plan->from = options->from;
  plan->at_s = options->at_s ? options->at_s : SP_KNOWN_NOW;
  if (options->at_s > restore->fleet.began_s)
    plan->at_s = restore->fleet.began_s; /* nobody knows more of what is still to come */
  plan->dry_run = options->dry_run;
  plan->force = options->force;
  return 0;
}

int sp_restore(struct sp_session *session, const struct sp_restore_options *options,
               struct sp_sync_totals *totals, struct sp_err *err)
{
  SP_CLEANUP(restore_clear_auto_) struct restore restore = {.options = options};
  if (begin(&restore, session, err) < 0)
    return sp_fleet_fail(&restore.fleet, err);
  run(&restore, totals);
  return sp_fleet_end(&restore.fleet, &totals->err, &totals->exit_status, totals->started,
                      &totals->seconds, err);
}
