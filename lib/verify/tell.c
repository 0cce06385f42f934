/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/tell.h"

#include <string.h>

#include "base/clock.h"
#include "journal/runs.h"
#include "sync/recall.h"
#include "transfer/report.h"
#include "verify/advice.h"

/* -- the journal */

/* What is lost without memory is found out again next time. */
static void forget(int failed)
{
  (void)failed;
}

/* Since when is every blob of it known to be read? 0: not all are. */
static int64_t oldest_read_s(const struct sp_site *site, const struct sp_copy *copy)
{
  int64_t oldest = INT64_MAX;
  for (size_t i = 0; i < copy->blob_count; i++) {
    int64_t read_s = site->blobs[copy->blobs[i]].read_s;
    oldest = read_s < oldest ? read_s : oldest;
  }
  return copy->blob_count > 0 ? oldest : 0;
}

/* Does no tag name it, and one is listed that cannot be served? Then it is not the tag alone. (What
 * is not listed was taken away, which says nothing of the copy.) */
static bool is_unserved(const struct sp_check *check, const struct sp_site *site,
                        const struct sp_copy *copy)
{
  for (size_t i = 0; copy->is_absent && i < copy->tag_count; i++) {
    if (sp_check_lists(check, site, copy->tags[i].name))
      return true;
  }
  return false;
}

static void tell_rotten(struct sp_check *check, const struct sp_site *site,
                        const struct sp_digest *digest)
{
  struct sp_err no_memory = SP_ERR_INIT;
  int64_t now_s = sp_clock_wall_s();
  forget(sp_rot_tell_seen(check->verify->sync.journal, site->known_as, digest, now_s, &no_memory));
  if (sp_rot_state(site->rot, digest) == SP_ROT_NONE && site->rot->known_s < now_s)
    site->rot->known_s = now_s; /* what this run says of other copies here comes after it */
}

/* Of manifests too: a touch of another image may come only when its proof is due. A good blob was
 * told when it was read. */
static void tell_rot(struct sp_check *check, const struct sp_site *site, const struct sp_copy *copy)
{
  struct sp_err no_memory = SP_ERR_INIT;
  for (size_t i = 0; i < copy->blob_count; i++) {
    const struct sp_site_blob *blob = &site->blobs[copy->blobs[i]];
    if (blob->finding)
      tell_rotten(check, site, &blob->blob.digest);
  }
  for (size_t i = 0; i < copy->finding_count; i++) {
    if (strcmp(copy->findings[i].what, "manifest") == 0)
      tell_rotten(check, site, &copy->findings[i].digest);
  }
  for (size_t i = 0; copy->finding_count == 0 && i < copy->node_count; i++) {
    const struct sp_digest *digest = &copy->nodes[i].digest;
    if (sp_rot_state(site->rot, digest) != SP_ROT_NONE)
      forget(sp_known_tell_blob(check->verify->sync.journal, site->known_as, digest,
                                sp_rot_date_proof(site->rot, sp_clock_wall_s()), &no_memory));
  }
}

static void tell_copy(struct sp_check *check, const struct sp_site *site,
                      const struct sp_copy *copy)
{
  struct sp_journal *journal = check->verify->sync.journal;
  const char *place = site->known_as;
  struct sp_err no_memory = SP_ERR_INIT;
  bool is_damaged = copy->finding_count > 0 || is_unserved(check, site, copy);
  bool needs_read = false; /* a touch fetches and hashes every manifest */
  for (size_t i = 0; i < copy->blob_count; i++) {
    const struct sp_site_blob *blob = &site->blobs[copy->blobs[i]];
    if (!blob->finding)
      continue;
    is_damaged = true;
    needs_read = needs_read || (blob->is_to_read && strcmp(blob->finding, SP_FINDING_MISSING) != 0);
  }
  if (is_damaged) {
    forget(sp_known_tell_damage(journal, place, &copy->digest, needs_read, &no_memory));
    return;
  }
  if (sp_site_copy_proof(site, copy) < SP_PROOF_TOUCHED)
    return;
  const struct sp_known_digest proof = {.digest = copy->digest,
                                        .touched_s =
                                            sp_rot_date_proof(site->rot, check->work.now_s),
                                        .read_s = oldest_read_s(site, copy)};
  forget(sp_known_tell_digest(journal, place, &proof, &no_memory));
}

void sp_tell_copy(struct sp_check *check, const struct sp_site *site, const struct sp_copy *copy)
{
  tell_rot(check, site, copy);
  tell_copy(check, site, copy);
  sp_journal_flush(check->verify->sync.journal);
}

static const char *result_of(const struct sp_report_place *place)
{
  if (place->err.code != SP_OK)
    return "failed";
  if (place->damage_count == 0)
    return place->tags_skipped == place->tags_total ? "in-step" : "proven";
  for (size_t i = 0; i < place->damage_count; i++) {
    if (sp_report_is_wrong_bytes(place->damage[i].finding))
      return "damaged";
  }
  return "missing";
}

void sp_tell_journal(struct sp_check *check)
{
  for (size_t s = 0; s < check->site_count; s++) {
    const struct sp_site *site = &check->sites[s];
    int64_t known_s = site->rot->known_s;
    for (size_t i = 0; i < site->copy_count; i++)
      tell_rot(check, site, &site->copies[i]);
    if (site->rot->known_s != known_s)
      sp_journal_flush(check->verify->sync.journal); /* the images that come next have it in mind */
    for (size_t i = 0; i < site->copy_count; i++)
      tell_copy(check, site, &site->copies[i]);
  }
}

void sp_tell_results(const struct sp_check *check)
{
  const struct sp_sync *sync = &check->verify->sync;
  const struct sp_report *report = check->report;
  static const struct sp_report_place nowhere; /* it failed before its places were known */
  for (size_t i = 0; i < report->place_count || i == 0; i++) {
    const struct sp_report_place *place = report->place_count > 0 ? &report->places[i] : &nowhere;
    bool is_cut = report->err.code != SP_OK;
    const struct sp_run_image image = {.image = check->work.name,
                                       .place = place->name ? place->name : "",
                                       .result = is_cut ? "failed" : result_of(place),
                                       .why = is_cut ? &report->err : &place->err,
                                       .is_more = i > 0,
                                       .has_failed = is_cut || sp_tell_classes(report) != 0};
    struct sp_err no_memory = SP_ERR_INIT;
    forget(sp_runs_tell_image(sync->journal, sync->run_id, &image, &no_memory));
  }
}

/* -- damage */

static void add_damage(struct sp_check *check, struct sp_site *site,
                       const struct sp_finding *finding, const char *tag)
{
  struct sp_err err = SP_ERR_INIT;
  if (sp_report_add_damage_of(site->place, &finding->digest, finding->what, finding->finding, tag,
                              &err) < 0)
    sp_err_copy(&check->report->err, &err);
}

/* It hurts every tag that names the copy, rightly or not. */
static void add_damage_of_copy(struct sp_check *check, struct sp_site *site,
                               const struct sp_copy *copy, const struct sp_finding *finding)
{
  for (size_t i = 0; i < copy->tag_count; i++) {
    if (!sp_copy_lacks_tag(&copy->tags[i]))
      add_damage(check, site, finding, copy->tags[i].name);
  }
}

/* Of a registry: the path below its storage at which its operator finds the bytes. */
static void note_kept_bad(struct sp_check *check, const struct sp_site *site,
                          const struct sp_copy *copy, const struct sp_finding *finding)
{
  const char *where = site->store->name, *name = check->work.name;
  const char *options = sp_advice_repair_options(check, copy);
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&finding->digest, text);
  const char *hex = strchr(text, ':') + 1;
  if (site->store->is_local)
    sp_report_add_note(check->report,
                       "'%s' of '%s' was written anew and has bad bytes still: look at the disk, "
                       "and at who else writes there; then: safeport verify %s %s",
                       text, where, options, name);
  else
    sp_report_add_note(
        check->report,
        "'%s' took a new upload of '%s' and still has bad bytes: it cannot be repaired through its "
        "API. Its operator must remove the file .../blobs/%.*s/%.2s/%s/data of its storage (on a "
        "CNCF "
        "distribution registry) and restart it; then: safeport verify %s %s",
        where, text, (int)strcspn(text, ":"), text, hex, hex, options, name);
}

static void add_copy(struct sp_check *check, struct sp_site *site, const struct sp_copy *copy)
{
  for (size_t i = 0; i < copy->tag_count; i++) {
    const struct sp_copy_tag *tag = &copy->tags[i];
    const struct sp_finding finding = {
        .digest = copy->digest, .what = "image", .finding = tag->finding};
    if (tag->finding)
      add_damage(check, site, &finding, tag->name);
  }
  for (size_t i = 0; i < copy->finding_count; i++) {
    add_damage_of_copy(check, site, copy, &copy->findings[i]);
    if (strcmp(copy->findings[i].finding, SP_FINDING_KEPT_BAD) == 0)
      note_kept_bad(check, site, copy, &copy->findings[i]);
  }
  for (size_t i = 0; i < copy->blob_count; i++) {
    const struct sp_site_blob *blob = &site->blobs[copy->blobs[i]];
    const struct sp_finding finding = {.digest = blob->blob.digest,
                                       .what = sp_image_blob_what(&blob->blob),
                                       .finding = blob->finding};
    if (!blob->finding)
      continue;
    add_damage_of_copy(check, site, copy, &finding);
    if (strcmp(blob->finding, SP_FINDING_KEPT_BAD) == 0)
      note_kept_bad(check, site, copy, &finding);
  }
}

/* -- the report */

static void count_copy(struct sp_report_place *place, const struct sp_site *site,
                       const struct sp_copy *copy)
{
  bool is_whole = sp_site_is_copy_good(site, copy);
  for (size_t i = 0; i < copy->tag_count; i++) {
    bool is_good = is_whole && !copy->tags[i].finding;
    place->tags_total++;
    place->tags_good += is_good;
    place->tags_skipped += is_good && copy->is_skipped;
  }
}

/* The least of all tags; what was skipped was known to be at the level that was asked for. */
static enum sp_proof level_of(const struct sp_check *check, const struct sp_site *site)
{
  enum sp_proof least = check->verify->level;
  if (site->copy_count == 0 || atomic_load(&site->is_out))
    return SP_PROOF_NONE;
  for (size_t i = 0; i < site->copy_count; i++) {
    const struct sp_copy *copy = &site->copies[i];
    enum sp_proof proof = copy->is_skipped ? least : sp_site_copy_proof(site, copy);
    if (sp_copy_has_wrong_tag(copy))
      proof = SP_PROOF_NONE;
    least = proof < least ? proof : least;
  }
  return least;
}

static void report_site(struct sp_check *check, struct sp_site *site)
{
  struct sp_report_place *place = site->place;
  for (size_t i = 0; i < site->copy_count; i++) {
    count_copy(place, site, &site->copies[i]);
    add_copy(check, site, &site->copies[i]);
  }
  place->blobs_total = site->blob_count;
  for (size_t i = 0; i < site->blob_count; i++) {
    place->blobs_present += site->blobs[i].have == SP_HAVE_PRESENT;
    place->blobs_read += site->blobs[i].have == SP_HAVE_PRESENT && site->blobs[i].is_to_read;
  }
  place->proof = sp_proof_name(level_of(check, site));
}

/* Against what were the backups proven, where the primary cannot be asked? */
static void note_basis(struct sp_check *check)
{
  const struct sp_work *work = &check->work;
  const char *primary = check->sites[0].store->name;
  const char *record_at = NULL;
  size_t known = 0, unknown = 0;
  if (work->told->err.code == SP_OK)
    return;
  for (size_t i = 0; i < work->tags.selected_count; i++) {
    bool is_known = work->tags.items[i].primary.alg != SP_DIGEST_NONE;
    known += is_known && !work->tags.items[i].is_gone;
    unknown += !is_known;
  }
  for (size_t i = work->backup_count; i > 0; i--)
    record_at = work->past.has_record[i - 1] ? work->backups[i - 1]->name : record_at;
  if (known > 0 && record_at)
    sp_report_add_note(check->report,
                       "'%s' cannot be asked: %zu tags are compared with what it named last, as "
                       "the record at '%s' says",
                       primary, known, record_at);
  if (known > 0 && !record_at)
    sp_report_add_note(check->report,
                       "'%s' cannot be asked: %zu tags are compared with what it named last, as "
                       "this host's journal knows",
                       primary, known);
  if (unknown > 0)
    sp_report_add_note(check->report,
                       "nobody knows what '%s' named by %zu tags: they are compared with nothing, "
                       "only each manifest and blob with its own digest",
                       primary, unknown);
}

static void note_lost(struct sp_check *check)
{
  const struct sp_sync_image *told = check->work.told;
  for (size_t i = 0; i < told->note_count; i++)
    sp_report_add_note(check->report, "%s", told->notes[i]);
  if (told->lost > 0)
    sp_report_add_note(check->report, "%llu tags that '%s' had are gone there ('%s' among them)",
                       (unsigned long long)told->lost, told->primary,
                       told->lost_tag_count > 0 ? told->lost_tags[0] : "");
}

/* sync would not believe it either. That stands beside what was proven of what it has left. */
static void tell_held(struct sp_check *check)
{
  struct sp_err *err = &check->sites[0].place->err;
  if (!check->is_loss_bearable && err->code == SP_OK)
    (void)!sp_recall_refuse_loss(&check->work, err);
}

void sp_tell_report(struct sp_check *check)
{
  for (size_t s = 0; s < check->site_count; s++)
    report_site(check, &check->sites[s]);
  tell_held(check);
  note_basis(check);
  note_lost(check);
  sp_advice_add(check);
}

/* -- what it comes to */

unsigned sp_tell_classes(const struct sp_report *report)
{
  unsigned classes = sp_exit_class(&report->err);
  for (size_t i = 0; i < report->place_count; i++) {
    const struct sp_report_place *place = &report->places[i];
    classes |= sp_exit_class(&place->err);
    for (size_t k = 0; k < place->damage_count; k++)
      classes |= sp_report_is_wrong_bytes(place->damage[k].finding) ? 1u << 5 : 1u << 1;
  }
  return classes;
}

bool sp_tell_has_success(const struct sp_report *report)
{
  for (size_t i = 0; i < report->place_count; i++) {
    if (report->err.code == SP_OK && sp_report_is_place_done(&report->places[i]))
      return true;
  }
  return false;
}
