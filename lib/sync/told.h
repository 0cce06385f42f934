/* SPDX-License-Identifier: Apache-2.0 */
/* What came of one image, as it is told to the user (safeport/sync.h), and the sums over all.
 *
 * Life cycle: sp_told_new, adds, sp_told_free. Threads: the caller keeps calls for one image apart
 * from each other.
 */
#ifndef SP_SYNC_TOLD_H
#define SP_SYNC_TOLD_H

#include "oci/digest.h"
#include "safeport/report.h"
#include "safeport/sync.h"

/* A result without places. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_told_new(const char *name, struct sp_sync_image **out, struct sp_err *err);
void sp_told_free(struct sp_sync_image *image);
/* Names the primary and the backups, all copied. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_told_set_places(struct sp_sync_image *image, const char *primary,
                                     const char *const *backups, size_t count, struct sp_err *err);

/* What these can add is lost without memory; counts and failures never are. */

/* One tag at one backup, all borrowed; what is NULL or SP_OK is not known, or was not. */
struct sp_told_tag {
  const char *name;
  enum sp_sync_result result;
  const struct sp_digest *digest, *before;
  const char *history_tag;
  const struct sp_err *why; /* it failed */
  bool is_replaced;         /* as in struct sp_sync_tag */
};
void sp_told_add_tag(struct sp_sync_image *image, size_t place, const struct sp_told_tag *tag);
/* The first failure at a backup counts. */
void sp_told_fail_place(struct sp_sync_image *image, size_t place, const struct sp_err *err);
void sp_told_add_lost(struct sp_sync_image *image, const char *tag);
/* Begins anew: no tag is lost, and of the notes only the first `notes` were made. */
void sp_told_forget_lost(struct sp_sync_image *image, size_t notes);
/* A line worth telling: a message, translated as those of sp_fail. */
void sp_told_add_note(struct sp_sync_image *image, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts the tags of each backup in the order of their names: they were added as they ended. */
void sp_told_sort(struct sp_sync_image *image);
/* What one copy did at a backup. */
void sp_told_add_copy(struct sp_sync_image *image, size_t place,
                      const struct sp_report_place *report);

/* Adds an image to the sums. */
void sp_totals_add(struct sp_sync_totals *totals, const struct sp_sync_image *image);
/* Which exit statuses its failures ask for: bit N for status N. */
unsigned sp_told_classes(const struct sp_sync_image *image);
/* The exit status of a whole run (DESIGN.md "Exit status"): the classes of all its images, and
 * whether anything succeeded. Pure. */
int sp_totals_exit_status(const struct sp_sync_totals *totals, unsigned classes, bool has_success);
/* Did anything of it succeed? Did anything of it fail? */
bool sp_told_has_success(const struct sp_sync_image *image);
bool sp_told_has_failure(const struct sp_sync_image *image);

SP_DEFINE_AUTO_FREE(struct sp_sync_image, sp_told_free)

#endif
