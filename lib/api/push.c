/* SPDX-License-Identifier: Apache-2.0 */
/* sp_push: names -> open places -> transfer -> what it came to. Nothing is opened before all names
 * were found good. */
#include <stdlib.h>

#include "api/broken.h"
#include "api/job_report.h"
#include "api/meter.h"
#include "api/names.h"
#include "api/only_tag.h"
#include "api/session.h"
#include "base/i18n.h"
#include "oci/platform.h"
#include "transfer/job.h"

struct push {
  struct sp_session *session;
  const struct sp_push_options *options;
  struct sp_pull_reserve reserve;
  struct sp_names names;
  struct sp_platform platform;
  struct sp_source_wishes wishes;
  struct sp_opened source;
  struct sp_opened targets[SP_MAX_DESTINATIONS];
};

static void push_clear(struct push *push)
{
  sp_opened_clear(&push->source);
  for (size_t i = 0; i < push->names.target_count; i++)
    sp_opened_clear(&push->targets[i]);
  sp_names_clear(&push->names);
  sp_pull_reserve_clear(&push->reserve);
}

static void push_free(struct push **push)
{
  if (*push)
    push_clear(*push);
  free(*push);
}

/* A layout written as `oci:DIR` has one image: its own name there is the tag to give on. */
static int ask_layout_for_tag(struct push *push, struct sp_err *err)
{
  const char *remedy = push->options->is_copy
                           ? _("write SRC:TAG or DST:TAG")
                           : _("say which tag the destinations get with --tag TAG");
  char tag[SP_MAX_TAG + 1];
  if (sp_only_tag(push->source.store, push->options->source, remedy, tag, err) < 0)
    return -1;
  return sp_names_default_tag(&push->names, tag, err);
}

/* A source that cannot be read is told in the report, as everything that befalls a place. */
static int open_source(struct push *push, struct sp_err *err)
{
  const struct sp_place *place = &push->names.source;
  if (!sp_names_lack_tag(&push->names))
    return sp_session_open_source_or_broken(push->session, place, &push->wishes, &push->source,
                                            err);
  struct sp_err why = SP_ERR_INIT;
  if (sp_session_open_source(push->session, place, &push->wishes, &push->source, &why) == 0 &&
      ask_layout_for_tag(push, &why) == 0)
    return 0;
  if (why.code == SP_E_USAGE) {
    sp_err_copy(err, &why);
    return -1;
  }
  char name[SP_PLACE_TEXT_MAX];
  sp_place_format_name(place, name);
  sp_opened_clear(&push->source);
  return sp_broken_new(name, &why, &push->source.store, err);
}

static int open_targets(struct push *push, struct sp_err *err)
{
  enum sp_open_mode mode = push->options->dry_run ? SP_OPEN_PLAN : SP_OPEN_WRITE;
  for (size_t i = 0; i < push->names.target_count; i++) {
    if (sp_session_open_or_broken(push->session, &push->names.targets[i].place, mode,
                                  &push->targets[i], err) < 0 ||
        sp_meter_wrap(&push->reserve, &push->targets[i], err) < 0)
      return -1;
  }
  return 0;
}

static int make_report(const struct push *push, struct sp_report **out, struct sp_err *err)
{
  enum sp_report_kind kind = push->options->is_copy ? SP_REPORT_COPY : SP_REPORT_PUSH;
  struct sp_job_place places[SP_MAX_DESTINATIONS];
  for (size_t i = 0; i < push->names.target_count; i++) {
    const struct sp_target *target = &push->names.targets[i];
    places[i] = (struct sp_job_place){.place = &target->place,
                                      .tag = target->tag_count > 0 ? target->tags[0] : NULL};
  }
  if (sp_job_report_begin(kind, push->options->source, places, push->names.target_count, out, err) <
      0)
    return -1;
  (*out)->dry_run = push->options->dry_run;
  return 0;
}

/* A destination's plan comes with its name: what watches knows only what the user wrote, and two of
 * those may be one place. */
static void name_places(void *ctx, const struct sp_event *event)
{
  const struct push *push = ctx;
  struct sp_event named = *event;
  if (event->kind == SP_EVENT_PLAN && !event->text && event->destination >= 0)
    named.text = push->targets[event->destination].store->name;
  push->options->progress(push->options->progress_ctx, &named);
}

/* What an index is narrowed to, if nothing but an engine gets it. Beside other places, which take
 * all of it, an engine refuses it (engine/destination.h). */
static const struct sp_platform *index_platform(const struct push *push)
{
  for (size_t i = 0; i < push->names.target_count; i++) {
    if (!push->targets[i].store->takes.os[0])
      return NULL;
  }
  return &push->targets[0].store->takes;
}

static void run(struct push *push, struct sp_report *report)
{
  struct sp_transfer_destination destinations[SP_MAX_DESTINATIONS];
  for (size_t i = 0; i < push->names.target_count; i++) {
    destinations[i] = (struct sp_transfer_destination){
        .store = push->targets[i].store,
        .tags = (const char *const *)push->names.targets[i].tags,
        .tag_count = push->names.targets[i].tag_count,
    };
  }
  const struct sp_digest *digest = sp_place_digest(&push->names.source);
  const struct sp_transfer transfer = {
      .source = push->source.store,
      .tag = digest ? NULL : push->names.source.ref.tag,
      .digest = digest ? *digest : (struct sp_digest){0},
      .platform = push->wishes.platform,
      .index_platform = index_platform(push),
      .destinations = destinations,
      .destination_count = push->names.target_count,
      .with_referrers = !push->options->no_referrers,
      .atomic = push->options->atomic,
      .dry_run = push->options->dry_run,
      .reserve = &push->reserve,
      .retry = sp_session_retry(push->session),
      .cancel = sp_session_cancel(push->session),
      .progress = push->options->progress ? name_places : NULL,
      .progress_ctx = push,
  };
  sp_transfer_run(&transfer, report);
  sp_job_report_add_reserve(report, &push->reserve);
  for (size_t i = 0; i < push->names.target_count; i++)
    sp_job_report_add_pulls(&report->places[i], &push->targets[i]);
}

static int check_wishes(struct push *push, struct sp_err *err)
{
  const char *platform = push->options->platform;
  if (sp_compression_parse(push->options->compress, &push->wishes.compression, err) < 0)
    return sp_err_context(err, "--compress");
  if (!platform)
    return 0;
  push->wishes.platform = &push->platform;
  return sp_platform_parse(sp_span_str(platform), &push->platform, err);
}

int sp_push(struct sp_session *session, const struct sp_push_options *options,
            struct sp_report **out, struct sp_err *err)
{
  SP_CLEANUP(push_free) struct push *push = calloc(1, sizeof *push);
  if (!push)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a push");
  push->session = session;
  push->options = options;
  sp_meter_init(&push->reserve, session, options->wait);
  SP_CLEANUP(sp_report_free_auto_) struct sp_report *report = NULL;
  if (sp_names_init(&push->names, options, err) < 0 || check_wishes(push, err) < 0 ||
      open_source(push, err) < 0 || sp_meter_wrap(&push->reserve, &push->source, err) < 0 ||
      open_targets(push, err) < 0 || make_report(push, &report, err) < 0)
    return -1;
  run(push, report);
  sp_job_report_end(report);
  *out = sp_steal(&report);
  return 0;
}
