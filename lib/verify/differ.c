/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/differ.h"

#include <stdio.h>
#include <string.h>

#include "oci/reference.h"
#include "policy/tag_kind.h"
#include "sync/gone.h"
#include "sync/wanted.h"
#include "transfer/report.h"
#include "transfer/trouble.h"

static const struct sp_digest no_digest;

/* -- tags */

/* A tag that is in the list and could not be resolved: missing, or damaged? Asked once more. */
static int add_unresolved(struct sp_check *check, struct sp_site *site, const char *tag,
                          const struct sp_digest *expected, struct sp_err *err)
{
  struct sp_named named;
  struct sp_err why = SP_ERR_INIT;
  if (sp_store_resolve(site->store, tag, &named, &why) == 0)
    return sp_site_add_tag(site, tag, &named.digest, NULL, err);
  if (sp_trouble_is_of_place(&why) || expected->alg == SP_DIGEST_NONE) {
    sp_check_fail_site(check, site, &why);
    return 0;
  }
  return sp_site_add_tag(site, tag, expected,
                         why.code == SP_E_NOT_FOUND ? SP_FINDING_MISSING : SP_FINDING_WRONG, err);
}

/* It is in the place of a tag that names nothing there; of one of which nobody knows what it should
 * name (alg NONE) there is nothing to miss. */
static int add_absent(struct sp_site *site, const char *tag, const struct sp_digest *expected,
                      struct sp_err *err)
{
  if (expected->alg == SP_DIGEST_NONE)
    return 0;
  return sp_site_add_tag(site, tag, expected, SP_FINDING_MISSING, err);
}

/* The primary had it, lists it no more, and that is no damage. */
static bool is_bearably_lost(const struct sp_check *check, const struct sp_pinned *tag)
{
  return tag->is_gone ||
         (tag->is_lost && check->work.told->err.code == SP_OK && check->is_loss_bearable);
}

static int add_at_backup(struct sp_check *check, size_t backup, const struct sp_pinned *tag,
                         struct sp_err *err)
{
  struct sp_site *site = &check->sites[1 + backup];
  const struct sp_tag_at *at = &tag->at[backup];
  const struct sp_digest *expected = &tag->primary;
  if (!at->is_known || !sp_check_is_open(check, site))
    return 0; /* the place is out: that it lists nothing says nothing */
  if (at->now.alg == SP_DIGEST_NONE && sp_side_has(&check->work.sides[backup], tag->name))
    return add_unresolved(check, site, tag->name, expected, err);
  if (at->now.alg == SP_DIGEST_NONE)
    return tag->is_gone && !sp_gone_is_missing(&check->work, tag, backup)
               ? 0
               : add_absent(site, tag->name, expected, err);
  bool is_right =
      expected->alg == SP_DIGEST_NONE || tag->is_gone || sp_digest_eq(expected, &at->now);
  return sp_site_add_tag(site, tag->name, &at->now, is_right ? NULL : SP_FINDING_DIFFERENT, err);
}

/* What the backups have says what an unreadable tag of the primary named. */
static const struct sp_digest *guess(const struct sp_check *check, const struct sp_pinned *tag)
{
  for (size_t i = 0; i < check->work.backup_count; i++) {
    if (tag->at[i].now.alg != SP_DIGEST_NONE)
      return &tag->at[i].now;
  }
  return &no_digest;
}

static int add_at_primary(struct sp_check *check, const struct sp_pinned *tag, struct sp_err *err)
{
  struct sp_site *primary = &check->sites[0];
  if (!sp_check_is_open(check, primary) || is_bearably_lost(check, tag))
    return 0;
  if (tag->is_past)
    return add_absent(primary, tag->name, &tag->primary, err);
  if (tag->primary.alg == SP_DIGEST_NONE)
    return add_unresolved(check, primary, tag->name, guess(check, tag), err);
  return sp_site_add_tag(primary, tag->name, &tag->primary, NULL, err);
}

/* -- history tags */

/* Does the tag that is named so belong to an image of this run? (Where no tags were named with the
 * image, to any.) */
static bool is_of_company(const struct sp_check *check, const struct sp_digest *subject)
{
  const struct sp_work *work = &check->work;
  if (!work->rules.only)
    return true;
  for (size_t s = 0; s < check->site_count; s++) {
    if (sp_site_find_copy(&check->sites[s], subject))
      return true;
  }
  return false;
}

/* Is it a history tag of a tag that the file selects, or of cosign's tags? */
static bool is_history(const struct sp_check *check, const char *tag)
{
  char base[SP_MAX_TAG + 1];
  struct sp_span of;
  struct sp_digest subject;
  bool is_fallback;
  if (!sp_history_tag_parse(tag, &of, NULL))
    return false;
  if (sp_ref_digest_tag_subject(of, &subject, &is_fallback))
    return !is_fallback && check->work.rules.with_referrers && is_of_company(check, &subject);
  snprintf(base, sizeof base, "%.*s", (int)of.len, of.ptr);
  return strlen(base) >= SP_HISTORY_BASE_MAX ||
         sp_selection_matches(sp_wanted_selection(&check->work), base);
}

/* Where it names nothing, another backup may say what it would be: they are set together. */
static int add_history_tag(struct sp_check *check, size_t backup, const char *tag,
                           struct sp_err *err)
{
  struct sp_work *work = &check->work;
  struct sp_site *site = &check->sites[1 + backup];
  struct sp_named named = {0};
  struct sp_err why = SP_ERR_INIT;
  if (sp_store_resolve(site->store, tag, &named, &why) == 0)
    return sp_site_add_tag(site, tag, &named.digest, NULL, err);
  for (size_t i = 0; i < work->backup_count && named.digest.alg == SP_DIGEST_NONE; i++) {
    struct sp_err ignored = SP_ERR_INIT;
    if (i != backup && sp_side_has(&work->sides[i], tag) &&
        sp_store_resolve(work->backups[i], tag, &named, &ignored) < 0)
      named.digest = no_digest;
  }
  return add_unresolved(check, site, tag, &named.digest, err);
}

static int add_history(struct sp_check *check, size_t backup, struct sp_err *err)
{
  const struct sp_side *side = &check->work.sides[backup];
  for (size_t i = 0; i < side->tag_count; i++) {
    if (is_history(check, side->tags[i]) && sp_check_is_open(check, &check->sites[1 + backup]) &&
        add_history_tag(check, backup, side->tags[i], err) < 0)
      return -1;
  }
  return 0;
}

static bool has_tag(const struct sp_copy *copy, const char *tag)
{
  for (size_t i = 0; copy && i < copy->tag_count; i++) {
    if (strcmp(copy->tags[i].name, tag) == 0)
      return true;
  }
  return false;
}

/* A history tag is the only name of what a moving tag left. What another backup keeps by one, and
 * this one has by no name, is missing here. */
static int add_missed_of(struct sp_check *check, const struct sp_copy *copy, size_t backup,
                         struct sp_err *err)
{
  struct sp_site *site = &check->sites[1 + backup];
  const struct sp_copy *here = sp_site_find_copy(site, &copy->digest);
  if (here && !here->is_absent)
    return 0;
  for (size_t i = 0; i < copy->tag_count; i++) {
    const char *tag = copy->tags[i].name;
    if (is_history(check, tag) && !has_tag(sp_site_find_copy(site, &copy->digest), tag) &&
        add_absent(site, tag, &copy->digest, err) < 0)
      return -1;
  }
  return 0;
}

static int add_missed_history(struct sp_check *check, const struct sp_site *from,
                              struct sp_err *err)
{
  for (size_t backup = 0; backup < check->work.backup_count; backup++) {
    struct sp_site *site = &check->sites[1 + backup];
    if (site == from || !check->work.sides[backup].is_listed || !sp_check_is_open(check, site))
      continue;
    for (size_t i = 0; i < from->copy_count; i++) {
      if (!from->copies[i].is_absent && add_missed_of(check, &from->copies[i], backup, err) < 0)
        return -1;
    }
  }
  return 0;
}

static int add_all_history(struct sp_check *check, struct sp_err *err)
{
  for (size_t backup = 0; backup < check->work.backup_count; backup++) {
    if (add_history(check, backup, err) < 0)
      return -1;
  }
  for (size_t backup = 0; backup < check->work.backup_count; backup++) {
    if (add_missed_history(check, &check->sites[1 + backup], err) < 0)
      return -1;
  }
  return 0;
}

/* -- what is known to be damaged, and no other tag of this run names */

static bool is_unseen_damage(const struct sp_site *site, const struct sp_digest *digest)
{
  return sp_known_is_damaged(sp_known_find_digest(site->known, digest)) &&
         !sp_site_find_copy(site, digest);
}

static bool has_unseen_damage(const struct sp_site *site)
{
  for (size_t i = 0; i < site->known->digest_count; i++) {
    if (is_unseen_damage(site, &site->known->digests[i].digest))
      return true;
  }
  return false;
}

/* At the other places, too: one of them may be whole. */
static int add_everywhere(struct sp_check *check, const char *tag, const struct sp_digest *digest,
                          struct sp_err *err)
{
  const struct sp_work *work = &check->work;
  for (size_t s = 0; s < check->site_count; s++) {
    struct sp_site *site = &check->sites[s];
    const struct sp_side *side = s == 0 ? &work->primary_side : &work->sides[s - 1];
    struct sp_named named;
    struct sp_err why = SP_ERR_INIT;
    if (sp_check_is_open(check, site) && sp_side_has(side, tag) &&
        sp_store_resolve(site->store, tag, &named, &why) == 0 &&
        sp_digest_eq(&named.digest, digest) && sp_site_add_tag(site, tag, digest, NULL, err) < 0)
      return -1;
  }
  return 0;
}

/* Whatever the file selects now: nobody else would ever mend it, or find that it is mended. */
static int add_damaged(struct sp_check *check, size_t backup, struct sp_err *err)
{
  struct sp_site *site = &check->sites[1 + backup];
  const struct sp_side *side = &check->work.sides[backup];
  for (size_t i = 0; i < side->tag_count && has_unseen_damage(site); i++) {
    const char *tag = side->tags[i];
    const struct sp_known_tag *known = sp_known_find_tag(site->known, tag);
    struct sp_named named;
    struct sp_err why = SP_ERR_INIT;
    if ((known && !is_unseen_damage(site, &known->digest)) || !sp_check_is_open(check, site) ||
        sp_store_resolve(site->store, tag, &named, &why) < 0 ||
        !is_unseen_damage(site, &named.digest))
      continue;
    if (add_everywhere(check, tag, &named.digest, err) < 0)
      return -1;
  }
  return 0;
}

int sp_differ_add_copies(struct sp_check *check, struct sp_err *err)
{
  for (size_t i = 0; i < check->work.tags.selected_count; i++) {
    const struct sp_pinned *tag = &check->work.tags.items[i];
    int failed = add_at_primary(check, tag, err);
    for (size_t backup = 0; !failed && backup < check->work.backup_count; backup++)
      failed = add_at_backup(check, backup, tag, err);
    if (failed)
      return -1;
  }
  if (check->verify->level != SP_PROOF_READ)
    return 0;
  if (add_all_history(check, err) < 0)
    return -1;
  for (size_t i = 0; i < check->work.backup_count && !check->work.rules.only; i++) {
    if (add_damaged(check, i, err) < 0)
      return -1;
  }
  return 0;
}

static const struct sp_pinned *find_pinned(const struct sp_check *check, const char *tag)
{
  for (size_t i = 0; i < check->work.tags.selected_count; i++) {
    if (strcmp(check->work.tags.items[i].name, tag) == 0)
      return &check->work.tags.items[i];
  }
  return NULL;
}

bool sp_differ_is_selected(const struct sp_check *check, const char *tag)
{
  return find_pinned(check, tag) != NULL;
}

bool sp_differ_is_moving(const struct sp_check *check, const char *tag)
{
  const struct sp_pinned *pinned = find_pinned(check, tag);
  return pinned && !pinned->is_fixed && !pinned->is_past;
}

bool sp_differ_is_refused(const struct sp_check *check, const struct sp_site *backup,
                          const char *tag)
{
  const struct sp_pinned *pinned = find_pinned(check, tag);
  return pinned && sp_tags_is_refused(pinned, (size_t)(backup - check->sites) - 1);
}

static bool would_move(const struct sp_check *check, const struct sp_site *backup, const char *tag)
{
  const struct sp_pinned *pinned = find_pinned(check, tag);
  const struct sp_digest *last =
      pinned ? &pinned->at[(size_t)(backup - check->sites) - 1].last : &no_digest;
  return last->alg != SP_DIGEST_NONE && !sp_digest_eq(last, &pinned->primary);
}

bool sp_differ_is_for_sync(const struct sp_check *check, const struct sp_site *backup,
                           const char *tag)
{
  return sp_differ_is_refused(check, backup, tag) || would_move(check, backup, tag);
}

/* -- referrers */

bool sp_differ_is_listed_only(const struct sp_copy *copy, const struct sp_digest *digest)
{
  for (size_t i = 0; i < copy->finding_count; i++) {
    const struct sp_finding *finding = &copy->findings[i];
    if (sp_digest_eq(&finding->digest, digest) && strcmp(finding->what, "referrer") == 0 &&
        strcmp(finding->finding, SP_FINDING_MISSING) == 0)
      return true;
  }
  return false;
}

/* Is this a referrer whose subject is there, while it is not? Where the subject is damaged its
 * referrers could not be asked for. */
static bool is_missed(const struct sp_copy_node *node, const struct sp_copy *there)
{
  return node->subject.alg != SP_DIGEST_NONE && sp_copy_has_node(there, &node->subject) &&
         !sp_copy_has_node(there, &node->digest);
}

/* It is not listed: because its bytes are wrong? */
static const char *look_for(struct sp_site *site, const struct sp_digest *digest)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  struct sp_err why = SP_ERR_INIT;
  sp_manifest_bytes_init(&bytes);
  bool is_wrong =
      sp_store_get_manifest(site->store, digest, &bytes, &why) < 0 && sp_trouble_is_damage(&why);
  return is_wrong ? SP_FINDING_WRONG : SP_FINDING_MISSING;
}

static void compare_copies(struct sp_check *check, const struct sp_copy *original,
                           struct sp_site *site, struct sp_copy *copy)
{
  size_t extra = 0;
  for (size_t i = 0; i < original->node_count; i++) {
    const struct sp_digest *digest = &original->nodes[i].digest;
    if (is_missed(&original->nodes[i], copy))
      sp_check_find(check, site, copy, digest, "referrer", look_for(site, digest));
  }
  for (size_t i = 0; i < copy->node_count; i++)
    extra += is_missed(&copy->nodes[i], original) &&
             !sp_differ_is_listed_only(original, &copy->nodes[i].digest);
  if (extra > 0)
    sp_report_add_note(check->report, "'%s' has %zu referrers that the primary does not have",
                       site->store->name, extra);
}

static bool is_at_a_backup(const struct sp_check *check, const struct sp_digest *image,
                           const struct sp_digest *referrer)
{
  for (size_t s = 1; s < check->site_count; s++) {
    const struct sp_copy *copy = sp_site_find_copy(&check->sites[s], image);
    if (copy && copy->is_known && sp_copy_has_node(copy, referrer))
      return true;
  }
  return false;
}

/* What the primary lists and does not have, and another backup has, is missing at this one, too. */
static void compare_listed(struct sp_check *check, const struct sp_copy *original,
                           struct sp_site *site, struct sp_copy *copy)
{
  for (size_t i = 0; i < original->finding_count; i++) {
    const struct sp_digest *digest = &original->findings[i].digest;
    if (sp_differ_is_listed_only(original, digest) && !sp_copy_has_node(copy, digest) &&
        is_at_a_backup(check, &copy->digest, digest))
      sp_check_find(check, site, copy, digest, "referrer", SP_FINDING_MISSING);
  }
}

void sp_differ_compare(struct sp_check *check)
{
  const struct sp_site *primary = &check->sites[0];
  for (size_t s = 1; s < check->site_count; s++) {
    struct sp_site *site = &check->sites[s];
    for (size_t i = 0; i < site->copy_count; i++) {
      struct sp_copy *copy = &site->copies[i];
      const struct sp_copy *original = sp_site_find_copy(primary, &copy->digest);
      if (!original || !original->is_known || !copy->is_known)
        continue;
      compare_copies(check, original, site, copy);
      compare_listed(check, original, site, copy);
    }
  }
}
