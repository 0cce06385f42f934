/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/i18n.h"
#include "base/nearest.h"
#include "base/text.h"
#include "config/excerpt.h"
#include "config/reader.h"

#define FILE_NAME "safeport.yaml"
#define NAMES_SHOWN 10

/* -- which file */

/* Answers 1 if there is a file of that name (then it is *path). */
static int try(const char *dir, const char *below, char **path, struct sp_err *err)
{
  SP_AUTO_FREE char *name = NULL;
  if (sp_text_format(&name, err, "%s%s", dir, below) < 0)
    return -1;
  if (access(name, F_OK) != 0)
    return 0;
  *path = sp_steal(&name);
  return 1;
}

static int try_home(char **path, struct sp_err *err)
{
  const char *config_home = getenv("XDG_CONFIG_HOME");
  const char *home = getenv("HOME");
  if (config_home && *config_home == '/')
    return try(config_home, "/safeport/" FILE_NAME, path, err);
  return home && *home == '/' ? try(home, "/.config/safeport/" FILE_NAME, path, err) : 0;
}

int sp_config_find(const char *option, char **path, struct sp_err *err)
{
  const char *named = option ? option : getenv("SAFEPORT_CONFIG");
  if (named && *named)
    return sp_text_dup(path, named, err);
  int found = try("", FILE_NAME, path, err);
  if (found == 0)
    found = try_home(path, err);
  if (found == 0)
    found = try("/etc/safeport/", FILE_NAME, path, err);
  if (found == 0)
    return sp_fail(err, SP_E_USAGE,
                   "there is no safeport.yaml: looked for ./safeport.yaml, "
                   "$XDG_CONFIG_HOME/safeport/safeport.yaml (~/.config) and "
                   "/etc/safeport/safeport.yaml; --config FILE or $SAFEPORT_CONFIG names "
                   "another");
  return found < 0 ? -1 : 0;
}

/* -- reading */

/* The directory of a file, absolute. */
static int dir_of(const char *path, char **dir, struct sp_err *err)
{
  const char *slash = strrchr(path, '/');
  size_t len = slash ? (size_t)(slash - path) : 0;
  if (path[0] == '/')
    return sp_text_format(dir, err, "%.*s", len ? (int)len : 1, path);
  SP_AUTO_FREE char *here = getcwd(NULL, 0);
  if (!here)
    return sp_fail(err, SP_E_IO, "the current directory is gone");
  const char *below = path;
  while (len >= 2 && below[0] == '.' && below[1] == '/') {
    below += 2;
    len -= 2;
  }
  bool is_here = len == 0 || (len == 1 && *below == '.');
  return is_here ? sp_text_dup(dir, here, err)
                 : sp_text_format(dir, err, "%s/%.*s", strcmp(here, "/") == 0 ? "" : here, (int)len,
                                  below);
}

static int summarize(const char *path, const struct sp_complaints *complaints, struct sp_err *err)
{
  if (complaints->has_more)
    return sp_fail(err, SP_E_USAGE, "'%s' has more than %zu mistakes", path, complaints->count);
  if (complaints->count == 1)
    return sp_fail(err, SP_E_USAGE, "'%s' has 1 mistake", path);
  return sp_fail(err, SP_E_USAGE, "'%s' has %zu mistakes", path, complaints->count);
}

static int read_tree(struct sp_config *config, const char *dir, struct sp_yaml_node *root,
                     struct sp_complaints *complaints, struct sp_err *err)
{
  struct sp_yaml_node top = {.kind = SP_YAML_SCALAR, .line = 1, .column = 1};
  struct sp_reader reader = {.complaints = complaints, .dir = dir, .err = err};
  if (!root)
    return 0;
  if (root->kind != SP_YAML_MAP) {
    sp_reader_complain(&reader, root, _("the file holds keys: it begins with 'version: 1'"));
    return 0;
  }
  sp_reader_read(&reader, &sp_config_schema, root, &top, config);
  return reader.has_failed ? -1 : 0;
}

int sp_config_parse(const char *path, struct sp_span yaml, struct sp_config **out,
                    struct sp_complaints *complaints, struct sp_err *err)
{
  SP_CLEANUP(sp_config_free_auto_) struct sp_config *config = calloc(1, sizeof *config);
  SP_CLEANUP(sp_yaml_free_auto_) struct sp_yaml_node *root = NULL;
  SP_AUTO_FREE char *dir = NULL;
  if (!config)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a configuration");
  if (sp_text_dup(&config->path, path, err) < 0 || dir_of(path, &dir, err) < 0 ||
      sp_yaml_parse(yaml, &root, complaints, err) < 0 ||
      read_tree(config, dir, root, complaints, err) < 0)
    return -1;
  if (complaints->count > 0 || complaints->has_more) {
    sp_complaints_sort(complaints);
    sp_excerpt_add(complaints, yaml, root);
    return summarize(path, complaints, err);
  }
  *out = sp_steal(&config);
  return 0;
}

int sp_config_load(const char *path, struct sp_config **out, struct sp_complaints *complaints,
                   struct sp_err *err)
{
  /* A link is fine here: mounted configurations and /etc often are some. */
  SP_AUTO_FREE char *real = realpath(path, NULL);
  SP_AUTO_BUF struct sp_buf yaml;
  sp_buf_init(&yaml, SP_MAX_YAML_BYTES);
  if (sp_file_read(AT_FDCWD, real ? real : path, &yaml, err) < 0) {
    if (err->code == SP_E_NOT_FOUND || err->code == SP_E_INVALID)
      err->code = SP_E_USAGE;
    return sp_err_context(err, "cannot read the configuration");
  }
  return sp_config_parse(path, sp_buf_span(&yaml), out, complaints, err);
}

void sp_config_free(struct sp_config *config)
{
  if (!config)
    return;
  sp_reader_clear(&sp_config_schema, config);
  free(config->path);
  free(config);
}

/* -- looking things up */

static int fail_unknown_image(const struct sp_config *config, const char *name, struct sp_err *err)
{
  char shown[128], all[512] = "";
  sp_text_escape(shown, sizeof shown, sp_span_str(name));
  SP_AUTO_FREE const char **names = calloc(config->image_count + 1, sizeof *names);
  if (!names)
    return sp_fail(err, SP_E_NOMEM, "out of memory for names");
  size_t len = 0;
  for (size_t i = 0; i < config->image_count; i++) {
    names[i] = config->images[i].name;
    if (i < NAMES_SHOWN && len < sizeof all)
      len += (size_t)snprintf(all + len, sizeof all - len, "%s'%s'", i ? ", " : "", names[i]);
  }
  const char *near = sp_nearest(name, names, config->image_count);
  if (near)
    return sp_fail(err, SP_E_USAGE, "no image '%s' in '%s': did you mean '%s'?", shown,
                   config->path, near);
  if (config->image_count == 0)
    return sp_fail(err, SP_E_USAGE, "no image '%s' in '%s': it names none", shown, config->path);
  return sp_fail(err, SP_E_USAGE, "no image '%s' in '%s': it has %s%s", shown, config->path, all,
                 config->image_count > NAMES_SHOWN ? ", ..." : "");
}

int sp_config_image(const struct sp_config *config, const char *name,
                    const struct sp_config_image **out, struct sp_err *err)
{
  for (size_t i = 0; i < config->image_count; i++) {
    if (strcmp(config->images[i].name, name) != 0)
      continue;
    *out = &config->images[i];
    return 0;
  }
  return fail_unknown_image(config, name, err);
}

const struct sp_config_registry *sp_config_registry(const struct sp_config *config,
                                                    const char *host)
{
  for (size_t i = 0; i < config->registry_count; i++) {
    if (strcmp(config->registries[i].host, host) == 0)
      return &config->registries[i];
  }
  return NULL;
}

static int fail_unset(const struct sp_config *config, struct sp_config_at at, const char *what,
                      const char *variable, struct sp_err *err)
{
  return sp_fail(err, SP_E_USAGE, "%s:%u:%u: '%s' is $%s, which is not set or empty", config->path,
                 at.line, at.column, what, variable);
}

int sp_config_need(const struct sp_config *config, const struct sp_config_text *value,
                   const char *what, const char **out, struct sp_err *err)
{
  if (value->variable && !value->text)
    return fail_unset(config, value->at, what, value->variable, err);
  *out = value->text;
  return 0;
}

int sp_config_need_secret(const struct sp_config *config, const struct sp_config_secret *value,
                          const char *what, const struct sp_secret **out, struct sp_err *err)
{
  bool is_empty = sp_secret_is_empty(&value->secret);
  if (value->variable && is_empty)
    return fail_unset(config, value->at, what, value->variable, err);
  *out = is_empty ? NULL : &value->secret;
  return 0;
}
