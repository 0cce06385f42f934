/* SPDX-License-Identifier: Apache-2.0 */
/* Which images of which safeport.yaml a job is about: the part that the options of all such jobs
 * have in common. All borrowed for the job. */
#ifndef SAFEPORT_IMAGES_H
#define SAFEPORT_IMAGES_H

#include <stddef.h>

struct sp_wanted_images {
  const char *config;       /* --config; NULL = found as usual */
  const char *const *names; /* "app", or "acme/web" and "acme" of a namespace; name_count 0 = all */
  size_t name_count;
  /* The file has mistakes: one text each, as people read it. May be NULL. */
  void (*complaint)(void *ctx, const char *text);
  void *complaint_ctx;
};

#endif
