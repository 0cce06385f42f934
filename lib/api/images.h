/* SPDX-License-Identifier: Apache-2.0 */
/* The images of safeport.yaml, ready to be opened: the file found, read and told to the session,
 * and each image by number, a namespace being as many images as it has repositories.
 *
 * An image of which nothing can be done is one, too: a namespace that could not be listed stands
 * beside those of its repositories that earlier runs knew, and fails when it is opened. So whatever
 * runs over images tells it like any other failure, and does the rest.
 *
 * What every command over safeport.yaml starts with; what it then does with the stores is its own.
 * Life cycle: sp_images_load, sp_images_choose, sp_images_free; before its session is freed.
 * Threads: any, once chosen.
 */
#ifndef SP_API_IMAGES_H
#define SP_API_IMAGES_H

#include "api/session.h"
#include "config/config.h"
#include "safeport/images.h"
#include "sync/sync.h"

struct sp_images;

struct sp_images_request {
  struct sp_wanted_images of;
  bool takes_tags;   /* a name may have a tag behind it ("app:latest"): that alone is selected */
  bool from_backups; /* what backups have is meant (restore): of a namespace what earlier runs knew,
                        and the registry is asked only if that is nothing */
  bool must_be_all;  /* the same: that there is more, or that nobody knows, is a failed image */
};

/* Loads, and tells the session what the file says of registries and of the vault (what the session
 * was given by flags wins). There are no images yet.
 * Fails: SP_E_USAGE (no file, or it has mistakes or no images); SP_E_NOMEM. */
SP_MUST_CHECK int sp_images_load(struct sp_session *session,
                                 const struct sp_images_request *request, struct sp_images **out,
                                 struct sp_err *err);
/* Finds the images that were asked for. Blocks on registries where a namespace has to be listed
 * (api/namespace.h); a repository that is named ("acme/web") is believed to be there. Images that
 * would write to one backup are images of which nothing can be done. What was named twice is there
 * once.
 * Fails: SP_E_USAGE (no such image; too many tags of one); SP_E_INTERRUPTED; SP_E_NOMEM. */
SP_MUST_CHECK int sp_images_choose(struct sp_images *images,
                                   const struct sp_images_request *request,
                                   struct sp_journal *journal, struct sp_err *err);
void sp_images_free(struct sp_images *images);

size_t sp_images_count(const struct sp_images *images);
/* What people call image `number`: the key in the file; of a namespace with the repository behind
 * it ("acme/web"). Borrowed. */
const char *sp_images_name(const struct sp_images *images, size_t number);
/* What the file says about it; borrowed. */
const struct sp_config_image *sp_images_rules(const struct sp_images *images, size_t number);
/* The tags that were named with it, borrowed; NULL: none, so what the file says holds. */
const struct sp_selection *sp_images_only(const struct sp_images *images, size_t number);
enum sp_sync_origin sp_images_origin(const struct sp_images *images, size_t number);
/* Fails with the reason if nothing can be done for it; else opening its places does not. */
SP_MUST_CHECK int sp_images_check(const struct sp_images *images, size_t number,
                                  struct sp_err *err);
/* The whole file; borrowed. */
const struct sp_config *sp_images_config(const struct sp_images *images);

/* Opens the primary, or backup `backup`, of image `number`. A place that cannot be opened is a
 * store that fails with the reason. Fails: SP_E_USAGE (its name is none); SP_E_NOMEM. */
SP_MUST_CHECK int sp_images_open_primary(const struct sp_images *images, size_t number,
                                         enum sp_open_mode mode, struct sp_opened *out,
                                         struct sp_err *err);
SP_MUST_CHECK int sp_images_open_backup(const struct sp_images *images, size_t number,
                                        size_t backup, enum sp_open_mode mode,
                                        struct sp_opened *out, struct sp_err *err);

/* The state directory: the file's, else the usual one (base/state_dir.h). `*path` is the caller's.
 * Fails: as sp_state_dir_find. */
SP_MUST_CHECK int sp_images_state_dir(const struct sp_images *images, char **path,
                                      struct sp_err *err);

SP_DEFINE_AUTO_FREE(struct sp_images, sp_images_free)

#endif
