/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the images of safeport.yaml (api/images.h), for the files that fill them:
 * images_choose.c finds those that were asked for, images_fold.c makes one of those that were named
 * twice, images_share.c keeps their backups apart. */
#ifndef SP_API_IMAGES_ITEM_H
#define SP_API_IMAGES_ITEM_H

#include "api/images.h"

struct sp_images_item {
  const struct sp_config_image *image;
  char *repo; /* owned; NULL if the image is no namespace */
  char *name; /* owned, of a namespace's repository */
  enum sp_sync_origin origin;
  struct sp_selection *only; /* owned; the tag that was named with it, or NULL */
  bool is_shadow;            /* only here so that its backups are seen to be taken */
  struct sp_err *why;        /* owned; why nothing can be done for it, or NULL */
};

struct sp_images {
  struct sp_session *session;
  struct sp_config *config;
  struct sp_images_item *items;
  size_t count, cap;
  bool has_repositories; /* of a namespace */
};

void sp_images_item_clear(struct sp_images_item *item);
/* What people call it; borrowed. */
const char *sp_images_item_name(const struct sp_images_item *item);
/* From now on nothing can be done for it. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_images_item_give_up(struct sp_images_item *item, const struct sp_err *why,
                                         struct sp_err *err);

/* Makes one image of those that are there more than once: with the tags of all of them. Fails:
 * SP_E_USAGE (too many tags of one); SP_E_NOMEM. */
SP_MUST_CHECK int sp_images_fold(struct sp_images *images, struct sp_err *err);
/* Gives up all images that would write to a backup of another one. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_images_refuse_shared(struct sp_images *images, struct sp_err *err);

#endif
