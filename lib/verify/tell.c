/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/tell.h"

#include <string.h>

#include "base/clock.h"
#include "journal/runs.h"
#include "sync/recall.h"
#include "transfer/report.h"
#include "verify/differ.h"

#define COPIES_NAMED 3 /* of those that the primary does not have whole */

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

static bool has_damage(const struct sp_copy *copy)
{
  for (size_t i = 0; i < copy->finding_count; i++) {
    if (strcmp(copy->findings[i].finding, SP_FINDING_DIFFERENT) != 0)
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
  bool is_damaged = has_damage(copy);
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

static void add_damage(struct sp_check *check, struct sp_site *site, const struct sp_copy *copy,
                       const struct sp_finding *finding)
{
  struct sp_err err = SP_ERR_INIT;
  for (size_t i = 0; i < copy->tag_count; i++) {
    if (sp_report_add_damage_of(site->place, &finding->digest, finding->what, finding->finding,
                                copy->tags[i], &err) == 0)
      continue;
    sp_err_copy(&check->report->err, &err);
    return;
  }
}

/* Such a copy is looked at only by a verify that reads. */
static bool is_beyond_selected(const struct sp_check *check, const struct sp_copy *copy)
{
  for (size_t i = 0; i < copy->tag_count; i++) {
    if (sp_differ_is_selected(check, copy->tags[i]))
      return false;
  }
  return true;
}

static const char *repair_options(bool needs_read)
{
  return needs_read ? "--read --repair" : "--repair";
}

/* Of a registry: the path below its storage at which its operator finds the bytes. */
static void note_kept_bad(struct sp_check *check, const struct sp_site *site,
                          const struct sp_copy *copy, const struct sp_finding *finding)
{
  const char *where = site->store->name, *name = check->work.name;
  const char *options = repair_options(is_beyond_selected(check, copy));
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
  for (size_t i = 0; i < copy->finding_count; i++) {
    add_damage(check, site, copy, &copy->findings[i]);
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
    add_damage(check, site, copy, &finding);
    if (strcmp(blob->finding, SP_FINDING_KEPT_BAD) == 0)
      note_kept_bad(check, site, copy, &finding);
  }
}

/* -- what to do */

static const struct sp_site *find_good(const struct sp_check *check, const struct sp_digest *digest)
{
  for (size_t s = 1; s < check->site_count; s++) {
    const struct sp_copy *copy = sp_site_find_copy(&check->sites[s], digest);
    if (copy && sp_site_is_copy_good(&check->sites[s], copy))
      return &check->sites[s];
  }
  return NULL;
}

static bool is_only_different(const struct sp_copy *copy)
{
  return copy->finding_count > 0 && !has_damage(copy);
}

/* The tag by which a copy that the primary does not have whole is told; *is_lost: it is in no list
 * of the primary any more, so that is no damage. */
static const char *tag_of(const struct sp_check *check, const struct sp_copy *copy, bool *is_lost)
{
  for (size_t i = 0; i < copy->tag_count; i++) {
    *is_lost = !sp_side_has(&check->work.primary_side, copy->tags[i]);
    if (*is_lost)
      return copy->tags[i];
  }
  return copy->tags[0];
}

static void advise_copy(struct sp_check *check, const char *tag, bool is_lost,
                        const struct sp_site *good)
{
  const char *name = check->work.name, *primary = check->sites[0].store->name;
  if (is_lost && good)
    sp_report_add_note(check->report,
                       "'%s:%s' is gone at the primary, and whole at '%s': safeport restore %s "
                       "--tag %s --to %s",
                       name, tag, good->store->name, name, tag, primary);
  else if (is_lost)
    sp_report_add_note(check->report, "'%s:%s' is gone at the primary, and no backup has it whole",
                       name, tag);
  else if (good)
    sp_report_add_note(check->report,
                       "'%s:%s' is damaged at the primary, and whole at '%s': safeport restore "
                       "%s --tag %s --to %s",
                       name, tag, good->store->name, name, tag, primary);
  else
    sp_report_add_note(check->report,
                       "'%s:%s' is damaged at the primary, and no backup has it whole: build it "
                       "anew",
                       name, tag);
}

/* Of those that a backup has whole, and of the others. */
static void advise_more(struct sp_check *check, size_t good, size_t bad)
{
  if (good > 0)
    sp_report_add_note(check->report,
                       "%zu more are gone or damaged at the primary, and whole at a backup; to "
                       "bring all back: safeport restore %s --all --to %s",
                       good, check->work.name, check->sites[0].store->name);
  if (bad > 0)
    sp_report_add_note(check->report,
                       "%zu more are gone or damaged at the primary, and no backup has them whole",
                       bad);
}

static void advise_primary(struct sp_check *check)
{
  const struct sp_site *primary = &check->sites[0];
  size_t count[2] = {0}; /* [1]: with a whole copy */
  for (size_t i = 0; i < primary->copy_count; i++) {
    const struct sp_copy *copy = &primary->copies[i];
    if (sp_site_is_copy_good(primary, copy) || (copy->is_known && atomic_load(&primary->is_out)) ||
        (!copy->is_known && copy->finding_count == 0))
      continue;
    const struct sp_site *good = find_good(check, &copy->digest);
    bool is_lost;
    const char *tag = tag_of(check, copy, &is_lost);
    if (count[good != NULL]++ < COPIES_NAMED)
      advise_copy(check, tag, is_lost, good);
  }
  advise_more(check, count[1] > COPIES_NAMED ? count[1] - COPIES_NAMED : 0,
              count[0] > COPIES_NAMED ? count[0] - COPIES_NAMED : 0);
}

static size_t count_refused(const struct sp_check *check, const struct sp_site *site,
                            const struct sp_copy *copy)
{
  size_t count = 0;
  for (size_t i = 0; i < copy->tag_count; i++)
    count += sp_differ_is_refused(check, site, copy->tags[i]);
  return count;
}

static void advise_backup(struct sp_check *check, const struct sp_site *site)
{
  size_t behind = 0, damaged = 0;
  bool needs_read = false;
  for (size_t i = 0; i < site->copy_count; i++) {
    const struct sp_copy *copy = &site->copies[i];
    bool is_bad = copy->finding_count > 0 || (copy->is_known && !sp_site_is_copy_good(site, copy));
    size_t refused = is_bad ? count_refused(check, site, copy) : 0;
    if (is_only_different(copy))
      behind += copy->tag_count - refused;
    else if (is_bad && refused == 0) {
      damaged++;
      needs_read = needs_read || is_beyond_selected(check, copy);
    }
  }
  if (behind > 0)
    sp_report_add_note(check->report, "%zu tags name something else at '%s': safeport sync %s",
                       behind, site->store->name, check->work.name);
  if (damaged > 0 && !check->verify->repair && !atomic_load(&site->is_out))
    sp_report_add_note(check->report, "to send what '%s' lacks: safeport verify %s %s",
                       site->store->name, repair_options(needs_read), check->work.name);
}

/* Neither sync nor repair follows such a tag. */
static void advise_refused(struct sp_check *check)
{
  const struct sp_work *work = &check->work;
  for (size_t i = 0; i < work->tags.selected_count; i++) {
    const struct sp_pinned *tag = &work->tags.items[i];
    size_t backup = 0;
    while (backup < work->backup_count && !sp_tags_is_refused(tag, backup))
      backup++;
    if (backup == work->backup_count || tag->is_past)
      continue;
    char now[SP_DIGEST_TEXT_MAX], before[SP_DIGEST_TEXT_MAX];
    struct sp_digest known = *sp_tags_left(&tag->at[backup]);
    if (known.alg == SP_DIGEST_NONE)
      known = sp_tags_before(work, tag);
    sp_digest_format(&tag->primary, now);
    sp_digest_format(&known, before);
    sp_report_add_note(check->report,
                       "'%s' is a fixed tag, was '%s', and is '%s' at the primary now: tampered "
                       "with, or rebuilt. Nothing follows it; look at the primary, and if it is "
                       "meant: safeport sync %s --accept %s:%s",
                       tag->name, before, now, work->name, work->name, tag->name);
  }
}

/* -- the report */

static void count_copy(struct sp_report_place *place, const struct sp_site *site,
                       const struct sp_copy *copy)
{
  bool is_good = sp_site_is_copy_good(site, copy);
  place->tags_total += copy->tag_count;
  place->tags_good += is_good ? copy->tag_count : 0;
  place->tags_skipped += is_good && copy->is_skipped ? copy->tag_count : 0;
}

/* The least of all copies; what was skipped was known to be at the level that was asked for. */
static enum sp_proof level_of(const struct sp_check *check, const struct sp_site *site)
{
  enum sp_proof least = check->verify->level;
  if (site->copy_count == 0 || atomic_load(&site->is_out))
    return SP_PROOF_NONE;
  for (size_t i = 0; i < site->copy_count; i++) {
    enum sp_proof proof =
        site->copies[i].is_skipped ? least : sp_site_copy_proof(site, &site->copies[i]);
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
  advise_primary(check);
  advise_refused(check);
  for (size_t s = 1; s < check->site_count; s++)
    advise_backup(check, &check->sites[s]);
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
