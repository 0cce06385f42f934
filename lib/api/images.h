/* SPDX-License-Identifier: Apache-2.0 */
/* The images of safeport.yaml, ready to be opened: the file found, read and told to the session,
 * and each image by number, a namespace being as many images as it has repositories.
 *
 * What every command over safeport.yaml starts with; what it then does with the stores is its own.
 * Life cycle: sp_images_load, sp_images_free; before its session is freed. Threads: any, once
 * loaded.
 */
#ifndef SP_API_IMAGES_H
#define SP_API_IMAGES_H

#include "api/session.h"
#include "config/config.h"

struct sp_images;

struct sp_images_request {
  const char *config;       /* path; NULL = found as usual */
  const char *const *names; /* "app", or "acme/web" and "acme" of a namespace; name_count 0 = all */
  size_t name_count;
  /* The file has mistakes: one text each, as people read it. May be NULL. */
  void (*complaint)(void *ctx, const char *text);
  void *ctx;
};

/* Loads, and tells the session what the file says of registries and of the vault (what the session
 * was given by flags wins). Blocks on registries where a namespace has to be listed.
 * Fails: SP_E_USAGE (no file, mistakes, no such image); SP_E_UNSUPPORTED (a namespace that no list
 * was given for, on a registry that cannot be listed); as registries do. */
SP_MUST_CHECK int sp_images_load(struct sp_session *session,
                                 const struct sp_images_request *request, struct sp_images **out,
                                 struct sp_err *err);
void sp_images_free(struct sp_images *images);

size_t sp_images_count(const struct sp_images *images);
/* What people call image `number`: the key in the file; of a namespace with the repository behind
 * it ("acme/web"). Borrowed. */
const char *sp_images_name(const struct sp_images *images, size_t number);
/* What the file says about it; borrowed. */
const struct sp_config_image *sp_images_rules(const struct sp_images *images, size_t number);
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
