/* SPDX-License-Identifier: Apache-2.0 */
/* One image of a restore: its backups opened and looked through for what is wanted
 * (restore/view.h), its destination opened, and afterwards what was found damaged told. */
#ifndef SP_API_RESTORE_ITEM_H
#define SP_API_RESTORE_ITEM_H

#include "api/fleet.h"
#include "restore/view.h"
#include "safeport/restore.h"

/* What all images of a restore share; borrowed. */
struct sp_restore_plan {
  struct sp_session *session;
  struct sp_images *images; /* NULL: a place is restored, not a name */
  struct sp_place source;   /* that place */
  struct sp_journal *journal;
  const char *state_dir; /* where manifests that cost pulls are kept; NULL: nowhere */
  const char *to, *from;
  const char *const *tags;
  size_t tag_count; /* 0 = all */
  int64_t at_s;     /* SP_KNOWN_NOW, or unix time */
  bool force;
  bool dry_run;
};

/* Opens image `number`: out->primary is the view, out->backups[0] the destination; the rules are
 * the caller's. The backups are read within the reserve of pulls. view must outlive out->primary,
 * and is cleared by the caller in any case. Fails: as sp_view_open_take; SP_E_USAGE (a place that
 * is none). */
SP_MUST_CHECK int sp_restore_item_open(const struct sp_restore_plan *plan, size_t number,
                                       struct sp_pull_reserve *reserve, struct sp_view *view,
                                       struct sp_sync_entry *out, struct sp_err *err);
/* Some of its tags were copied: what was passed over by then, and belongs to their image, hurts
 * them, which is noted in the view; that the image is damaged at that backup, in the journal. */
void sp_restore_item_copied(const struct sp_restore_plan *plan, struct sp_view *view,
                            const struct sp_sync_copied *copied);
/* Tells what was passed over at which backup, and which tags it hurts: notes in `told`; and that it
 * is rotten there, in the journal. */
void sp_restore_item_tell(const struct sp_restore_plan *plan, struct sp_view *view,
                          struct sp_sync_image *told);

#endif
