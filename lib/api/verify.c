/* SPDX-License-Identifier: Apache-2.0 */
/* sp_verify: two names -> two read-only places -> compare -> what it came to. */
#include <stdlib.h>

#include "api/job_report.h"
#include "api/meter.h"
#include "api/names.h"
#include "api/only_tag.h"
#include "api/session.h"
#include "base/i18n.h"
#include "oci/platform.h"
#include "safeport/job.h"
#include "transfer/job.h"

struct verify {
  struct sp_place source, destination;
  struct sp_platform platform;
  struct sp_pull_reserve reserve;
  struct sp_opened opened[2]; /* source, destination */
};

static void verify_free(struct verify **verify)
{
  if (!*verify)
    return;
  sp_opened_clear(&(*verify)->opened[0]);
  sp_opened_clear(&(*verify)->opened[1]);
  sp_pull_reserve_clear(&(*verify)->reserve);
  free(*verify);
}

/* A destination that names neither tag nor digest is compared at what the source was named by. */
static void default_destination(struct verify *verify)
{
  struct sp_ref *ref = &verify->destination.ref;
  if (ref->tag[0] || ref->digest.alg != SP_DIGEST_NONE)
    return;
  memcpy(ref->tag, verify->source.ref.tag, sizeof ref->tag);
  ref->digest = verify->source.ref.digest;
}

/* A place that tells its tag has one image, and finds it without; others have to be told what the
 * source calls it. */
static int default_tag(struct verify *verify, const struct sp_verify_options *options,
                       struct sp_err *err)
{
  struct sp_place *to = &verify->destination;
  if (sp_place_tells_tag(to) || to->ref.tag[0] || to->ref.digest.alg != SP_DIGEST_NONE)
    return 0;
  return sp_only_tag(verify->opened[0].store, options->source, _("write DST:TAG"), to->ref.tag,
                     err);
}

static int open_both(struct sp_session *session, struct verify *verify,
                     const struct sp_verify_options *options, struct sp_err *err)
{
  const struct sp_source_wishes wishes = {
      .platform = options->platform ? &verify->platform : NULL,
      .compression = SP_COMPRESSION_DEFAULT_INIT,
  };
  if (sp_session_open_source_or_broken(session, &verify->source, &wishes, &verify->opened[0], err) <
          0 ||
      default_tag(verify, options, err) < 0 ||
      sp_session_open_source_or_broken(session, &verify->destination, &wishes, &verify->opened[1],
                                       err) < 0)
    return -1;
  for (size_t i = 0; i < 2; i++) {
    if (sp_meter_wrap(&verify->reserve, &verify->opened[i], err) < 0)
      return -1;
  }
  return 0;
}

static int parse(struct verify *verify, const struct sp_verify_options *options, struct sp_err *err)
{
  if (sp_names_parse_source(options->source, options->lower, &verify->source, err) < 0)
    return -1;
  if (!options->destination || !*options->destination)
    return sp_fail(err, SP_E_USAGE, "there is no destination");
  if (sp_place_parse(options->destination, options->lower, &verify->destination, err) < 0)
    return -1;
  default_destination(verify);
  const char *platform = options->platform;
  return platform ? sp_platform_parse(sp_span_str(platform), &verify->platform, err) : 0;
}

/* A digest decides where one was written; a tag beside it is only a name. */
static const char *tag_of(const struct sp_place *place)
{
  return sp_place_digest(place) ? NULL : place->ref.tag;
}

static struct sp_digest digest_of(const struct sp_place *place)
{
  const struct sp_digest *digest = sp_place_digest(place);
  return digest ? *digest : (struct sp_digest){0};
}

struct watcher {
  const struct verify *verify;
  const struct sp_verify_options *options;
};

/* As in push.c: a side's plan comes with its name. */
static void name_sides(void *ctx, const struct sp_event *event)
{
  const struct watcher *watcher = ctx;
  struct sp_event named = *event;
  if (event->kind == SP_EVENT_PLAN && !event->text && event->destination >= 0)
    named.text = watcher->verify->opened[event->destination].store->name;
  watcher->options->progress(watcher->options->progress_ctx, &named);
}

static void run(struct sp_session *session, struct verify *verify,
                const struct sp_verify_options *options, struct sp_report *report)
{
  struct watcher watcher = {.verify = verify, .options = options};
  const struct sp_compare compare = {
      .source = verify->opened[0].store,
      .destination = verify->opened[1].store,
      .source_tag = tag_of(&verify->source),
      .destination_tag = tag_of(&verify->destination),
      .source_digest = digest_of(&verify->source),
      .destination_digest = digest_of(&verify->destination),
      .platform = options->platform ? &verify->platform : NULL,
      .with_referrers = !options->no_referrers,
      .read = options->read,
      .retry = sp_session_retry(session),
      .cancel = sp_session_cancel(session),
      .progress = options->progress ? name_sides : NULL,
      .progress_ctx = &watcher,
  };
  sp_compare_run(&compare, report);
  sp_job_report_add_reserve(report, &verify->reserve);
  for (size_t i = 0; i < 2; i++)
    sp_job_report_add_pulls(&report->places[i], &verify->opened[i]);
}

int sp_verify(struct sp_session *session, const struct sp_verify_options *options,
              struct sp_report **out, struct sp_err *err)
{
  SP_CLEANUP(verify_free) struct verify *verify = calloc(1, sizeof *verify);
  if (!verify)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a verification");
  sp_meter_init(&verify->reserve, session, options->wait);
  const struct sp_job_place sides[] = {{.place = &verify->source}, {.place = &verify->destination}};
  SP_CLEANUP(sp_report_free_auto_) struct sp_report *report = NULL;
  if (parse(verify, options, err) < 0 || open_both(session, verify, options, err) < 0 ||
      sp_job_report_begin(SP_REPORT_VERIFY, options->source, sides, 2, &report, err) < 0)
    return -1;
  run(session, verify, options, report);
  sp_job_report_end(report);
  *out = sp_steal(&report);
  return 0;
}
