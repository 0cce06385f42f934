/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs first, each from whoever has it good: a job of transfer/ would only touch them, and a
 * flipped byte does not show then. After that such a job brings the rest: manifests, the tag, the
 * lists of referrers. */
#include "verify/repair.h"

#include <string.h>

#include "store/relay.h"
#include "sync/history.h"
#include "transfer/job.h"
#include "transfer/report.h"
#include "verify/differ.h"
#include "verify/prove.h"

#define FOLLOWED_MAX 4 /* times, of a tag that moves and moves */

/* Is it a tag that is missing, and not for sync? */
static bool is_to_set(const struct sp_check *check, const struct sp_site *site,
                      const struct sp_copy_tag *tag)
{
  return sp_copy_lacks_tag(tag) && !sp_differ_is_for_sync(check, site, tag->name);
}

static size_t count_to_set(const struct sp_check *check, const struct sp_site *site,
                           const struct sp_copy *copy)
{
  size_t count = 0;
  for (size_t i = 0; i < copy->tag_count; i++)
    count += is_to_set(check, site, &copy->tags[i]);
  return count;
}

/* -- blobs */

/* A primary that sync would hold is not believed here either. */
static bool may_give(const struct sp_check *check, size_t number, const struct sp_site *to)
{
  const struct sp_site *site = &check->sites[number];
  return site != to && !atomic_load(&site->is_out) && (number > 0 || check->is_loss_bearable);
}

/* Some other place that has the blob good; the primary, if it has. */
static struct sp_store *find_blob(const struct sp_check *check, const struct sp_site *but,
                                  const struct sp_digest *digest)
{
  for (size_t s = 0; s < check->site_count; s++) {
    const struct sp_site *site = &check->sites[s];
    size_t number;
    if (may_give(check, s, but) && sp_digest_map_find(&site->blob_map, digest, &number) &&
        site->blobs[number].have == SP_HAVE_PRESENT)
      return site->store;
  }
  return NULL;
}

static void send_blob(struct sp_check *check, struct sp_site *site, struct sp_site_blob *blob)
{
  struct sp_store *from = find_blob(check, site, &blob->blob.digest);
  struct sp_relay_end end = {.store = site->store};
  struct sp_relay relay = {.source = from,
                           .digest = blob->blob.digest,
                           .size_bytes = blob->blob.size_bytes,
                           .ends = &end,
                           .end_count = 1,
                           .retry_for_ms = check->verify->sync.retry.retry_for_ms,
                           .cancel = check->verify->sync.cancel};
  struct sp_err err = SP_ERR_INIT;
  if (!from)
    return;
  if (sp_relay_run(&relay, &err) < 0) {
    sp_report_add_note(check->report, "cannot repair '%s': %s", site->store->name, err.msg);
    return;
  }
  if (end.result != SP_RELAY_DONE) {
    sp_check_fail_site(check, site, &end.err);
    return;
  }
  blob->is_sent = true;
  site->place->blobs_sent++;
  site->place->bytes_sent += end.sent_bytes;
}

/* -- the rest */

struct repair {
  struct sp_check *check;
  struct sp_site *site;
  const struct sp_copy *copy;
  bool is_again; /* tags are set that moved after they were set */
};

/* Is the primary asked what the tag names, after it was looked at? */
static bool is_asked_again(const struct repair *repair, const char *tag)
{
  return sp_differ_is_moving(repair->check, tag) && may_give(repair->check, 0, repair->site);
}

static bool names_another(struct sp_store *store, const char *tag, const struct sp_digest *digest)
{
  struct sp_named named;
  struct sp_err ignored = SP_ERR_INIT;
  return sp_store_resolve(store, tag, &named, &ignored) == 0 &&
         !sp_digest_eq(&named.digest, digest);
}

/* Somebody may have been faster: what a tag named when it was looked at is not set over what it
 * names since, here or at the primary. */
static int require_unmoved(void *ctx, size_t destination, struct sp_err *err)
{
  const struct repair *repair = ctx;
  const struct sp_check *check = repair->check;
  const struct sp_copy *copy = repair->copy;
  (void)destination;
  for (size_t i = 0; i < copy->tag_count && !repair->is_again; i++) {
    const char *tag = copy->tags[i].name;
    if (!is_to_set(check, repair->site, &copy->tags[i]))
      continue;
    if (names_another(repair->site->store, tag, &copy->digest) ||
        (is_asked_again(repair, tag) && names_another(check->sites[0].store, tag, &copy->digest)))
      return sp_fail(err, SP_E_REFUSED,
                     "'%s' moved while it was repaired, and is left to the next sync: safeport "
                     "sync %s",
                     tag, check->work.name);
  }
  return 0;
}

/* Some other place that has the whole copy good. */
static struct sp_site *find_copy(struct sp_check *check, const struct sp_site *but,
                                 const struct sp_digest *digest)
{
  for (size_t s = 0; s < check->site_count; s++) {
    struct sp_site *site = &check->sites[s];
    const struct sp_copy *copy = sp_site_find_copy(site, digest);
    if (may_give(check, s, but) && copy && sp_site_is_copy_good(site, copy))
      return site;
  }
  return NULL;
}

/* What a tag of the image's company is about to leave keeps a name there. */
static int keep_side(void *ctx, size_t destination, const char *tag, const struct sp_digest *next,
                     struct sp_err *err)
{
  const struct repair *repair = ctx;
  (void)destination;
  size_t backup = (size_t)(repair->site - repair->check->sites) - 1;
  return sp_history_keep_side(&repair->check->work, backup, tag, next, err);
}

/* What it did counts at the site. */
static int add_up(struct sp_check *check, struct sp_site *site, const struct sp_report *report)
{
  const struct sp_report_place *place = &report->places[0];
  const struct sp_err *why = report->err.code != SP_OK ? &report->err : &place->err;
  site->place->blobs_sent += place->blobs_sent;
  site->place->bytes_sent += place->bytes_sent;
  site->place->manifests_put += place->manifests_put;
  if (why->code == SP_OK)
    return 0;
  sp_report_add_note(check->report, "cannot repair '%s': %s", site->store->name, why->msg);
  return -1;
}

/* Brings what the donor has of this digest, under these tags. */
static int transfer(struct repair *repair, struct sp_site *donor, const struct sp_digest *digest,
                    const char *const *tags, size_t tag_count)
{
  struct sp_check *check = repair->check;
  const struct sp_sync *sync = &check->verify->sync;
  SP_CLEANUP(sp_report_free_auto_) struct sp_report *report = NULL;
  struct sp_err err = SP_ERR_INIT;
  const char *name = repair->site->store->name;
  if (sp_report_new(SP_REPORT_COPY, donor->store->name, &name, 1, &report, &err) < 0) {
    sp_check_fail_site(check, repair->site, &err);
    return -1;
  }
  struct sp_transfer_destination to = {
      .store = repair->site->store, .tags = tags, .tag_count = tag_count};
  const struct sp_transfer job = {.source = donor->store,
                                  .digest = *digest,
                                  .destinations = &to,
                                  .destination_count = 1,
                                  .with_referrers = check->work.rules.with_referrers,
                                  .before_tags = require_unmoved,
                                  .before_side_tag = keep_side,
                                  .ctx = repair,
                                  .view = &donor->view,
                                  .retry = sync->retry,
                                  .cancel = sync->cancel};
  sp_transfer_run(&job, report);
  return add_up(check, repair->site, report);
}

/* Once it is set a tag is looked at again: who was faster may have set what it names since, and
 * would have been set back. */
static int follow(struct repair *repair, const char *tag)
{
  struct sp_check *check = repair->check;
  struct sp_digest last = repair->copy->digest;
  struct sp_named now;
  struct sp_err ignored = SP_ERR_INIT;
  repair->is_again = true;
  for (int n = 0; n < FOLLOWED_MAX && is_asked_again(repair, tag) &&
                  sp_store_resolve(check->sites[0].store, tag, &now, &ignored) == 0 &&
                  !sp_digest_eq(&now.digest, &last);
       n++) {
    last = now.digest;
    if (transfer(repair, &check->sites[0], &last, &tag, 1) < 0)
      return -1;
  }
  return 0;
}

static void bring_rest(struct sp_check *check, struct sp_site *site, struct sp_copy *copy)
{
  struct sp_site *donor = find_copy(check, site, &copy->digest);
  struct repair repair = {.check = check, .site = site, .copy = copy};
  size_t count = 0;
  if (!donor)
    return;
  SP_AUTO_FREE const char **tags = calloc(copy->tag_count + 1, sizeof *tags);
  if (!tags) {
    struct sp_err err = SP_ERR_INIT;
    (void)sp_fail(&err, SP_E_NOMEM, "out of memory");
    sp_check_fail_site(check, site, &err);
    return;
  }
  for (size_t i = 0; i < copy->tag_count; i++) {
    if (is_to_set(check, site, &copy->tags[i]))
      tags[count++] = copy->tags[i].name;
  }
  if (transfer(&repair, donor, &copy->digest, tags, count) < 0)
    return;
  for (size_t i = 0; i < copy->tag_count; i++) {
    if (is_to_set(check, site, &copy->tags[i]) && follow(&repair, copy->tags[i].name) == 0)
      copy->tags[i].finding = NULL;
  }
  copy->is_absent = false;
}

/* -- one copy */

static size_t count_findings(const struct sp_site *site, const struct sp_copy *copy)
{
  size_t count = copy->finding_count;
  for (size_t i = 0; i < copy->blob_count; i++)
    count += site->blobs[copy->blobs[i]].finding != NULL;
  return count;
}

/* What was sent, acknowledged, and is bad still. What is bad of an image as a whole is no file. */
static void call_kept_bad(struct sp_site *site, struct sp_copy *copy, bool are_manifests_sent)
{
  for (size_t i = 0; i < copy->blob_count; i++) {
    struct sp_site_blob *blob = &site->blobs[copy->blobs[i]];
    if (blob->finding && blob->is_sent)
      blob->finding = SP_FINDING_KEPT_BAD;
  }
  for (size_t i = 0; are_manifests_sent && i < copy->finding_count; i++) {
    struct sp_finding *finding = &copy->findings[i];
    if (strcmp(finding->finding, SP_FINDING_WRONG) == 0 && strcmp(finding->what, "image") != 0)
      finding->finding = SP_FINDING_KEPT_BAD;
  }
}

static void repair_copy(struct sp_check *check, struct sp_site *site, struct sp_copy *copy)
{
  size_t bad = count_findings(site, copy), before = bad + count_to_set(check, site, copy);
  bool is_to_prove = bad > 0 || copy->is_absent;
  for (size_t i = 0; i < copy->blob_count && sp_check_is_open(check, site); i++) {
    struct sp_site_blob *blob = &site->blobs[copy->blobs[i]];
    if (blob->finding && !blob->is_sent)
      send_blob(check, site, blob);
  }
  if (!sp_check_is_open(check, site))
    return;
  uint64_t manifests_put = site->place->manifests_put;
  if (copy->finding_count > 0 || before > bad)
    bring_rest(check, site, copy);
  if (copy->is_absent)
    return;
  if (is_to_prove)
    sp_prove_again(check, site, copy);
  call_kept_bad(site, copy, site->place->manifests_put > manifests_put);
  size_t after = count_findings(site, copy) + count_to_set(check, site, copy);
  check->repaired += after < before ? before - after : 0;
  if (after == 0)
    sp_report_add_note(check->report, "repaired at '%s', and read back: %s (%s)", site->store->name,
                       check->work.name, copy->tags[0].name);
}

void sp_repair_run(struct sp_check *check)
{
  for (size_t s = 1; s < check->site_count; s++) {
    struct sp_site *site = &check->sites[s];
    for (size_t i = 0; i < site->copy_count; i++) {
      struct sp_copy *copy = &site->copies[i];
      bool is_bad = !copy->is_skipped && count_findings(site, copy) > 0;
      if ((is_bad || count_to_set(check, site, copy) > 0) && sp_check_is_open(check, site))
        repair_copy(check, site, copy);
    }
  }
}
