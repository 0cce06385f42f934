/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/place_key.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/text.h"

#define LAYOUT "oci:"
#define DOCKER_HUB "docker.io"

/* -- registries */

/* Cuts a port off that a host has anyway. Of two registries, on ports 80 and 443 of one host,
 * neither is a second place for the other. */
static void cut_default_port(char *host)
{
  static const char *const ports[] = {":443", ":80"};
  size_t len = strlen(host);
  for (size_t i = 0; i < 2; i++) {
    size_t port_len = strlen(ports[i]);
    if (len > port_len && strcmp(host + len - port_len, ports[i]) == 0) {
      host[len - port_len] = '\0';
      return;
    }
  }
}

/* "[0:0::1]:5000" -> "[::1]:5000" */
static void shorten_address(char host[SP_MAX_HOST + 1])
{
  char text[INET6_ADDRSTRLEN], shortest[INET6_ADDRSTRLEN], port[sizeof ":65535"];
  struct in6_addr address;
  const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
  if (!end || (size_t)(end - host) > sizeof text)
    return;
  snprintf(text, sizeof text, "%.*s", (int)(end - host - 1), host + 1);
  snprintf(port, sizeof port, "%.*s", (int)sizeof port - 1, end + 1);
  if (inet_pton(AF_INET6, text, &address) == 1 &&
      inet_ntop(AF_INET6, &address, shortest, sizeof shortest))
    snprintf(host, SP_MAX_HOST + 1, "[%s]%s", shortest, port);
}

static bool is_docker_hub(const char *host)
{
  static const char *const names[] = {DOCKER_HUB, "index.docker.io", "registry-1.docker.io",
                                      "registry.hub.docker.com"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(host, names[i]) == 0)
      return true;
  }
  return false;
}

static int key_of_registry(const struct sp_ref *ref, char **out, struct sp_err *err)
{
  char host[SP_MAX_HOST + 1];
  snprintf(host, sizeof host, "%s", ref->host);
  cut_default_port(host);
  shorten_address(host);
  if (!is_docker_hub(host))
    return sp_text_format(out, err, "%s/%s", host, ref->repository);
  const char *prefix = strchr(ref->repository, '/') ? "" : "library/";
  return sp_text_format(out, err, "%s/%s%s", DOCKER_HUB, prefix, ref->repository);
}

/* -- layouts */

/* Appends a component to an absolute path that has room for it; ".." takes one away. */
static void walk(char *path, const char *name, size_t name_len)
{
  size_t len = strlen(path);
  if (name_len == 0 || (name_len == 1 && name[0] == '.'))
    return;
  if (name_len == 2 && name[0] == '.' && name[1] == '.') {
    char *slash = strrchr(path, '/');
    slash[slash == path] = '\0';
    return;
  }
  if (path[len - 1] != '/')
    path[len++] = '/';
  memcpy(path + len, name, name_len);
  path[len + name_len] = '\0';
}

/* Follows what exists of the path; `*rest` is what does not. NULL: not even the root can be asked.
 */
static char *follow(char *path, const char **rest)
{
  size_t len = strlen(path);
  *rest = path + len;
  char *real = realpath(path, NULL);
  while (!real && len > 0) {
    while (len > 0 && path[len - 1] == '/')
      len--;
    while (len > 0 && path[len - 1] != '/')
      len--;
    *rest = path + len;
    char first = path[len];
    path[len] = '\0';
    real = realpath(len > 0 ? path : ".", NULL);
    path[len] = first;
  }
  return real;
}

static int key_of_layout(const char *path, char **out, struct sp_err *err)
{
  SP_AUTO_FREE char *asked = NULL;
  const char *rest;
  if (sp_text_dup(&asked, path, err) < 0)
    return -1;
  SP_AUTO_FREE char *real = follow(asked, &rest);
  const char *base = real ? real : "/";
  char *key = malloc(strlen(LAYOUT) + strlen(base) + strlen(rest) + 2);
  if (!key)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the name of a directory");
  char *directory = key + strlen(LAYOUT);
  memcpy(key, LAYOUT, strlen(LAYOUT));
  memcpy(directory, base, strlen(base) + 1);
  while (*rest) {
    size_t len = strcspn(rest, "/");
    walk(directory, rest, len);
    rest += len + (rest[len] == '/');
  }
  *out = key;
  return 0;
}

/* -- any place */

int sp_place_key(const struct sp_place *place, char **out, struct sp_err *err)
{
  char name[SP_PLACE_TEXT_MAX];
  if (place->transport == SP_TRANSPORT_REGISTRY)
    return key_of_registry(&place->ref, out, err);
  if (place->transport == SP_TRANSPORT_LAYOUT)
    return key_of_layout(place->path, out, err);
  sp_place_format_name(place, name);
  return sp_text_dup(out, name, err);
}

bool sp_place_key_is_inside(const char *key, const char *outer)
{
  size_t len = strlen(outer);
  bool ends_in_slash = outer[len - 1] == '/'; /* the root */
  return strncmp(key, outer, len) == 0 && (ends_in_slash || key[len] == '\0' || key[len] == '/');
}
