/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/auth_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/text.h"

#define PODMAN "podman's auth.json"

/* The value of a variable; NULL if it is unset or empty. */
static const char *variable(const char *name)
{
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

void sp_auth_files_clear(struct sp_auth_files *files)
{
  for (size_t i = 0; i < files->count; i++)
    free(files->items[i].path);
  *files = (struct sp_auth_files){0};
}

/* Adds dir + tail; nothing if there is no dir. */
static int add(struct sp_auth_files *files, const char *source, const char *dir, const char *tail,
               struct sp_err *err)
{
  if (!dir)
    return 0;
  if (sp_text_format(&files->items[files->count].path, err, "%s%s", dir, tail) < 0)
    return -1;
  files->items[files->count++].source = source;
  return 0;
}

static int add_docker(struct sp_auth_files *files, struct sp_err *err)
{
  const char *dir = variable("DOCKER_CONFIG");
  if (dir)
    return add(files, "docker's config.json", dir, "/config.json", err);
  return add(files, "docker's config.json", variable("HOME"), "/.docker/config.json", err);
}

static int add_podman(struct sp_auth_files *files, struct sp_err *err)
{
  char own[64];
  snprintf(own, sizeof own, "/run/containers/%lu/auth.json", (unsigned long)getuid());
  const char *runtime = variable("XDG_RUNTIME_DIR");
  const char *config = variable("XDG_CONFIG_HOME");
  if (add(files, PODMAN, runtime ? runtime : own, runtime ? "/containers/auth.json" : "", err) < 0)
    return -1;
  if (config)
    return add(files, PODMAN, config, "/containers/auth.json", err);
  return add(files, PODMAN, variable("HOME"), "/.config/containers/auth.json", err);
}

int sp_auth_files_init(struct sp_auth_files *files, const char *only, struct sp_err *err)
{
  SP_AUTO_AUTH_FILES struct sp_auth_files draft = {0};
  const char *set = variable("REGISTRY_AUTH_FILE");
  if (only) {
    if (add(&draft, "--authfile", only, "", err) < 0)
      return -1;
  } else if (set) {
    if (add(&draft, "REGISTRY_AUTH_FILE", set, "", err) < 0)
      return -1;
  } else if (add_docker(&draft, err) < 0 || add_podman(&draft, err) < 0) {
    return -1;
  }
  *files = draft;
  draft = (struct sp_auth_files){0};
  return 0;
}

int sp_auth_file_fail(const char *path, const struct sp_err *why, struct sp_err *err)
{
  return sp_fail(err, SP_E_AUTH, "cannot use the credentials in '%s': %s", path, why->msg);
}

int sp_auth_file_read(const char *path, struct sp_buf *out, bool *found, struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  SP_AUTO_FREE char *real = realpath(path, NULL);
  *found = false;
  if (!real && (errno == ENOENT || errno == ENOTDIR))
    return 0;
  if (!real) {
    (void)sp_fail_sys(&why, SP_E_IO, errno, "cannot open it");
    return sp_auth_file_fail(path, &why, err);
  }
  if (sp_file_read(AT_FDCWD, real, out, &why) < 0)
    return why.code == SP_E_NOT_FOUND ? 0 : sp_auth_file_fail(path, &why, err);
  *found = true;
  return 0;
}
