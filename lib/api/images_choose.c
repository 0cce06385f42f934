/* SPDX-License-Identifier: Apache-2.0 */
/* Which images there are: names to images, namespaces to their repositories. */
#include <stdlib.h>
#include <string.h>

#include "api/images_item.h"
#include "api/namespace.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "oci/reference.h"

static int add(struct sp_images *images, const struct sp_config_image *image, const char *repo,
               enum sp_sync_origin origin, struct sp_err *err)
{
  if (images->count == images->cap) {
    size_t cap = images->cap ? images->cap * 2 : 16;
    struct sp_images_item *items = reallocarray(images->items, cap, sizeof *items);
    if (!items)
      return sp_fail(err, SP_E_NOMEM, "out of memory for the images");
    images->items = items;
    images->cap = cap;
  }
  struct sp_images_item *item = &images->items[images->count++];
  *item = (struct sp_images_item){.image = image, .origin = origin};
  if (!repo)
    return 0;
  images->has_repositories = true;
  return sp_text_dup(&item->repo, repo, err) < 0
             ? -1
             : sp_text_format(&item->name, err, "%s/%s", image->name, repo);
}

/* -- namespaces */

/* Those that the file names. `only`: one of them, or NULL. */
static int add_given(struct sp_images *images, const struct sp_config_image *image,
                     const char *only, struct sp_err *err)
{
  for (size_t i = 0; i < image->repositories.count; i++) {
    const char *repo = image->repositories.items[i];
    if ((!only || strcmp(only, repo) == 0) && add(images, image, repo, SP_ORIGIN_NAMED, err) < 0)
      return -1;
  }
  return 0;
}

/* One that the user names. What earlier runs knew beside it may have its backup. */
static int add_only(struct sp_images *images, const struct sp_config_image *image, const char *only,
                    struct sp_journal *journal, struct sp_err *err)
{
  SP_CLEANUP(sp_namespace_clear_auto_) struct sp_namespace known = {0};
  if (!sp_ref_is_repository(sp_span_str(only)))
    return 0; /* the caller says so */
  if (add(images, image, only, SP_ORIGIN_NAMED, err) < 0 ||
      sp_namespace_recall(journal, image, &known, err) < 0)
    return -1;
  for (size_t i = 0; i < known.count; i++) {
    if (strcmp(known.items[i].name, only) == 0)
      continue;
    if (add(images, image, known.items[i].name, SP_ORIGIN_NAMED, err) < 0)
      return -1;
    images->items[images->count - 1].is_shadow = true;
  }
  return 0;
}

static int add_found(struct sp_images *images, const struct sp_config_image *image,
                     const struct sp_namespace *found, bool has_list, struct sp_err *err)
{
  for (size_t i = 0; i < found->count; i++) {
    const struct sp_namespace_item *item = &found->items[i];
    enum sp_sync_origin origin = item->is_listed ? SP_ORIGIN_LISTED
                                 : has_list      ? SP_ORIGIN_UNLISTED
                                                 : SP_ORIGIN_NAMED;
    if (add(images, image, item->name, origin, err) < 0)
      return -1;
  }
  return 0;
}

#define NAMES_MAX 400 /* of a list for people */

/* Whether what is meant, of earlier runs or of the primary's list, is all that backups have; else
 * an image that fails and says so. */
static int check_all(struct sp_images *images, const struct sp_config_image *image,
                     const struct sp_namespace *meant, bool is_recalled, struct sp_err *err)
{
  SP_CLEANUP(sp_namespace_clear_auto_) struct sp_namespace beyond = {0};
  struct sp_err why = SP_ERR_INIT;
  char names[NAMES_MAX] = "";
  bool has_list;
  if (sp_namespace_find_beyond(images->session, image, meant, &beyond, &has_list, err) < 0)
    return -1;
  if (has_list && beyond.count == 0)
    return 0;
  for (size_t i = 0; i < beyond.count; i++)
    sp_text_append_name(names, sizeof names, beyond.items[i].name);
  const char *of = is_recalled ? _("earlier runs on this host") : _("the primary's list");
  if (!has_list)
    (void)sp_fail(&why, SP_E_NOT_FOUND,
                  "of '%s' the %zu repositories are meant that are known from %s; whether the "
                  "backups have more, no registry says: another one is restored by its name, as "
                  "'%s/NAME'",
                  image->primary.text, meant->count, of, image->name);
  else
    (void)sp_fail(&why, SP_E_NOT_FOUND,
                  "of '%s' the %zu repositories are meant that are known from %s; the backups list "
                  "%zu more (%s): they are restored by name, as '%s/NAME'",
                  image->primary.text, meant->count, of, beyond.count, names, image->name);
  if (add(images, image, NULL, SP_ORIGIN_NAMED, err) < 0)
    return -1;
  return sp_images_item_give_up(&images->items[images->count - 1], &why, err);
}

/* What backups have: as far as this host knows, or else what the primary lists. */
static int add_recalled(struct sp_images *images, const struct sp_config_image *image,
                        const struct sp_images_request *request, struct sp_journal *journal,
                        struct sp_err *err)
{
  SP_CLEANUP(sp_namespace_clear_auto_) struct sp_namespace known = {0};
  if (sp_namespace_recall(journal, image, &known, err) < 0)
    return -1;
  if (known.count > 0 && request->must_be_all && check_all(images, image, &known, true, err) < 0)
    return -1;
  if (known.count > 0 && !request->must_be_all)
    sp_log(SP_LOG_WARN,
           _("of '%s' the %zu repositories are meant that earlier runs on this host knew; another "
             "one is restored by its name, as '%s/NAME'"),
           image->primary.text, known.count, image->name);
  return add_found(images, image, &known, false, err);
}

static int add_listed(struct sp_images *images, const struct sp_config_image *image,
                      const struct sp_images_request *request, struct sp_journal *journal,
                      struct sp_err *err)
{
  SP_CLEANUP(sp_namespace_clear_auto_) struct sp_namespace found = {0};
  struct sp_err why = SP_ERR_INIT;
  if (sp_namespace_list(images->session, journal, image, &found, &why, err) < 0)
    return -1;
  bool has_list = why.code == SP_OK;
  if (!has_list && found.count > 0)
    (void)sp_err_context(&why, "only repositories that earlier runs knew are looked at (%zu)",
                         found.count);
  if (!has_list && (add(images, image, NULL, SP_ORIGIN_NAMED, err) < 0 ||
                    sp_images_item_give_up(&images->items[images->count - 1], &why, err) < 0))
    return -1;
  if (has_list && request->from_backups && request->must_be_all &&
      check_all(images, image, &found, false, err) < 0)
    return -1;
  return add_found(images, image, &found, has_list, err);
}

/* `only`: one repository of a namespace, or NULL. */
static int add_image(struct sp_images *images, const struct sp_config_image *image,
                     const char *only, const struct sp_images_request *request,
                     struct sp_journal *journal, struct sp_err *err)
{
  if (!sp_config_is_namespace(image))
    return add(images, image, NULL, SP_ORIGIN_NAMED, err);
  if (image->repositories.count > 0)
    return add_given(images, image, only, err);
  if (only)
    return add_only(images, image, only, journal, err);
  size_t before = images->count;
  if (request->from_backups && add_recalled(images, image, request, journal, err) < 0)
    return -1;
  return images->count > before ? 0 : add_listed(images, image, request, journal, err);
}

/* -- what was asked for */

static int select_only(struct sp_images_item *item, const char *tag, struct sp_err *err)
{
  item->only = calloc(1, sizeof *item->only);
  if (!item->only)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the images");
  return sp_pattern_list_add(&item->only->include, sp_span_str(tag), err);
}

static int add_name(struct sp_images *images, const char *name,
                    const struct sp_images_request *request, struct sp_journal *journal,
                    struct sp_err *err)
{
  const char *slash = strchr(name, '/');
  SP_AUTO_FREE char *key = NULL;
  const struct sp_config_image *image;
  if (sp_text_dup_span(&key, SP_SPAN(name, slash ? (size_t)(slash - name) : strlen(name)), err) <
          0 ||
      sp_config_image(images->config, key, &image, err) < 0)
    return -1;
  size_t before = images->count;
  if (add_image(images, image, slash ? slash + 1 : NULL, request, journal, err) < 0)
    return -1;
  if (images->count == before || (slash && !sp_config_is_namespace(image)))
    return sp_fail(err, SP_E_USAGE, "'%s' has no repository '%s'", key, slash ? slash + 1 : "");
  return 0;
}

/* "app", or "acme/web" of the namespace "acme"; each may have a tag behind it. */
static int add_named(struct sp_images *images, const char *name,
                     const struct sp_images_request *request, struct sp_journal *journal,
                     struct sp_err *err)
{
  const char *colon = request->takes_tags ? strchr(name, ':') : NULL;
  SP_AUTO_FREE char *bare = NULL;
  size_t before = images->count;
  if (!colon)
    return add_name(images, name, request, journal, err);
  if (!sp_ref_is_tag(sp_span_str(colon + 1)))
    return sp_fail(err, SP_E_USAGE, "'%s': '%s' is no tag", name, colon + 1);
  if (sp_text_dup_span(&bare, SP_SPAN(name, (size_t)(colon - name)), err) < 0 ||
      add_name(images, bare, request, journal, err) < 0)
    return -1;
  for (size_t i = before; i < images->count; i++) {
    if (select_only(&images->items[i], colon + 1, err) < 0)
      return -1;
  }
  return 0;
}

static int add_all(struct sp_images *images, const struct sp_images_request *request,
                   struct sp_journal *journal, struct sp_err *err)
{
  for (size_t i = 0; i < request->of.name_count; i++) {
    if (add_named(images, request->of.names[i], request, journal, err) < 0)
      return -1;
  }
  for (size_t i = 0; request->of.name_count == 0 && i < images->config->image_count; i++) {
    if (add_image(images, &images->config->images[i], NULL, request, journal, err) < 0)
      return -1;
  }
  return 0;
}

static void drop_shadows(struct sp_images *images)
{
  size_t kept = 0;
  for (size_t i = 0; i < images->count; i++) {
    if (images->items[i].is_shadow)
      sp_images_item_clear(&images->items[i]);
    else
      images->items[kept++] = images->items[i];
  }
  images->count = kept;
}

int sp_images_choose(struct sp_images *images, const struct sp_images_request *request,
                     struct sp_journal *journal, struct sp_err *err)
{
  if (add_all(images, request, journal, err) < 0 || sp_images_fold(images, err) < 0 ||
      (images->has_repositories && !request->from_backups &&
       sp_images_refuse_shared(images, err) < 0))
    return -1;
  drop_shadows(images);
  return 0;
}
