/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/context.h"

#include <ctype.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "oci/digest.h"

static const char *variable(const char *name)
{
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

int sp_context_find_folder(char **out, struct sp_err *err)
{
  const char *dir = variable("DOCKER_CONFIG");
  if (dir)
    return sp_text_dup(out, dir, err);
  const char *home = variable("HOME");
  *out = NULL;
  return home ? sp_text_format(out, err, "%s/.docker", home) : 0;
}

/* Docker's own rule for names: [a-zA-Z0-9][a-zA-Z0-9_.+-]+ */
static int set_name(const char *name, struct sp_context *out, struct sp_err *err)
{
  size_t len = strlen(name);
  bool ok = len > 1 && len < sizeof out->name && isalnum((unsigned char)name[0]);
  for (size_t i = 1; i < len && ok; i++)
    ok = isalnum((unsigned char)name[i]) || strchr("_.+-", name[i]);
  if (!ok) {
    char shown[SP_CONTEXT_NAME_MAX];
    sp_text_escape(shown, sizeof shown, sp_span_str(name));
    return sp_fail(err, SP_E_USAGE, "'%s' is not the name of a docker context", shown);
  }
  memcpy(out->name, name, len + 1);
  return 0;
}

/* `currentContext` of a config.json into out->name; "" if it names none. */
static int parse_current(struct sp_span text, struct sp_context *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  const char *name = NULL;
  if (sp_json_parse(text, &doc, err) < 0 ||
      sp_json_get_string(doc, "currentContext", &name, err) < 0)
    return -1;
  return name && *name ? set_name(name, out, err) : 0;
}

static int find_current(const char *folder, struct sp_context *out, struct sp_err *err)
{
  SP_AUTO_FREE char *path = NULL;
  SP_AUTO_BUF struct sp_buf text;
  struct sp_err why = SP_ERR_INIT;
  sp_buf_init(&text, SP_MAX_CONFIG_FILE_BYTES);
  if (sp_text_format(&path, err, "%s/config.json", folder) < 0)
    return -1;
  int rc = sp_file_read(AT_FDCWD, path, &text, &why);
  if (rc < 0 && why.code == SP_E_NOT_FOUND)
    return 0;
  if (rc == 0)
    rc = parse_current(sp_buf_span(&text), out, &why);
  if (text.data)
    explicit_bzero(text.data, text.len); /* it may hold passwords */
  if (rc == 0)
    return 0;
  sp_err_copy(err, &why);
  return sp_err_context(err, "cannot tell docker's current context from '%s'", path);
}

int sp_context_parse(struct sp_span text, struct sp_context *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  json_t *endpoints = NULL;
  json_t *docker = NULL;
  const char *name = NULL;
  const char *host = NULL;
  if (sp_json_parse(text, &doc, err) < 0 || sp_json_get_string(doc, "Name", &name, err) < 0 ||
      sp_json_get_object(doc, "Endpoints", &endpoints, err) < 0)
    return -1;
  if (!name || strcmp(name, out->name) != 0)
    return sp_fail(err, SP_E_INVALID, "it is the file of another context");
  if (endpoints && sp_json_get_object(endpoints, "docker", &docker, err) < 0)
    return -1;
  if (docker && sp_json_get_string(docker, "Host", &host, err) < 0)
    return -1;
  if (!host || !*host)
    return sp_fail(err, SP_E_INVALID, "it names no docker engine ('Endpoints.docker.Host')");
  if (docker && json_is_true(json_object_get(docker, "SkipTLSVerify")))
    return sp_fail(err, SP_E_INVALID,
                   "it skips the check of the engine's certificate ('SkipTLSVerify'), which "
                   "safeport never does");
  if (sp_text_copy(out->address, sizeof out->address, sp_span_str(host), err) < 0)
    return sp_fail(err, SP_E_INVALID, "the address of its engine is too long");
  return 0;
}

static int hash_name(const char *name, char out[SP_DIGEST_HEX_MAX], struct sp_err *err)
{
  struct sp_digest digest;
  if (sp_digest_of(SP_DIGEST_SHA256, name, strlen(name), &digest, err) < 0)
    return -1;
  sp_digest_format_hex(&digest, out);
  return 0;
}

/* The folder of the TLS files, if the context has one. */
static int find_tls(const char *folder, const char *hash, struct sp_context *out,
                    struct sp_err *err)
{
  int n = snprintf(out->tls_dir, sizeof out->tls_dir, "%s/contexts/tls/%s/docker", folder, hash);
  if (n < 0 || (size_t)n >= sizeof out->tls_dir)
    return sp_fail(err, SP_E_USAGE, "the path of docker's folder is too long: '%s'", folder);
  if (access(out->tls_dir, F_OK) != 0)
    out->tls_dir[0] = '\0';
  return 0;
}

static int load(const char *folder, struct sp_context *out, struct sp_err *err)
{
  char hash[SP_DIGEST_HEX_MAX];
  SP_AUTO_FREE char *path = NULL;
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_CONFIG_FILE_BYTES);
  if (hash_name(out->name, hash, err) < 0 ||
      sp_text_format(&path, err, "%s/contexts/meta/%s/meta.json", folder, hash) < 0)
    return -1;
  struct sp_err why = SP_ERR_INIT;
  if (sp_file_read(AT_FDCWD, path, &text, &why) < 0) {
    if (why.code == SP_E_NOT_FOUND)
      return sp_fail(err, SP_E_USAGE,
                     "there is no docker context '%s': 'docker context ls' lists them", out->name);
    sp_err_copy(err, &why);
    return sp_err_context(err, "docker context '%s'", out->name);
  }
  if (sp_context_parse(sp_buf_span(&text), out, err) < 0)
    return sp_err_context(err, "docker context '%s': cannot use '%s'", out->name, path);
  return find_tls(folder, hash, out, err);
}

int sp_context_find(const char *name, struct sp_context *out, bool *found, struct sp_err *err)
{
  struct sp_context context = {0};
  SP_AUTO_FREE char *folder = NULL;
  *found = false;
  if (sp_context_find_folder(&folder, err) < 0)
    return -1;
  if (name && set_name(name, &context, err) < 0)
    return -1;
  if (!name && folder && find_current(folder, &context, err) < 0)
    return -1;
  if (!context.name[0] || strcmp(context.name, "default") == 0)
    return 0;
  if (!folder)
    return sp_fail(err, SP_E_USAGE, "there is no docker context '%s': HOME is not set",
                   context.name);
  if (load(folder, &context, err) < 0)
    return -1;
  *out = context;
  *found = true;
  return 0;
}
