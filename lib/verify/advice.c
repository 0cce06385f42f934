/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/advice.h"

#include "transfer/report.h"
#include "transfer/trouble.h"
#include "verify/differ.h"

#define COPIES_NAMED 3 /* of those that the primary does not have whole */

/* -- what the primary does not have whole */

/* What the backups have of an image. */
enum holding {
  HOLDING_NONE,
  HOLDING_UNASKED,
  HOLDING_UNPROVEN,
  HOLDING_IMAGE, /* whole, but for referrers that it lacks */
  HOLDING_WHOLE,
  HOLDING_COUNT
};

struct holder {
  enum holding holding;
  const struct sp_site *site; /* which it is, UNPROVEN or better */
};

/* A copy may be whole without a referrer that the primary lists and does not have. */
static bool has_listed(const struct sp_site *site, const struct sp_copy *original)
{
  for (size_t i = 0; i < original->finding_count; i++) {
    const struct sp_digest *digest = &original->findings[i].digest;
    struct sp_named named;
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_differ_is_listed_only(original, digest) &&
        sp_store_stat_manifest(site->store, digest, &named, &ignored) < 0)
      return false;
  }
  return true;
}

/* Is all else of it there? */
static bool lacks_only_referrers(const struct sp_site *site, const struct sp_copy *copy)
{
  bool is_so = copy->is_known && !copy->is_absent;
  for (size_t i = 0; i < copy->finding_count; i++)
    is_so = is_so && sp_differ_is_listed_only(copy, &copy->findings[i].digest);
  for (size_t i = 0; i < copy->blob_count; i++)
    is_so = is_so && site->blobs[copy->blobs[i]].have == SP_HAVE_PRESENT;
  return is_so;
}

/* Has it anything of what the primary does not have, or not good? */
static bool has_any_lacking(const struct sp_site *site, const struct sp_copy *copy,
                            const struct sp_site *primary, const struct sp_copy *original)
{
  for (size_t i = 0; i < original->blob_count; i++) {
    const struct sp_site_blob *blob = &primary->blobs[original->blobs[i]];
    size_t number;
    if (blob->have != SP_HAVE_PRESENT &&
        sp_digest_map_find(&site->blob_map, &blob->blob.digest, &number) &&
        site->blobs[number].have == SP_HAVE_PRESENT)
      return true;
  }
  for (size_t i = 0; i < original->finding_count; i++) {
    if (sp_copy_has_node(copy, &original->findings[i].digest))
      return true;
  }
  return original->is_absent;
}

/* A copy that no tag names is not looked at, and may be there all the same: restore finds it. */
static enum holding ask_site(const struct sp_check *check, const struct sp_site *site,
                             const struct sp_copy *original)
{
  const struct sp_digest *digest = &original->digest;
  const struct sp_copy *copy = sp_site_find_copy(site, digest);
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  if (copy && sp_site_is_copy_good(site, copy))
    return has_listed(site, original) ? HOLDING_WHOLE : HOLDING_IMAGE;
  if (copy && lacks_only_referrers(site, copy))
    return has_any_lacking(site, copy, &check->sites[0], original) ? HOLDING_IMAGE : HOLDING_NONE;
  if (!sp_check_is_open(check, site))
    return HOLDING_UNASKED;
  if (copy && !copy->is_absent && (copy->is_known || copy->finding_count > 0))
    return HOLDING_NONE;
  if (sp_store_stat_manifest(site->store, digest, &named, &err) == 0)
    return HOLDING_UNPROVEN;
  return sp_trouble_is_of_place(&err) ? HOLDING_UNASKED : HOLDING_NONE;
}

/* The best of them. */
static struct holder find_holder(const struct sp_check *check, const struct sp_copy *original)
{
  struct holder best = {HOLDING_NONE, NULL};
  for (size_t s = 1; s < check->site_count && best.holding != HOLDING_WHOLE; s++) {
    enum holding holding = ask_site(check, &check->sites[s], original);
    if (holding > best.holding)
      best = (struct holder){holding, &check->sites[s]};
  }
  return best;
}

/* Was something found in it that is not as it should be? (Of what was not reached nothing is said.)
 */
static bool is_bad(const struct sp_site *site, const struct sp_copy *copy)
{
  return copy->finding_count > 0 || (copy->is_known && !sp_site_is_copy_good(site, copy));
}

/* A tag by which the copy can be told: one that names it. */
static const char *tag_of(const struct sp_copy *copy)
{
  size_t i = 0;
  while (i + 1 < copy->tag_count && sp_copy_lacks_tag(&copy->tags[i]))
    i++;
  return copy->tags[i].name;
}

/* Is all that it lacks layers that registries do not store (nondistributable)? */
static bool lacks_only_foreign(const struct sp_site *site, const struct sp_copy *copy)
{
  bool is_so = copy->is_known && !copy->is_absent && copy->finding_count == 0;
  for (size_t i = 0; i < copy->blob_count; i++) {
    const struct sp_site_blob *blob = &site->blobs[copy->blobs[i]];
    is_so = is_so && (blob->have == SP_HAVE_PRESENT ||
                      (blob->blob.is_foreign && blob->have == SP_HAVE_ABSENT));
  }
  return is_so;
}

static void advise_foreign(struct sp_check *check, const char *tag)
{
  sp_report_add_note(check->report,
                     "'%s:%s' has layers that are kept elsewhere (nondistributable): they were not "
                     "fetched from there, and neither '%s' nor a backup has them, so it cannot be "
                     "backed up whole",
                     check->work.name, tag, check->sites[0].store->name);
}

static void advise_listed(struct sp_check *check, const char *tag)
{
  sp_report_add_note(
      check->report,
      "referrers of '%s:%s' that '%s' lists are missing there, and no backup has all "
      "of them: push them again, or list them no more",
      check->work.name, tag, check->sites[0].store->name);
}

static void advise_whole(struct sp_check *check, const char *tag, bool is_lost,
                         const struct sp_site *at)
{
  const char *name = check->work.name, *primary = check->sites[0].store->name;
  if (is_lost)
    sp_report_add_note(check->report,
                       "'%s:%s' is gone at the primary, and whole at '%s': safeport restore %s "
                       "--tag %s --to %s",
                       name, tag, at->store->name, name, tag, primary);
  else
    sp_report_add_note(check->report,
                       "'%s:%s' is damaged at the primary, and whole at '%s': safeport restore "
                       "%s --tag %s --to %s",
                       name, tag, at->store->name, name, tag, primary);
}

/* What is newer at the primary than the last sync is at no backup. */
static void advise_image(struct sp_check *check, const char *tag, const struct sp_site *at)
{
  const char *name = check->work.name;
  sp_report_add_note(check->report,
                     "'%s:%s' is gone or damaged at the primary, and whole at '%s' but for "
                     "referrers that no backup has with it: safeport restore %s --tag %s --to %s",
                     name, tag, at->store->name, name, tag, check->sites[0].store->name);
}

static void advise_nowhere(struct sp_check *check, const char *tag, bool is_lost)
{
  if (is_lost)
    sp_report_add_note(check->report, "'%s:%s' is gone at the primary, and no backup has it whole",
                       check->work.name, tag);
  else
    sp_report_add_note(check->report,
                       "'%s:%s' is damaged at the primary, and no backup has it whole: build it "
                       "anew",
                       check->work.name, tag);
}

static void advise_copy(struct sp_check *check, const char *tag, bool is_lost, struct holder holder)
{
  const char *name = check->work.name;
  if (holder.holding == HOLDING_WHOLE)
    advise_whole(check, tag, is_lost, holder.site);
  else if (holder.holding == HOLDING_IMAGE)
    advise_image(check, tag, holder.site);
  else if (holder.holding == HOLDING_NONE)
    advise_nowhere(check, tag, is_lost);
  else if (holder.holding == HOLDING_UNASKED)
    sp_report_add_note(check->report,
                       "'%s:%s' is gone or damaged at the primary, and whole at no backup that "
                       "could be asked",
                       name, tag);
  else
    sp_report_add_note(check->report,
                       "'%s:%s' is gone or damaged at the primary; '%s' has it, by another tag or "
                       "none, and unproven: safeport restore %s --tag %s --to %s",
                       name, tag, holder.site->store->name, name, tag, check->sites[0].store->name);
}

/* Of those that a backup has, and of the others. */
static void advise_more(struct sp_check *check, const size_t count[HOLDING_COUNT])
{
  const char *name = check->work.name, *primary = check->sites[0].store->name;
  size_t more[HOLDING_COUNT];
  for (size_t i = 0; i < HOLDING_COUNT; i++)
    more[i] = count[i] > COPIES_NAMED ? count[i] - COPIES_NAMED : 0;
  if (more[HOLDING_WHOLE] > 0)
    sp_report_add_note(check->report,
                       "%zu more are gone or damaged at the primary, and whole at a backup; to "
                       "bring all back: safeport restore %s --all --to %s",
                       more[HOLDING_WHOLE], name, primary);
  if (more[HOLDING_IMAGE] > 0)
    sp_report_add_note(check->report,
                       "%zu more are gone or damaged at the primary, and whole at a backup but for "
                       "referrers; to bring back what is there: safeport restore %s --all --to %s",
                       more[HOLDING_IMAGE], name, primary);
  if (more[HOLDING_UNPROVEN] > 0)
    sp_report_add_note(check->report,
                       "%zu more are gone or damaged at the primary, and unproven at a backup; to "
                       "bring back what is whole: safeport restore %s --all --to %s",
                       more[HOLDING_UNPROVEN], name, primary);
  if (more[HOLDING_UNASKED] > 0)
    sp_report_add_note(check->report,
                       "%zu more are gone or damaged at the primary, and whole at no backup that "
                       "could be asked",
                       more[HOLDING_UNASKED]);
  if (more[HOLDING_NONE] > 0)
    sp_report_add_note(check->report,
                       "%zu more are gone or damaged at the primary, and no backup has them whole",
                       more[HOLDING_NONE]);
}

/* Of a primary that is out nobody knows what it does not have. */
static void advise_primary(struct sp_check *check)
{
  const struct sp_site *primary = &check->sites[0];
  size_t count[HOLDING_COUNT] = {0};
  for (size_t i = 0; i < primary->copy_count; i++) {
    const struct sp_copy *copy = &primary->copies[i];
    bool is_damaged = is_bad(primary, copy) && !(copy->is_known && atomic_load(&primary->is_out));
    if (!is_damaged && !sp_copy_has_wrong_tag(copy))
      continue;
    const struct holder holder = find_holder(check, copy);
    for (size_t k = 0; k < copy->tag_count; k++) {
      const char *tag = copy->tags[k].name;
      if (copy->tags[k].finding && count[holder.holding]++ < COPIES_NAMED)
        advise_copy(check, tag, !sp_check_lists(check, primary, tag), holder);
    }
    if (!is_damaged || count[holder.holding]++ >= COPIES_NAMED)
      continue;
    if (holder.holding <= HOLDING_IMAGE && holder.holding != HOLDING_UNASKED &&
        lacks_only_referrers(primary, copy))
      advise_listed(check, tag_of(copy));
    else if (holder.holding == HOLDING_NONE && lacks_only_foreign(primary, copy))
      advise_foreign(check, tag_of(copy));
    else
      advise_copy(check, tag_of(copy), false, holder);
  }
  advise_more(check, count);
}

/* -- what a backup lacks */

/* Which tags of it are for sync to set, but for those that it would refuse, and which for repair?
 */
static void count_tags(const struct sp_check *check, const struct sp_site *site,
                       const struct sp_copy *copy, size_t *behind, size_t *lacking)
{
  for (size_t i = 0; i < copy->tag_count; i++) {
    const struct sp_copy_tag *tag = &copy->tags[i];
    if (!tag->finding || sp_differ_is_refused(check, site, tag->name))
      continue;
    bool is_behind = !sp_copy_lacks_tag(tag) || sp_differ_is_for_sync(check, site, tag->name);
    *behind += is_behind;
    *lacking += !is_behind;
  }
}

/* Such a copy is looked at only by a verify that reads. */
static bool is_beyond_selected(const struct sp_check *check, const struct sp_copy *copy)
{
  for (size_t i = 0; i < copy->tag_count; i++) {
    if (sp_differ_is_selected(check, copy->tags[i].name))
      return false;
  }
  return true;
}

static const char *repair_options(bool needs_read)
{
  return needs_read ? "--read --repair" : "--repair";
}

const char *sp_advice_repair_options(const struct sp_check *check, const struct sp_copy *copy)
{
  return repair_options(is_beyond_selected(check, copy));
}

static void advise_backup(struct sp_check *check, const struct sp_site *site)
{
  size_t behind = 0, lacking = 0;
  bool needs_read = false;
  for (size_t i = 0; i < site->copy_count; i++) {
    const struct sp_copy *copy = &site->copies[i];
    size_t before = lacking;
    lacking += is_bad(site, copy);
    count_tags(check, site, copy, &behind, &lacking);
    needs_read = needs_read || (lacking > before && is_beyond_selected(check, copy));
  }
  if (behind > 0)
    sp_report_add_note(check->report, "%zu tags name something else at '%s': safeport sync %s",
                       behind, site->store->name, check->work.name);
  if (lacking > 0 && !check->verify->repair && !atomic_load(&site->is_out))
    sp_report_add_note(check->report, "to send what '%s' lacks: safeport verify %s %s",
                       site->store->name, repair_options(needs_read), check->work.name);
}

/* -- fixed tags */

/* It changed at the primary: the same for all backups. */
static void advise_changed(struct sp_check *check, const struct sp_pinned *tag, size_t backup)
{
  const struct sp_work *work = &check->work;
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

static void advise_replaced(struct sp_check *check, const struct sp_pinned *tag, size_t backup)
{
  const struct sp_work *work = &check->work;
  const char *place = work->backups[backup]->name;
  char good[SP_DIGEST_TEXT_MAX], there[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&tag->primary, good);
  sp_digest_format(&tag->at[backup].now, there);
  sp_report_add_note(check->report,
                     "'%s' is a fixed tag that was replaced at '%s': it is '%s' there, and '%s' at "
                     "the primary, as before. Look who may write to '%s'; to set it right: "
                     "safeport sync %s --accept %s:%s",
                     tag->name, place, there, good, place, work->name, work->name, tag->name);
}

/* Neither sync nor repair sets such a tag. */
static void advise_refused(struct sp_check *check, const struct sp_pinned *tag)
{
  bool is_told = false;
  for (size_t i = 0; i < check->work.backup_count; i++) {
    if (!sp_tags_is_refused(tag, i))
      continue;
    if (sp_tags_is_replaced(&check->work, tag, i)) {
      advise_replaced(check, tag, i);
      continue;
    }
    if (!is_told)
      advise_changed(check, tag, i);
    is_told = true;
  }
}

/* -- all */

void sp_advice_add(struct sp_check *check)
{
  advise_primary(check);
  for (size_t i = 0; i < check->work.tags.selected_count; i++) {
    if (!check->work.tags.items[i].is_past)
      advise_refused(check, &check->work.tags.items[i]);
  }
  for (size_t s = 1; s < check->site_count; s++)
    advise_backup(check, &check->sites[s]);
}
