/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/endpoint.h"

#include "base/i18n.h"
#include "base/text.h"
#include "engine/context.h"

#define DEFAULT_ADDRESS "unix:///var/run/docker.sock"
#define PLAIN_PORT 2375
#define TLS_PORT 2376
#define SHOWN_MAX 320

static int refuse(const char *text, const char *why, enum sp_code code, struct sp_err *err)
{
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(text));
  return sp_fail(err, code, "cannot use the engine at '%s': %s", shown, why);
}

static int parse_unix(const char *text, const char *rest, const char *tls_dir,
                      struct sp_endpoint *out, struct sp_err *err)
{
  (void)tls_dir; /* the file system says who may talk to it */
  if (rest[0] != '/')
    return refuse(text, _("write 'unix:///PATH/OF/THE/SOCKET'"), SP_E_USAGE, err);
  if (sp_text_copy(out->path, sizeof out->path, sp_span_str(rest), err) < 0)
    return refuse(text, _("the path of a socket has at most 107 bytes"), SP_E_USAGE, err);
  return 0;
}

static int set_file(char out[SP_ENDPOINT_FILE_MAX], const char *dir, const char *name,
                    struct sp_err *err)
{
  int n = snprintf(out, SP_ENDPOINT_FILE_MAX, "%s/%s", dir, name);
  if (n < 0 || n >= SP_ENDPOINT_FILE_MAX)
    return sp_fail(err, SP_E_USAGE, "the path of the engine's TLS files is too long: '%s'", dir);
  return 0;
}

static bool has_port(const char *host)
{
  const char *bracket = strrchr(host, ']');
  return strchr(bracket ? bracket : host, ':') != NULL;
}

static int parse_tcp(const char *text, const char *rest, const char *tls_dir,
                     struct sp_endpoint *out, struct sp_err *err)
{
  char url_text[SHOWN_MAX];
  SP_AUTO_URL struct sp_url url = {0};
  struct sp_err why = SP_ERR_INIT;
  size_t len = strcspn(rest, "/");
  char host[SP_MAX_HOST + 1];
  bool is_bare = rest[len] == '\0' || rest[len + 1] == '\0';
  if (!is_bare || len == 0 || sp_text_copy(host, sizeof host, SP_SPAN(rest, len), &why) < 0)
    return refuse(text, _("write 'tcp://HOST:PORT'"), SP_E_USAGE, err);
  int port = tls_dir ? TLS_PORT : PLAIN_PORT;
  if (has_port(host))
    snprintf(url_text, sizeof url_text, "%s://%s/", tls_dir ? "https" : "http", host);
  else
    snprintf(url_text, sizeof url_text, "%s://%s:%d/", tls_dir ? "https" : "http", host, port);
  if (sp_url_parse(sp_span_str(url_text), &url, &why) < 0)
    return refuse(text, _("write 'tcp://HOST:PORT'"), SP_E_USAGE, err);
  out->origin = url.origin;
  if (!tls_dir && !sp_origin_is_loopback(&out->origin))
    return refuse(text,
                  _("images would go over the network unprotected: set DOCKER_TLS_VERIFY=1 and "
                    "DOCKER_CERT_PATH, or run safeport on that host"),
                  SP_E_REFUSED, err);
  if (!tls_dir)
    return 0;
  return set_file(out->ca, tls_dir, "ca.pem", err) < 0 ||
                 set_file(out->cert, tls_dir, "cert.pem", err) < 0 ||
                 set_file(out->key, tls_dir, "key.pem", err) < 0
             ? -1
             : 0;
}

static int parse_ssh(const char *text, const char *rest, const char *tls_dir,
                     struct sp_endpoint *out, struct sp_err *err)
{
  (void)rest, (void)tls_dir, (void)out;
  return refuse(text,
                _("engines behind ssh are not spoken to: run safeport on that host, or forward its "
                  "socket with 'ssh -L /tmp/engine.sock:/var/run/docker.sock HOST' and set "
                  "DOCKER_HOST=unix:///tmp/engine.sock"),
                SP_E_USAGE, err);
}

static int parse_npipe(const char *text, const char *rest, const char *tls_dir,
                       struct sp_endpoint *out, struct sp_err *err)
{
  (void)rest, (void)tls_dir, (void)out;
  return refuse(text, _("a Windows pipe is not spoken to: run safeport in WSL beside the engine"),
                SP_E_USAGE, err);
}

static int parse_other(const char *text, const char *rest, const char *tls_dir,
                       struct sp_endpoint *out, struct sp_err *err)
{
  (void)rest, (void)tls_dir, (void)out;
  return refuse(text, _("write 'unix:///PATH' or 'tcp://HOST:PORT'"), SP_E_USAGE, err);
}

static const struct {
  const char *prefix;
  int (*parse)(const char *text, const char *rest, const char *tls_dir, struct sp_endpoint *out,
               struct sp_err *err);
} transports[] = {
    {"unix://", parse_unix},   {"tcp://", parse_tcp}, {"ssh://", parse_ssh},
    {"npipe://", parse_npipe}, {"", parse_other},
};

int sp_endpoint_parse(const char *text, const char *tls_dir, struct sp_endpoint *out,
                      struct sp_err *err)
{
  size_t i = 0;
  while (strncmp(text, transports[i].prefix, strlen(transports[i].prefix)) != 0)
    i++; /* the last prefix is empty */
  struct sp_endpoint endpoint = {0};
  if (transports[i].parse(text, text + strlen(transports[i].prefix), tls_dir, &endpoint, err) < 0)
    return -1;
  *out = endpoint;
  return 0;
}

static const char *variable(const char *name)
{
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

/* DOCKER_TLS_VERIFY asks for TLS, with the files of DOCKER_CERT_PATH or of docker's own folder. */
static int find_by_variable(const char *address, struct sp_endpoint *out, struct sp_err *err)
{
  SP_AUTO_FREE char *folder = NULL;
  const char *tls_dir = NULL;
  if (variable("DOCKER_TLS_VERIFY")) {
    tls_dir = variable("DOCKER_CERT_PATH");
    if (!tls_dir && sp_context_find_folder(&folder, err) < 0)
      return -1;
    tls_dir = tls_dir ? tls_dir : folder;
  }
  if (sp_endpoint_parse(address, tls_dir, out, err) < 0)
    return sp_err_context(err, "DOCKER_HOST");
  return 0;
}

int sp_endpoint_find(struct sp_endpoint *out, struct sp_err *err)
{
  const char *address = variable("DOCKER_HOST");
  if (address)
    return find_by_variable(address, out, err);
  struct sp_context context;
  bool found;
  if (sp_context_find(variable("DOCKER_CONTEXT"), &context, &found, err) < 0)
    return -1;
  if (!found)
    return sp_endpoint_parse(DEFAULT_ADDRESS, NULL, out, err);
  if (sp_endpoint_parse(context.address, context.tls_dir[0] ? context.tls_dir : NULL, out, err) < 0)
    return sp_err_context(err, "docker context '%s'", context.name);
  return 0;
}

void sp_endpoint_format(const struct sp_endpoint *endpoint, char out[SP_ENDPOINT_TEXT_MAX])
{
  if (endpoint->path[0])
    snprintf(out, SP_ENDPOINT_TEXT_MAX, "%s", endpoint->path);
  else
    sp_origin_format(&endpoint->origin, out);
}
