/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/differ.h"

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
    return sp_site_add_tag(site, tag, &named.digest, false, err);
  if (sp_trouble_is_of_place(&why) || expected->alg == SP_DIGEST_NONE) {
    sp_check_fail_site(check, site, &why);
    return 0;
  }
  if (sp_site_add_tag(site, tag, expected, true, err) < 0)
    return -1;
  return sp_copy_add_finding(sp_site_find_copy(site, expected), expected, "image",
                             why.code == SP_E_NOT_FOUND ? SP_FINDING_MISSING : SP_FINDING_WRONG,
                             err);
}

/* It is in the place of a tag that names nothing there. */
static int add_absent(struct sp_site *site, const char *tag, const struct sp_digest *expected,
                      struct sp_err *err)
{
  if (sp_site_add_tag(site, tag, expected, true, err) < 0)
    return -1;
  return sp_copy_add_finding(sp_site_find_copy(site, expected), expected, "image",
                             SP_FINDING_MISSING, err);
}

/* The primary had it, lists it no more, and that is no damage. */
static bool is_bearably_lost(const struct sp_check *check, const struct sp_pinned *tag)
{
  return tag->is_past && check->work.told->err.code == SP_OK && check->is_loss_bearable;
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
  if (at->now.alg == SP_DIGEST_NONE &&
      (expected->alg == SP_DIGEST_NONE || is_bearably_lost(check, tag)))
    return 0; /* neither side has it, or can say what it would be (told at the primary) */
  if (at->now.alg == SP_DIGEST_NONE)
    return add_absent(site, tag->name, expected, err);
  if (sp_site_add_tag(site, tag->name, &at->now, false, err) < 0)
    return -1;
  if (expected->alg == SP_DIGEST_NONE || sp_digest_eq(expected, &at->now))
    return 0;
  return sp_copy_add_finding(sp_site_find_copy(site, &at->now), &at->now, "image",
                             SP_FINDING_DIFFERENT, err);
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
  return sp_site_add_tag(primary, tag->name, &tag->primary, false, err);
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
  return 0;
}

/* -- referrers */

static bool has_node(const struct sp_copy *copy, const struct sp_digest *digest)
{
  for (size_t i = 0; i < copy->node_count; i++) {
    if (sp_digest_eq(&copy->nodes[i].digest, digest))
      return true;
  }
  return false;
}

/* Is this a referrer whose subject is there, while it is not? Where the subject is damaged its
 * referrers could not be asked for. */
static bool is_missed(const struct sp_copy_node *node, const struct sp_copy *there)
{
  return node->subject.alg != SP_DIGEST_NONE && has_node(there, &node->subject) &&
         !has_node(there, &node->digest);
}

static void compare_copies(struct sp_check *check, const struct sp_copy *original,
                           struct sp_site *site, struct sp_copy *copy)
{
  size_t extra = 0;
  for (size_t i = 0; i < original->node_count; i++) {
    if (is_missed(&original->nodes[i], copy))
      sp_check_find(check, site, copy, &original->nodes[i].digest, "referrer", SP_FINDING_MISSING);
  }
  for (size_t i = 0; i < copy->node_count; i++)
    extra += is_missed(&copy->nodes[i], original);
  if (extra > 0)
    sp_report_add_note(check->report, "'%s' has %zu referrers that the primary does not have",
                       site->store->name, extra);
}

void sp_differ_compare(struct sp_check *check)
{
  const struct sp_site *primary = &check->sites[0];
  for (size_t s = 1; s < check->site_count; s++) {
    struct sp_site *site = &check->sites[s];
    for (size_t i = 0; i < site->copy_count; i++) {
      struct sp_copy *copy = &site->copies[i];
      const struct sp_copy *original = sp_site_find_copy(primary, &copy->digest);
      if (original && original->is_known && copy->is_known)
        compare_copies(check, original, site, copy);
    }
  }
}
