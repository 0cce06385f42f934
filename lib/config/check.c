/* SPDX-License-Identifier: Apache-2.0 */
#include "config/check.h"

#include <stdlib.h>

#include "base/i18n.h"
#include "base/text.h"
#include "config/config.h"
#include "config/image_place.h"
#include "oci/place_key.h"

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
    SP_COMPLAIN_AT(
        reader, key_at(map, "candidates"),
        _("this would keep nothing: say 'always', 'last', 'within', 'daily', 'weekly' or "
          "'monthly'"));
  else if (takes_everything(&keep->candidates) && keep->last == 0)
    SP_COMPLAIN_AT(reader, key_at(map, "candidates"),
                   _("every tag is a candidate: then say 'last', so that some are left"));
}

/* -- images */

static void check_holes(struct sp_reader *reader, const struct sp_config_image *image)
{
  bool is_namespace = sp_config_is_namespace(image);
  if (sp_config_place_is_template(&image->primary))
    SP_COMPLAIN_AT(reader, image->primary.at,
                   _("'{repo}' belongs into a backup: a primary that is a namespace ends in '/*'"));
  for (size_t i = 0; i < image->backups.count; i++) {
    const struct sp_config_place *backup = &image->backups.items[i];
    bool is_template = sp_config_place_is_template(backup);
    if (sp_config_place_is_namespace(backup))
      SP_COMPLAIN_AT(reader, backup->at, _("a backup has '{repo}' where its primary has '*'"));
    else if (is_namespace && !is_template)
      SP_COMPLAIN_AT(
          reader, backup->at,
          _("the primary is a namespace: this needs '{repo}', as in 'docker.io/acme/{repo}'"));
    else if (!is_namespace && is_template)
      SP_COMPLAIN_AT(reader, backup->at,
                     _("'{repo}' needs a primary that is a namespace, such as 'ghcr.io/acme/*'"));
  }
}

char *sp_check_key(struct sp_reader *reader, const struct sp_config_place *place, const char *repo,
                   struct sp_config_at at)
{
  struct sp_err err = SP_ERR_INIT;
  char *key = NULL;
  if (sp_config_place_key(place, repo, &key, &err) == 0)
    return key;
  if (err.code == SP_E_USAGE)
    SP_COMPLAIN_AT(reader, at, "%s", err.msg);
  else
    sp_reader_fail(reader);
  return NULL;
}

/* What the registry lists would then hold the backups, and those their own, run by run. */
static void check_inside(struct sp_reader *reader, const struct sp_config_image *image)
{
  SP_AUTO_FREE char *primary = sp_check_key(reader, &image->primary, NULL, image->primary.at);
  const char *star = primary ? strstr(primary, SP_HOLE) : NULL;
  for (size_t i = 0; star && i < image->backups.count; i++) {
    const struct sp_config_place *backup = &image->backups.items[i];
    SP_AUTO_FREE char *key = sp_check_key(reader, backup, NULL, backup->at);
    if (key && strncmp(key, primary, (size_t)(star - primary)) == 0)
      SP_COMPLAIN_AT(
          reader, backup->at,
          _("this lies in the namespace of the primary, whose list would hold it: name the "
            "'repositories' that are meant, or use another place"));
  }
}

static bool has_text(char *const *texts, size_t count, const char *text)
{
  for (size_t i = 0; i < count; i++) {
    if (texts[i] && strcmp(texts[i], text) == 0)
      return true;
  }
  return false;
}

static void check_twice(struct sp_reader *reader, const struct sp_config_image *image)
{
  char *keys[SP_MAX_DESTINATIONS] = {0};
  SP_AUTO_FREE char *primary = sp_check_key(reader, &image->primary, NULL, image->primary.at);
  for (size_t i = 0; primary && i < image->backups.count; i++) {
    const struct sp_config_place *backup = &image->backups.items[i];
    keys[i] = sp_check_key(reader, backup, NULL, backup->at);
    if (keys[i] && strcmp(keys[i], primary) == 0)
      SP_COMPLAIN_AT(reader, backup->at, _("this is the primary: a backup is another place"));
    else if (keys[i] && has_text(keys, i, keys[i]))
      SP_COMPLAIN_AT(reader, backup->at, _("this backup is there twice"));
  }
  for (size_t i = 0; i < image->backups.count; i++)
    free(keys[i]);
}

/* A place that somebody has taken. */
struct taken {
  char *key;
  const char *by;
  struct sp_config_at at;
};

static int by_key(const void *a, const void *b)
{
  const struct taken *x = a, *y = b;
  int order = strcmp(x->key, y->key);
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
  *out = (struct taken){sp_check_key(reader, backup, repo, at), repo, at};
  return out->key;
}

static void free_taken(struct taken *all, size_t count)
{
  for (size_t i = 0; i < count; i++)
    free(all[i].key);
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
  qsort(all, count, sizeof *all, by_key);
  for (size_t i = 1; i < count; i++) {
    if (strcmp(all[i - 1].key, all[i].key) == 0)
      SP_COMPLAIN_AT(reader, at, _("'%s' and '%s' would share the backup '%s'"), all[i - 1].by,
                     all[i].by, all[i].key);
  }
  free_taken(all, count);
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
    SP_COMPLAIN_AT(reader, at,
                   _("a list of repositories needs a primary such as 'ghcr.io/acme/*'"));
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
    SP_COMPLAIN_AT(reader, key_at(map, "username"), _("a user without a 'password'"));
  if (has_password && !has_user)
    SP_COMPLAIN_AT(reader, key_at(map, "password"), _("a password without a 'username'"));
  if (registry->insecure && (registry->ca.text || registry->ca.variable))
    SP_COMPLAIN_AT(reader, key_at(map, "insecure"), _("plain http has no use for a 'ca'"));
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
    for (size_t k = 0; k < image->backups.count; k++) {
      const struct sp_config_place *backup = &image->backups.items[k];
      all[count] =
          (struct taken){sp_check_key(reader, backup, NULL, backup->at), image->name, backup->at};
      count += all[count].key != NULL;
    }
  }
  qsort(all, count, sizeof *all, by_key);
  for (size_t i = 1; i < count; i++) {
    if (strcmp(all[i - 1].key, all[i].key) == 0)
      SP_COMPLAIN_AT(reader, all[i].at, _("this is a backup of '%s' already"), all[i - 1].by);
  }
  free_taken(all, count);
}

static void check_outside(struct sp_reader *reader, const struct sp_config_place *place,
                          const char *vault)
{
  SP_AUTO_FREE char *key = sp_check_key(reader, place, NULL, place->at);
  if (key && sp_place_key_is_inside(key, vault))
    SP_COMPLAIN_AT(reader, place->at,
                   _("this lies in the vault's directory, which is safeport's own: write "
                     "'vault:NAME', or use another place"));
}

/* A repository of the vault is a layout, and no second place beside 'vault:'. */
static void check_vault(struct sp_reader *reader, const struct sp_config *config)
{
  struct sp_place place = {.transport = SP_TRANSPORT_LAYOUT};
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_FREE char *vault = NULL;
  const char *directory = config->vault.text;
  if (!directory || sp_text_copy(place.path, sizeof place.path, sp_span_str(directory), &err) < 0)
    return;
  if (sp_place_key(&place, &vault, &err) < 0) {
    sp_reader_fail(reader);
    return;
  }
  for (size_t i = 0; i < config->image_count; i++) {
    const struct sp_config_image *image = &config->images[i];
    check_outside(reader, &image->primary, vault);
    for (size_t k = 0; k < image->backups.count; k++)
      check_outside(reader, &image->backups.items[k], vault);
  }
}

static void check_hosts(struct sp_reader *reader, const struct sp_config *config)
{
  for (size_t i = 0; i < config->registry_count; i++) {
    for (size_t k = 0; k < i; k++) {
      if (strcmp(config->registries[i].host, config->registries[k].host) == 0)
        SP_COMPLAIN_AT(reader, config->registries[i].at, _("'%s' is there twice"),
                       config->registries[i].host);
    }
  }
}

void sp_check_root(struct sp_reader *reader, const struct sp_yaml_node *map, void *item)
{
  (void)map;
  const struct sp_config *config = item;
  check_shared_backups(reader, config);
  check_vault(reader, config);
  sp_check_cycles(reader, config);
  check_hosts(reader, config);
}
