/* SPDX-License-Identifier: Apache-2.0 */
/* A namespace costs one small entry per repository; its places are made when it is opened. */
#include "api/images_item.h"

#include <stdlib.h>

#include "base/state_dir.h"
#include "base/text.h"

void sp_images_item_clear(struct sp_images_item *item)
{
  free(item->repo);
  free(item->name);
  free(item->why);
  if (item->only)
    sp_selection_clear(item->only);
  free(item->only);
}

const char *sp_images_item_name(const struct sp_images_item *item)
{
  return item->name ? item->name : item->image->name;
}

int sp_images_item_give_up(struct sp_images_item *item, const struct sp_err *why,
                           struct sp_err *err)
{
  if (!item->why)
    item->why = malloc(sizeof *item->why);
  if (!item->why)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the images");
  *item->why = SP_ERR_INIT;
  sp_err_copy(item->why, why);
  return 0;
}

void sp_images_free(struct sp_images *images)
{
  if (!images)
    return;
  for (size_t i = 0; i < images->count; i++)
    sp_images_item_clear(&images->items[i]);
  free(images->items);
  sp_config_free(images->config);
  free(images);
}

/* -- the file */

static void pass_complaints(const struct sp_images_request *request, const char *path,
                            const struct sp_complaints *complaints)
{
  for (size_t i = 0; request->of.complaint && i < complaints->count; i++) {
    SP_AUTO_BUF struct sp_buf text;
    sp_buf_init(&text, 16 * SP_KIB);
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_complaint_format(&complaints->items[i], path, &text, &ignored) == 0)
      request->of.complaint(request->of.complaint_ctx, sp_buf_str(&text));
  }
}

/* A file that came out empty, of a template say, is no job well done. */
static int require_images(const struct sp_config *config, const char *path, struct sp_err *err)
{
  if (config->image_count > 0)
    return 0;
  return sp_fail(err, SP_E_USAGE,
                 "'%s' names no image, so there is nothing to do: they stand under 'images:', each "
                 "with a 'primary' and 'backups'",
                 path);
}

static int load_config(struct sp_images *images, const struct sp_images_request *request,
                       struct sp_err *err)
{
  SP_AUTO_FREE char *path = NULL;
  SP_CLEANUP(sp_complaints_clear_auto_) struct sp_complaints complaints = SP_COMPLAINTS_INIT;
  if (sp_config_find(request->of.config, &path, err) < 0)
    return -1;
  if (sp_config_load(path, &images->config, &complaints, err) == 0)
    return require_images(images->config, path, err);
  pass_complaints(request, path, &complaints);
  return -1;
}

int sp_images_load(struct sp_session *session, const struct sp_images_request *request,
                   struct sp_images **out, struct sp_err *err)
{
  SP_CLEANUP(sp_images_free_auto_) struct sp_images *images = calloc(1, sizeof *images);
  if (!images)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the images");
  images->session = session;
  if (load_config(images, request, err) < 0 ||
      sp_session_use_config(session, images->config, err) < 0)
    return -1;
  *out = sp_steal(&images);
  return 0;
}

size_t sp_images_count(const struct sp_images *images)
{
  return images->count;
}

const char *sp_images_name(const struct sp_images *images, size_t number)
{
  return sp_images_item_name(&images->items[number]);
}

const struct sp_config_image *sp_images_rules(const struct sp_images *images, size_t number)
{
  return images->items[number].image;
}

const struct sp_selection *sp_images_only(const struct sp_images *images, size_t number)
{
  return images->items[number].only;
}

enum sp_sync_origin sp_images_origin(const struct sp_images *images, size_t number)
{
  return images->items[number].origin;
}

int sp_images_check(const struct sp_images *images, size_t number, struct sp_err *err)
{
  const struct sp_err *why = images->items[number].why;
  if (!why)
    return 0;
  sp_err_copy(err, why);
  return -1;
}

const struct sp_config *sp_images_config(const struct sp_images *images)
{
  return images->config;
}

/* -- places */

/* Credentials of the file whose variables are unset are missed where they are needed: here. */
static int need_credentials(const struct sp_images *images, const struct sp_place *place,
                            struct sp_err *err)
{
  const struct sp_config_registry *registry =
      place->transport == SP_TRANSPORT_REGISTRY
          ? sp_config_registry(images->config, place->ref.host)
          : NULL;
  const char *user;
  const struct sp_secret *password;
  if (!registry)
    return 0;
  if (sp_config_need(images->config, &registry->username, "username", &user, err) < 0)
    return -1;
  return sp_config_need_secret(images->config, &registry->password, "password", &password, err);
}

static int open_place(const struct sp_images *images, size_t number,
                      const struct sp_config_place *as_written, enum sp_open_mode mode,
                      struct sp_opened *out, struct sp_err *err)
{
  struct sp_place place;
  if (sp_images_check(images, number, err) < 0 ||
      sp_config_place_get(as_written, images->items[number].repo, &place, err) < 0 ||
      need_credentials(images, &place, err) < 0)
    return -1;
  return sp_session_open_or_broken(images->session, &place, mode, out, err);
}

int sp_images_open_primary(const struct sp_images *images, size_t number, enum sp_open_mode mode,
                           struct sp_opened *out, struct sp_err *err)
{
  return open_place(images, number, &images->items[number].image->primary, mode, out, err);
}

int sp_images_open_backup(const struct sp_images *images, size_t number, size_t backup,
                          enum sp_open_mode mode, struct sp_opened *out, struct sp_err *err)
{
  return open_place(images, number, &images->items[number].image->backups.items[backup], mode, out,
                    err);
}

int sp_images_state_dir(const struct sp_images *images, char **path, struct sp_err *err)
{
  const char *state = images->config->state.text;
  return state ? sp_text_dup(path, state, err) : sp_state_dir_find(path, err);
}
