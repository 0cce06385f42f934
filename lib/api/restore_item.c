/* SPDX-License-Identifier: Apache-2.0 */
#include "api/restore_item.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"
#include "journal/record_facts.h"
#include "journal/rot.h"
#include "oci/place_key.h"
#include "store/pull_reserve.h"
#include "sync/kept.h"
#include "sync/told.h"

/* -- places */

/* Puts the image's name for {name}. */
static int parse_place(const char *text, const char *image, struct sp_place *out,
                       struct sp_err *err)
{
  static const char hole[] = "{name}";
  const char *at = strstr(text, hole);
  SP_AUTO_FREE char *filled = NULL;
  if (at && sp_text_format(&filled, err, "%.*s%s%s", (int)(at - text), text, image,
                           at + sizeof hole - 1) < 0)
    return -1;
  if (sp_place_parse(at ? filled : text, false, out, err) < 0)
    return -1;
  if (out->ref.tag[0] || out->ref.digest.alg != SP_DIGEST_NONE)
    return sp_fail(err, SP_E_USAGE,
                   "'%s': leave the tag out; tags keep their names (to give one another name: "
                   "safeport copy)",
                   text);
  return 0;
}

static const char *name_of(const struct sp_restore_plan *plan, size_t number)
{
  return plan->images ? sp_images_name(plan->images, number) : plan->source.ref.repository;
}

static bool is_archive(const struct sp_place *place)
{
  return place->transport == SP_TRANSPORT_DOCKER_ARCHIVE ||
         place->transport == SP_TRANSPORT_OCI_ARCHIVE;
}

/* An archive is written as a whole: what is in the file would be gone. */
static int require_new_file(const struct sp_restore_plan *plan, const struct sp_place *place,
                            struct sp_err *err)
{
  struct stat info;
  if (!is_archive(place))
    return 0;
  if (strcmp(place->path, "-") == 0)
    return sp_fail(err, SP_E_USAGE,
                   "'%s': standard output is the report's: restore to a file, or use safeport copy",
                   plan->to);
  if (plan->force || lstat(place->path, &info) < 0)
    return 0;
  return sp_fail(err, SP_E_REFUSED,
                 "'%s' is there, and would be replaced as a whole: take another name, or --force",
                 place->path);
}

static int open_destination(const struct sp_restore_plan *plan, size_t number,
                            struct sp_opened *out, struct sp_err *err)
{
  enum sp_open_mode mode = plan->dry_run ? SP_OPEN_PLAN : SP_OPEN_WRITE;
  struct sp_place place;
  if (!plan->to)
    return sp_images_open_primary(plan->images, number, mode, out, err);
  if (parse_place(plan->to, name_of(plan, number), &place, err) < 0 ||
      require_new_file(plan, &place, err) < 0)
    return -1;
  return sp_session_open_or_broken(plan->session, &place, mode, out, err);
}

/* Of a place, or of --from, there is one copy. */
static int open_one(const struct sp_restore_plan *plan, size_t number, struct sp_opened *out,
                    struct sp_err *err)
{
  struct sp_place place = plan->source;
  if (plan->from && parse_place(plan->from, name_of(plan, number), &place, err) < 0)
    return -1;
  return sp_session_open_or_broken(plan->session, &place, SP_OPEN_READ, out, err);
}

struct copies {
  struct sp_store *stores[SP_MAX_DESTINATIONS];
  size_t count;
};

static void copies_clear(struct copies *copies)
{
  for (size_t i = 0; i < copies->count; i++)
    sp_store_close(copies->stores[i]);
}

/* Are these names of stores names of one place? */
static bool is_one_place(const char *a, const char *b)
{
  const char *const names[] = {a, b};
  SP_AUTO_FREE char *first = NULL;
  SP_AUTO_FREE char *second = NULL;
  char **const keys[] = {&first, &second};
  for (size_t i = 0; i < 2; i++) {
    struct sp_place place;
    struct sp_err err = SP_ERR_INIT;
    if (sp_place_parse(names[i], false, &place, &err) < 0 ||
        sp_place_key(&place, keys[i], &err) < 0)
      return strcmp(a, b) == 0;
  }
  return strcmp(first, second) == 0;
}

/* All backups but the one that is restored to. */
static int open_backups(const struct sp_restore_plan *plan, size_t number, const char *to,
                        struct copies *copies, struct sp_err *err)
{
  size_t count = sp_images_rules(plan->images, number)->backups.count;
  for (size_t i = 0; i < count; i++) {
    struct sp_opened opened;
    if (sp_images_open_backup(plan->images, number, i, SP_OPEN_READ, &opened, err) < 0)
      return -1;
    if (is_one_place(opened.store->name, to))
      sp_opened_clear(&opened);
    else
      copies->stores[copies->count++] = opened.store;
  }
  if (copies->count == 0)
    return sp_fail(err, SP_E_USAGE, "'%s' is the only backup there is: where is it to come from?",
                   to);
  return 0;
}

static int open_copies(const struct sp_restore_plan *plan, size_t number, const char *to,
                       struct copies *copies, struct sp_err *err)
{
  if (plan->images && !plan->from)
    return open_backups(plan, number, to, copies, err);
  struct sp_opened opened;
  if (open_one(plan, number, &opened, err) < 0)
    return -1;
  copies->stores[copies->count++] = opened.store;
  if (!is_one_place(opened.store->name, to))
    return 0;
  return sp_fail(err, SP_E_USAGE, "'%s' cannot be restored to itself", to);
}

/* Each manifest costs one pull, also where the restore has to go on in the next window. */
static int meter_copies(const struct sp_restore_plan *plan, struct copies *copies,
                        struct sp_pull_reserve *reserve, struct sp_err *err)
{
  for (size_t i = 0; i < copies->count; i++) {
    struct sp_store *inner = sp_steal(&copies->stores[i]);
    struct sp_store *metered;
    if (sp_pull_reserve_wrap_take(reserve, inner, &metered, err) < 0 ||
        sp_kept_wrap_take(metered, plan->state_dir, reserve, false, &copies->stores[i], err) < 0)
      return -1;
  }
  return 0;
}

/* The name under which the journal knows the primary; NULL if there is none. */
static int name_primary(const struct sp_restore_plan *plan, size_t number, char **out,
                        struct sp_err *err)
{
  SP_AUTO_OPENED struct sp_opened opened = {0};
  *out = NULL;
  if (!plan->images)
    return 0;
  if (sp_images_open_primary(plan->images, number, SP_OPEN_PLAN, &opened, err) < 0)
    return -1;
  return sp_text_dup(out, opened.store->name, err);
}

static int open_view(const struct sp_restore_plan *plan, size_t number, const char *to,
                     struct sp_pull_reserve *reserve, struct sp_view *view, struct sp_store **out,
                     struct sp_err *err)
{
  SP_AUTO_FREE char *primary = NULL;
  SP_CLEANUP(copies_clear) struct copies copies = {0};
  if (name_primary(plan, number, &primary, err) < 0 ||
      open_copies(plan, number, to, &copies, err) < 0 ||
      meter_copies(plan, &copies, reserve, err) < 0)
    return -1;
  const struct sp_view_request request = {.image = name_of(plan, number),
                                          .primary = primary,
                                          .tags = plan->tags,
                                          .tag_count = plan->tag_count,
                                          .at_s = plan->at_s,
                                          .journal = plan->journal,
                                          .retry = sp_session_retry(plan->session),
                                          .cancel = sp_session_cancel(plan->session)};
  size_t count = copies.count;
  copies.count = 0;
  return sp_view_open_take(view, &request, copies.stores, count, out, err);
}

int sp_restore_item_open(const struct sp_restore_plan *plan, size_t number,
                         struct sp_pull_reserve *reserve, struct sp_view *view,
                         struct sp_sync_entry *out, struct sp_err *err)
{
  SP_AUTO_OPENED struct sp_opened to = {0};
  sp_view_init(view);
  if (open_destination(plan, number, &to, err) < 0 ||
      open_view(plan, number, to.store->name, reserve, view, &out->primary, err) < 0)
    return -1;
  out->backups[0] = sp_steal(&to.store);
  out->backup_count = 1;
  return 0;
}

/* -- afterwards */

/* Has the place the image, or had it, as the journal and the record there know? All backups are
 * asked for what is wanted, also for what came and went before they were backups. A place that is
 * restored by itself is asked for what it names. */
static bool has_had(const struct sp_restore_plan *plan, const char *place,
                    const struct sp_digest *image)
{
  struct sp_known_digest known;
  struct sp_err no_memory = SP_ERR_INIT;
  return !plan->images ||
         (sp_known_read_digest(plan->journal, place, image, &known, &no_memory) == 0 &&
          (known.first_seen_s || sp_record_says_of_copy(&known)));
}

/* Without memory it is found again. A manifest is hashed by whoever touches an image. */
static void tell_damage(const struct sp_restore_plan *plan, const char *place,
                        struct sp_passed_over *passed, const struct sp_digest *image)
{
  if (passed->why == SP_PASSED_UNREAD ||
      (passed->why == SP_PASSED_MISSING && !has_had(plan, place, image)))
    return;
  passed->is_damage = true;
  bool needs_read = passed->why == SP_PASSED_DAMAGED && !sp_digest_eq(image, &passed->digest);
  struct sp_err no_memory = SP_ERR_INIT;
  (void)!sp_known_tell_damage(plan->journal, place, image, needs_read, &no_memory);
}

void sp_restore_item_copied(const struct sp_restore_plan *plan, struct sp_view *view,
                            const struct sp_sync_copied *copied)
{
  SP_LOCK_SCOPE(&view->lock);
  for (size_t i = 0; i < view->passed_over_count; i++) {
    struct sp_passed_over *passed = &view->passed_over[i];
    if (!sp_digest_eq(copied->digest, &passed->digest) &&
        !sp_image_needs(copied->image, &passed->digest))
      continue;
    for (size_t k = 0; k < copied->tag_count; k++)
      sp_text_append_name(passed->tags, sizeof passed->tags, copied->tags[k]);
    tell_damage(plan, view->known_as[passed->copy], passed, copied->digest);
  }
}

static void note_passed(struct sp_sync_image *told, const struct sp_passed_over *passed,
                        const char *place)
{
  char digest[SP_DIGEST_TEXT_MAX];
  const char *tags = passed->tags[0] ? passed->tags : _("not known");
  sp_digest_format(&passed->digest, digest);
  if (passed->why == SP_PASSED_MISSING)
    sp_told_add_note(told, "%s is missing at '%s' (tags: %s)", digest, place, tags);
  else if (passed->why == SP_PASSED_DAMAGED)
    sp_told_add_note(told, "%s is damaged at '%s' (tags: %s)", digest, place, tags);
  else
    sp_told_add_note(told, "%s cannot be had from '%s' (tags: %s)", digest, place, tags);
}

/* Whichever image it hurts. */
static void tell_rot(const struct sp_restore_plan *plan, const struct sp_view *view,
                     const struct sp_passed_over *passed)
{
  struct sp_err no_memory = SP_ERR_INIT;
  if (passed->is_damage)
    (void)!sp_rot_tell_seen(plan->journal, view->known_as[passed->copy], &passed->digest,
                            sp_clock_wall_s(), &no_memory);
}

void sp_restore_item_tell(const struct sp_restore_plan *plan, struct sp_view *view,
                          struct sp_sync_image *told)
{
  SP_LOCK_SCOPE(&view->lock);
  for (size_t i = 0; i < view->note_count; i++)
    sp_told_add_note(told, "%s", view->notes[i]);
  for (size_t i = 0; i < view->passed_over_count; i++) {
    const struct sp_passed_over *passed = &view->passed_over[i];
    note_passed(told, passed, view->copies[passed->copy]);
    tell_rot(plan, view, passed);
  }
  if (view->missing.code != SP_OK && told->err.code == SP_OK)
    sp_err_copy(&told->err, &view->missing);
}
