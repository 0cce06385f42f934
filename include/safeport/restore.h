/* SPDX-License-Identifier: Apache-2.0 */
/* restore: images from their backups to a primary, or to anywhere else. It is sync the other way
 * round, and tells what sync tells (safeport/sync.h): each image as it ends, then the sums.
 *
 * What one backup does not have whole is taken from the next, blob by blob. Content goes first;
 * every byte is read back at the destination (level *read*) before a tag is set. A tag that names
 * another image there stays as it is (SP_SYNC_REFUSED, exit status 6), unless `force`. Nothing is
 * deleted.
 */
#ifndef SAFEPORT_RESTORE_H
#define SAFEPORT_RESTORE_H

#include "safeport/sync.h"

struct sp_restore_options {
  struct sp_wanted_images of; /* 1 or more, also "app:v1"; or one place, "vault:app:v1" (a word with
                                 a registry or a transport), which needs no safeport.yaml */
  const char *const *tags;    /* wanted; none, and none in a name: `latest` */
  size_t tag_count;
  bool all;         /* all tags that any backup has */
  int64_t at_s;     /* what the tags named then (unix seconds); 0 = now */
  const char *to;   /* a place without a tag; {name} in it is the image's. NULL: the primary */
  const char *from; /* read only this place; the same. NULL: the backups */
  bool force;       /* tags that name another image at the destination may move */
  bool dry_run;
  bool wait;     /* for another run that works on the same image */
  unsigned jobs; /* images at once; 0 = as the file says */
  void (*image)(void *ctx, const struct sp_sync_image *image); /* as in struct sp_sync_options */
  void *ctx;
  sp_progress *progress; /* or NULL */
  void *progress_ctx;
};

/* Restores. 0 whatever happened to the images: totals->exit_status says what it came to.
 * Fails: SP_E_USAGE (a name that is none, no destination, no or a wrong safeport.yaml); SP_E_NOMEM.
 */
SP_MUST_CHECK int sp_restore(struct sp_session *session, const struct sp_restore_options *options,
                             struct sp_sync_totals *totals, struct sp_err *err);

/* A drill: are the backups good for a restore? Takes a sample of images, each a tag on a backup,
 * those first that were read there least recently; restores each into an empty scratch directory,
 * by itself, and removes it again. Every byte of the image on that backup is read. What was found
 * is told to the journal as a proof at level *read*, or as damage. */
struct sp_drill_options {
  struct sp_wanted_images of;
  size_t sample;       /* how many; 0 = 5 */
  uint64_t seed;       /* decides among those that were read equally long ago */
  const char *scratch; /* a directory in which there is room; NULL = in the state directory */
  void (*image)(void *ctx, const struct sp_sync_image *image); /* primary is the backup */
  void *ctx;
  sp_progress *progress;
  void *progress_ctx;
};
/* As sp_restore. A scratch directory without room for an image is that image's failure (exit 7). */
SP_MUST_CHECK int sp_drill(struct sp_session *session, const struct sp_drill_options *options,
                           struct sp_sync_totals *totals, struct sp_err *err);

#endif
