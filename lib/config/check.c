/* SPDX-License-Identifier: Apache-2.0 */
#include "config/check.h"

#include <stdlib.h>

#include "base/i18n.h"
#include "base/text.h"
#include "config/config.h"
#include "config/image_place.h"

/* A node that stands where a value does, to complain at. */
static struct sp_yaml_node node_of(struct sp_config_at at)
{
  return (struct sp_yaml_node){.kind = SP_YAML_SCALAR, .line = at.line, .column = at.column};
}

#define COMPLAIN(reader, where, ...) \
  do { \
    struct sp_yaml_node node_ = node_of(where); \
    sp_reader_complain((reader), &node_, __VA_ARGS__); \
  } while (0)

/* The place of a key of this map; of the map where the key is not there. */
static struct sp_config_at key_at(const struct sp_yaml_node *map, const char *name)
{
  const struct sp_yaml_node *key = map;
  (void)sp_yaml_get(map, name, &key);
  return (struct sp_config_at){key->line, key->column};
}

bool sp_check_image_name(char *name)
{
  return sp_ref_is_tag(sp_span_str(name));
}

bool sp_check_registry_name(char *name)
{
  if (!sp_ref_is_host(sp_span_str(name)))
    return false;
  for (char *p = name; *p; p++)
    *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
  if (strcmp(name, "index.docker.io") == 0)
    memcpy(name, "docker.io", sizeof "docker.io");
  return true;
}

/* -- keep */

static bool takes_everything(const struct sp_pattern_list *patterns)
{
  for (size_t i = 0; i < patterns->count; i++) {
    const char *text = patterns->items[i].text;
    if (patterns->items[i].kind == SP_PATTERN_GLOB && strspn(text + 5, "*") == strlen(text + 5))
      return true;
  }
  return false;
}

void sp_check_keep(struct sp_reader *reader, const struct sp_yaml_node *map, void *item)
{
  const struct sp_config_keep *keep = item;
  bool has_rule = keep->always.count > 0 || keep->last > 0 || keep->within_s > 0 ||
                  keep->daily > 0 || keep->weekly > 0 || keep->monthly > 0;
  if (!has_rule)
    COMPLAIN(reader, key_at(map, "candidates"),
             _("this would keep nothing: say 'always', 'last', 'within', 'daily', 'weekly' or "
               "'monthly'"));
  else if (takes_everything(&keep->candidates) && keep->last == 0)
    COMPLAIN(reader, key_at(map, "candidates"),
             _("every tag is a candidate: then say 'last', so that some are left"));
}

/* -- images */

static void check_holes(struct sp_reader *reader, const struct sp_config_image *image)
{
  bool is_namespace = sp_config_is_namespace(image);
  if (sp_config_place_is_template(&image->primary))
    COMPLAIN(reader, image->primary.at,
             _("'{repo}' belongs into a backup: a primary that is a namespace ends in '/*'"));
  for (size_t i = 0; i < image->backups.count; i++) {
    const struct sp_config_place *backup = &image->backups.items[i];
    bool is_template = sp_config_place_is_template(backup);
    if (sp_config_place_is_namespace(backup))
      COMPLAIN(reader, backup->at, _("a backup has '{repo}' where its primary has '*'"));
    else if (is_namespace && !is_template)
      COMPLAIN(reader, backup->at,
               _("the primary is a namespace: this needs '{repo}', as in 'docker.io/acme/{repo}'"));
    else if (!is_namespace && is_template)
      COMPLAIN(reader, backup->at,
               _("'{repo}' needs a primary that is a namespace, such as 'ghcr.io/acme/*'"));
  }
}

/* What the registry lists would then hold the backups, and those their own, run by run. */
static void check_inside(struct sp_reader *reader, const struct sp_config_image *image)
{
  char host[SP_MAX_HOST + 1];
  char path[SP_MAX_REPOSITORY + 1];
  sp_config_namespace(image, host, path);
  size_t path_len = strlen(path);
  for (size_t i = 0; i < image->backups.count; i++) {
    struct sp_place place;
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_config_place_get(&image->backups.items[i], "x", &place, &ignored) < 0 ||
        place.transport != SP_TRANSPORT_REGISTRY || strcmp(place.ref.host, host) != 0 ||
        strncmp(place.ref.repository, path, path_len) != 0 ||
        (path_len > 0 && place.ref.repository[path_len] != '/'))
      continue;
    COMPLAIN(reader, image->backups.items[i].at,
             _("this lies in the namespace of the primary, whose list would hold it: name the "
               "'repositories' that are meant, or use another place"));
  }
}

static void check_twice(struct sp_reader *reader, const struct sp_config_image *image)
{
  for (size_t i = 0; i < image->backups.count; i++) {
    const struct sp_config_place *backup = &image->backups.items[i];
    if (strcmp(backup->text, image->primary.text) == 0)
      COMPLAIN(reader, backup->at, _("this is the primary: a backup is another place"));
    for (size_t k = 0; k < i; k++) {
      if (strcmp(backup->text, image->backups.items[k].text) == 0)
        COMPLAIN(reader, backup->at, _("this backup is there twice"));
    }
  }
}

/* A place that somebody has taken. */
struct taken {
  char *text;
  const char *by;
  struct sp_config_at at;
};

static int by_text(const void *a, const void *b)
{
  const struct taken *x = a, *y = b;
  int order = strcmp(x->text, y->text);
  if (order)
    return order;
  if (x->at.line != y->at.line)
    return x->at.line < y->at.line ? -1 : 1;
  return (x->at.column > y->at.column) - (x->at.column < y->at.column);
}

/* The backup of one repository of a namespace; false: there is none, and it was said. */
static bool take(struct sp_reader *reader, const struct sp_config_place *backup, const char *repo,
                 struct sp_config_at at, struct taken *out)
{
  struct sp_place place;
  struct sp_err err = SP_ERR_INIT;
  char text[SP_PLACE_TEXT_MAX];
  if (sp_config_place_get(backup, repo, &place, &err) < 0) {
    COMPLAIN(reader, at, "%s", err.msg);
    return false;
  }
  sp_place_format_name(&place, text);
  *out = (struct taken){.by = repo, .at = at};
  if (sp_text_dup(&out->text, text, &err) < 0)
    sp_reader_fail(reader);
  return out->text;
}

/* Slashes become '-' where a registry has two levels: two repositories may come to one name. */
static void check_collisions(struct sp_reader *reader, const struct sp_config_image *image,
                             const struct sp_config_place *backup, struct sp_config_at at)
{
  SP_AUTO_FREE struct taken *all = calloc(image->repositories.count + 1, sizeof *all);
  size_t count = 0;
  if (!all) {
    sp_reader_fail(reader);
    return;
  }
  for (size_t i = 0; i < image->repositories.count; i++)
    count += take(reader, backup, image->repositories.items[i], at, &all[count]);
  qsort(all, count, sizeof *all, by_text);
  for (size_t i = 1; i < count; i++) {
    if (strcmp(all[i - 1].text, all[i].text) == 0)
      COMPLAIN(reader, at, _("'%s' and '%s' would share the backup '%s'"), all[i - 1].by, all[i].by,
               all[i].text);
  }
  for (size_t i = 0; i < count; i++)
    free(all[i].text);
}

void sp_check_image(struct sp_reader *reader, const struct sp_yaml_node *map, void *item)
{
  const struct sp_config_image *image = item;
  size_t before = reader->mistakes;
  check_holes(reader, image);
  check_twice(reader, image);
  if (reader->mistakes == before && sp_config_is_namespace(image) && image->repositories.count == 0)
    check_inside(reader, image);
  if (image->repositories.count == 0 || reader->mistakes > before)
    return;
  struct sp_config_at at = key_at(map, "repositories");
  if (!sp_config_is_namespace(image)) {
    COMPLAIN(reader, at, _("a list of repositories needs a primary such as 'ghcr.io/acme/*'"));
    return;
  }
  for (size_t i = 0; i < image->backups.count; i++)
    check_collisions(reader, image, &image->backups.items[i], at);
}

/* -- registries */

void sp_check_registry(struct sp_reader *reader, const struct sp_yaml_node *map, void *item)
{
  const struct sp_config_registry *registry = item;
  bool has_user = registry->username.text || registry->username.variable;
  bool has_password =
      registry->password.variable || !sp_secret_is_empty(&registry->password.secret);
  if (has_user && !has_password)
    COMPLAIN(reader, key_at(map, "username"), _("a user without a 'password'"));
  if (has_password && !has_user)
    COMPLAIN(reader, key_at(map, "password"), _("a password without a 'username'"));
  if (registry->insecure && (registry->ca.text || registry->ca.variable))
    COMPLAIN(reader, key_at(map, "insecure"), _("plain http has no use for a 'ca'"));
}

/* -- the whole */

/* Two primaries in one backup would overwrite each other's tags. */
static void check_shared_backups(struct sp_reader *reader, const struct sp_config *config)
{
  size_t count = 0;
  for (size_t i = 0; i < config->image_count; i++)
    count += config->images[i].backups.count;
  SP_AUTO_FREE struct taken *all = calloc(count + 1, sizeof *all);
  if (!all) {
    sp_reader_fail(reader);
    return;
  }
  count = 0;
  for (size_t i = 0; i < config->image_count; i++) {
    const struct sp_config_image *image = &config->images[i];
    for (size_t k = 0; k < image->backups.count; k++)
      all[count++] =
          (struct taken){image->backups.items[k].text, image->name, image->backups.items[k].at};
  }
  qsort(all, count, sizeof *all, by_text);
  for (size_t i = 1; i < count; i++) {
    if (strcmp(all[i - 1].text, all[i].text) == 0)
      COMPLAIN(reader, all[i].at, _("this is a backup of '%s' already"), all[i - 1].by);
  }
}

void sp_check_root(struct sp_reader *reader, const struct sp_yaml_node *map, void *item)
{
  (void)map;
  const struct sp_config *config = item;
  check_shared_backups(reader, config);
  for (size_t i = 0; i < config->registry_count; i++) {
    for (size_t k = 0; k < i; k++) {
      if (strcmp(config->registries[i].host, config->registries[k].host) == 0)
        COMPLAIN(reader, config->registries[i].at, _("'%s' is there twice"),
                 config->registries[i].host);
    }
  }
}
